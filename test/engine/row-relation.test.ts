import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import { fromRows } from '../../src/engine/row-relation.js';
import { rowDialect } from '../../src/relation.js';
import { sql } from '../../src/sql.js';

it('reads a long row with a buffer of twice its length, not of many times that', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'bucketql-rows-'));
  const engine = await openDuckDB({ memoryBytes: 200_000_000 });
  try {
    const path = join(directory, 'rows');
    const length = 20_000_000;
    const line = `1${rowDialect.delimiter}${'x'.repeat(length)}\n`;
    await writeFile(path, line);
    const bytes = line.length;
    const file = { path, origin: 'a.json', rows: 1, bytes, maxLineBytes: bytes, columns: [] };
    const rows = await engine.read((session) =>
      session.rows(
        sql`select line, strlen(c0) as length from ${fromRows({ kind: 'rows', files: [file], headers: ['a'] })}`,
      ),
    );
    expect(rows).toEqual([{ line: 1n, length: BigInt(length) }]);
  } finally {
    await engine.close();
    await rm(directory, { recursive: true });
  }
});
