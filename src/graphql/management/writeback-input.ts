import { Field, InputType } from 'type-graphql';
import { requireConnection } from '../../catalog/connections.js';
import type { Dataset } from '../../catalog/datasets.js';
import {
  destinationOf,
  findWriteback,
  parseWriteback,
  type Writeback,
  type WritebackDefinition,
} from '../../catalog/writebacks.js';
import type { Session } from '../../engine/engine.js';
import { AppError } from '../../errors.js';
import { nextRun } from '../../jobs/schedule.js';
import { checkPartitions, parseDestination } from '../../pipeline/destination.js';
import { objectKey } from '../../pipeline/object-names.js';
import type { Services } from '../context.js';
import { checkWords } from '../json-query.js';
import { GraphQLJSON } from '../scalars.js';
import { ScheduleInput } from './dataset-input.js';
import { DestinationInput } from './destination.js';

@InputType({ description: 'What is written where, again and again.' })
export class WritebackInput {
  @Field(() => String, { description: 'Unique; letters, digits, _ . - and spaces.' })
  name!: string;

  @Field(() => String, { description: 'Name of the dataset whose rows are written.' })
  dataset!: string;

  @Field(() => GraphQLJSON, {
    description:
      'What of it, in the words of the generated fields: {"columns", "where", "orderBy", "limit"}, or {"by", "aggregates", "where", "having", "orderBy", "limit"}.',
  })
  query!: unknown;

  @Field(() => DestinationInput, { description: 'Where to, and as what.' })
  destination!: DestinationInput;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      'Only rows of imports that succeeded since the last success of this writeback. Where there are none, nothing is written.',
  })
  onlyNewData?: boolean | null;

  @Field(() => ScheduleInput, {
    nullable: true,
    description: 'Writes without being asked. Null: only when asked.',
  })
  schedule?: ScheduleInput | null;
}

/**
 * Checks a WritebackInput as far as it goes without the database.
 * @param before What is replaced: its encryption key stays where none is given.
 * @throws INVALID_INPUT
 */
export function checkedWriteback(
  input: WritebackInput,
  { secrets }: Pick<Services, 'secrets'>,
  before?: Writeback,
): WritebackDefinition {
  const { destination: given } = input;
  const keepsKey = given.encryption === 'SSE_C' && given.encryptionKey == null && before;
  const key = keepsKey ? destinationOf(before, secrets).encryptionKey : given.encryptionKey;
  const destination = parseDestination({ ...given, encryptionKey: key });
  const definition = parseWriteback({ ...input, destination });
  checkWords(definition.query);
  if (definition.schedule) nextRun(definition.schedule, new Date());
  return definition;
}

/**
 * Checks what a writeback shares with others, and its query against the columns that its dataset has now.
 * @throws NOT_FOUND, ALREADY_EXISTS, INVALID_INPUT, COLUMN_NOT_FOUND
 */
export async function requireWritable(
  session: Session,
  { secrets, snapshots, writebacks }: Services,
  { name, query, destination }: WritebackDefinition,
  dataset: Dataset,
  self?: Writeback,
): Promise<void> {
  const connection = await requireConnection(session, secrets, destination.connection);
  const other = await findWriteback(session, { name });
  if (other && other.id !== self?.id) {
    throw new AppError('ALREADY_EXISTS', `There is a writeback named ${name} already`, {
      details: { name },
    });
  }
  const to = parseDestination(destination);
  const { prefix } = connection.access;
  const runId = self?.id ?? connection.id;
  objectKey(to, { prefix, dataset: dataset.name, runId, now: new Date() });
  // Before the first import there is nothing to hold it against.
  if (snapshots.find(dataset.name)) checkPartitions(to, writebacks.queryOf(dataset.name, query));
}
