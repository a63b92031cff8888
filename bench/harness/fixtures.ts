import { DuckDBInstance } from '@duckdb/node-api';
import { createReadStream, createWriteStream } from 'node:fs';
import { access, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { linesOf, writeOrders, writeWorkbook, writeXml } from './format-fixtures.js';

/** Files to load: made once for each scale with a fixed seed, and kept. */
export interface Fixtures {
  readonly rows: number;
  /** All rows in one file. At scale 1: 10 million rows, 1 GB. */
  one(): Promise<string>;
  /** The same rows in 20 files. */
  parts(): Promise<string[]>;
  /** The same rows in 100 files. */
  hundredths(): Promise<string[]>;
  /** The first tenth of the rows: at scale 1, a million rows and 100 MB. */
  tenth(): Promise<string>;
  gzipped(path: string): Promise<string>;
  /** Orders with lists of lines, nested in one document and as lines. At scale 1 about 0.5 GB each. */
  orders(): Promise<{ readonly nested: string; readonly lines: string; readonly rows: number }>;
  /** Flat records with attributes. At scale 1 about 200 MB. */
  xml(): Promise<{ readonly path: string; readonly rows: number }>;
  /** At scale 1: 200,000 rows of 10 cells. */
  workbook(): Promise<{ readonly path: string; readonly rows: number }>;
}

/** The columns as a reader that knows their types would name them. Ten, of mixed types. */
export const columnTypes = {
  id: 'INTEGER',
  ordered_at: 'TIMESTAMP',
  day: 'DATE',
  customer: 'INTEGER',
  region: 'VARCHAR',
  sku: 'VARCHAR',
  quantity: 'INTEGER',
  price: 'DECIMAL(10,2)',
  paid: 'BOOLEAN',
  note: 'VARCHAR',
} as const;

const partCount = 20;

/** How many customers there are: each has about 100 rows. */
export const customerCount = (rows: number) => Math.max(1, Math.floor(rows / 100));

/** Makes what is asked for in a folder, unless it is there. */
export function fixturesIn(dir: string, rows: number): Fixtures {
  const made = async (name: string, make: (path: string) => Promise<void>) => {
    const path = join(dir, name);
    const there = await access(path).then(
      () => true,
      () => false,
    );
    if (!there) {
      await mkdir(dir, { recursive: true });
      await make(`${path}.part`);
      await rename(`${path}.part`, path);
    }
    return path;
  };
  const csv = (name: string, from: number, to: number) =>
    made(name, (path) => writeRows(path, { from, to, customers: customerCount(rows) }));
  const pieces = async (name: string, count: number) => {
    const paths: string[] = [];
    for (let piece = 0; piece < count; piece++) {
      const from = Math.floor((rows * piece) / count);
      const to = Math.floor((rows * (piece + 1)) / count);
      paths.push(await csv(`${name}-${String(piece).padStart(2, '0')}.csv`, from, to));
    }
    return paths;
  };
  return {
    rows,
    one: () => csv('one.csv', 0, rows),
    parts: () => pieces('part', partCount),
    hundredths: () => pieces('hundredth', 100),
    tenth: () => csv('tenth.csv', 0, Math.ceil(rows / 10)),
    async orders() {
      const orders = Math.ceil(rows / 10);
      const nested = join(dir, 'orders.json');
      // Written together, so whoever has the lines has the document.
      const lines = await made('orders.ndjson', (path) => writeOrders(nested, path, orders));
      return { nested, lines, rows: linesOf(orders) };
    },
    async xml() {
      const records = Math.ceil(rows * 0.07);
      const path = await made('orders.xml', (target) => writeXml(target, records));
      return { path, rows: records };
    },
    async workbook() {
      const count = Math.ceil(rows * 0.02);
      const path = await made('orders.xlsx', (target) => writeWorkbook(target, count));
      return { path, rows: count };
    },
    gzipped: (path) =>
      made(`${path.slice(dir.length + 1)}.gz`, (target) =>
        pipeline(createReadStream(path), createGzip(), createWriteStream(target)),
      ),
  };
}

// hash() is the same on every machine, and its second argument is the seed.
async function writeRows(
  path: string,
  range: { readonly from: number; readonly to: number; readonly customers: number },
): Promise<void> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const pick = (seed: number, count: number) => `(hash(i, ${seed}) % ${count})::integer`;
  await connection.run(`
    copy (
      select i::integer as id,
        timestamp '2021-01-01 00:00:00' + to_seconds(${pick(1, 126_230_400)}) as ordered_at,
        date '2021-01-01' + ${pick(2, 1461)} as day,
        ${pick(3, range.customers)} as customer,
        'region-' || lpad(${pick(4, 50)}::varchar, 2, '0') as region,
        'SKU-' || lpad(${pick(5, 100_000)}::varchar, 8, '0') as sku,
        ${pick(6, 100)} as quantity,
        (${pick(7, 1_000_000)} / 100)::decimal(10, 2) as price,
        ${pick(8, 2)} = 1 as paid,
        left(md5(i::varchar), 16) as note
      from range(${range.from}, ${range.to}) as numbers(i)
    ) to '${path}' (format csv, header true)`);
  connection.closeSync();
  instance.closeSync();
}
