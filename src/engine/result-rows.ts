import { DuckDBBlobValue, type DuckDBMaterializedResult, type DuckDBValue } from '@duckdb/node-api';
import { AppError } from '../errors.js';
import type { SqlValue } from '../sql.js';
import type { Row } from './engine.js';

/**
 * The rows of a result as plain values.
 * @throws RESPONSE_TOO_LARGE as soon as their texts and blobs have more than `maxBytes` characters and bytes together
 */
export async function resultRows(
  result: DuckDBMaterializedResult,
  maxBytes = Infinity,
): Promise<Row[]> {
  const names = result.deduplicatedColumnNames();
  const chunks = result.chunkCount;
  const rows: Row[] = [];
  let bytes = 0;
  for (let read = 0; read < chunks; read++) {
    // A short result is taken at once; of a long one others get their turns between two pieces.
    const chunk = chunks === 1 ? result.getChunk(0) : await result.fetchChunk();
    if (!chunk) break;
    for (let index = 0; index < chunk.rowCount; index++) {
      const row: Record<string, SqlValue> = {};
      for (const [column, value] of chunk.getRowValues(index).entries()) {
        const plain = plainValue(value);
        if (typeof plain === 'string' || plain instanceof Uint8Array) bytes += plain.length;
        row[names[column] ?? ''] = plain;
      }
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      rows.push(row);
    }
  }
  return rows;
}

function tooLarge(limit: number): AppError {
  return new AppError('RESPONSE_TOO_LARGE', `The result is larger than ${limit} bytes`, {
    details: { limit },
  });
}

function plainValue(value: DuckDBValue): SqlValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      if (value === null || value === undefined) return null;
      if (value instanceof DuckDBBlobValue) return value.bytes;
      return String(value);
  }
}
