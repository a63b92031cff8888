import { readFile, rm, writeFile } from 'node:fs/promises';
import { DuckDBInstance } from '@duckdb/node-api';
import { utils, write as writeBook } from 'xlsx';
import { seeded } from '../../harness/measure.js';
import { imported, refused, type HostileCase, type Outcome } from './hostile-case.js';

const broken: readonly Outcome[] = [refused('MALFORMED_FILE')];
const sector = 512;

/** Workbooks of the old kind, in their file system within a file. */
export const xls: readonly HostileCase[] = [
  sheet('xls-truncated', () => book().subarray(0, 3 * sector)),
  sheet('xls-header-only', () => book().subarray(0, sector)),
  sheet('xls-random-bytes-behind-the-header', () =>
    Buffer.concat([book().subarray(0, sector), noise(64 * sector)]),
  ),
  // Where the sectors of the allocation table are stands from byte 76 of the header (MS-CFB 2.2).
  ...[0, 1, 5].map((next) =>
    sheet(`xls-cyclic-chain-${next}`, () => {
      const bytes = book();
      const table = (bytes.readUInt32LE(76) + 1) * sector;
      for (let at = table; at < table + sector; at += 4) bytes.writeUInt32LE(next, at);
      return bytes;
    }),
  ),
  sheet('xls-chain-of-tables-to-itself', () => {
    const bytes = book();
    bytes.writeUInt32LE(0, 68);
    bytes.writeUInt32LE(0x7fffffff, 72);
    return bytes;
  }),
  sheet('xls-sector-size-lies', () => {
    const bytes = book();
    bytes.writeUInt16LE(31, 30);
    return bytes;
  }),
  sheet('xls-record-length-lies', () => {
    const bytes = book();
    // BOF of BIFF8 and what follows it (MS-XLS 2.4.21).
    const bof = bytes.indexOf(Buffer.from([0x09, 0x08, 0x10, 0x00, 0x00, 0x06]));
    bytes.fill(0xff, bof + 20, bof + 400);
    return bytes;
  }),
  sheet('xls-that-is-html', () =>
    Buffer.from('<html><table><tr><td>id</td></tr><tr><td>1</td></tr></table></html>'),
  ),
  sheet('xls-of-random-bytes', () => noise(100_000)),
];

/** Columnar files whose footers and pages lie. */
export const parquet: readonly HostileCase[] = [
  columnar('parquet-truncated', (bytes) => bytes.subarray(0, bytes.length / 2)),
  columnar('parquet-without-end', (bytes) => bytes.subarray(0, -4)),
  ...[0x7fffffff, 0xffffffff, 0, 4].map((length) =>
    columnar(`parquet-footer-of-${length}-bytes`, (bytes) => {
      bytes.writeUInt32LE(length, bytes.length - 8);
      return bytes;
    }),
  ),
  columnar('parquet-garbage-footer', (bytes) => {
    const length = bytes.readUInt32LE(bytes.length - 8);
    noise(length).copy(bytes, bytes.length - 8 - length);
    return bytes;
  }),
  columnar('parquet-page-of-2-gb', (bytes) => {
    // A page's kind, its size and its size as stored (parquet.thrift, PageHeader), from the first byte after PAR1.
    Buffer.from('150015feffffff0f15feffffff0f', 'hex').copy(bytes, 4);
    return bytes;
  }),
  columnar('parquet-garbage-pages', (bytes) => {
    noise(4096).copy(bytes, 4);
    return bytes;
  }),
  columnar('parquet-deep-schema', () => footer(deepSchema(100_000)), [refused('NESTED_TOO_DEEP')]),
  columnar('parquet-schema-of-more-than-there-is', () => footer(deepSchema(1, 0x7ffffff0))),
  columnar('parquet-million-columns', () => footer(wideSchema(1_000_000)), [
    refused('MALFORMED_FILE', 'TOO_MANY_COLUMNS'),
  ]),
  columnar('parquet-that-is-csv', () => Buffer.from('id,name\n1,a\n')),
  columnar('parquet-empty', () => Buffer.alloc(0), [...broken, imported(0)]),
];

function sheet(name: string, made: () => Buffer): HostileCase {
  return {
    name,
    file: 'a.xls',
    make: (path) => writeFile(path, made()),
    format: { type: 'XLS' },
    outcomes: broken,
  };
}

function columnar(
  name: string,
  spoil: (whole: Buffer) => Buffer,
  outcomes: readonly Outcome[] = broken,
): HostileCase {
  return {
    name,
    file: 'a.parquet',
    async make(path) {
      await writeFile(path, spoil(await table(`${path}.whole`)));
    },
    format: { type: 'PARQUET' },
    outcomes,
  };
}

/** A workbook of some sectors as other programs write it. */
function book(): Buffer {
  const rows = Array.from({ length: 200 }, (_, n) => [n, `name ${n}`, n / 7]);
  const sheets = {
    Sheets: { one: utils.aoa_to_sheet([['id', 'name', 'value'], ...rows]) },
    SheetNames: ['one'],
  };
  return Buffer.from(writeBook(sheets, { type: 'array', bookType: 'biff8' }) as ArrayBuffer);
}

async function table(path: string): Promise<Buffer> {
  const instance = await DuckDBInstance.create();
  const connection = await instance.connect();
  await connection.run(
    `copy (select range as id, 'name ' || range as name from range(20000)) to '${path}' (format parquet)`,
  );
  connection.closeSync();
  instance.closeSync();
  const bytes = await readFile(path);
  await rm(path);
  return bytes;
}

function noise(length: number): Buffer {
  const random = seeded(length);
  return Buffer.from(Uint8Array.from({ length }, () => Math.floor(random() * 256)));
}

// Thrift's compact protocol, as far as a footer needs it (parquet.thrift, FileMetaData).

function footer(schema: Buffer): Buffer {
  const metadata = Buffer.concat([
    Buffer.from([0x15, 0x02, 0x19]),
    schema,
    // No rows, no groups of rows.
    Buffer.from([0x16, 0x00, 0x19, 0x0c, 0x00]),
  ]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(metadata.length);
  return Buffer.concat([Buffer.from('PAR1'), metadata, length, Buffer.from('PAR1')]);
}

/** Groups that hold one group each, and a leaf. */
function deepSchema(depth: number, claimed = depth + 1): Buffer {
  return Buffer.concat([
    listOf(claimed),
    ...Array.from({ length: depth }, () => group(1)),
    leaf('x'),
  ]);
}

function wideSchema(columns: number): Buffer {
  return Buffer.concat([
    listOf(columns + 1),
    group(columns),
    ...Array.from({ length: columns }, (_, n) => leaf(`c${n}`)),
  ]);
}

// A list of structs whose length does not fit in the first byte.
const listOf = (length: number) => Buffer.concat([Buffer.from([0xfc]), varint(length)]);

const group = (children: number) =>
  Buffer.concat([
    Buffer.from([0x35, 0x00, 0x18, 0x01, 0x67, 0x15]),
    varint(children * 2),
    Buffer.from([0x00]),
  ]);

function leaf(name: string): Buffer {
  const text = Buffer.from(name);
  return Buffer.concat([
    Buffer.from([0x15, 0x02, 0x25, 0x00, 0x18]),
    varint(text.length),
    text,
    Buffer.from([0x00]),
  ]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let left = value;
  for (; left > 127; left = Math.floor(left / 128)) bytes.push((left % 128) + 128);
  return Buffer.from([...bytes, left]);
}
