import { z } from 'zod';
import type { Row, Session } from '../engine/engine.js';
import { AppError } from '../errors.js';
import { sql, value } from '../sql.js';
import { parseInput, schedule } from './definition.js';
import { dateOrNull, instant, pageOf, textOrNull } from './rows.js';
import { deleteRuns } from './runs.js';
import type { Secrets } from './secrets.js';

/** A stored writeback: what is written where, and what was delivered already. */
export interface Writeback {
  readonly id: string;
  readonly name: string;
  readonly datasetId: string;
  readonly definition: WritebackDefinition;
  /** The destination's secrets, sealed for this id; null: none. See {@link destinationOf}. */
  readonly sealed: string | null;
  /** Null: nothing, or nobody counts. */
  readonly delivered: Delivered | null;
  readonly createdAt: Date;
}

/** What of its dataset's new rows a writeback has delivered. */
export interface Delivered {
  /** Rows of imports up to this one, see `Generation.sequence`; below 0: none. */
  readonly sequence: number;
  /** The generation that was read last; null: not known. */
  readonly generation: string | null;
  /** The last delivery; null: none. */
  readonly last: string | null;
  /** A delivery that was begun and is not known to be whole. */
  readonly pending?: PendingDelivery;
}

/** A delivery before its first byte is written. A repeat goes by it, and so gives its objects the same names. */
export interface PendingDelivery {
  /** The run that began it, or what its second delivery is called. Stands for <run_id>, and in the metadata of its objects. */
  readonly deliveryId: string;
  /** What the macros of dates go by. */
  readonly startedAt: string;
  /** Rows of imports up to this one. */
  readonly upTo: number;
  /** The object that proves the delivery when it is there: the only one, or the manifest, which is written last. */
  readonly proof: string;
}

const definition = z.object({
  name: z
    .string()
    .regex(
      /^[\w][\w .-]{0,99}$/,
      'must begin with a letter or digit and have at most 100 of A-Z a-z 0-9 _ . - and spaces',
    ),
  // Their words are those of the dataset's fields, and of the writer: they are checked by who knows them.
  query: z.record(z.string(), z.unknown()),
  destination: z.looseObject({ connection: z.string(), encryptionKey: z.string().exactOptional() }),
  onlyNewData: z.boolean().default(false),
  schedule: schedule.exactOptional(),
});

/** What a writeback is defined by, beside its dataset. `destination` has no secrets. */
export type WritebackDefinition = z.infer<typeof definition>;

/**
 * Checks the shape of a WritebackInput and fills in its defaults. The JSON of `query` stays as it is, nulls too.
 * @throws INVALID_INPUT that names each field at fault
 */
export function parseWriteback(input: Readonly<Record<string, unknown>>): WritebackDefinition {
  const { query } = input;
  const parsed = parseInput(definition, input, 'writeback');
  return { ...parsed, query: query as WritebackDefinition['query'] };
}

/** Stores a new writeback. */
export async function insertWriteback(
  session: Session,
  writeback: Omit<Writeback, 'name' | 'sealed'>,
  secrets: Secrets,
): Promise<Writeback> {
  const { id, datasetId, delivered, createdAt } = writeback;
  const { open, sealed } = split(id, writeback.definition, secrets);
  await session.run(
    sql`insert into catalog.writebacks (id, name, dataset_id, connection_id, definition, secrets, delivered, created_at)
      values (${value(id)}, ${value(open.name)}, ${value(datasetId)}, ${value(open.destination.connection)},
      ${value(JSON.stringify(open))}, ${value(sealed)}, ${value(delivered && JSON.stringify(delivered))}, ${instant(createdAt)})`,
  );
  return { ...writeback, name: open.name, definition: open, sealed };
}

/** Replaces what a writeback is defined by. Nothing of another dataset counts as delivered. */
export async function updateWriteback(
  session: Session,
  before: Writeback,
  change: Pick<Writeback, 'datasetId' | 'definition'>,
  secrets: Secrets,
): Promise<Writeback> {
  const { id } = before;
  const { datasetId } = change;
  const { open, sealed } = split(id, change.definition, secrets);
  const delivered = datasetId === before.datasetId ? before.delivered : null;
  await session.run(
    sql`update catalog.writebacks set name = ${value(open.name)}, dataset_id = ${value(datasetId)},
      connection_id = ${value(open.destination.connection)}, definition = ${value(JSON.stringify(open))},
      secrets = ${value(sealed)}, delivered = ${value(delivered && JSON.stringify(delivered))} where id = ${value(id)}`,
  );
  return { ...before, name: open.name, datasetId, definition: open, sealed, delivered };
}

/**
 * Stores what was delivered of a dataset.
 * @throws NOT_FOUND when the writeback was deleted, or writes another dataset now
 */
export async function setDelivered(
  session: Session,
  { id, datasetId }: Pick<Writeback, 'id' | 'datasetId'>,
  delivered: Delivered,
): Promise<void> {
  const changed = await session.run(
    sql`update catalog.writebacks set delivered = ${value(JSON.stringify(delivered))}
      where id = ${value(id)} and dataset_id = ${value(datasetId)}`,
  );
  if (changed === 0) {
    throw new AppError('NOT_FOUND', 'The writeback was deleted, or writes another dataset now');
  }
}

/** Forgets a writeback and its runs. What it wrote stays in S3. */
export async function deleteWriteback(session: Session, id: string): Promise<void> {
  await deleteRuns(session, { kind: 'WRITEBACK', id });
  await session.run(sql`delete from catalog.writebacks where id = ${value(id)}`);
}

/** Writebacks by name; all of them without a page. */
export async function listWritebacks(
  session: Session,
  options: {
    readonly dataset?: string;
    readonly connection?: string;
    readonly limit?: number;
    readonly offset?: number;
  } = {},
): Promise<Writeback[]> {
  const { dataset, connection } = options;
  const ofDataset = dataset === undefined ? sql`true` : sql`dataset_id = ${value(dataset)}`;
  const over = connection === undefined ? sql`true` : sql`connection_id = ${value(connection)}`;
  const rows = await session.rows(
    sql`select * from catalog.writebacks where ${ofDataset} and ${over} order by name${pageOf(options)}`,
  );
  return rows.map(fromRow);
}

/** One writeback, or undefined. */
export async function findWriteback(
  session: Session,
  by: { readonly id: string } | { readonly name: string },
): Promise<Writeback | undefined> {
  const [row] = await session.rows(
    'id' in by
      ? sql`select * from catalog.writebacks where id = ${value(by.id)}`
      : sql`select * from catalog.writebacks where name = ${value(by.name)}`,
  );
  return row && fromRow(row);
}

/** One writeback. @throws NOT_FOUND */
export async function requireWriteback(session: Session, name: string): Promise<Writeback> {
  const writeback = await findWriteback(session, { name });
  if (writeback) return writeback;
  throw new AppError('NOT_FOUND', `There is no writeback ${name}`, { details: { name } });
}

/** A writeback's DestinationInput with its secrets: it goes to the writer and nowhere else. */
export function destinationOf(
  { id, definition, sealed }: Writeback,
  secrets: Secrets,
): WritebackDefinition['destination'] {
  return { ...definition.destination, ...(sealed === null ? {} : secrets.open(sealed, id)) };
}

function split(
  id: string,
  definition: WritebackDefinition,
  secrets: Secrets,
): { open: WritebackDefinition; sealed: string | null } {
  const { encryptionKey, ...destination } = definition.destination;
  return {
    open: { ...definition, destination },
    sealed: encryptionKey === undefined ? null : secrets.seal({ encryptionKey }, id),
  };
}

function fromRow(row: Row): Writeback {
  const delivered = textOrNull(row.delivered);
  return {
    id: String(row.id),
    name: String(row.name),
    datasetId: String(row.dataset_id),
    definition: JSON.parse(String(row.definition)) as WritebackDefinition,
    sealed: textOrNull(row.secrets),
    delivered: delivered === null ? null : (JSON.parse(delivered) as Delivered),
    createdAt: dateOrNull(row.created_at) ?? new Date(0),
  };
}
