import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { randomFrom } from './random.js';
import type { VariedDataset } from './varied-datasets.js';

/** A dataset as a Parquet file, which carries every value as it is. */
export async function variedParquet(
  { columns, rows }: VariedDataset,
  seed: number,
): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'bucketql-varied-'));
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    await connection.run("set timezone = 'UTC'");
    const names = columns.map(({ name }) => `"${name.replaceAll('"', '""')}"`);
    await connection.run(
      `create table t (${columns.map(({ type }, at) => `${names[at]} ${type}`).join(', ')})`,
    );
    const from = randomFrom(seed);
    const tuples = Array.from({ length: rows }, (_, row) => {
      const values = columns.map(({ type, value }) => {
        const text = value(row, from);
        return text === undefined ? 'null' : `${text}::${type}`;
      });
      return `(${values.join(', ')})`;
    });
    if (rows > 0) await connection.run(`insert into t values ${tuples.join(', ')}`);
    const path = join(dir, 'rows.parquet');
    await connection.run(`copy t to '${path}' (format parquet)`);
    return await readFile(path);
  } finally {
    connection.closeSync();
    instance.closeSync();
    await rm(dir, { recursive: true });
  }
}
