import { describe, expect, it } from '@jest/globals';
import type { AppError } from '../../../src/errors.js';
import { checkBytes } from '../../support/check-parquet.js';
import {
  binary,
  flag,
  i32,
  i64,
  int32s,
  list,
  parquetOf,
  plainParquet,
  struct,
  varint,
  type PlainColumn,
  type Thrift,
} from '../../support/parquet.js';

async function refused(bytes: Buffer, limits = {}): Promise<AppError> {
  return checkBytes(bytes, limits).then(
    () => {
      throw new Error('The file was taken');
    },
    (error: AppError) => error,
  );
}

const number: PlainColumn = { name: 'n', type: 1, plain: int32s(1, 2, 3) };
const good = plainParquet([number], 3);

describe('checkParquet', () => {
  it('gives the rows and the names of the columns as they stand in the file', async () => {
    const names = ['', 'a', 'A', 'a', '__proto__', 'q"uo\'te', 'größe', '\ufeffb'];
    const file = await checkBytes(
      plainParquet(
        names.map((name) => ({ ...number, name })),
        3,
      ),
    );
    expect(file.rows).toBe(3);
    expect(file.origin).toBe('drop/a.parquet');
    expect(file.fields.map(({ name }) => name)).toEqual(names);
  });

  it('takes a file without columns', async () => {
    const footer = struct({ 1: i32(1), 2: list([struct({ 4: binary('root') })]), 3: i64(0) });
    expect(await checkBytes(parquetOf(Buffer.alloc(0), footer.bytes))).toMatchObject({
      rows: 0,
      fields: [],
    });
  });

  it.each<[what: string, bytes: Buffer, message: RegExp]>([
    ['an empty file', Buffer.alloc(0), /looks like an empty file/],
    ['a gzip file', Buffer.from([0x1f, 0x8b, 8, 0, 0, 0]), /looks like gzip/],
    ['text', Buffer.from('a,b\n1,2\n'), /does not begin with PAR1/],
    ['the beginning of a file', good.subarray(0, 40), /may be cut off/],
    ['a magic word only', Buffer.from('PAR1'), /may be cut off/],
    ['a magic word twice', Buffer.from('PAR1PAR1'), /may be cut off/],
    [
      'a footer longer than the file',
      Buffer.from('PAR1\0\0\0\0\xff\xff\xff\xffPAR1', 'latin1'),
      /claims 4294967295 bytes/,
    ],
    ['a footer of nothing', parquetOf(Buffer.alloc(0), Buffer.alloc(0)), /middle of a value/],
  ])('refuses %s', async (_what, bytes, message) => {
    const error = await refused(bytes);
    expect(error.code).toBe('MALFORMED_FILE');
    expect(error.message).toMatch(/^drop\/a\.parquet cannot be read as Parquet: /);
    expect(error.message).toMatch(message);
    expect(error.details).toEqual({ file: 'drop/a.parquet' });
  });

  it.each<[what: string, bytes: Buffer]>([
    ['a footer', Buffer.concat([good.subarray(0, -4), Buffer.from('PARE')])],
    ['a file', Buffer.concat([Buffer.from('PARE'), good.subarray(4)])],
    ['columns', plainParquet([number], 3, { chunk: { 8: struct({}) } })],
    ['a footer that can be read', plainParquet([number], 3, { file: { 8: struct({}) } })],
  ])('refuses encryption of %s', async (_what, bytes) => {
    expect(await refused(bytes)).toMatchObject({ code: 'ENCRYPTED_FILE' });
  });

  const decimal = { ...number, converted: 5 };
  it.each<[what: string, bytes: Buffer, message: RegExp]>([
    [
      'a negative number of rows',
      plainParquet([number], 3, { rows: -1 }),
      /rows of row group 0 is -1/,
    ],
    ['rows that are not there', plainParquet([number], 3, { rows: 4, groupRows: 3 }), /4 rows/],
    [
      'a number of rows beyond reason',
      plainParquet([number], 3, { rows: 2n ** 62n }),
      /number of rows/,
    ],
    [
      'data outside of the file',
      plainParquet([number], 3, { columnMetadata: { 9: i64(1_000_000) } }),
      /outside of the data/,
    ],
    [
      'data before the file',
      plainParquet([number], 3, { columnMetadata: { 9: i64(-8) } }),
      /place of .* is -8/,
    ],
    [
      'chunks longer than the file',
      plainParquet([number], 3, { columnMetadata: { 7: i64(2n ** 40n) } }),
      /outside of the data/,
    ],
    [
      'another type than the schema has',
      plainParquet([number], 3, { columnMetadata: { 1: i32(2) } }),
      /its type is 2/,
    ],
    ['an unknown type', plainParquet([{ ...number, type: 9 }], 3), /unknown type 9/],
    ['negative lengths', plainParquet([{ ...number, type: 7, length: -17 }], 3), /-17 bytes/],
    [
      'decimals of negative digits',
      plainParquet([{ ...decimal, precision: -9, scale: 1 }], 3),
      /-9 digits/,
    ],
    [
      'decimals of negative scale',
      plainParquet([{ ...decimal, precision: 9, scale: -3 }], 3),
      /-3 behind/,
    ],
    [
      'names that are no text',
      plainParquet([{ ...number, name: Buffer.from([0xff, 0xfe]) }], 3),
      /no valid UTF-8/,
    ],
    [
      'more children than there are',
      plainParquet([number], 3, {
        file: { 2: list([struct({ 4: binary('root'), 5: i32(2_000_000_000) })]) },
      }),
      /ends before all columns/,
    ],
    [
      'elements without a parent',
      plainParquet([number], 3, {
        file: { 2: list([struct({ 5: i32(0) }), struct({ 1: i32(1), 4: binary('a') })]) },
      }),
      /belong to no parent/,
    ],
    [
      'a list longer than the footer',
      plainParquet([number], 3, { file: { 2: list([], 2 ** 31, 12) } }),
      /claims a length of 2147483648/,
    ],
    [
      'a text longer than the footer',
      plainParquet([number], 3, { file: { 6: { type: 8, bytes: varint(2n ** 63n) } } }),
      /claims a length of 9223372036854775808/,
    ],
    [
      'a row group without its columns',
      plainParquet([number], 3, { file: { 4: list([struct({ 1: list([]), 3: i64(3) })]) } }),
      /has 0 columns, and the schema 1/,
    ],
  ])('refuses %s', async (_what, bytes, message) => {
    const error = await refused(bytes);
    expect(error.code).toBe('MALFORMED_FILE');
    expect(error.message).toMatch(message);
  });

  it('refuses decimals that nothing here holds', async () => {
    const wide = struct({ 5: struct({ 1: i32(2), 2: i32(76) }) });
    const error = await refused(plainParquet([{ ...number, logical: wide }], 3));
    expect(error).toMatchObject({ code: 'UNSUPPORTED', details: { column: 'n' } });
  });

  it('refuses values that stand in another file', async () => {
    const error = await refused(plainParquet([number], 3, { chunk: { 1: binary('/etc/passwd') } }));
    expect(error).toMatchObject({ code: 'UNSUPPORTED' });
  });

  it('refuses more columns than are allowed, and names the setting', async () => {
    const bytes = plainParquet([number, number, number], 3);
    expect(await refused(bytes, { maxColumns: 2 })).toMatchObject({
      code: 'TOO_MANY_COLUMNS',
      message: expect.stringContaining('BUCKETQL_MAX_COLUMNS') as unknown,
      details: { file: 'drop/a.parquet', limit: 2 },
    });
    expect((await checkBytes(bytes, { maxColumns: 3 })).fields).toHaveLength(3);
  });

  it('refuses a footer that is too long, and names the setting', async () => {
    expect(await refused(good, { maxDocumentBytes: 20 })).toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
      message: expect.stringContaining('BUCKETQL_MAX_DOCUMENT_BYTES') as unknown,
    });
  });

  it('refuses columns that lie too deep in each other, and names the setting', async () => {
    const levels = (depth: number) => [
      struct({ 4: binary('root'), 5: i32(1) }),
      ...Array.from({ length: depth }, () => struct({ 3: i32(1), 4: binary('g'), 5: i32(1) })),
      struct({ 1: i32(1), 3: i32(1), 4: binary('leaf') }),
    ];
    const nested = (depth: number) =>
      plainParquet([number], 3, { file: { 2: list(levels(depth)) } });
    expect((await checkBytes(nested(100))).fields).toEqual([{ name: 'g', half: false }]);
    expect(await refused(nested(101))).toMatchObject({
      code: 'NESTED_TOO_DEEP',
      message: expect.stringContaining('BUCKETQL_MAX_NESTING') as unknown,
    });
    expect(await refused(nested(5_000))).toMatchObject({ code: 'NESTED_TOO_DEEP' });
  });

  it('bounds the nesting of what it passes over', async () => {
    const deep = (depth: number): Thrift => ({
      type: 12,
      // Each byte opens a struct in field 1 of the one before.
      bytes: Buffer.concat([Buffer.alloc(depth, 0x1c), Buffer.alloc(depth + 1)]),
    });
    expect((await checkBytes(plainParquet([number], 3, { file: { 90: deep(10) } }))).rows).toBe(3);
    const error = await refused(plainParquet([number], 3, { file: { 90: deep(1_000_000) } }));
    expect(error.message).toMatch(/lie in each other more than 24 deep/);
  });

  it('passes over values of all types that it does not know', async () => {
    const bytes = (type: number, ...values: number[]): Thrift => ({
      type,
      bytes: Buffer.from(values),
    });
    const unknown = struct({
      1: flag(true),
      2: bytes(3, 0x7f),
      3: bytes(7, 0, 0, 0, 0, 0, 0, 0, 0),
      4: bytes(11, 1, 0x85, 1, 65, 2),
      5: bytes(11, 0),
      6: bytes(10, 0x21, 1, 2),
      7: bytes(13, ...Array.from({ length: 16 }, () => 0)),
      8: i64(-(2n ** 63n)),
    });
    expect((await checkBytes(plainParquet([number], 3, { file: { 77: unknown } }))).rows).toBe(3);
  });

  it('takes no byte of a footer on trust', async () => {
    // Every byte of the footer in turn, set to each of a few values: an answer or one of our own errors.
    const start = good.length - 8 - good.readUInt32LE(good.length - 8);
    const codes = new Set<string>();
    for (let at = start; at < good.length - 8; at++) {
      for (const byte of [0, 0x7f, 0x80, 0xff, (good[at] ?? 0) ^ 1]) {
        const bytes = Buffer.from(good);
        bytes[at] = byte;
        codes.add(
          await checkBytes(bytes).then(
            () => 'taken',
            (error: AppError) => error.code,
          ),
        );
      }
    }
    expect([...codes].sort()).toEqual(expect.arrayContaining(['MALFORMED_FILE', 'taken']));
    expect(codes.has('INTERNAL')).toBe(false);
    expect(codes.has('undefined')).toBe(false);
  });
});
