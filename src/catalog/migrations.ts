import type { Engine, Session } from '../engine/engine.js';
import { integer, sql, type Sql } from '../sql.js';
import { AppError } from '../errors.js';

// The catalog's tables stand in a schema of their own; the datasets' tables in the default one. A landed
// migration never changes; a new one is added behind it. No unique indexes: DuckDB checks them too eagerly
// inside a transaction that deletes and inserts, so uniqueness is checked by the single writer before it writes.
const migrations: readonly (readonly Sql[])[] = [
  [
    sql`create table catalog.connections (
      id varchar not null, name varchar not null, definition varchar not null, secrets varchar,
      status varchar not null, status_reason varchar, verified_at timestamp,
      version integer not null, created_at timestamp not null)`,
    sql`create table catalog.external_ids (external_id varchar not null, connection_id varchar not null)`,
    sql`create table catalog.datasets (
      id varchar not null, name varchar not null, connection_id varchar not null, definition varchar not null,
      columns varchar not null, table_name varchar, generation varchar, row_count bigint not null,
      file_count integer not null, rejected_count bigint not null, imported_at timestamp, created_at timestamp not null)`,
    sql`create table catalog.runs (
      id varchar not null, kind varchar not null, dataset_id varchar not null, status varchar not null,
      attempt integer not null, queued_at timestamp not null, started_at timestamp, finished_at timestamp,
      error varchar, progress varchar not null, request varchar)`,
    sql`create table catalog.manifest (
      dataset_id varchar not null, generation varchar not null, position integer not null, key varchar not null,
      etag varchar not null, size bigint not null, last_modified timestamp not null, "rows" bigint not null)`,
    sql`create table catalog.rejected_rows (
      dataset_id varchar not null, generation varchar not null, position bigint not null, file varchar not null,
      line bigint, "column" varchar, value varchar, reason varchar not null, raw varchar)`,
  ],
  // What passphrases are stretched with; it needs no secrecy, it must only differ from installation to installation.
  [sql`create table catalog.key_salt as select uuid()::varchar as salt`],
  // Who asked for a run, how often it may be tried, and when it may be tried again.
  [
    sql`create table catalog.schedules (dataset_id varchar not null, next_run_at timestamp not null)`,
    sql`alter table catalog.runs add column "trigger" varchar default 'REQUEST'`,
    sql`alter table catalog.runs add column max_attempts integer default 1`,
    sql`alter table catalog.runs add column not_before timestamp`,
  ],
  // A generation may stand in several tables, and the manifest says where the rows of each object are.
  [
    sql`alter table catalog.datasets add column segments varchar`,
    sql`alter table catalog.datasets add column recipe varchar`,
    sql`alter table catalog.datasets add column sources varchar`,
    sql`update catalog.datasets set definition = json_merge_patch(definition, '{"sortBy": []}')::varchar`,
    sql`update catalog.datasets set segments = case when table_name is null then '[]' else '[{"table":"' || table_name || '"}]' end`,
    sql`create table catalog.object_rows as
      select m.*, d.table_name as "table", coalesce(sum(m."rows") over (partition by m.dataset_id order by m.position
        rows between unbounded preceding and 1 preceding), 0)::bigint as first_row
      from catalog.manifest m join catalog.datasets d on d.id = m.dataset_id`,
    sql`drop table catalog.manifest`,
    sql`alter table catalog.object_rows rename to manifest`,
    sql`alter table catalog.rejected_rows add column key varchar`,
    sql`update catalog.rejected_rows set key = file`,
  ],
  [
    sql`create table catalog.uploads (upload_id varchar not null, connection_id varchar not null, key varchar not null)`,
  ],
  // Writebacks that are kept, and which import of a dataset, counted from 1, brought which rows.
  [
    sql`create table catalog.writebacks (
      id varchar not null, name varchar not null, dataset_id varchar not null, connection_id varchar not null,
      definition varchar not null, secrets varchar, delivered varchar, created_at timestamp not null)`,
    sql`alter table catalog.runs add column writeback_id varchar`,
    sql`alter table catalog.schedules rename column dataset_id to subject_id`,
    sql`alter table catalog.schedules add column kind varchar default 'IMPORT'`,
    sql`alter table catalog.datasets add column sequence bigint default 0`,
    sql`alter table catalog.manifest add column loaded bigint default 0`,
    // Written down before S3 has given it an id.
    sql`alter table catalog.uploads alter column upload_id drop not null`,
    sql`alter table catalog.uploads add column id varchar`,
    sql`alter table catalog.uploads add column begun_at timestamp`,
    sql`update catalog.uploads set id = upload_id, begun_at = now()::timestamp`,
  ],
];

/**
 * Brings the catalog's tables to this version of the program, each version in a transaction of its own: DuckDB alters no table
 * in the transaction that updates it.
 * @throws DATABASE_DAMAGED when the database was written by a later version
 */
export async function migrate(engine: Engine): Promise<void> {
  const version = await engine.transaction(versionNow);
  if (version > migrations.length) {
    throw new AppError(
      'DATABASE_DAMAGED',
      `The database was written by a later version of bucketql (catalog version ${version}, this program knows ${migrations.length}); start that version, or use another BUCKETQL_DATA_DIR`,
    );
  }
  for (const [index, statements] of migrations.entries()) {
    if (index < version) continue;
    await engine.transaction(async (session) => {
      for (const statement of statements) await session.run(statement);
      await session.run(sql`insert into catalog.migrations values (${integer(index + 1)})`);
    });
  }
}

async function versionNow(session: Session): Promise<number> {
  await session.run(sql`create schema if not exists catalog`);
  await session.run(sql`create table if not exists catalog.migrations (version integer not null)`);
  const [row] = await session.rows(
    sql`select coalesce(max(version), 0)::integer as version from catalog.migrations`,
  );
  return Number(row?.version ?? 0);
}
