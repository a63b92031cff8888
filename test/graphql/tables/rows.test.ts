import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ColumnType } from '../../../src/columns.js';
import type { Engine } from '../../../src/engine/engine.js';
import {
  awkward,
  everything,
  inherited,
  orders,
  shared,
  testApi,
  type TestApi,
} from './support.js';
import { exampleTables } from './tables.js';

let engine: Engine;
let api: TestApi;

beforeAll(async () => {
  engine = await exampleTables();
  api = testApi(engine, [orders, everything, awkward, inherited], 1000);
});

afterAll(() => engine.close());

async function ids(argument: string, variables?: Record<string, unknown>): Promise<string[]> {
  const head = variables ? `query (${String(variables.$)})` : '';
  const { data, errors } = await api.query(
    `${head}{ orders(${argument}) { order_id } }`,
    variables,
  );
  expect(errors).toBeUndefined();
  return (data.orders as { order_id: string }[]).map(({ order_id }) => order_id.slice(-3));
}

async function failure(source: string, variables?: Record<string, unknown>): Promise<string> {
  const { data, errors } = await api.query(source, variables);
  expect(data ?? null).toBeNull();
  return errors?.[0]?.message ?? '';
}

describe('a list of rows', () => {
  it('has values of every type as the scalars say', async () => {
    const { data } = await api.query(
      '{ every_type { flag small big exact rough words day clock local moment tree } }',
    );
    expect(data.every_type).toEqual([
      {
        flag: true,
        small: 1,
        big: '9007199254740993',
        exact: '1.250',
        rough: 0.1,
        words: 'one',
        day: '2024-02-29',
        clock: '01:02:03.5',
        local: '2024-02-29T01:02:03',
        moment: '2024-02-28T23:02:03Z',
        tree: { a: [1, null] },
      },
      {
        flag: false,
        small: 2,
        big: '-1',
        exact: '-0.001',
        rough: null,
        words: '2',
        day: '0001-01-01',
        clock: '00:00:00',
        local: '1969-12-31T23:59:59.999999',
        moment: '1969-12-31T23:59:59.999999Z',
        tree: 'x',
      },
      {
        flag: null,
        small: 3,
        big: null,
        exact: null,
        rough: null,
        words: '',
        day: null,
        clock: null,
        local: null,
        moment: null,
        tree: null,
      },
    ]);
  });

  it('has what was asked for, in that order, under aliases and through fragments', async () => {
    const source = `
      query ($no: Boolean = false) {
        orders(limit: 1) { __typename b: amount ...F order_id ... on Orders { region b: amount } ... { t: __typename }
          created_at @include(if: $no) order_date @skip(if: true) }
      }
      fragment F on Orders { a: region ...G region }
      fragment G on Orders { order_id a: region }`;
    expect(await api.text(source)).toBe(
      '{"data":{"orders":[{"__typename":"Orders","b":"10.50","a":"north","order_id":"1","region":"north","t":"Orders"}]}}',
    );
    expect(await api.text(source, { no: true })).toContain('"created_at":"2024-01-15T10:00:00Z"');
  });

  it('counts rows even where no column is asked for', async () => {
    const { data } = await api.query(
      '{ orders(limit: 2) { __typename } none: orders(limit: 0) { region } }',
    );
    expect(data).toEqual({
      orders: [{ __typename: 'Orders' }, { __typename: 'Orders' }],
      none: [],
    });
  });

  it('takes names that mean something elsewhere', async () => {
    const { data } = await api.query(
      `{ select_2(where: { select: { eq: "s2" }, _where: { ne: "x" } }, orderBy: { Order: DESC }) {
           select _where count limit node Order x__typename __typename } }`,
    );
    expect(data.select_2).toEqual([
      {
        select: 's2',
        _where: 'w2',
        count: 'c2',
        limit: 'l2',
        node: 'n2',
        Order: 'o2',
        x__typename: 't2',
        __typename: 'Select2',
      },
    ]);
  });

  it('takes names that every JavaScript object has, also in variables', async () => {
    const { data, errors } = await api.query(
      `query ($where: OddFilter, $order: [OddOrder!], $having: OddHaving) {
         odd(where: $where, orderBy: $order) { __proto__: constructor toString hasOwnProperty valueOf }
         __proto__: oddByKey(constructor: "a") { toString }
         oddGroups(by: { column: toString }, having: $having) { groups { key { toString constructor } } }
       }`,
      {
        where: { constructor: { eq: 'a' } },
        order: [{ valueOf: 'ASC' }, { constructor: 'DESC' }],
        having: { sum: { hasOwnProperty: { gt: 0 } }, min: {} },
      },
    );
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data)).toBe(
      '{"odd":[{"__proto__":"a","toString":"b","hasOwnProperty":"1","valueOf":"2024-01-01"}],' +
        '"__proto__":{"toString":"b"},"oddGroups":{"groups":[{"key":{"toString":"b","constructor":null}}]}}',
    );
  });

  it('keeps the order of the load unless told otherwise', async () => {
    expect(await ids('where: {}')).toEqual(['1', '2', '3', '4', '5', '993']);
    expect(await ids('orderBy: { amount: ASC }')).toEqual(['993', '4', '1', '2', '5', '3']);
    expect(await ids('orderBy: { amount: DESC }')).toEqual(['5', '2', '1', '4', '993', '3']);
    expect(await ids('orderBy: { amount: DESC_NULLS_FIRST }, limit: 2')).toEqual(['3', '5']);
    expect(await ids('orderBy: [{ region: ASC_NULLS_FIRST }, { order_id: DESC }]')).toEqual([
      '4',
      '993',
      '3',
      '1',
      '5',
      '2',
    ]);
    expect(await ids('offset: 2, limit: 2')).toEqual(['3', '4']);
    expect(await ids('distinctOn: [region], orderBy: { order_id: DESC }')).toEqual([
      '993',
      '5',
      '4',
      '3',
    ]);
  });

  it('filters with every operator and combinator', async () => {
    expect(await ids('where: { order_id: { eq: "9007199254740993" } }')).toEqual(['993']);
    expect(await ids('where: { amount: { gt: 5.25, lte: "20.000" } }')).toEqual(['1', '2']);
    expect(await ids('where: { region: { ne: "north" } }')).toEqual(['2', '5', '993']);
    expect(await ids('where: { region: { isNull: true } }')).toEqual(['4']);
    expect(await ids('where: { region: { in: ["south", "x"] } }')).toEqual(['2', '5']);
    expect(await ids('where: { region: { in: [] } }')).toEqual([]);
    expect(await ids('where: { region: { icontains: "OST" } }')).toEqual(['993']);
    expect(await ids('where: { region: { regex: "^(n|s)o" } }')).toEqual(['1', '2', '3', '5']);
    expect(await ids('where: { order_date: { gte: "2024-02-01", lt: "2024-03-01" } }')).toEqual([
      '3',
      '993',
    ]);
    expect(await ids('where: { created_at: { eq: "2024-02-01T01:30:00+01:00" } }')).toEqual(['3']);
    expect(
      await ids('where: { _or: [{ region: { eq: "south" } }, { _not: { amount: { lt: 50 } } }] }'),
    ).toEqual(['2', '5']);
    expect(
      await ids('where: { region: { eq: "south" }, _and: [{ amount: { gt: 50 } }, {}] }'),
    ).toEqual(['5']);
    expect(await ids('where: { _or: [] }')).toEqual([]);
    expect(await ids('where: { _or: [{}] }')).toHaveLength(6);
    expect(await ids('where: { _not: {} }')).toEqual([]);
    expect(await ids('where: null, orderBy: null, limit: null, offset: null')).toHaveLength(6);
    expect(await ids('where: { region: null, _not: null }')).toHaveLength(6);
  });

  it('can run every operator that it offers, on every type', async () => {
    const sample: Readonly<Record<ColumnType, unknown>> = {
      BOOLEAN: true,
      INTEGER: 2,
      BIGINT: '9007199254740993',
      DECIMAL: '1.25',
      DOUBLE: 0.1,
      STRING: 'one',
      DATE: '2024-02-29',
      TIME: '01:02:03.5',
      TIMESTAMP: '1969-12-31T23:59:59.999999',
      TIMESTAMP_TZ: '2024-02-29T01:02:03+02:00',
      JSON: {},
    };
    for (const { name, type } of everything.columns) {
      const value = sample[type];
      for (const operator of Object.keys(shared.filters[type].getFields())) {
        const operand =
          operator === 'isNull' ? false : /^(in|notIn)$/.test(operator) ? [value] : value;
        const { data, errors } = await api.query(
          'query ($where: EveryTypeFilter) { every_type(where: $where) { words } }',
          { where: { [name]: { [operator]: operand } } },
        );
        expect({ name, operator, errors }).toEqual({ name, operator, errors: undefined });
        if (operator === 'eq' || operator === 'in') expect(data.every_type).toHaveLength(1);
      }
      const ordered = await api.query(`{ every_type(orderBy: { ${name}: DESC }) { small } }`);
      expect(ordered.errors).toBeUndefined();
    }
  });

  it('takes filters and orders from variables, with defaults', async () => {
    const $ = '$where: OrdersFilter, $order: [OrdersOrder!] = [{ order_id: DESC }], $n: Int = 2';
    const argument = 'where: $where, orderBy: $order, limit: $n';
    expect(await ids(argument, { $ })).toEqual(['993', '5']);
    expect(await ids(argument, { $, where: { amount: { in: [5.25, '20'] } } })).toEqual(['4', '2']);
    expect(
      await ids(argument, {
        $,
        where: { order_id: { gt: '9007199254740992' } },
        order: { amount: 'ASC' },
      }),
    ).toEqual(['993']);
  });

  it('refuses conditions that are null, as they would keep every row or none', async () => {
    expect(await failure('{ orders(where: { region: { eq: null } }) { region } }')).toContain(
      'eq of region is null; use isNull',
    );
    const source = 'query ($r: String) { orders(where: { region: { eq: $r } }) { region } }';
    expect(await failure(source, { r: null })).toContain('use isNull');
    expect((await api.query(source)).data.orders).toHaveLength(6);
  });

  it('refuses limits it does not answer in full, and what cannot be', async () => {
    expect(await failure('{ orders(limit: 1001) { region } }')).toMatch(
      /1001.*1000.*BUCKETQL_MAX_LIMIT/,
    );
    expect((await api.query('{ orders(limit: 1000) { region } }')).errors).toBeUndefined();
    expect(await failure('{ orders(limit: -1) { region } }')).toContain('`limit` is -1');
    expect(await failure('{ orders(offset: -1) { region } }')).toContain('`offset` is -1');
    expect(await failure('{ orders(where: { region: { regex: "(" } }) { region } }')).toMatch(
      /RE2: missing \)/,
    );
  });

  it('answers with the errors of scalars as GraphQL does', async () => {
    const source = 'query ($w: OrdersFilter) { orders(where: $w) { region } }';
    const message = await failure(source, { w: { order_date: { eq: '2023-02-29' } } });
    expect(message).toMatch(/"w\.order_date\.eq".*Date takes a date as YYYY-MM-DD/);
    const both = { order_id: 'ASC', amount: 'ASC' };
    expect(
      await failure('query ($o: [OrdersOrder!]) { orders(orderBy: $o) { region } }', { o: both }),
    ).toContain('OrdersOrder');
  });
});

describe('a row by its key', () => {
  it('is found or null', async () => {
    const { data } = await api.query(
      '{ a: ordersByKey(order_id: "9007199254740993") { region } b: ordersByKey(order_id: 77) { region } }',
    );
    expect(data).toEqual({ a: { region: 'Ost "ü"' }, b: null });
  });

  it('takes all columns of a composite key', async () => {
    const { data } = await api.query(
      `query ($words: String!) {
         a: every_typeByKey(small: 2, words: $words) { small __typename }
         b: every_typeByKey(small: 1, words: $words) { small }
         c: select_2ByKey(select: "s1", limit: "l1") { node }
       }`,
      { words: '2' },
    );
    expect(data).toEqual({ a: { small: 2, __typename: 'EveryType' }, b: null, c: { node: 'n1' } });
  });
});
