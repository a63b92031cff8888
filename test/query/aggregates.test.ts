import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { compile } from '../../src/query/compile.js';
import {
  columnAggregateNames,
  type Aggregate,
  type AggregateQuery,
  type ColumnAggregateName,
  type Filter,
} from '../../src/query/query.js';
import { toStatement } from '../../src/sql.js';
import { compare, createEverything, everything, openDatabase, type Database } from './database.js';

const query = (aggregates: readonly Aggregate[], where?: Filter): AggregateQuery => ({
  kind: 'aggregate',
  from: everything,
  aggregates,
  ...(where ? { where } : {}),
});
const over = (kind: ColumnAggregateName, column: string): Aggregate => ({ kind, column, as: kind });
const sqlOf = (aggregate: Aggregate) =>
  /^select (.*) as "[^"]*" from /.exec(
    toStatement(compile(query([aggregate]), duckdbDialect)).sql,
  )?.[1];

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.execute(createEverything);
});
afterAll(() => database.close());
const values = async (aggregates: readonly Aggregate[], where?: Filter) =>
  (await database.query(query(aggregates, where)))[0];
const finite = compare('id', 'in', [1, 5]);
const none = compare('id', 'in', []);

describe('the SQL of aggregates', () => {
  it.each<[Aggregate, string]>([
    [{ kind: 'count', as: 'n' }, 'count(*)'],
    [over('countNonNull', 'extra'), 'count(t."extra")'],
    [over('countDistinct', 'extra'), 'count(distinct t."extra")'],
    [over('approxCountDistinct', 'name'), 'approx_count_distinct(t."name")'],
    [over('sum', 'small'), 'cast(sum(t."small") as decimal(38, 0))'],
    [over('sum', 'big'), 'cast(sum(t."big") as decimal(38, 0))'],
    [over('sum', 'amount'), 'sum(t."amount")'],
    [over('sum', 'score'), 'sum(t."score")'],
    [over('avg', 'big'), 'cast(cast(sum(t."big") as decimal(38, 0)) as double) / count(t."big")'],
    [over('avg', 'score'), 'avg(cast(t."score" as double))'],
    [over('min', 'instant'), 'min(t."instant")'],
    [over('max', 'flag'), 'max(t."flag")'],
    [over('stddev', 'big'), 'stddev_samp(cast(t."big" as double))'],
    [
      over('stddev', 'score'),
      `case when max(abs(t."score")) < '1e150'::double then stddev_samp(t."score") filter (where abs(t."score") < '1e150'::double) end`,
    ],
    [over('median', 'amount'), `quantile_cont(cast(t."amount" as double), cast('0.5' as double))`],
    [
      { kind: 'quantile', column: 'small', q: 0.25, as: 'q' },
      `quantile_cont(cast(t."small" as double), cast('0.25' as double))`,
    ],
  ])('%j', (aggregate, sql) => expect(sqlOf(aggregate)).toBe(sql));
});

describe('aggregates', () => {
  it('count rows, values and distinct values', async () => {
    expect(
      await values([
        { kind: 'count', as: 'n' },
        over('countNonNull', 'flag'),
        over('countDistinct', 'amount'),
        over('approxCountDistinct', 'flag'),
        over('countDistinct', 'score'),
      ]),
    ).toEqual(['5', '3', '3', '2', '4']);
  });

  it('add up without overflow and without rounding', async () => {
    await database.execute(
      `create or replace table large as select 9223372036854775807 as big, 0.1::decimal(18, 1) as tenth from range(1000)`,
    );
    const large = {
      segments: [{ table: 'large' }],
      columns: [
        { name: 'big', source: '', type: 'BIGINT', nullable: false },
        {
          name: 'tenth',
          source: '',
          type: 'DECIMAL',
          nullable: false,
          decimal: { precision: 18, scale: 1 },
        },
      ],
    } as const;
    const sums = [over('sum', 'big'), over('sum', 'tenth')];
    expect(await database.query({ kind: 'aggregate', from: large, aggregates: sums })).toEqual([
      ['9223372036854775807000', '100.0'],
    ]);
  });

  it('over no rows count 0 and are null otherwise', async () => {
    const all = columnAggregateNames.map((kind) => over(kind, 'amount'));
    expect(await values([{ kind: 'count', as: 'n' }, ...all], none)).toEqual([
      '0',
      '0',
      '0',
      '0',
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  it('find the smallest and the largest of every type but JSON', async () => {
    const min = everything.columns
      .filter(({ type }) => type !== 'JSON')
      .map(({ name }) => over('min', name));
    expect(await values(min)).toEqual([
      1,
      false,
      -2147483648,
      '-9223372036854775808',
      '-0.05',
      0.1,
      '',
      '0001-01-01',
      '00:00:00',
      '1969-12-31 23:59:59.000001',
      '1960-01-01 00:00:00+00',
    ]);
  });

  it('interpolate in doubles, decimals too', async () => {
    expect(
      await values(
        [
          over('avg', 'amount'),
          over('median', 'amount'),
          over('stddev', 'amount'),
          { kind: 'quantile', column: 'amount', q: 0.25, as: 'q' },
        ],
        compare('id', 'in', [1, 2]),
      ),
    ).toEqual([0.59, 0.59, expect.closeTo(0.9050966799), expect.closeTo(0.27)]);
    expect(
      await values(
        [0, 1].map((q) => ({ kind: 'quantile', column: 'small', q, as: `q${q}` }) as const),
      ),
    ).toEqual([-2147483648, 2147483647]);
  });

  it('answer with no spread where a double leaves the computable range', async () => {
    expect(await values([over('stddev', 'score')])).toEqual([null]);
    expect(await values([over('stddev', 'score')], finite)).toEqual([null]);
    await database.execute(
      `create or replace table doubles as select unnest([1, 3]::double[]) as score`,
    );
    const from = {
      segments: [{ table: 'doubles' }],
      columns: everything.columns.filter(({ name }) => name === 'score'),
    };
    expect(
      await database.query({ kind: 'aggregate', from, aggregates: [over('stddev', 'score')] }),
    ).toEqual([[expect.closeTo(Math.SQRT2)]]);
  });

  it.each<[Aggregate, RegExp]>([
    [over('sum', 'name'), /Column name is STRING; sum takes INTEGER, BIGINT, DECIMAL, DOUBLE/],
    [over('avg', 'day'), /Column day is DATE; avg takes/],
    [over('median', 'flag'), /Column flag is BOOLEAN; median takes/],
    [over('min', 'extra'), /Column extra is JSON; min takes BOOLEAN/],
    [{ kind: 'quantile', column: 'small', q: 1.1, as: 'q' }, /q is 1.1, expected 0 to 1/],
    [{ kind: 'quantile', column: 'small', q: -0.1, as: 'q' }, /expected 0 to 1/],
    [{ kind: 'quantile', column: 'small', q: Number.NaN, as: 'q' }, /q is NaN/],
  ])('refuse %j', (aggregate, message) => {
    expect(() => sqlOf(aggregate)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(message) }),
    );
  });
});
