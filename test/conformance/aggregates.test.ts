import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { columnAggregateNames } from '../../src/query/query.js';
import { column } from '../graphql/tables/support.js';
import { openAnswers, type Answers, type Layout, type Tested } from './answers.js';
import { createEvery, every, everySegments, none } from './every.js';

/** Numbers at the ends of their types, by `kind`. */
const edges: Tested = {
  name: 'edges',
  columns: [
    column('kind', 'STRING'),
    column('big', 'BIGINT'),
    column('exact', 'DECIMAL', { decimal: { precision: 18, scale: 2 } }),
    column('wide', 'DECIMAL', { decimal: { precision: 38, scale: 2 } }),
    column('rough', 'DOUBLE'),
    column('ratio', 'DECIMAL', { decimal: { precision: 4, scale: 4 } }),
    column('part', 'DECIMAL', { decimal: { precision: 38, scale: 38 } }),
  ],
  primaryKey: [],
  origin: 's3://acme/edges/*.parquet',
};
const createEdges = `
  create table edges (kind varchar, big bigint, exact decimal(18, 2), wide decimal(38, 2), rough double, ratio decimal(4, 4), part decimal(38, 38));
  insert into edges (kind, ratio, part) values ('ratios', 0.5, 0.5), ('ratios', -0.25, -0.25), ('ratios', 0, 0);
  insert into edges (kind, big) values ('large', 9223372036854775807), ('large', 9223372036854775807), ('large', 3);
  insert into edges (kind, big) values ('far', 9223372036854775807), ('far', -9223372036854775808), ('far', 1), ('far', 0);
  insert into edges (kind, exact) values ('tenths', 0.10), ('tenths', 0.20);
  insert into edges (kind, exact) values ('long', 9999999999999999.99), ('long', 9999999999999999.99);
  insert into edges (kind, wide) values
    ('38 digits', 999999999999999999999999999999999999.98), ('38 digits', 0.01),
    ('39 digits', 999999999999999999999999999999999999.99), ('39 digits', 0.01),
    ('39 below', -999999999999999999999999999999999999.99), ('39 below', -0.01),
    ('beyond', 999999999999999999999999999999999999.99), ('beyond', 999999999999999999999999999999999999.99);
  insert into edges (kind, rough) values
    ('plain', 1), ('plain', 2), ('plain', 4), ('not a number', 1), ('not a number', 'nan'),
    ('infinite', 1), ('infinite', 'infinity'), ('both infinite', 'infinity'), ('both infinite', '-infinity'),
    ('large double', 1.7e308), ('large double', 1.7e308), ('zeros', '0.0'), ('zeros', '-0.0');`;

let answers: Answers;
beforeAll(async () => {
  answers = await openAnswers(createEvery() + createEdges, [
    { ...every, segments: everySegments },
    none,
    edges,
  ]);
});
afterAll(() => answers?.close());

const all = every.columns.map(({ name }) => name);
const comparable = all.filter((name) => name !== 'tree');
// wide and rough have sums and spreads of their own, below.
const numbers = ['id', 'small', 'big', 'exact'];

/** Each measure: its field, the columns it is asked of, and its SQL. */
const measures: readonly [
  field: string,
  columns: readonly string[],
  sql: (column: string) => string,
][] = [
  ['countNonNull', all, (name) => `count(${name})`],
  ['countDistinct', all, (name) => `count(distinct ${name})`],
  ['approxCountDistinct', all, (name) => `approx_count_distinct(${name})`],
  ['sum', numbers, (name) => `sum(${name})`],
  // Not avg: it adds up in floating-point numbers where the type allows.
  ['avg', numbers, (name) => `cast(sum(${name}) as double) / nullif(count(${name}), 0)`],
  ['min', comparable, (name) => `min(${name})`],
  ['max', comparable, (name) => `max(${name})`],
  ['stddev', numbers, (name) => `stddev_samp(${name})`],
  ['median', [...numbers, 'wide'], (name) => `median(${name}::double)`],
  ['zero: quantile(q: 0)', numbers, (name) => `min(${name})::double`],
  ['half: quantile(q: 0.5)', numbers, (name) => `median(${name}::double)`],
  ['most: quantile(q: 0.9)', numbers, (name) => `quantile_cont(${name}::double, 0.9)`],
  ['one: quantile(q: 1)', numbers, (name) => `max(${name})::double`],
];

const labels = measures.flatMap(([field, columns]) =>
  columns.map((name) => [field.replace(/:.*/, ''), name] as const),
);
const selection = measures.map(([field, columns]) => `${field} { ${columns.join(' ')} }`).join(' ');
const sums = measures
  .flatMap(([, columns, sql]) => columns.map(sql))
  .map((sql, index) => `${sql} as c${index}`)
  .join(', ');

/** Floating-point numbers may differ by the order in which they were added up. */
function near(value: unknown): unknown {
  return typeof value === 'number' && !Number.isSafeInteger(value)
    ? Number(value.toPrecision(9))
    : value;
}

type Measured = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

describe('every aggregate of every type', () => {
  it('is asked for here', () => {
    expect(new Set(measures.map(([field]) => field.replace(/^\w+: |\(.*/g, '')))).toEqual(
      new Set([...columnAggregateNames, 'quantile']),
    );
  });

  it.each<[string, string, string, string, Layout]>([
    ['over all rows', 'every', '', 'every', 'whole'],
    ['over rows in segments', 'every', '', 'every', 'segments'],
    ['over some rows', 'every', '(where: { flag: { eq: true } })', 'every where flag', 'segments'],
    ['over one row', 'every', '(where: { id: { eq: 84 } })', 'every where id = 84', 'whole'],
    ['over no rows', 'every', '(where: { id: { lt: 0 } })', 'every where id < 0', 'segments'],
    ['over an empty table', 'none', '', 'none', 'whole'],
    ...numbers
      .slice(1)
      .map((name): [string, string, string, string, Layout] => [
        `over nulls of ${name}`,
        'every',
        `(where: { ${name}: { isNull: true } })`,
        `every where ${name} is null`,
        'whole',
      ]),
  ])('%s', async (_, dataset, argument, from, layout) => {
    const [counted, ...expected] = (
      await answers.truth(`select count(*) as n, ${sums} from ${from}`)
    )[0] as unknown[];
    const data = await answers.ask(`{ a: ${dataset}Aggregate${argument} { count ${selection} } }`, {
      layout,
    });
    const { count, ...found } = data.a as Measured & { count: unknown };
    expect(count).toBe(counted);
    expect(
      labels.map(([field, name]) => [field, name, near((found as Measured)[field]?.[name])]),
    ).toEqual(labels.map(([field, name], index) => [field, name, near(expected[index])]));
  });
});

/** The aggregate of one kind of edges. */
async function edge(kind: string, fields: string): Promise<Record<string, unknown>> {
  const data = await answers.ask(
    `{ a: edgesAggregate(where: { kind: { eq: "${kind}" } }) { ${fields} } }`,
  );
  const measured = data.a as Measured;
  return Object.fromEntries(
    Object.entries(measured).map(([field, values]) => [field, Object.values(values)[0]]),
  );
}

describe('sums', () => {
  it('of whole numbers go beyond 64 bits', async () => {
    expect(await edge('large', 'sum { big }')).toEqual({ sum: '18446744073709551617' });
  });

  it('of decimals are exact up to 38 digits', async () => {
    expect(await edge('long', 'sum { exact }')).toEqual({ sum: '19999999999999999.98' });
    expect(await edge('38 digits', 'sum { wide }')).toEqual({
      sum: '999999999999999999999999999999999999.99',
    });
  });

  it.each(['39 digits', '39 below', 'beyond'])('of %s are refused', async (kind) => {
    const where = `where: { kind: { eq: "${kind}" } }`;
    const refused = await Promise.all(
      [
        `{ edgesAggregate(${where}) { sum { wide } } }`,
        `{ edgesGroups(${where}, by: { column: kind }) { groups { sum { wide } } } }`,
        `{ edgesGroups(${where}, by: { column: kind }, having: { sum: { wide: { gt: 0 } } }) { totalGroups } }`,
        `{ edgesGroups(${where}, by: { column: kind }, orderBy: { sum: { wide: ASC } }) { groups { count } } }`,
      ].map((operation) => answers.refusal(operation)),
    );
    expect(refused).toEqual(['INVALID_INPUT', 'INVALID_INPUT', 'INVALID_INPUT', 'INVALID_INPUT']);
  });
});

describe('decimals without a digit before the point', () => {
  it('are written with a zero, which arguments need', async () => {
    const data = await answers.ask(
      `{ edges(where: { kind: { eq: "ratios" } }) { ratio part }
         found: edges(where: { ratio: { lt: "0.0000" }, part: { eq: "-0.25" } }) { ratio } }`,
    );
    const zeros = (text: string) => text.padEnd(text.startsWith('-') ? 41 : 40, '0');
    expect(data).toEqual({
      edges: [
        { ratio: '0.5000', part: zeros('0.5') },
        { ratio: '-0.2500', part: zeros('-0.25') },
        { ratio: '0.0000', part: zeros('0.') },
      ],
      found: [{ ratio: '-0.2500' }],
    });
    expect(await edge('ratios', 'sum { part } min { ratio }')).toEqual({
      sum: zeros('0.25'),
      min: '-0.2500',
    });
  });
});

describe('averages', () => {
  it('of whole numbers and decimals are the exact sum by the count', async () => {
    expect(await edge('tenths', 'avg { exact } median { exact }')).toEqual({
      avg: 0.15,
      median: expect.closeTo(0.15),
    });
    expect(await edge('far', 'avg { big }')).toEqual({ avg: 0 });
  });

  it('of numbers whose sum has more than 38 digits are there all the same', async () => {
    expect(await edge('beyond', 'avg { wide }')).toEqual({ avg: 1e36 });
  });
});

describe('floating-point numbers', () => {
  const fields =
    'sum { rough } avg { rough } min { rough } max { rough } stddev { rough } median { rough } q: quantile(q: 0.25) { rough }';
  const nothing = { sum: null, avg: null, stddev: null, median: null, q: null };

  it.each<[string, Record<string, number | null>]>([
    [
      'plain',
      { sum: 7, avg: 7 / 3, min: 1, max: 4, stddev: 1.5275252316519465, median: 2, q: 1.5 },
    ],
    ['not a number', { ...nothing, min: 1, max: null }],
    ['infinite', { ...nothing, min: 1, max: null }],
    ['both infinite', { ...nothing, min: null, max: null }],
    ['large double', { ...nothing, min: 1.7e308, max: 1.7e308, median: 1.7e308, q: 1.7e308 }],
    ['zeros', { sum: 0, avg: 0, min: 0, max: 0, stddev: 0, median: 0, q: 0 }],
  ])('%s are null where the result is no number', async (kind, expected) => {
    const found = await edge(kind, fields);
    // JSON has -0, which is 0.
    expect(
      Object.fromEntries(
        Object.entries(found).map(([name, value]) => [name, value === 0 ? 0 : value]),
      ),
    ).toEqual(expected);
  });

  it('count -0 as 0 and NaN as one value', async () => {
    expect(await edge('zeros', 'countDistinct { rough } countNonNull { rough }')).toEqual({
      countDistinct: '1',
      countNonNull: '2',
    });
    expect(await edge('not a number', 'countDistinct { rough } countNonNull { rough }')).toEqual({
      countDistinct: '2',
      countNonNull: '2',
    });
  });
});
