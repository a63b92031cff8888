import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { messageOf } from '../../src/errors.js';
import { compile } from '../../src/query/compile.js';
import type {
  Aggregate,
  GroupKey,
  GroupMeasure,
  GroupOrdering,
  GroupsQuery,
  HavingFilter,
  OperatorName,
  Source,
  TimeUnit,
  Value,
} from '../../src/query/query.js';
import { toStatement } from '../../src/sql.js';
import { column, compare, openDatabase, type Database } from './database.js';

const from: Source = {
  segments: [{ table: 'sales' }],
  columns: [
    column('region', 'STRING'),
    column('amount', 'DECIMAL', [10, 2]),
    column('quantity', 'BIGINT'),
    column('weight', 'DOUBLE'),
    column('day', 'DATE'),
    column('local', 'TIMESTAMP'),
    column('instant', 'TIMESTAMP_TZ'),
    column('clock', 'TIME'),
    column('extra', 'JSON'),
  ],
};

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.execute(`
    create table sales (region varchar, amount decimal(10, 2), quantity bigint, weight double, "day" date,
      local timestamp, instant timestamptz, clock time, extra json);
    insert into sales values
      ('north', 10.10, 9223372036854775807, 1.5, '2024-01-31', '2024-01-31 23:59:59', '2024-03-30 23:30:00+00', '10:00', '1'),
      ('north', 20.20, 9223372036854775807, null, '2024-02-01', '2024-02-01 00:00:00', '2024-03-31 00:30:00+00', '11:00', '1'),
      ('south', 30.30, 1, 'nan', '2024-02-04', '2024-02-04 12:00:00', '2024-03-31 01:30:00+00', '12:00', '2'),
      ('south', null, null, 'inf', '2024-02-05', '2024-02-05 12:00:00', '2024-03-31 21:59:59+00', '13:00', null),
      (null, -0.01, -1, -2, '2024-05-01', '2024-05-01 12:00:00', '2024-03-31 22:00:00+00', null, null),
      ('', null, null, null, null, null, null, null, null);
  `);
});
afterAll(() => database.close());

const by = (name: string): GroupKey => ({ kind: 'column', column: name, as: name });
const bucket = (name: string, unit: TimeUnit, timezone = 'UTC', fillGaps = false): GroupKey => ({
  kind: 'bucket',
  column: name,
  unit,
  timezone,
  fillGaps,
  as: `${name} ${unit}`,
});
const count: Aggregate = { kind: 'count', as: 'count' };
const groups = (query: Partial<GroupsQuery>): GroupsQuery => ({
  kind: 'groups',
  from,
  by: [by('region')],
  aggregates: [count],
  orderBy: [],
  ...query,
});
const statement = (query: Partial<GroupsQuery>) =>
  toStatement(compile(groups(query), duckdbDialect));
const rows = (query: Partial<GroupsQuery>) => database.query(groups(query));
const having = (
  measure: GroupMeasure,
  operator: OperatorName,
  value: Value | readonly Value[],
): HavingFilter => ({ kind: 'compare', measure, operator, value });
const descending = { descending: true, nulls: 'last' } as const;
const ascending = { descending: false, nulls: 'last' } as const;

describe('the SQL of groups', () => {
  it('is one scan by ordinals, a filter on its columns, and an order that has no ties', () => {
    expect(
      statement({
        where: compare('amount', 'gt', '0'),
        aggregates: [count, { kind: 'sum', column: 'amount', as: 'region' }],
        having: having({ kind: 'sum', column: 'amount' }, 'gte', '10.001'),
        orderBy: [{ by: 'measure', measure: { kind: 'max', column: 'day' }, ...descending }],
        limit: 10,
      }),
    ).toEqual({
      sql:
        'with grouped as (select t."region" as "k0", count(*) as "a0", sum(t."amount") as "a1", max(t."day") as "a2"' +
        ' from "sales" as t where t."amount" > cast($1 as decimal(10, 2)) group by 1),' +
        ' kept as (select g.* from grouped as g where g."a1" > cast($2 as decimal(38, 2)))' +
        ' select g."k0" as "region", g."a0" as "count", g."a1" as "region" from kept as g' +
        ' order by g."a2" desc nulls last, g."k0" asc nulls last limit 10',
      parameters: ['0.00', '10.00'],
    });
  });

  it('takes buckets in the time zone of the key', () => {
    const select = (key: GroupKey) =>
      /select (.*?) as "k0"/.exec(statement({ by: [key], aggregates: [] }).sql)?.[1];
    expect(select(bucket('instant', 'DAY'))).toBe(
      `date_trunc('day', make_timestamp(epoch_us(t."instant")))`,
    );
    expect(select(bucket('instant', 'WEEK', 'europe/berlin'))).toBe(
      `date_trunc('week', timezone('Europe/Berlin', t."instant"))`,
    );
    expect(select(bucket('day', 'QUARTER', 'Europe/Berlin'))).toBe(
      `date_trunc('quarter', cast(t."day" as timestamp))`,
    );
  });

  it('adds the buckets that are missing', () => {
    expect(statement({ by: [bucket('day', 'MONTH', 'UTC', true), by('region')] }).sql).toContain(
      ' filled as (select g.* from grouped as g union all select b."k0", o."k1", cast(0 as bigint)' +
        ' from (select s."start" as "k0" from (select min(g."k0") as first, max(g."k0") as last from grouped as g where isfinite(g."k0")) as b,' +
        ` generate_series(b.first, case when date_diff('month', b.first, b.last) >= 1000000 then error('fillGaps would make more than 1000000 buckets; use a wider unit or filter the time') else b.last end, interval '1 month') as "s"("start")) as b, (select distinct g."k1" from grouped as g) as o` +
        ' where not exists (select 1 from grouped as g where g."k0" = b."k0" and g."k1" is not distinct from o."k1")),',
    );
  });
});

describe('groups', () => {
  it('come in the order of their keys, nulls last, and keep empty text and NULL apart', async () => {
    expect(await rows({})).toEqual([
      ['', '1'],
      ['north', '2'],
      ['south', '2'],
      [null, '1'],
    ]);
    expect(await rows({ by: [by('extra')] })).toEqual([
      ['1', '2'],
      ['2', '1'],
      [null, '3'],
    ]);
  });

  it('are ordered by key, measure and bucket, ties by the keys', async () => {
    const regions = async (...orderBy: GroupOrdering[]) =>
      (await rows({ orderBy })).map(([region]) => region);
    expect(
      await regions({ by: 'key', column: 'region', descending: true, nulls: 'first' }),
    ).toEqual([null, 'south', 'north', '']);
    expect(await regions({ by: 'measure', measure: { kind: 'count' }, ...descending })).toEqual([
      'north',
      'south',
      '',
      null,
    ]);
    const sum = { kind: 'sum', column: 'amount' } as const;
    expect(
      await regions({ by: 'measure', measure: sum, descending: false, nulls: 'first' }),
    ).toEqual(['', null, 'north', 'south']);
    expect(
      await rows({
        by: [by('region'), bucket('day', 'MONTH')],
        orderBy: [{ by: 'bucket', ...descending }],
        aggregates: [],
      }),
    ).toEqual([
      [null, '2024-05-01 00:00:00'],
      ['north', '2024-02-01 00:00:00'],
      ['south', '2024-02-01 00:00:00'],
      ['north', '2024-01-01 00:00:00'],
      ['', null],
    ]);
  });

  it('are filtered by measures, in the output or not', async () => {
    const regions = async (filter: HavingFilter) =>
      (await rows({ having: filter })).map(([region]) => region);
    expect(await regions(having({ kind: 'count' }, 'gt', '1'))).toEqual(['north', 'south']);
    expect(await regions(having({ kind: 'sum', column: 'amount' }, 'eq', '30.30'))).toEqual([
      'north',
      'south',
    ]);
    expect(await regions(having({ kind: 'sum', column: 'amount' }, 'lt', '30.3'))).toEqual([null]);
    expect(
      await regions(having({ kind: 'sum', column: 'quantity' }, 'eq', '18446744073709551614')),
    ).toEqual(['north']);
    expect(await regions(having({ kind: 'avg', column: 'amount' }, 'lt', 0))).toEqual([null]);
    expect(await regions(having({ kind: 'max', column: 'region' }, 'startsWith', 'n'))).toEqual([
      'north',
    ]);
    expect(await regions(having({ kind: 'min', column: 'day' }, 'isNull', true))).toEqual(['']);
    expect(
      await regions({
        kind: 'not',
        filter: {
          kind: 'or',
          filters: [
            having({ kind: 'max', column: 'day' }, 'gte', '2024-02-05'),
            having({ kind: 'count' }, 'in', ['1']),
          ],
        },
      }),
    ).toEqual(['north']);
  });

  it('are cut after they are ordered', async () => {
    expect(await rows({ limit: 2, offset: 1 })).toEqual([
      ['north', '2'],
      ['south', '2'],
    ]);
  });

  it('of no rows are none', async () => {
    expect(await rows({ where: compare('region', 'in', []) })).toEqual([]);
    expect(
      await rows({
        by: [bucket('day', 'DAY', 'UTC', true)],
        where: compare('region', 'in', []),
      }),
    ).toEqual([]);
  });
});

describe('buckets', () => {
  const starts = async (key: GroupKey) =>
    (await rows({ by: [key] })).map(([start, n]) => [start, Number(n)]);

  it('begin weeks on Monday', async () => {
    expect(await starts(bucket('day', 'WEEK'))).toEqual([
      ['2024-01-29 00:00:00', 3],
      ['2024-02-05 00:00:00', 1],
      ['2024-04-29 00:00:00', 1],
      [null, 1],
    ]);
  });

  it.each<[TimeUnit, string]>([
    ['YEAR', '2024-01-01 00:00:00'],
    ['QUARTER', '2024-04-01 00:00:00'],
    ['MONTH', '2024-05-01 00:00:00'],
    ['DAY', '2024-05-01 00:00:00'],
    ['HOUR', '2024-05-01 12:00:00'],
    ['MINUTE', '2024-05-01 12:00:00'],
  ])('%s', async (unit, start) => {
    expect((await starts(bucket('local', unit))).at(-2)?.[0]).toBe(start);
  });

  it('of local times ignore the time zone', async () => {
    expect(await starts(bucket('local', 'DAY', 'Asia/Tokyo'))).toEqual(
      await starts(bucket('local', 'DAY')),
    );
  });

  it('of instants are days as the clocks of the zone show them, on the day that has 23 hours', async () => {
    expect(await starts(bucket('instant', 'DAY'))).toEqual([
      ['2024-03-30 00:00:00', 1],
      ['2024-03-31 00:00:00', 4],
      [null, 1],
    ]);
    // Berlin: the 31st is from 23:00Z to 22:00Z.
    expect(await starts(bucket('instant', 'DAY', 'Europe/Berlin'))).toEqual([
      ['2024-03-31 00:00:00', 4],
      ['2024-04-01 00:00:00', 1],
      [null, 1],
    ]);
    await database.execute(`set TimeZone = 'Asia/Tokyo'`);
    try {
      expect((await starts(bucket('instant', 'DAY')))[0]).toEqual(['2024-03-30 00:00:00', 1]);
    } finally {
      await database.execute(`set TimeZone = 'UTC'`);
    }
  });

  it.each(['Mars/Olympus', '', '+01:00', `'; drop table sales; --`])(
    'refuse the time zone %j',
    (timezone) => {
      expect(() => statement({ by: [bucket('instant', 'DAY', timezone)] })).toThrow(
        expect.objectContaining({
          code: 'INVALID_INPUT',
          message: expect.stringContaining(JSON.stringify(timezone)),
        }),
      );
    },
  );

  it('know every time zone that the runtime knows', async () => {
    const zones = Intl.supportedValuesOf('timeZone').filter((_, index) => index % 20 === 0);
    for (const zone of zones) {
      expect(await starts(bucket('instant', 'YEAR', zone))).toHaveLength(2);
    }
  });
});

describe('gaps', () => {
  it('between the first and the last bucket are filled with groups of no rows', async () => {
    expect(
      await rows({
        by: [bucket('day', 'MONTH', 'UTC', true)],
        aggregates: [
          count,
          { kind: 'countDistinct', column: 'region', as: 'regions' },
          { kind: 'sum', column: 'amount', as: 'sum' },
          { kind: 'min', column: 'region', as: 'min' },
        ],
      }),
    ).toEqual([
      ['2024-01-01 00:00:00', '1', '1', '10.10', 'north'],
      ['2024-02-01 00:00:00', '3', '2', '50.50', 'north'],
      ['2024-03-01 00:00:00', '0', '0', null, null],
      ['2024-04-01 00:00:00', '0', '0', null, null],
      ['2024-05-01 00:00:00', '1', '0', '-0.01', null],
      [null, '1', '1', null, ''],
    ]);
  });

  it('are filled for each combination of the other keys, NULL among them', async () => {
    const found = await rows({
      by: [by('region'), bucket('day', 'QUARTER', 'UTC', true)],
      where: compare('day', 'isNull', false),
    });
    expect(found).toEqual([
      ['north', '2024-01-01 00:00:00', '2'],
      ['north', '2024-04-01 00:00:00', '0'],
      ['south', '2024-01-01 00:00:00', '2'],
      ['south', '2024-04-01 00:00:00', '0'],
      [null, '2024-01-01 00:00:00', '0'],
      [null, '2024-04-01 00:00:00', '1'],
    ]);
  });

  it('are filled before having and limit', async () => {
    expect(
      await rows({
        by: [bucket('day', 'MONTH', 'UTC', true)],
        having: having({ kind: 'count' }, 'eq', '0'),
        orderBy: [{ by: 'bucket', ...descending }],
        limit: 1,
      }),
    ).toEqual([['2024-04-01 00:00:00', '0']]);
  });

  it('leave out the hour that clocks skip, not the day without a midnight', async () => {
    const where = compare('instant', 'isNull', false);
    const hours = await rows({ by: [bucket('instant', 'HOUR', 'Europe/Berlin', true)], where });
    expect(hours.slice(0, 4)).toEqual([
      ['2024-03-31 00:00:00', '1'],
      ['2024-03-31 01:00:00', '1'],
      ['2024-03-31 03:00:00', '1'],
      ['2024-03-31 04:00:00', '0'],
    ]);
    // Cairo's clocks went from 23:59:59 on 25 April 2024 to 01:00.
    await database.execute(`create table cairo (instant timestamptz);
      insert into cairo values ('2024-04-25 00:00:00+00'), ('2024-04-27 00:00:00+00')`);
    const cairo: Source = {
      segments: [{ table: 'cairo' }],
      columns: [column('instant', 'TIMESTAMP_TZ')],
    };
    const days = [bucket('instant', 'DAY', 'Africa/Cairo', true)];
    expect(await rows({ from: cairo, by: days })).toEqual([
      ['2024-04-25 00:00:00', '1'],
      ['2024-04-26 00:00:00', '0'],
      ['2024-04-27 00:00:00', '1'],
    ]);
  });

  it('of local times are filled in every hour, whatever the time zone', async () => {
    await database.execute(
      `create table clocks as select unnest(['2024-03-31 01:30', '2024-03-31 03:30']::timestamp[]) as local`,
    );
    const clocks: Source = {
      segments: [{ table: 'clocks' }],
      columns: [column('local', 'TIMESTAMP')],
    };
    expect(
      await rows({ from: clocks, by: [bucket('local', 'HOUR', 'Europe/Berlin', true)] }),
    ).toEqual([
      ['2024-03-31 01:00:00', '1'],
      ['2024-03-31 02:00:00', '0'],
      ['2024-03-31 03:00:00', '1'],
    ]);
  });

  it('that would be millions of buckets fail with a reason', async () => {
    await database.execute(
      `create table apart as select unnest(['0001-01-01', '9999-12-31']::date[]) as "day"`,
    );
    const apart: Source = { segments: [{ table: 'apart' }], columns: [column('day', 'DATE')] };
    const problem = await rows({ from: apart, by: [bucket('day', 'MINUTE', 'UTC', true)] }).then(
      () => undefined,
      (error: unknown) => duckdbDialect.seriesProblem(messageOf(error)),
    );
    expect(problem).toMatch(/more than 1000000 buckets/);
    expect(duckdbDialect.seriesProblem('Out of Memory Error')).toBeUndefined();
  });

  it('before infinity are not filled', async () => {
    await database.execute(`create table endless ("day" date);
      insert into endless values ('2024-01-01'), ('2024-01-03'), ('infinity')`);
    const endless: Source = { segments: [{ table: 'endless' }], columns: [column('day', 'DATE')] };
    expect(await rows({ from: endless, by: [bucket('day', 'DAY', 'UTC', true)] })).toEqual([
      ['2024-01-01 00:00:00', '1'],
      ['2024-01-02 00:00:00', '0'],
      ['2024-01-03 00:00:00', '1'],
      ['infinity', '1'],
    ]);
  });
});

describe('groups that are refused', () => {
  it.each<[string, Partial<GroupsQuery>, RegExp]>([
    ['no keys', { by: [] }, /at least one/],
    ['a bucket of text', { by: [bucket('region', 'DAY')] }, /region is STRING.*DATE, TIMESTAMP/],
    ['a bucket of a time of day', { by: [bucket('clock', 'HOUR')] }, /clock is TIME/],
    [
      'two keys with gaps',
      { by: [bucket('day', 'DAY', 'UTC', true), bucket('local', 'DAY', 'UTC', true)] },
      /Only one bucket/,
    ],
    ['order by no bucket', { orderBy: [{ by: 'bucket', ...ascending }] }, /`by` has none/],
    [
      'order by a column that is no key',
      { orderBy: [{ by: 'key', column: 'amount', ...ascending }] },
      /key amount, which is not among/,
    ],
    [
      'order by a bucketed column as if it were a key',
      { by: [bucket('day', 'DAY')], orderBy: [{ by: 'key', column: 'day', ...ascending }] },
      /key day, which is not among/,
    ],
    [
      'sums of text',
      { having: having({ kind: 'sum', column: 'region' }, 'gt', '1') },
      /region is STRING; sum takes INTEGER, BIGINT, DECIMAL, DOUBLE/,
    ],
    [
      'having with a value of another type',
      { having: having({ kind: 'count' }, 'gt', 'many') },
      /count: "many" is not a number/,
    ],
    [
      'having with an operator of another type',
      { having: having({ kind: 'sum', column: 'amount' }, 'contains', '1') },
      /sum of amount is DECIMAL, which contains does not take/,
    ],
  ])('%s', (_, query, message) => {
    expect(() => statement(query)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(message) }),
    );
  });
});
