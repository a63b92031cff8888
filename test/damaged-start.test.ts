import { mkdtemp, rm, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp } from '../src/app.js';
import { readConfig } from '../src/config.js';
import { openDuckDB } from '../src/engine/duckdb.js';
import { openLog } from '../src/log.js';
import { sql } from '../src/sql.js';

describe('a start', () => {
  let dir: string;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-start-'));
  });
  afterEach(() => rm(dir, { recursive: true, force: true }));

  const start = () => {
    const config = readConfig({ BUCKETQL_DATA_DIR: dir, BUCKETQL_PORT: '0' });
    return startApp(config, { log: openLog('silent') });
  };

  it('is refused when a dataset misses its table, and names both', async () => {
    await (await start()).close();
    const engine = await openDuckDB({ path: join(dir, 'bucketql.duckdb') });
    await engine.transaction(async (session) => {
      await session.run(sql`insert into catalog.datasets
        (id, name, connection_id, definition, columns, segments, generation, row_count, file_count, rejected_count, imported_at, created_at)
        values ('d', 'orders', 'c', '{}', '[]', '[{"table":"t_gone"}]', 'g', 1, 1, 0, '2026-01-01', '2026-01-01')`);
    });
    await engine.checkpoint();
    await engine.close();
    await expect(start()).rejects.toMatchObject({
      code: 'DATABASE_DAMAGED',
      details: { dataset: 'orders', table: 't_gone' },
    });
  });

  it('is refused when the database was cut, and never begins with an empty one', async () => {
    await (await start()).close();
    await truncate(join(dir, 'bucketql.duckdb'), 5_000);
    await expect(start()).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
    await expect(start()).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
  });
});
