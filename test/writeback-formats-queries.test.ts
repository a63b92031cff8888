import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ColumnType } from '../src/columns.js';
import { writebackFormats } from '../src/pipeline/writeback-formats.js';
import { randomFrom, type Random } from './support/random.js';
import { receiverOf, type Format, type Receiver } from './support/readers/receiver.js';
import { plainDecimal, shown, type Cell, type ReadColumn } from './support/readers/shown.js';
import { importCsv, startTestService, type TestService } from './support/service.js';

/*
 * A writeback writes what the query with the same words shows: the same rows and groups in the same order. What is asked is
 * random and the same every time; each format gets some of it.
 */

const formats = writebackFormats.map(({ name }) => name);
const timesEach = 4;
const rowCount = 300;

const types = {
  id: 'INTEGER',
  region: 'STRING',
  amount: 'DECIMAL',
  big: 'BIGINT',
  ratio: 'DOUBLE',
  day: 'DATE',
  at: 'TIMESTAMP',
  seen: 'TIMESTAMP_TZ',
  paid: 'BOOLEAN',
} as const satisfies Record<string, ColumnType>;
type Name = keyof typeof types;
const names = Object.keys(types) as Name[];

const conditions = [
  '{}',
  '{ region: { in: ["EU", "größer, \\"weiter\\""] } }',
  '{ region: { isNull: true } }',
  '{ amount: { gt: "0.00" }, paid: { eq: true } }',
  '{ _or: [{ big: { lt: "0" } }, { day: { gte: "2024-06-01" } }] }',
  '{ _not: { at: { lt: "2024-03-01T00:00:00" } } }',
  '{ seen: { gte: "2024-03-31T01:00:00Z" }, ratio: { lte: 2.5 } }',
  '{ id: { eq: -1 } }',
];
const directions = ['ASC', 'DESC', 'ASC_NULLS_FIRST', 'DESC_NULLS_LAST'];

const input = names.map((name) => ({ source: name, type: types[name] }));

function csv(random: Random): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = () => `2024-${two(1 + random(12))}-${two(1 + random(28))}`;
  const time = () => `${two(random(24))}:${two(random(60))}:${two(random(60))}.${random(1e6)}`;
  const values: Record<Name, () => string> = {
    id: () => '',
    region: () => random.pick(['EU', 'US', 'APAC', '"größer, ""weiter"""', '=1+1', '<a&b>']),
    amount: () => `${random.oneIn(3) ? '-' : ''}${random(1000)}.${two(random(100))}`,
    big: () => `${random.oneIn(2) ? '-' : ''}9007199254740${100 + random(900)}`,
    ratio: () => String(random(1000) / 128),
    day,
    at: () => `${day()}T${time()}`,
    seen: () => `${day()}T${time()}+02:00`,
    paid: () => String(random.oneIn(2)),
  };
  const lines = Array.from({ length: rowCount }, (_, row) =>
    names.map((name) => (name === 'id' ? row : random.oneIn(9) ? '' : values[name]())).join(),
  );
  return `${names.join()}\n${lines.join('\n')}\n`;
}

const cases = formats.flatMap((format) =>
  Array.from({ length: timesEach }, (_, time) => ({ format, time })),
);

describe('a writeback', () => {
  let service: TestService;
  let receiver: Receiver;
  let connection: string;
  let written = 0;

  beforeAll(async () => {
    service = await startTestService();
    receiver = receiverOf(service);
    connection = await service.connect('queries');
    await service.sandbox.putObject(service.bucket, 'in/t.csv', csv(randomFrom(7)));
    const run = await importCsv(service, {
      name: 'sales',
      connection,
      selection: { prefix: 'in/' },
      columns: input,
    });
    expect(run).toMatchObject({ error: null, rowsAdded: String(rowCount), rowsRejected: '0' });
  });
  afterAll(async () => {
    await receiver.close();
    await service.close();
  });

  it.each(cases)('of rows equals its query: $format, $time', async ({ format, time }) => {
    const random = randomFrom(1000 * formats.indexOf(format) + time);
    const columns = some(random, names).map((name) => ({ name, type: types[name] }));
    const words = [
      `where: ${random.pick(conditions)}`,
      ...(random.oneIn(4) ? [] : [`orderBy: [${orders(random).join(', ')}]`]),
      ...(random.oneIn(3) ? [] : [`limit: ${random(2) * 10 + random(40)}`]),
    ].join(', ');
    const list = columns.map(({ name }) => name).join(', ');
    const found = await write(
      `writebackSales(columns: [${list}], ${words}, DESTINATION)`,
      format,
      columns,
    );
    // Without a limit a query shows only so many rows, and a writeback has them all.
    const asked = words.includes('limit') ? words : `${words}, limit: ${rowCount}`;
    expect(found).toEqual(as(format, columns, await receiver.shown(`sales(${asked})`, columns)));
  });

  it.each(cases)('of groups equals its query: $format, $time', async ({ format, time }) => {
    const random = randomFrom(5000 * (1 + formats.indexOf(format)) + time);
    const [column, more] = some(random, ['region', 'paid', 'day', 'amount'] as const);
    const bucketed = random.pick(['day', 'at'] as const);
    const unit = random.pick(['YEAR', 'QUARTER', 'MONTH', 'WEEK', 'DAY']);
    const by = [
      `{ column: ${column} }`,
      ...(more ? [`{ column: ${more} }`] : []),
      `{ bucket: { column: ${bucketed}, unit: ${unit} } }`,
    ];
    const order = random.pick([
      '{ count: DESC }',
      '{ sum: { amount: DESC } }',
      '{ max: { at: ASC } }',
    ]);
    const ties = [`{ key: { ${column}: ASC } }`, ...(more ? [`{ key: { ${more}: ASC } }`] : [])];
    const words = [
      `by: [${by.join(', ')}]`,
      `where: ${random.pick(conditions)}`,
      ...(random.oneIn(2) ? ['having: { count: { gte: "2" } }'] : []),
      `orderBy: [${[order, ...ties, '{ bucket: ASC }'].join(', ')}]`,
      `limit: ${1 + random(60)}`,
    ].join(', ');
    const columns: readonly ReadColumn[] = [
      { name: column!, type: types[column!] },
      ...(more ? [{ name: more, type: types[more] }] : []),
      { name: `${bucketed}_${unit.toLowerCase()}`, type: 'TIMESTAMP' },
      { name: 'count', type: 'BIGINT' },
      { name: 'größte & <kleinste> Summe', type: 'DECIMAL' },
      { name: 'avg_ratio', type: 'DOUBLE' },
      { name: '=max', type: 'TIMESTAMP' },
    ];
    const aggregates =
      '{ count: true, sum: { amount: "größte & <kleinste> Summe" }, avg: ["ratio"], max: { at: "=max" } }';
    const found = await write(
      `writebackSalesGroups(${words}, aggregates: ${aggregates}, DESTINATION)`,
      format,
      columns,
    );
    const { salesGroups } = await service.data<{ salesGroups: { groups: Group[] } }>(
      `{ salesGroups(${words}) { groups {
        key { ${[column, more ?? ''].join(' ')} } buckets { start } count sum { amount } avg { ratio } max { at }
      } } }`,
    );
    const rows = salesGroups.groups.map(({ key, buckets, count, sum, avg, max }) =>
      [
        key[column!],
        ...(more ? [key[more]] : []),
        buckets[0]?.start,
        count,
        sum.amount,
        avg.ratio,
        max.at,
      ].map((value, at) => shown(value, columns[at]!.type)),
    );
    expect(found).toEqual(as(format, columns, rows));
  });

  async function write(field: string, format: Format, columns: readonly ReadColumn[]) {
    const fileName = `file-${written++}`;
    const run = await receiver.write(field, { connection, path: 'out', fileName, format });
    expect(run).toMatchObject({ status: 'SUCCEEDED', error: null });
    const { key, rows } = run.objects[0]!;
    const { bytes } = await receiver.fetch(key);
    const name = key.slice('out/'.length);
    const found = await receiver.read({ name, bytes }, format, 'NONE', columns);
    expect(found.columns ?? []).toEqual(found.columns ? columns.map((one) => one.name) : []);
    expect(rows).toBe(String(found.rows.length));
    return found.rows;
  }
});

interface Group {
  readonly key: Readonly<Partial<Record<Name, unknown>>>;
  readonly buckets: readonly { readonly start: string }[];
  readonly count: string;
  readonly sum: { readonly amount: string | null };
  readonly avg: { readonly ratio: number | null };
  readonly max: { readonly at: string | null };
}

/** Some of the items, at least one, in another order. */
function some<T>(random: Random, items: readonly T[]): T[] {
  const left = [...items];
  const count = 1 + random(items.length);
  return Array.from({ length: count }, () => left.splice(random(left.length), 1)[0]!);
}

function orders(random: Random): string[] {
  const columns = some(random, names.slice(1)).slice(0, 2);
  return [...columns, 'id'].map((name) => `{ ${name}: ${random.pick(directions)} }`);
}

// Numbers of a workbook have no zeros at their ends.
function as(format: Format, columns: readonly ReadColumn[], rows: readonly (readonly Cell[])[]) {
  if (format !== 'XLSX') return rows;
  return rows.map((row) =>
    row.map((cell, at) =>
      cell !== null && columns[at]?.type === 'DECIMAL' ? plainDecimal(cell) : cell,
    ),
  );
}
