import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { startApp } from '../src/app.js';
import { parseDefinition } from '../src/catalog/definition.js';
import { readConfig } from '../src/config.js';
import { openDuckDB } from '../src/engine/duckdb.js';
import { openLog } from '../src/log.js';
import { sql, value } from '../src/sql.js';

it('a dataset whose name the API has taken since has no fields until it gets another name', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'bucketql-names-'));
  const lines: string[] = [];
  const log = openLog('error', { write: (line) => void lines.push(line) });
  const config = readConfig({ BUCKETQL_DATA_DIR: dir, BUCKETQL_PORT: '0' });
  const start = () => startApp(config, { log });
  try {
    await (await start()).close();
    const input = { name: 'encryption', connection: 'c', selection: {}, format: { type: 'CSV' } };
    const definition = JSON.stringify(parseDefinition(input));
    const columns = JSON.stringify([{ name: 'a', source: 'a', type: 'BIGINT', nullable: true }]);
    const engine = await openDuckDB({ path: join(dir, 'bucketql.duckdb') });
    await engine.transaction(async (session) => {
      await session.run(sql`create table t_1 as select 1::bigint as a`);
      await session.run(sql`insert into catalog.datasets
        (id, name, connection_id, definition, columns, segments, generation, row_count, file_count, rejected_count, imported_at, created_at)
        values ('d', 'encryption', 'c', ${value(definition)}, ${value(columns)}, '[{"table":"t_1"}]', 'g', 1, 1, 0, '2026-01-01', '2026-01-01')`);
    });
    await engine.checkpoint();
    await engine.close();
    const app = await start();
    try {
      const response = await fetch(app.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
          query: '{ datasets { name } __schema { queryType { fields { name } } } }',
        }),
      });
      const { data } = (await response.json()) as {
        data: { datasets: unknown; __schema: { queryType: { fields: { name: string }[] } } };
      };
      expect(data.datasets).toEqual([{ name: 'encryption' }]);
      const fields = data.__schema.queryType.fields.map(({ name }) => name);
      expect(fields).toContain('datasets');
      expect(fields).not.toContain('encryption');
      expect(lines.join('')).toContain('updateDataset');
    } finally {
      await app.close();
    }
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
