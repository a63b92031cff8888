import {
  DuckDBBlobValue,
  type DuckDBDataChunk,
  type DuckDBMaterializedResult,
  type DuckDBValue,
} from '@duckdb/node-api';
import { AppError } from '../errors.js';
import type { SqlValue } from '../sql.js';
import { Columns } from './batches.js';
import type { JoinedTexts, Row } from './engine.js';

/**
 * The rows of a result as plain values.
 * @throws RESPONSE_TOO_LARGE as soon as their texts and blobs have more than `maxBytes` characters and bytes together
 */
export async function resultRows(
  result: DuckDBMaterializedResult,
  maxBytes = Infinity,
): Promise<Row[]> {
  const names = result.deduplicatedColumnNames();
  const rows: Row[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(result)) {
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

/**
 * The texts of a result, column by column.
 * @throws RESPONSE_TOO_LARGE as soon as they have more than `maxBytes` bytes together
 */
export async function resultTexts(
  result: DuckDBMaterializedResult,
  maxBytes = Infinity,
): Promise<JoinedTexts> {
  const columns = Array.from({ length: result.columnCount }, (): Uint8Array[] => []);
  let rows = 0;
  let bytes = 0;
  for await (const chunk of chunksOf(result)) {
    const found = new Columns(chunk.chunk, chunk.rowCount);
    for (const [index, pieces] of columns.entries()) {
      const { lengths, joined } = found.texts(index);
      // Before they are copied: 2,048 long texts may be more than there is memory for.
      for (const length of lengths) bytes += length;
      if (bytes > maxBytes) throw tooLarge(maxBytes);
      pieces.push(joined(0, found.rows));
    }
    rows += found.rows;
  }
  return { rows, bytes, columns };
}

/** A short result is taken at once; of a long one others get their turns between two pieces. */
async function* chunksOf(result: DuckDBMaterializedResult): AsyncGenerator<DuckDBDataChunk> {
  const chunks = result.chunkCount;
  for (let read = 0; read < chunks; read++) {
    const chunk = chunks === 1 ? result.getChunk(0) : await result.fetchChunk();
    if (!chunk) return;
    yield chunk;
  }
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
