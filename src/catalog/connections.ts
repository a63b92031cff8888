import type { BucketAccess } from '../aws/access.js';
import type { Row, Session } from '../engine/engine.js';
import { AppError } from '../errors.js';
import { integer, sql, value } from '../sql.js';
import { dateOrNull, instant, pageOf, textOrNull } from './rows.js';
import type { Secrets } from './secrets.js';

/** Whether a connection was found to work. */
export type ConnectionStatus = 'UNVERIFIED' | 'VALID' | 'INVALID';

/** A stored connection. `access` holds its secrets: it goes to aws/ and nowhere else. */
export interface Connection {
  readonly id: string;
  readonly access: BucketAccess;
  readonly status: ConnectionStatus;
  readonly statusReason: string | null;
  readonly verifiedAt: Date | null;
  /** Counts the changes of `access`, so that clients made for an older version are told apart. */
  readonly version: number;
  readonly createdAt: Date;
}

const secretKeys = ['secretAccessKey', 'sessionToken'] as const;

/** Stores a new connection; its external id is remembered for ever, so that it is never given out again. */
export async function insertConnection(
  session: Session,
  connection: Connection,
  secrets: Secrets,
): Promise<void> {
  const { definition, sealed } = split(connection.id, connection.access, secrets);
  await session.run(
    sql`insert into catalog.connections values (${value(connection.id)}, ${value(connection.access.name)}, ${value(definition)}, ${value(sealed)},
      ${value(connection.status)}, ${value(connection.statusReason)}, ${instant(connection.verifiedAt)}, ${integer(connection.version)}, ${instant(connection.createdAt)})`,
  );
  await rememberExternalId(session, connection.access.externalId, connection.id);
}

async function rememberExternalId(
  session: Session,
  externalId: string | null,
  connectionId: string,
): Promise<void> {
  if (externalId === null || (await externalIdIsTaken(session, externalId))) return;
  await session.run(
    sql`insert into catalog.external_ids values (${value(externalId)}, ${value(connectionId)})`,
  );
}

/** Stores what a check found. */
export async function setConnectionStatus(
  session: Session,
  id: string,
  found: Pick<Connection, 'status' | 'statusReason' | 'verifiedAt'>,
): Promise<void> {
  await session.run(
    sql`update catalog.connections set status = ${value(found.status)}, status_reason = ${value(found.statusReason)},
      verified_at = ${instant(found.verifiedAt)} where id = ${value(id)}`,
  );
}

/** Replaces how a connection reaches its bucket. Its status starts again as UNVERIFIED. */
export async function updateConnectionAccess(
  session: Session,
  id: string,
  access: BucketAccess,
  secrets: Secrets,
): Promise<void> {
  const { definition, sealed } = split(id, access, secrets);
  await session.run(
    sql`update catalog.connections set name = ${value(access.name)}, definition = ${value(definition)}, secrets = ${value(sealed)},
      status = 'UNVERIFIED', status_reason = null, verified_at = null, version = version + 1 where id = ${value(id)}`,
  );
  await rememberExternalId(session, access.externalId, id);
}

/** Forgets a connection (its external id stays taken). */
export async function deleteConnection(session: Session, id: string): Promise<void> {
  await session.run(sql`delete from catalog.connections where id = ${value(id)}`);
}

/** Connections by name; all of them without a page. */
export async function listConnections(
  session: Session,
  secrets: Secrets,
  page: { readonly limit?: number; readonly offset?: number } = {},
): Promise<Connection[]> {
  const rows = await session.rows(
    sql`select * from catalog.connections order by name${pageOf(page)}`,
  );
  return rows.map((row) => fromRow(row, secrets));
}

/** One connection, or undefined. */
export async function findConnection(
  session: Session,
  secrets: Secrets,
  by: { readonly id: string } | { readonly name: string },
): Promise<Connection | undefined> {
  const [row] = await session.rows(
    'id' in by
      ? sql`select * from catalog.connections where id = ${value(by.id)}`
      : sql`select * from catalog.connections where name = ${value(by.name)}`,
  );
  return row && fromRow(row, secrets);
}

/** One connection. @throws NOT_FOUND */
export async function requireConnection(
  session: Session,
  secrets: Secrets,
  id: string,
): Promise<Connection> {
  const connection = await findConnection(session, secrets, { id });
  if (connection) return connection;
  throw new AppError('NOT_FOUND', `There is no connection ${id}`, { details: { id } });
}

/** Whether an external id was ever given out. */
export async function externalIdIsTaken(session: Session, externalId: string): Promise<boolean> {
  const rows = await session.rows(
    sql`select 1 from catalog.external_ids where external_id = ${value(externalId)}`,
  );
  return rows.length > 0;
}

function split(
  id: string,
  access: BucketAccess,
  secrets: Secrets,
): { definition: string; sealed: string | null } {
  const open: Record<string, unknown> = { ...access };
  const hidden: Record<string, string> = {};
  for (const key of secretKeys) {
    const secret = access[key];
    if (secret !== null) hidden[key] = secret;
    delete open[key];
  }
  const sealed = Object.keys(hidden).length > 0 ? secrets.seal(hidden, id) : null;
  return { definition: JSON.stringify(open), sealed };
}

function fromRow(row: Row, secrets: Secrets): Connection {
  const hidden = row.secrets === null ? {} : secrets.open(String(row.secrets), String(row.id));
  const open = JSON.parse(String(row.definition)) as BucketAccess;
  return {
    id: String(row.id),
    access: { ...open, secretAccessKey: null, sessionToken: null, ...hidden },
    status: String(row.status) as ConnectionStatus,
    statusReason: textOrNull(row.status_reason),
    verifiedAt: dateOrNull(row.verified_at),
    version: Number(row.version),
    createdAt: dateOrNull(row.created_at) ?? new Date(0),
  };
}
