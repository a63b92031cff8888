import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { findDataset } from '../../src/catalog/datasets.js';
import { listManifest } from '../../src/catalog/manifest.js';
import { migrate } from '../../src/catalog/migrations.js';
import { findRun } from '../../src/catalog/runs.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { sql } from '../../src/sql.js';

// The catalog as version 2 of its tables had it.
const versionTwo = [
  sql`create schema catalog`,
  sql`create table catalog.migrations (version integer not null)`,
  sql`insert into catalog.migrations values (1), (2)`,
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
  sql`create table catalog.key_salt as select 'salt' as salt`,
  sql`insert into catalog.datasets values
    ('d1', 'orders', 'c1', '{"name":"orders","updateMode":"REPLACE"}', '[]', 't_g', 'g', 5, 2, 0, '2026-01-01', '2026-01-01'),
    ('d2', 'empty', 'c1', '{"name":"empty"}', '[]', null, null, 0, 0, 0, null, '2026-01-01')`,
  sql`insert into catalog.manifest values
    ('d1', 'g', 0, 'a.csv', 'x', 10, '2026-01-01', 2), ('d1', 'g', 1, 'b.csv', 'y', 20, '2026-01-01', 3)`,
  sql`insert into catalog.runs values
    ('r1', 'IMPORT', 'd1', 'SUCCEEDED', 1, '2026-01-01', '2026-01-01', '2026-01-01', null, '{}', null)`,
];

describe('the catalog of an earlier version', () => {
  let engine: Engine;
  beforeEach(async () => {
    engine = await openDuckDB();
    await engine.transaction(async (session) => {
      for (const statement of versionTwo) await session.run(statement);
    });
    await migrate(engine);
  });
  afterEach(() => engine.close());

  it('keeps its datasets, with the table they had as their only segment', async () => {
    const datasets = await engine.read(async (session) => [
      await findDataset(session, { id: 'd1' }),
      await findDataset(session, { id: 'd2' }),
    ]);
    expect(datasets).toMatchObject([
      {
        definition: { name: 'orders', sortBy: [] },
        current: { id: 'g', segments: [{ table: 't_g' }], recipe: '', rowCount: 5n },
      },
      { definition: { name: 'empty', sortBy: [] }, current: null },
    ]);
  });

  it('knows where the rows of each object stand', async () => {
    expect(await engine.read((session) => listManifest(session, 'd1'))).toMatchObject([
      { key: 'a.csv', etag: 'x', rows: 2, table: 't_g', first: 0 },
      { key: 'b.csv', etag: 'y', rows: 3, table: 't_g', first: 2 },
    ]);
  });

  it('keeps its runs, as somebody had asked for them', async () => {
    expect(await engine.read((session) => findRun(session, 'r1'))).toMatchObject({
      status: 'SUCCEEDED',
      trigger: 'REQUEST',
      maxAttempts: 1,
      notBefore: null,
    });
  });

  it('is not migrated twice', async () => {
    await migrate(engine);
    expect(await engine.read((session) => listManifest(session, 'd1'))).toHaveLength(2);
  });
});
