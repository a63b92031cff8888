import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../src/engine/engine.js';
import { awkward, everything, orders, testApi, type TestApi } from './support.js';
import { exampleTables } from './tables.js';

let engine: Engine;
let api: TestApi;

beforeAll(async () => {
  engine = await exampleTables();
  api = testApi(engine, [orders, everything, awkward], 1000);
});

afterAll(() => engine.close());

async function groups(argument: string, selection: string): Promise<Record<string, unknown>> {
  const { data, errors } = await api.query(`{ ordersGroups(${argument}) { ${selection} } }`);
  expect(errors).toBeUndefined();
  return data.ordersGroups as Record<string, unknown>;
}

async function failure(source: string): Promise<string | undefined> {
  return (await api.query(source)).errors?.[0]?.message;
}

describe('aggregates', () => {
  it('answer all kinds in one scan, with aliases and repeated quantiles', async () => {
    const { data, errors } = await api.query(
      `query ($q: Float!) { ordersAggregate(where: { order_id: { lt: 100 } }) {
         count
         countNonNull { amount region }
         countDistinct { region }
         approxCountDistinct { region }
         sum { amount order_id }
         avg { order_id }
         min { amount region order_date created_at }
         max { order_id _BATCH_FILE_NAME_ }
         stddev { order_id }
         median { order_id __typename }
         low: quantile(q: 0) { amount }
         high: quantile(q: $q) { amount order_id }
         __typename
         again: sum { amount }
         freshness { generation }
       } }`,
      { q: 1 },
    );
    expect(errors).toBeUndefined();
    expect(data.ordersAggregate).toEqual({
      count: '5',
      countNonNull: { amount: '4', region: '4' },
      countDistinct: { region: '2' },
      approxCountDistinct: { region: '2' },
      sum: { amount: '135.74', order_id: '15' },
      avg: { order_id: 3 },
      min: {
        amount: '5.25',
        region: 'north',
        order_date: '2024-01-15',
        created_at: '2024-01-15T10:00:00Z',
      },
      max: { order_id: '5', _BATCH_FILE_NAME_: 'b.csv' },
      stddev: { order_id: Math.sqrt(2.5) },
      median: { order_id: 3, __typename: 'OrdersNumbers' },
      low: { amount: 5.25 },
      high: { amount: 99.99, order_id: 5 },
      __typename: 'OrdersAggregate',
      again: { amount: '135.74' },
      freshness: { generation: 'g7' },
    });
  });

  it('answer over no rows', async () => {
    const { data } = await api.query(
      '{ ordersAggregate(where: { region: { eq: "none" } }) { count sum { amount } min { region } countNonNull { region } median { amount } } }',
    );
    expect(data.ordersAggregate).toEqual({
      count: '0',
      sum: { amount: null },
      min: { region: null },
      countNonNull: { region: '0' },
      median: { amount: null },
    });
  });

  it('answer selections without a value', async () => {
    const { data } = await api.query(
      '{ a: ordersAggregate { __typename } b: ordersAggregate { freshness { stale } } c: ordersAggregate { sum { __typename } } }',
    );
    expect(data).toEqual({
      a: { __typename: 'OrdersAggregate' },
      b: { freshness: { stale: false } },
      c: { sum: { __typename: 'OrdersSums' } },
    });
  });

  it('take columns of every type', async () => {
    const { data, errors } = await api.query(
      `{ every_typeAggregate {
           countDistinct { flag small big exact rough words day clock local moment tree }
           sum { small big exact rough }
           min { flag small big exact words day clock local moment }
           max { flag clock local }
         }
         select_2Aggregate { count max { count select node __typename } } }`,
    );
    expect(errors).toBeUndefined();
    expect(data.every_typeAggregate).toMatchObject({
      countDistinct: { flag: '2', tree: '2', words: '3' },
      sum: { small: '6', big: '9007199254740992', exact: '1.249' },
      min: { flag: false, day: '0001-01-01', local: '1969-12-31T23:59:59.999999' },
      max: { flag: true, clock: '01:02:03.5' },
    });
    expect(data.select_2Aggregate).toEqual({
      count: '2',
      max: { count: 'c2', select: 's2', node: 'n2', __typename: 'Select2Values' },
    });
  });

  it('refuse quantiles that are none', async () => {
    expect(await failure('{ ordersAggregate { quantile(q: 1.5) { amount } } }')).toContain(
      '`q` of quantile is 1.5; it goes from 0 to 1',
    );
  });
});

describe('groups', () => {
  it('have typed keys, aggregates of the selection, and nothing else', async () => {
    const found = await groups(
      'by: [{ column: region }]',
      'groups { key { region amount __typename } n: count sum { amount } __typename } totalGroups truncated __typename freshness { stale }',
    );
    const group = (region: string | null, n: string, amount: string) => ({
      key: { region, amount: null, __typename: 'OrdersValues' },
      n,
      sum: { amount },
      __typename: 'OrdersGroup',
    });
    expect(found).toEqual({
      groups: [
        group('Ost "ü"', '1', '0.01'),
        group('north', '2', '10.50'),
        group('south', '2', '119.99'),
        group(null, '1', '5.25'),
      ],
      totalGroups: '4',
      truncated: false,
      __typename: 'OrdersGroups',
      freshness: { stale: false },
    });
  });

  it('are made by time buckets in the order of `by`', async () => {
    const { groups: found } = await groups(
      'by: [{ column: region }, { bucket: { column: order_date, unit: MONTH } }], where: { order_date: { isNull: false } }, orderBy: [{ bucket: ASC }, { key: { region: ASC } }], limit: 2',
      'groups { buckets { end unit column start __typename } key { region } count }',
    );
    const bucket = {
      column: 'order_date',
      unit: 'MONTH',
      start: '2024-01-01T00:00:00',
      end: '2024-02-01T00:00:00',
      __typename: 'TimeBucket',
    };
    expect(found).toEqual([
      { buckets: [bucket], key: { region: 'north' }, count: '1' },
      { buckets: [bucket], key: { region: 'south' }, count: '1' },
    ]);
  });

  it('have no bucket where rows have no time', async () => {
    const year = (column: string) => `{ bucket: { column: ${column}, unit: YEAR } }`;
    const found = await groups(
      `by: [${year('order_date')}, ${year('created_at')}], orderBy: { bucket: DESC_NULLS_FIRST }`,
      'groups { count buckets { column start } b: buckets { __typename } }',
    );
    const start = '2024-01-01T00:00:00';
    const buckets = [
      { column: 'order_date', start },
      { column: 'created_at', start },
    ];
    const named = { __typename: 'TimeBucket' };
    expect(found.groups).toEqual([
      { count: '1', buckets: [], b: [] },
      { count: '5', buckets, b: [named, named] },
    ]);
  });

  it('see the days of a time zone, and fill gaps', async () => {
    const { groups: found } = await groups(
      'by: { bucket: { column: created_at, unit: MONTH, timezone: "Europe/Berlin", fillGaps: true } }, where: { created_at: { isNull: false } }',
      'groups { count buckets { start } sum { amount } }',
    );
    expect(
      (found as { count: string; buckets: { start: string }[] }[]).map(({ count, buckets }) => [
        buckets[0]?.start.slice(0, 7),
        count,
      ]),
    ).toEqual([
      ['2024-01', '1'],
      ['2024-02', '3'],
      ['2024-03', '0'],
      ['2024-04', '1'],
    ]);
  });

  it('are filtered by having and ordered by measures', async () => {
    const regions = async (argument: string) => {
      const found = await groups(
        `by: { column: region }, ${argument}`,
        'groups { key { region } }',
      );
      return (found.groups as { key: { region: string | null } }[]).map(({ key }) => key.region);
    };
    expect(await regions('having: { count: { gt: 1 } }')).toEqual(['north', 'south']);
    expect(await regions('having: { sum: { amount: { gt: 5.25 } } }')).toEqual(['north', 'south']);
    expect(await regions('having: { avg: { order_id: { lt: 2.5 } } }')).toEqual(['north']);
    expect(
      await regions(
        'having: { _or: [{ min: { amount: { lte: 0.01 } } }, { _not: { count: { lt: "2" } } }] }',
      ),
    ).toEqual(['Ost "ü"', 'north', 'south']);
    expect(
      await regions(
        'having: { max: { _or: [{ amount: { gt: 50 } }, { order_date: { gt: "2024-04-01" } }], order_id: { lt: 9 } } }',
      ),
    ).toEqual(['south', null]);
    expect(await regions('orderBy: [{ count: DESC }, { sum: { amount: DESC } }]')).toEqual([
      'south',
      'north',
      null,
      'Ost "ü"',
    ]);
    expect(await regions('orderBy: { key: { region: DESC_NULLS_FIRST } }')).toEqual([
      null,
      'south',
      'north',
      'Ost "ü"',
    ]);
    expect(await regions('orderBy: { max: { order_id: DESC } }, limit: 1')).toEqual(['Ost "ü"']);
    expect(await regions('orderBy: { avg: { order_id: ASC } }, offset: 3')).toEqual(['Ost "ü"']);
    expect(await regions('orderBy: { min: { amount: ASC } }, limit: 1')).toEqual(['Ost "ü"']);
  });

  it('tell their number and whether more follow', async () => {
    const by = 'by: { column: region }';
    expect(await groups(`${by}, limit: 3`, 'truncated totalGroups groups { count }')).toEqual({
      truncated: true,
      totalGroups: '4',
      groups: [{ count: '1' }, { count: '2' }, { count: '2' }],
    });
    expect(await groups(`${by}, limit: 3, offset: 1`, 'truncated')).toEqual({ truncated: false });
    expect(await groups(`${by}, offset: 9`, 'totalGroups groups { count }')).toEqual({
      totalGroups: '4',
      groups: [],
    });
    expect(await groups(`${by}, limit: 0`, 'totalGroups truncated')).toEqual({
      totalGroups: '4',
      truncated: true,
    });
    const none = 'where: { region: { eq: "none" } }';
    expect(await groups(`${by}, ${none}`, 'totalGroups truncated groups { count }')).toEqual({
      totalGroups: '0',
      truncated: false,
      groups: [],
    });
    expect(await groups(by, 'freshness { generation }')).toEqual({
      freshness: { generation: 'g7' },
    });
  });

  it('can be asked for twice in one field, with fragments and variables', async () => {
    const { data } = await api.query(
      `query ($by: [OrdersGroupBy!]!, $all: Boolean!) {
         ordersGroups(by: $by, limit: 1) {
           groups { ...K count }
           a: groups { ...K @include(if: $all) quantile(q: 0.5) { amount } median { amount } }
         }
       }
       fragment K on OrdersGroup { key { _BATCH_FILE_NAME_ } }`,
      { by: [{ column: '_BATCH_FILE_NAME_' }], all: false },
    );
    expect(data.ordersGroups).toEqual({
      groups: [{ key: { _BATCH_FILE_NAME_: 'a.csv' }, count: '3' }],
      a: [{ quantile: { amount: 15.25 }, median: { amount: 15.25 } }],
    });
  });

  it('are made by columns of every type', async () => {
    for (const { name } of everything.columns) {
      const { data, errors } = await api.query(
        `{ every_typeGroups(by: { column: ${name} }) { totalGroups groups { key { ${name} } count } } }`,
      );
      expect(errors).toBeUndefined();
      expect(data.every_typeGroups).toMatchObject({ totalGroups: '3' });
    }
  });

  it('refuse what makes no sense, with what would', async () => {
    const cases: [string, string][] = [
      ['by: []', '`by` is empty'],
      ['by: [{ column: region }, { column: region }]', 'region twice'],
      ['by: { column: region }, orderBy: { key: { amount: ASC } }', '`by` does not group by'],
      ['by: { column: region }, orderBy: { bucket: ASC }', '`by` has none'],
      ['by: { column: region }, limit: 1001', '`limit` is 1001'],
      ['by: { column: region }, having: { count: { eq: null } }', 'eq of count is null'],
      [
        'by: { column: region }, having: { sum: { amount: { eq: null } } }',
        'sum of amount is null',
      ],
    ];
    for (const [argument, message] of cases) {
      expect(await failure(`{ ordersGroups(${argument}) { groups { count } } }`)).toContain(
        message,
      );
    }
    const zone = '{ bucket: { column: created_at, unit: DAY, timezone: "Mars/Olympus" } }';
    expect(await failure(`{ ordersGroups(by: ${zone}) { groups { count } } }`)).toContain('Mars');
  });
});

describe('generated and other fields together', () => {
  it('answer in one operation, each with its own error', async () => {
    const { data, errors } = await api.query(
      `query Mixed {
         __typename
         dataset(name: "orders") { name files }
         n: ordersAggregate { count }
         lost: ordersByKey(order_id: 1) { region }
         broken
         __type(name: "Orders") { name kind }
       }`,
    );
    expect(data).toEqual({
      __typename: 'Query',
      dataset: { name: 'orders', files: 2 },
      n: { count: '6' },
      lost: { region: 'north' },
      broken: null,
      __type: { name: 'Orders', kind: 'OBJECT' },
    });
    expect(errors).toMatchObject([{ message: 'broken as asked', path: ['broken'] }]);
  });
});
