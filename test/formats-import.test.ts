import { gzipSync } from 'node:zlib';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { utils, write, type BookType } from 'xlsx';
import { importCsv, startTestService, type TestService } from './support/service.js';
import { zipOf } from './support/zip.js';
import { zstdOf } from './support/zstd.js';

/** One row of the table that stands in every format. */
interface Row {
  readonly id: number;
  readonly big: number | null;
  readonly price: string | null;
  readonly day: string | null;
  readonly at: string | null;
  readonly paid: boolean | null;
  readonly name: string | null;
}

const rows: readonly Row[] = [
  {
    id: 1,
    big: 900719925474099,
    price: '12.50',
    day: '2024-02-29',
    at: '2024-02-29T23:59:59',
    paid: true,
    name: 'Ada "the first", <b> & 😀',
  },
  {
    id: 2,
    big: null,
    price: '-0.25',
    day: '1999-12-31',
    at: '2000-01-01T00:00:00',
    paid: false,
    name: 'two\nlines',
  },
  { id: 3, big: -5, price: null, day: null, at: null, paid: null, name: null },
  {
    id: 4,
    big: 4294967296,
    price: '1000.75',
    day: '2024-03-31',
    at: '2024-03-31T02:30:00',
    paid: true,
    name: '00501',
  },
];
const columns = ['id', 'big', 'price', 'day', 'at', 'paid', 'name'] as const;

const text = (value: Row[keyof Row]) => (value === null ? '' : String(value));

function delimited(delimiter: string): Buffer {
  const quoted = (value: string) =>
    /["\n]/.test(value) || value.includes(delimiter) ? `"${value.replaceAll('"', '""')}"` : value;
  const lines = rows.map((row) => columns.map((name) => quoted(text(row[name]))).join(delimiter));
  return Buffer.from(`${columns.join(delimiter)}\n${lines.join('\n')}\n`);
}

const json = (row: Row) =>
  `{${columns.map((name) => `"${name}":${name === 'price' ? row.price : JSON.stringify(row[name])}`).join(',')}}`;
const list = (row: Row) =>
  `[${columns.map((name) => (name === 'price' ? String(row.price) : JSON.stringify(row[name]))).join(',')}]`;

const escaped = (value: string) =>
  value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');

function xml(): Buffer {
  const elements = rows.map((row) => {
    const children = columns.map((name) =>
      row[name] === null ? `<${name}/>` : `<${name}>${escaped(text(row[name]))}</${name}>`,
    );
    return `<row>${children.join('')}</row>`;
  });
  return Buffer.from(`<?xml version="1.0"?>\n<rows>\n${elements.join('\n')}\n</rows>\n`);
}

const dayNumber = (iso: string) => Date.parse(`${iso}Z`) / 86_400_000 + 25_569;

function workbook(bookType: BookType): Buffer {
  const cells = rows.map((row) =>
    columns.map((name) => {
      const value = row[name];
      if (value === null) return null;
      if (name === 'day') return { t: 'n', v: dayNumber(`${row.day}T00:00:00`), z: 'yyyy-mm-dd' };
      if (name === 'at') return { t: 'n', v: dayNumber(row.at ?? ''), z: 'yyyy-mm-dd hh:mm:ss' };
      if (name === 'price') return { t: 'n', v: Number(value), z: '#,##0.00' };
      return value;
    }),
  );
  const book = utils.book_new();
  utils.book_append_sheet(book, utils.aoa_to_sheet([[...columns], ...cells]), 'Data');
  return write(book, { bookType, type: 'buffer' }) as Buffer;
}

async function parquet(): Promise<Buffer> {
  const dir = await mkdtemp(join(tmpdir(), 'bucketql-parquet-'));
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  const values = rows.map(
    ({ id, big, price, day, at, paid, name }) =>
      `(${id}, ${big}::bigint, ${price}::decimal(10, 2), ${day === null ? null : `date '${day}'`},
        ${at === null ? null : `timestamp '${at.replace('T', ' ')}'`}, ${paid}::boolean,
        ${name === null ? null : `'${name}'`})`,
  );
  const path = join(dir, 'rows.parquet');
  await connection.run(
    `copy (select * from (values ${values.join(', ')}) as t(${columns.map((name) => `"${name}"`).join(', ')})) to '${path}' (format parquet)`,
  );
  connection.closeSync();
  const bytes = await readFile(path);
  await rm(dir, { recursive: true });
  return bytes;
}

interface Source {
  readonly file: string;
  readonly format: Record<string, unknown>;
  readonly bytes: () => Buffer | Promise<Buffer>;
}

const sources: Record<string, Source> = {
  CSV: { file: 'rows.csv', format: { type: 'CSV' }, bytes: () => delimited(',') },
  TSV: { file: 'rows.tsv', format: { type: 'TSV' }, bytes: () => delimited('\t') },
  TXT: { file: 'rows.txt', format: { type: 'TXT' }, bytes: () => delimited('|') },
  'JSON array': {
    file: 'rows.json',
    format: { type: 'JSON' },
    bytes: () => Buffer.from(`[\n${rows.map(json).join(',\n')}\n]\n`),
  },
  'JSON lines': {
    file: 'rows.jsonl',
    format: { type: 'JSON' },
    bytes: () => Buffer.from(`${rows.map(json).join('\n')}\n`),
  },
  'JSON document': {
    file: 'document.json',
    format: { type: 'JSON', json: { dataTag: 'data.items' } },
    bytes: () => Buffer.from(`{"meta":{"n":4},"data":{"items":[${rows.map(json).join(',')}]}}`),
  },
  'JSON lists': {
    file: 'lists.json',
    format: { type: 'JSON', json: { dataTag: 'rows', headerTag: 'columns' } },
    bytes: () =>
      Buffer.from(`{"columns":${JSON.stringify(columns)},"rows":[${rows.map(list).join(',')}]}`),
  },
  XML: { file: 'rows.xml', format: { type: 'XML', xml: { xpath: '/rows/row' } }, bytes: xml },
  XLS: { file: 'rows.xls', format: { type: 'XLS' }, bytes: () => workbook('biff8') },
  XLSX: { file: 'rows.xlsx', format: { type: 'XLSX' }, bytes: () => workbook('xlsx') },
  PARQUET: { file: 'rows.parquet', format: { type: 'PARQUET' }, bytes: parquet },
};

const compressions = {
  NONE: (bytes: Buffer) => bytes,
  GZIP: (bytes: Buffer) => gzipSync(bytes),
  ZSTD: zstdOf,
  ZIP: (bytes: Buffer, file: string) =>
    zipOf([
      { name: '__MACOSX/._rows', bytes: Buffer.from('\0\0') },
      { name: `in/${file}`, bytes },
      { name: 'in/README.md', bytes: Buffer.from('# not data') },
    ]),
} as const;

type Compression = keyof typeof compressions;

const every = Object.keys(sources).flatMap((source) =>
  (Object.keys(compressions) as Compression[]).map((compression) => [source, compression] as const),
);

describe('one table in every format', () => {
  let service: TestService;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService();
    connection = await service.connect('formats');
  });
  afterAll(() => service.close());

  it.each(every)('has the same rows and types as %s in %s', async (name, compression) => {
    const source = sources[name];
    if (!source) throw new RangeError(name);
    const dataset = `${name}_${compression}`.toLowerCase().replaceAll(' ', '_');
    const key = `${dataset}/${source.file}`;
    const bytes = compressions[compression](await source.bytes(), source.file);
    await service.sandbox.putObject(service.bucket, key, bytes);
    const run = await importCsv(service, {
      name: dataset,
      connection,
      selection: { prefix: `${dataset}/` },
      format: source.format,
      addFileNameColumn: true,
    });
    expect(run).toMatchObject({
      status: 'SUCCEEDED',
      error: null,
      rowsAdded: '4',
      rowsRejected: '0',
      warnings: [],
    });
    const found = await service.data<Record<string, unknown>>(
      `{ dataset(name: "${dataset}") { columns { source type } }
         rows: ${dataset} { ${columns.join(' ')} _BATCH_FILE_NAME_ } }`,
    );
    expect(found.dataset).toEqual({
      columns: [
        { source: 'id', type: 'INTEGER' },
        { source: 'big', type: 'BIGINT' },
        { source: 'price', type: 'DECIMAL' },
        { source: 'day', type: 'DATE' },
        { source: 'at', type: 'TIMESTAMP' },
        { source: 'paid', type: 'BOOLEAN' },
        { source: 'name', type: 'STRING' },
        { source: '_BATCH_FILE_NAME_', type: 'STRING' },
      ],
    });
    const origin = compression === 'ZIP' ? `${key}!in/${source.file}` : key;
    expect(found.rows).toEqual(
      rows.map((row) => ({
        ...row,
        big: row.big === null ? null : String(row.big),
        _BATCH_FILE_NAME_: origin,
      })),
    );
  });
});
