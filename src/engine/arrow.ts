import {
  Bool,
  DateDay,
  Decimal,
  Field,
  Float64,
  Int32,
  Int64,
  makeData,
  RecordBatch,
  RecordBatchStreamWriter,
  Schema,
  Struct,
  TimeMicrosecond,
  TimestampMicrosecond,
  Utf8,
  type Data,
  type DataType,
} from 'apache-arrow';
import { ident, join, sql, type Sql } from '../sql.js';
import { isPresent } from './batches.js';
import { duckdbDialect } from './dialect.js';
import { EngineError, type Batch, type OwnSession, type RunOptions } from './engine.js';
import type { ExportColumn } from './row-text.js';

/** A record batch is written when it has so many rows, or so many bytes of text. */
const batchRows = 16_384;
const batchTextBytes = 8 * 2 ** 20;

/**
 * Gives the rows of a select as an Arrow IPC stream, in pieces while the engine makes them. Values are those of the table, NaN and
 * infinity too; JSON is text.
 */
export async function* streamArrow(
  session: OwnSession,
  select: Sql,
  columns: readonly ExportColumn[],
  options: RunOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const fields = columns.map((column) => Field.new(column.name, arrowType(column), true));
  const schema = new Schema(fields);
  const writer = new PieceWriter(schema);
  const row = new Struct(fields);
  let parts = columns.map(partOf);
  let length = 0;
  const flush = () => {
    const children = parts.map((part, index) => part.data(fields[index]?.type as DataType, length));
    writer.write(new RecordBatch(schema, makeData({ type: row, length, nullCount: 0, children })));
    parts = columns.map(partOf);
    length = 0;
    return writer.taken();
  };
  // What the bytes mean depends on the types, so they are said once more.
  const values = columns.map((column, index) => {
    const type = duckdbDialect.typeName(column.type === 'JSON' ? { type: 'STRING' } : column);
    return sql`cast(q.${ident(column.name)} as ${type}) as ${ident(`c${index}`)}`;
  });
  const rows = session.stream(sql`select ${join(values)} from (${select}) as q`, options);
  for await (const batch of rows) {
    parts.forEach((part, index) => part.add(batch, index));
    length += batch.rows;
    const text = parts.reduce((bytes, part) => bytes + part.textBytes, 0);
    if (length >= batchRows || text >= batchTextBytes) yield flush();
  }
  if (length > 0) yield flush();
  writer.finish();
  yield writer.taken();
}

function arrowType({ type, decimal }: ExportColumn): DataType {
  switch (type) {
    case 'BOOLEAN':
      return new Bool();
    case 'INTEGER':
      return new Int32();
    case 'BIGINT':
      return new Int64();
    case 'DECIMAL': {
      const { precision, scale } = decimal ?? { precision: 38, scale: 0 };
      return new Decimal(scale, precision, 128);
    }
    case 'DOUBLE':
      return new Float64();
    case 'STRING':
    case 'JSON':
      return new Utf8();
    case 'DATE':
      return new DateDay();
    case 'TIME':
      return new TimeMicrosecond();
    case 'TIMESTAMP':
      return new TimestampMicrosecond();
    case 'TIMESTAMP_TZ':
      return new TimestampMicrosecond('UTC');
  }
}

/** A column of the record batch that is being gathered. */
interface Part {
  /** Bytes of text so far. */
  readonly textBytes: number;
  add(batch: Batch, column: number): void;
  data(type: DataType, length: number): Data;
}

function partOf(column: ExportColumn): Part {
  switch (column.type) {
    case 'STRING':
    case 'JSON':
      return new TextPart();
    case 'BOOLEAN':
      return new FixedPart(1, asBits);
    case 'INTEGER':
    case 'DATE':
      return new FixedPart(4);
    case 'DECIMAL': {
      const width = decimalWidth(column.decimal?.precision ?? 38);
      return new FixedPart(width, width === 16 ? undefined : asDecimal128(width));
    }
    default:
      return new FixedPart(8);
  }
}

/** Which rows have a value, as Arrow wants it. */
class Presence {
  readonly #gathered: { readonly rows: number; readonly bits: Uint8Array | undefined }[] = [];

  add(batch: Batch, column: number): void {
    this.#gathered.push({ rows: batch.rows, bits: batch.present(column) });
  }

  /** Nothing where all have one. */
  bitmap(length: number): { nullCount: number; nullBitmap?: Uint8Array } {
    if (this.#gathered.every(({ bits }) => bits === undefined)) return { nullCount: 0 };
    const nullBitmap = new Uint8Array(Math.ceil(length / 8));
    let at = 0;
    let nullCount = 0;
    for (const { rows, bits } of this.#gathered) {
      for (let row = 0; row < rows; row++, at++) {
        if (!isPresent(bits, row)) nullCount++;
        else nullBitmap[at >> 3] = (nullBitmap[at >> 3] ?? 0) | (1 << (at & 7));
      }
    }
    return { nullCount, nullBitmap };
  }
}

class FixedPart implements Part {
  readonly textBytes = 0;
  readonly #width: number;
  readonly #convert: ((held: Uint8Array) => Uint8Array) | undefined;
  readonly #presence = new Presence();
  readonly #pieces: Uint8Array[] = [];

  /** `convert` makes Arrow's bytes of the engine's. (Default: they are the same) */
  constructor(width: number, convert?: (held: Uint8Array) => Uint8Array) {
    this.#width = width;
    this.#convert = convert;
  }

  add(batch: Batch, column: number): void {
    this.#presence.add(batch, column);
    this.#pieces.push(batch.fixed(column, this.#width));
  }

  data(type: DataType, length: number): Data {
    const held = joined(this.#pieces);
    const data = this.#convert?.(held) ?? held;
    // The library takes bytes for values of its type.
    return makeData({ type: type as Int64, length, ...this.#presence.bitmap(length), data });
  }
}

class TextPart implements Part {
  textBytes = 0;
  readonly #presence = new Presence();
  readonly #pieces: Uint8Array[] = [];
  readonly #ends: number[] = [0];

  add(batch: Batch, column: number): void {
    this.#presence.add(batch, column);
    for (const text of batch.bytes(column)) {
      if (text) {
        this.#pieces.push(text);
        this.textBytes += text.length;
      }
      this.#ends.push(this.textBytes);
    }
    if (this.textBytes > 2 ** 31 - 1) {
      throw new EngineError(
        'Stream Error: 2,048 texts take more than the 2 GiB that Arrow can point to',
      );
    }
  }

  data(type: DataType, length: number): Data {
    return makeData({
      type: type as Utf8,
      length,
      ...this.#presence.bitmap(length),
      valueOffsets: Int32Array.from(this.#ends),
      data: joined(this.#pieces),
    });
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** One byte for each truth value becomes one bit. */
function asBits(held: Uint8Array): Uint8Array {
  const bits = new Uint8Array(Math.ceil(held.length / 8));
  held.forEach((value, at) => {
    if (value !== 0) bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  });
  return bits;
}

/** Bytes in which the engine holds a decimal's digits as a whole number. */
function decimalWidth(precision: number): number {
  if (precision <= 4) return 2;
  if (precision <= 9) return 4;
  return precision <= 18 ? 8 : 16;
}

/** Whole numbers of fewer bytes become such of 16. */
function asDecimal128(width: number): (held: Uint8Array) => Uint8Array {
  return (held) => {
    const count = held.length / width;
    const wide = new Uint8Array(count * 16);
    for (let at = 0; at < count; at++) {
      const sign = (held[(at + 1) * width - 1] ?? 0) >= 128 ? 255 : 0;
      wide.set(held.subarray(at * width, (at + 1) * width), at * 16);
      if (sign !== 0) wide.fill(sign, at * 16 + width, (at + 1) * 16);
    }
    return wide;
  };
}

/** Keeps what it writes until it is taken: the library's own queue takes more than its reader wants. */
class PieceWriter extends RecordBatchStreamWriter {
  #pieces: Uint8Array[] = [];

  constructor(schema: Schema) {
    super();
    this.reset(undefined, schema);
  }

  taken(): Uint8Array {
    const pieces = this.#pieces;
    this.#pieces = [];
    return joined(pieces);
  }

  protected override _write(bytes: ArrayBufferView): this {
    this.#pieces.push(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
    return this;
  }
}
