import type { DuckDBDataChunk } from '@duckdb/node-api';
import duckdb from '@duckdb/node-bindings';
import { ident, sql, type Sql } from '../sql.js';
import { EngineError, type Batch, type Texts } from './engine.js';

// No column of a dataset has a blank in its name.
const end = ident('the end');

/**
 * The statement with one row more behind its last. DuckDB 1.5.6 ends a streamed result that fails in the middle as if it were
 * complete: without the row nobody could tell.
 */
export function withEnd(statement: Sql): Sql {
  return sql`select * from (${statement}) as s union all by name select true as ${end}`;
}

/**
 * A piece of the result of {@link withEnd}, and whether it is the last.
 * @throws EngineError when there is none although the end was not seen
 */
export function batchOf(piece: DuckDBDataChunk | null): { batch: Batch; last: boolean } {
  const rows = piece?.rowCount ?? 0;
  if (!piece || rows === 0) {
    throw new EngineError(
      'Stream Error: The engine gave up before the last row, and does not say why',
    );
  }
  const { chunk } = piece;
  const whole = new Columns(chunk, rows);
  const mark = whole.present(duckdb.data_chunk_get_column_count(chunk) - 1);
  const last = isPresent(mark, rows - 1);
  return { batch: last ? new Columns(chunk, rows - 1) : whole, last };
}

/** Whether a row has a value, by {@link Batch.present}. */
export function isPresent(present: Uint8Array | undefined, row: number): boolean {
  return present === undefined || (((present[row >> 3] ?? 0) >> (row & 7)) & 1) === 1;
}

/** How the engine holds a text: its length, then all of it or, where it is longer, a part and a pointer. */
const textWidth = 16;
const longestInline = 12;

/** The columns of a piece of a result. */
export class Columns implements Batch {
  readonly rows: number;
  readonly #chunk: duckdb.DataChunk;

  constructor(chunk: duckdb.DataChunk, rows: number) {
    this.#chunk = chunk;
    this.rows = rows;
  }

  present(column: number): Uint8Array | undefined {
    // The engine keeps words of 64 bits, and nothing where all are set.
    const bytes = Math.ceil(this.rows / 64) * 8;
    const bits = duckdb.vector_get_validity(this.#vector(column), bytes) as Uint8Array | null;
    return bits ?? undefined;
  }

  fixed(column: number, width: number): Uint8Array {
    return duckdb.vector_get_data(this.#vector(column), this.rows * width);
  }

  bytes(column: number): (Uint8Array | undefined)[] {
    const present = this.present(column);
    const held = this.fixed(column, textWidth);
    const view = new DataView(held.buffer, held.byteOffset, held.byteLength);
    return Array.from({ length: this.rows }, (_, row) => {
      // Where there is no value, length and pointer are whatever was there before.
      if (!isPresent(present, row)) return undefined;
      const at = row * textWidth;
      const length = view.getUint32(at, true);
      return length <= longestInline
        ? held.subarray(at + 4, at + 4 + length)
        : duckdb.get_data_from_pointer(
            held.buffer as ArrayBuffer,
            held.byteOffset + at + 8,
            length,
          );
    });
  }

  texts(column: number): Texts {
    const present = this.present(column);
    const held = this.fixed(column, textWidth);
    const words = new Uint32Array(held.buffer, held.byteOffset, this.rows * 4);
    const lengths = new Uint32Array(this.rows);
    for (let row = 0; row < this.rows; row++) {
      if (isPresent(present, row)) lengths[row] = words[row * 4] ?? 0;
    }
    // Addresses of 64-bit machines have 57 bits at most, and of a program's own memory 47.
    const address = (row: number) =>
      (words[row * 4 + 2] ?? 0) + (words[row * 4 + 3] ?? 0) * 2 ** 32;
    const joined = (from: number, to: number) => {
      const parts: Uint8Array[] = [];
      for (let row = from; row < to;) {
        const at = row * textWidth;
        let bytes = lengths[row] ?? 0;
        if (bytes <= longestInline) {
          if (bytes > 0) parts.push(held.subarray(at + 4, at + 4 + bytes));
          row++;
          continue;
        }
        // Texts that the engine made one after the other mostly stand so in its memory too: then one copy has them all.
        const start = address(row++);
        for (; row < to; row++) {
          const next = lengths[row] ?? 0;
          if (next <= longestInline || address(row) !== start + bytes) break;
          bytes += next;
        }
        const pointer = held.byteOffset + at + 8;
        parts.push(duckdb.get_data_from_pointer(held.buffer as ArrayBuffer, pointer, bytes));
      }
      const [only] = parts;
      return parts.length === 1 && only
        ? Buffer.from(only.buffer, only.byteOffset, only.length)
        : Buffer.concat(parts);
    };
    return { lengths, joined };
  }

  #vector(column: number): duckdb.Vector {
    return duckdb.data_chunk_get_vector(this.#chunk, column);
  }
}
