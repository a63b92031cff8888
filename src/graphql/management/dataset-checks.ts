import { findConnection } from '../../catalog/connections.js';
import { listDatasets, type Dataset } from '../../catalog/datasets.js';
import { parseDefinition, type DatasetDefinition } from '../../catalog/definition.js';
import type { Column } from '../../columns.js';
import type { Session } from '../../engine/engine.js';
import { AppError } from '../../errors.js';
import { parseDateColumnsSpec } from '../../formats/date-columns-spec.js';
import { parseDatePattern } from '../../formats/date-pattern.js';
import { nextRun } from '../../jobs/schedule.js';
import { recipeOf } from '../../pipeline/plan.js';
import { checkRelations } from '../../pipeline/relations.js';
import type { Context } from '../context.js';
import type { DatasetInput } from './dataset-input.js';

/**
 * Checks a DatasetInput as far as it can be without looking at a file.
 * @throws INVALID_INPUT, INVALID_DATE_PATTERN
 */
export function checkedDefinition(input: DatasetInput): DatasetDefinition {
  const definition = parseDefinition(input);
  for (const { format } of definition.dateColumns) parseDatePattern(format);
  if (definition.dateColumnsSpec) parseDateColumnsSpec(definition.dateColumnsSpec, undefined);
  if (definition.schedule) nextRun(definition.schedule, new Date());
  return definition;
}

/**
 * Checks what a definition shares with others: its connection is there, its names are free, its relations can work.
 * @throws NOT_FOUND, ALREADY_EXISTS, NAME_COLLISION, COLUMN_NOT_FOUND, INVALID_INPUT
 */
export async function requireFree(
  session: Session,
  { schema, secrets }: Context['services'],
  definition: DatasetDefinition,
  self: string | undefined,
): Promise<void> {
  const { name } = definition;
  const connection = await findConnection(session, secrets, { id: definition.connection });
  if (!connection) {
    throw new AppError('NOT_FOUND', `There is no connection ${definition.connection}`, {
      details: { connection: definition.connection },
    });
  }
  const datasets = await listDatasets(session);
  const others = datasets.filter(({ id }) => id !== self);
  if (others.some((other) => other.name === name)) {
    throw new AppError('ALREADY_EXISTS', `There is a dataset named ${name} already`, {
      details: { name },
    });
  }
  const [collision] = schema.collisions(
    name,
    others.map((other) => other.name),
  );
  if (collision) {
    const owner = collision.dataset === null ? 'the API itself' : `dataset ${collision.dataset}`;
    throw new AppError(
      'NAME_COLLISION',
      `Dataset ${name} would add the ${collision.kind} ${collision.name}, which ${owner} has already; choose another name`,
      { details: { ...collision } },
    );
  }
  const own = knownColumns({ ...datasets.find(({ id }) => id === self), definition });
  checkRelations(definition, own, (dataset) => {
    const other = others.find((other) => other.name === dataset);
    return dataset === name ? own : other && knownColumns(other);
  });
}

/** The columns of a dataset, unless its next import may give it others. */
function knownColumns({
  definition,
  current,
}: Pick<Dataset, 'definition'> & Partial<Dataset>): readonly Column[] | undefined {
  return current?.recipe === recipeOf(definition) ? current.columns : undefined;
}
