/** What Thrift's compact protocol writes: a wire type and the bytes behind it. */
export interface Thrift {
  readonly type: number;
  readonly bytes: Buffer;
}

/** A varint of seven bits a byte. */
export function varint(number: bigint | number): Buffer {
  const bytes: number[] = [];
  let left = BigInt.asUintN(64, BigInt(number));
  while (left >= 0x80n) {
    bytes.push(Number(left & 0x7fn) | 0x80);
    left >>= 7n;
  }
  bytes.push(Number(left));
  return Buffer.from(bytes);
}

const zigzag = (number: bigint | number) => {
  const wide = BigInt(number);
  return varint((wide << 1n) ^ (wide >> 63n));
};

export const i32 = (number: number): Thrift => ({ type: 5, bytes: zigzag(number) });
export const i64 = (number: bigint | number): Thrift => ({ type: 6, bytes: zigzag(number) });
export const flag = (value: boolean): Thrift => ({ type: value ? 1 : 2, bytes: Buffer.alloc(0) });

export function binary(value: string | Buffer): Thrift {
  const bytes = Buffer.from(value as string);
  return { type: 8, bytes: Buffer.concat([varint(bytes.length), bytes]) };
}

export function list(items: readonly Thrift[], size = items.length, type = items[0]?.type ?? 12) {
  const head = Buffer.concat([Buffer.from([0xf0 | type]), varint(size)]);
  return { type: 9, bytes: Buffer.concat([head, ...items.map(({ bytes }) => bytes)]) };
}

/** Fields by their ids, in order; what is undefined is left out. */
export function struct(fields: Readonly<Record<number, Thrift | undefined>>): Thrift {
  const parts = Object.entries(fields).flatMap(([id, field]) =>
    field ? [Buffer.from([field.type]), zigzag(Number(id)), field.bytes] : [],
  );
  return { type: 12, bytes: Buffer.concat([...parts, Buffer.from([0])]) };
}

/** A column without nulls: its physical type and the plain encoding of its values. */
export interface PlainColumn {
  readonly name: string | Buffer;
  readonly type: number;
  readonly plain: Buffer;
  readonly length?: number;
  readonly converted?: number;
  readonly scale?: number;
  readonly precision?: number;
  readonly logical?: Thrift;
}

/** What a file says that is not so. */
export interface Lies {
  readonly rows?: bigint | number;
  readonly groupRows?: bigint | number;
  /** More fields of the schema's elements, of column chunks, their metadata, and the file's metadata. */
  readonly chunk?: Readonly<Record<number, Thrift | undefined>>;
  readonly columnMetadata?: Readonly<Record<number, Thrift | undefined>>;
  readonly file?: Readonly<Record<number, Thrift | undefined>>;
  readonly pageHeader?: Readonly<Record<number, Thrift | undefined>>;
}

/** Bytes between the magic words, with a footer of their own. */
export function parquetOf(data: Buffer, footer: Buffer, end = 'PAR1'): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from('PAR1'), data, footer, length, Buffer.from(end)]);
}

/** A Parquet file by hand: one row group, one page a column, without compression. */
export function plainParquet(
  columns: readonly PlainColumn[],
  rows: number,
  lies: Lies = {},
): Buffer {
  const pages: Buffer[] = [];
  let at = 4;
  const chunks = columns.map(({ name, type, plain }) => {
    const header = struct({
      1: i32(0),
      2: i32(plain.length),
      3: i32(plain.length),
      5: struct({ 1: i32(rows), 2: i32(0), 3: i32(3), 4: i32(3) }),
      ...lies.pageHeader,
    });
    const page = Buffer.concat([header.bytes, plain]);
    pages.push(page);
    const metadata = struct({
      1: i32(type),
      2: list([i32(0)]),
      3: list([binary(name)]),
      4: i32(0),
      5: i64(rows),
      6: i64(page.length),
      7: i64(page.length),
      9: i64(at),
      ...lies.columnMetadata,
    });
    at += page.length;
    return struct({ 2: i64(0), 3: metadata, ...lies.chunk });
  });
  const schema = [
    struct({ 4: binary('schema'), 5: i32(columns.length) }),
    ...columns.map((column) =>
      struct({
        1: i32(column.type),
        2: column.length === undefined ? undefined : i32(column.length),
        3: i32(0),
        4: binary(column.name as string),
        6: column.converted === undefined ? undefined : i32(column.converted),
        7: column.scale === undefined ? undefined : i32(column.scale),
        8: column.precision === undefined ? undefined : i32(column.precision),
        10: column.logical,
      }),
    ),
  ];
  const group = struct({
    1: list(chunks),
    2: i64(at - 4),
    3: i64(lies.groupRows ?? lies.rows ?? rows),
  });
  const footer = struct({
    1: i32(1),
    2: list(schema),
    3: i64(lies.rows ?? rows),
    4: list([group]),
    ...lies.file,
  });
  return parquetOf(Buffer.concat(pages), footer.bytes);
}

/** The plain encoding of INT32 values. */
export function int32s(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  values.forEach((value, index) => bytes.writeInt32LE(value, index * 4));
  return bytes;
}

/** The plain encoding of INT64 values. */
export function int64s(...values: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(values.length * 8);
  values.forEach((value, index) => bytes.writeBigInt64LE(value, index * 8));
  return bytes;
}

/** The plain encoding of byte arrays. */
export function byteArrays(...values: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      const bytes = Buffer.from(value as string);
      return [int32s(bytes.length), bytes];
    }),
  );
}
