import type { Column } from '../columns.js';
import type { Row, Session } from '../engine/engine.js';
import { AppError } from '../errors.js';
import type { Segment } from '../query/query.js';
import { integer, sql, value } from '../sql.js';
import type { DatasetDefinition } from './definition.js';
import { dateOrNull, instant, pageOf, textOrNull } from './rows.js';

/** A stored dataset: what it should be (`definition`) and what it is now. */
export interface Dataset {
  readonly id: string;
  readonly name: string;
  readonly definition: DatasetDefinition;
  readonly createdAt: Date;
  /** Null until an import found columns. */
  readonly current: Generation | null;
}

/** A segment of a dataset's rows, and which import brought them. */
export interface StoredSegment extends Segment {
  /**
   * The sequence of the generation whose import brought all of its rows. Undefined: they came with several, and the table says
   * with which in a column of its own; where it has none, they came before imports were counted.
   */
  readonly loaded?: number;
}

/** One committed state of a dataset's table. */
export interface Generation {
  readonly id: string;
  /** Its place among the dataset's generations, counted from 1; 0: from before they were counted. */
  readonly sequence: number;
  /** Where its rows stand; none when no column was found. */
  readonly segments: readonly StoredSegment[];
  /** What of the definition decided how objects became rows; another one makes other rows of the same objects. */
  readonly recipe: string;
  readonly columns: readonly Column[];
  /** Headers of all files in the order in which they were found; columns that were left out are among them. */
  readonly sources: readonly string[];
  readonly rowCount: bigint;
  readonly fileCount: number;
  readonly rejectedCount: bigint;
  readonly importedAt: Date;
}

/** Stores a new dataset, without a generation. */
export async function insertDataset(
  session: Session,
  dataset: Pick<Dataset, 'id' | 'definition' | 'createdAt'>,
): Promise<void> {
  const { definition } = dataset;
  await session.run(
    sql`insert into catalog.datasets (id, name, connection_id, definition, columns, row_count, file_count, rejected_count, created_at)
      values (${value(dataset.id)}, ${value(definition.name)}, ${value(definition.connection)},
      ${value(JSON.stringify(definition))}, '[]', 0, 0, 0, ${instant(dataset.createdAt)})`,
  );
}

/** Replaces a dataset's definition; its generation stays until the next import. */
export async function updateDefinition(
  session: Session,
  id: string,
  definition: DatasetDefinition,
): Promise<void> {
  await session.run(
    sql`update catalog.datasets set name = ${value(definition.name)}, connection_id = ${value(definition.connection)},
      definition = ${value(JSON.stringify(definition))} where id = ${value(id)}`,
  );
}

/** Makes a generation the current one. @throws NOT_FOUND when the dataset was deleted meanwhile */
export async function setGeneration(
  session: Session,
  id: string,
  current: Generation,
): Promise<void> {
  const changed = await session.run(
    sql`update catalog.datasets set columns = ${value(JSON.stringify(current.columns))}, segments = ${value(JSON.stringify(current.segments))}, recipe = ${value(current.recipe)},
      sources = ${value(JSON.stringify(current.sources))},
      generation = ${value(current.id)}, sequence = ${integer(current.sequence)}, row_count = ${integer(current.rowCount)}, file_count = ${integer(current.fileCount)},
      rejected_count = ${integer(current.rejectedCount)}, imported_at = ${instant(current.importedAt)} where id = ${value(id)}`,
  );
  if (changed === 0) throw new AppError('NOT_FOUND', 'The dataset was deleted');
}

/** Forgets a dataset and all that is stored about it. The caller drops its table. */
export async function deleteDataset(session: Session, id: string): Promise<void> {
  await session.run(sql`delete from catalog.manifest where dataset_id = ${value(id)}`);
  await session.run(sql`delete from catalog.rejected_rows where dataset_id = ${value(id)}`);
  await session.run(sql`delete from catalog.runs where dataset_id = ${value(id)}`);
  await session.run(sql`delete from catalog.datasets where id = ${value(id)}`);
}

/** Datasets by name; all of them without a page. */
export async function listDatasets(
  session: Session,
  options: { readonly connection?: string; readonly limit?: number; readonly offset?: number } = {},
): Promise<Dataset[]> {
  const of =
    options.connection === undefined
      ? sql`true`
      : sql`connection_id = ${value(options.connection)}`;
  const rows = await session.rows(
    sql`select * from catalog.datasets where ${of} order by name${pageOf(options)}`,
  );
  return rows.map(fromRow);
}

/** One dataset, or undefined. */
export async function findDataset(
  session: Session,
  by: { readonly id: string } | { readonly name: string },
): Promise<Dataset | undefined> {
  const [row] = await session.rows(
    'id' in by
      ? sql`select * from catalog.datasets where id = ${value(by.id)}`
      : sql`select * from catalog.datasets where name = ${value(by.name)}`,
  );
  return row && fromRow(row);
}

/** One dataset. @throws NOT_FOUND */
export async function requireDataset(session: Session, name: string): Promise<Dataset> {
  const dataset = await findDataset(session, { name });
  if (dataset) return dataset;
  throw new AppError('NOT_FOUND', `There is no dataset ${name}`, { details: { name } });
}

function fromRow(row: Row): Dataset {
  const importedAt = dateOrNull(row.imported_at);
  return {
    id: String(row.id),
    name: String(row.name),
    definition: JSON.parse(String(row.definition)) as DatasetDefinition,
    createdAt: dateOrNull(row.created_at) ?? new Date(0),
    current:
      row.generation === null || importedAt === null
        ? null
        : {
            id: String(row.generation),
            sequence: Number(row.sequence),
            segments: JSON.parse(textOrNull(row.segments) ?? '[]') as StoredSegment[],
            recipe: textOrNull(row.recipe) ?? '',
            columns: JSON.parse(String(row.columns)) as Column[],
            sources: JSON.parse(textOrNull(row.sources) ?? '[]') as string[],
            rowCount: BigInt(row.row_count as bigint),
            fileCount: Number(row.file_count),
            rejectedCount: BigInt(row.rejected_count as bigint),
            importedAt,
          },
  };
}
