import { DuckDBInstance } from '@duckdb/node-api';
import type { FileRow } from './compare.js';

/** All rows of a Parquet file as text, read by a DuckDB of its own: what the service wrote must not need the service. */
export async function readParquet(path: string): Promise<FileRow[]> {
  const instance = await DuckDBInstance.create(':memory:');
  const connection = await instance.connect();
  try {
    const reader = await connection.runAndReadAll(
      'select cast(columns(*) as varchar) from read_parquet($path)',
      { path },
    );
    return reader.getRows() as FileRow[];
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}
