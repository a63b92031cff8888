import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { printType } from 'graphql';
import { openDuckDB } from '../../../src/engine/duckdb.js';
import type { Engine } from '../../../src/engine/engine.js';
import type { TableDataset } from '../../../src/graphql/tables/types.js';
import { sql } from '../../../src/sql.js';
import { column, testApi, type TestApi } from './support.js';

type Relation = NonNullable<TableDataset['relations']>[number];

const relation = (
  name: string,
  dataset: string,
  pair: readonly [string, string],
  many = false,
): Relation => ({
  name,
  many,
  link: { dataset, keys: [{ column: pair[0], references: pair[1] }] },
});

const customers: TableDataset = {
  name: 'customers',
  columns: [
    column('id', 'BIGINT', { nullable: false }),
    column('name', 'STRING'),
    column('country', 'STRING'),
    column('boss_id', 'BIGINT'),
  ],
  primaryKey: ['id'],
  relations: [
    relation('boss', 'customers', ['boss_id', 'id']),
    relation('orders', 'orders', ['id', 'customer_id'], true),
  ],
  origin: 's3://acme/customers/* over connection acme-prod',
};

const orders: TableDataset = {
  name: 'orders',
  columns: [
    column('id', 'INTEGER', { nullable: false }),
    column('customer_id', 'BIGINT'),
    column('amount', 'DECIMAL', { decimal: { precision: 12, scale: 2 } }),
  ],
  primaryKey: ['id'],
  relations: [
    relation('customer', 'customers', ['customer_id', 'id']),
    relation('items', 'order_items', ['id', 'order_id'], true),
    relation('missing', 'nowhere', ['id', 'id']),
  ],
  origin: 's3://acme/orders/* over connection acme-prod',
};

const items: TableDataset = {
  name: 'order_items',
  columns: [column('order_id', 'INTEGER'), column('sku', 'STRING'), column('n', 'INTEGER')],
  primaryKey: [],
  relations: [relation('order', 'orders', ['order_id', 'id'])],
  origin: 's3://acme/items/* over connection acme-prod',
};

/** Names that every JavaScript object has. */
const inherited: TableDataset = {
  name: 'constructor',
  columns: [column('toString', 'STRING')],
  primaryKey: [],
  relations: [
    relation('valueOf', 'constructor', ['toString', 'toString']),
    relation('hasOwnProperty', 'constructor', ['toString', 'toString'], true),
  ],
  origin: 's3://acme/odd/* over connection acme-prod',
};

let engine: Engine;
let api: TestApi;

beforeAll(async () => {
  engine = await openDuckDB({});
  await engine.session(async (session) => {
    await session.run(sql`create table customers as select * from (values
      (1::bigint, 'Zoë', 'FR', null::bigint), (2, 'Ann', 'DE', 1), (3, 'Eve', null, 2)
    ) as t(id, name, country, boss_id)`);
    await session.run(sql`create table orders as select * from (values
      (10, 1::bigint, 5.00::decimal(12,2)), (11, 2, 7.50), (12, null, 1.00), (13, 1, 2.00), (14, 9, 0.50)
    ) as t(id, customer_id, amount)`);
    await session.run(sql`create table order_items as select * from (values
      (10, 'a', 3), (10, 'b', 1), (10, 'c', 2), (13, 'a', 1), (null, 'z', 9)
    ) as t(order_id, sku, n)`);
    await session.run(sql`create table "constructor" as select 'x' as "toString"`);
  });
  api = testApi(engine, [customers, orders, items, inherited], 1000);
});

afterAll(() => engine.close());

async function data(source: string, variables?: Record<string, unknown>) {
  const answer = await api.query(source, variables);
  expect(answer.errors).toBeUndefined();
  return answer.data;
}

async function failure(source: string): Promise<string> {
  return (await api.query(source)).errors?.[0]?.message ?? '';
}

describe('the schema of relations', () => {
  const printed = (name: string) =>
    printType(api.schema.getType(name)!)
      .replace(/ *""".*?"""\n/gs, '')
      .replace(/\n+/g, '\n');

  it('has a field for each relation whose dataset is there', () => {
    expect(printed('Orders')).toBe(`type Orders {
  id: Int!
  customer_id: BigInt
  amount: Decimal
  customer: Customers
  items(
    where: OrderItemsFilter
    orderBy: [OrderItemsOrder!]
    limit: Int = 100
  ): [OrderItems!]!
}`);
  });

  it('has a condition for each object relation and none for lists', () => {
    expect(printed('OrdersFilter')).toBe(`input OrdersFilter {
  _and: [OrdersFilter!]
  _or: [OrdersFilter!]
  _not: OrdersFilter
  id: IntFilter
  customer_id: BigIntFilter
  amount: DecimalFilter
  customer: CustomersFilter
}`);
    expect(printed('CustomersFilter')).not.toContain('orders');
  });

  it('keeps relations out of what takes columns only', () => {
    for (const name of ['OrdersOrder', 'OrdersColumn', 'OrdersValues', 'OrdersCounts']) {
      expect(printed(name)).not.toContain('customer:');
    }
  });
});

describe('rows with related rows', () => {
  it('are read from one snapshot, and nest as deep as they are asked for', async () => {
    const before = api.reads();
    expect(
      await data(`{ orders(orderBy: [{ id: DESC }], limit: 4) {
        id
        customer { name boss { name } orders(limit: 1) { id customer { name } } }
      } }`),
    ).toEqual({
      orders: [
        { id: 14, customer: null },
        {
          id: 13,
          customer: { name: 'Zoë', boss: null, orders: [{ id: 10, customer: { name: 'Zoë' } }] },
        },
        { id: 12, customer: null },
        {
          id: 11,
          customer: {
            name: 'Ann',
            boss: { name: 'Zoë' },
            orders: [{ id: 11, customer: { name: 'Ann' } }],
          },
        },
      ],
    });
    expect(api.reads()).toBe(before + 1);
  });

  it('take the same list several times with different arguments, and variables', async () => {
    expect(
      await data(
        `query ($n: Int!, $sku: String) { orders(limit: 1) {
          most: items(orderBy: [{ n: DESC }], limit: $n) { sku }
          a: items(where: { sku: { eq: $sku } }) { n }
          none: items(limit: 0) { n }
          items { sku }
        } }`,
        { n: 2, sku: 'a' },
      ),
    ).toEqual({
      orders: [
        {
          most: [{ sku: 'a' }, { sku: 'c' }],
          a: [{ n: 3 }],
          none: [],
          items: [{ sku: 'a' }, { sku: 'b' }, { sku: 'c' }],
        },
      ],
    });
  });

  it('merge fragments and follow @skip, @include and __typename', async () => {
    expect(
      await data(
        `query ($no: Boolean = false) {
          orders(where: { id: { in: [10] } }) {
            ...named
            customer { __typename id @include(if: $no) ... on Customers { country } }
            items(limit: 1) @skip(if: $no) { t: __typename }
            items(limit: 1) { order { id ...named } }
            skipped: customer @include(if: $no) { id }
          }
        }
        fragment named on Orders { customer { name } }`,
      ),
    ).toEqual({
      orders: [
        {
          customer: { name: 'Zoë', __typename: 'Customers', country: 'FR' },
          items: [{ t: 'OrderItems', order: { id: 10, customer: { name: 'Zoë' } } }],
        },
      ],
    });
  });

  it('keep the order of the selection', async () => {
    const text = await api.text(
      '{ orders(limit: 1) { customer { id } id items(limit: 1) { n } } }',
    );
    expect(text).toBe('{"data":{"orders":[{"customer":{"id":"1"},"id":10,"items":[{"n":3}]}]}}');
  });

  it('are found by key', async () => {
    expect(await data('{ ordersByKey(id: 13) { items { sku } customer { name } } }')).toEqual({
      ordersByKey: { items: [{ sku: 'a' }], customer: { name: 'Zoë' } },
    });
    expect(await data('{ ordersByKey(id: 99) { customer { name } } }')).toEqual({
      ordersByKey: null,
    });
  });

  it('are nodes of connections, on every page', async () => {
    const page = `query ($after: String) {
      ordersConnection(first: 2, after: $after, orderBy: [{ amount: ASC }], where: { customer: {} }) {
        nodes { customer { name } }
        edges { node { id items { n } } }
        pageInfo { hasNextPage endCursor }
        totalCount
      }
    }`;
    const first = (await data(page)).ordersConnection as { pageInfo: { endCursor: string } };
    expect(first).toMatchObject({
      nodes: [{ customer: { name: 'Zoë' } }, { customer: { name: 'Zoë' } }],
      edges: [
        { node: { id: 13, items: [{ n: 1 }] } },
        { node: { id: 10, items: [{ n: 3 }, { n: 1 }, { n: 2 }] } },
      ],
      pageInfo: { hasNextPage: true },
      totalCount: '3',
    });
    const { endCursor } = first.pageInfo;
    expect(await data(page, { after: endCursor })).toMatchObject({
      ordersConnection: {
        nodes: [{ customer: { name: 'Ann' } }],
        edges: [{ node: { id: 11, items: [] } }],
        pageInfo: { hasNextPage: false },
      },
    });
  });

  it('have limits that are checked like those of a list at the root', async () => {
    expect(await failure('{ orders { items(limit: 1001) { n } } }')).toMatch(
      '`limit` is 1001, more than the 1000 rows',
    );
    expect(await failure('{ orders { customer { orders(limit: -1) { id } } } }')).toMatch(
      '`limit` is -1',
    );
  });

  it('may be called like members that every object has', async () => {
    expect(
      await data(`{ constructor(where: { valueOf: { toString: { eq: "x" } } }) {
        valueOf { toString }
        hasOwnProperty { toString valueOf { toString } }
      } }`),
    ).toEqual({
      constructor: [
        {
          valueOf: { toString: 'x' },
          hasOwnProperty: [{ toString: 'x', valueOf: { toString: 'x' } }],
        },
      ],
    });
  });
});

describe('filters through relations', () => {
  const ids = async (where: string, variables?: Record<string, unknown>) => {
    const head = variables ? 'query ($where: OrdersFilter)' : '';
    const { orders } = await data(`${head} { orders(where: ${where}) { id } }`, variables);
    return (orders as { id: number }[]).map(({ id }) => id);
  };

  it('keep rows that lead to a row for which they hold', async () => {
    expect(await ids('{ customer: { country: { eq: "FR" } } }')).toEqual([10, 13]);
    expect(await ids('{ customer: {} }')).toEqual([10, 11, 13]);
    expect(await ids('{ customer: null }')).toEqual([10, 11, 12, 13, 14]);
    expect(await ids('{ customer: { boss: { name: { eq: "Zoë" } } } }')).toEqual([11]);
    const where = { customer: { country: { eq: 'DE' } } };
    expect(await ids('$where', { where })).toEqual([11]);
  });

  it('combine with other conditions, and _not keeps rows that lead nowhere', async () => {
    expect(await ids('{ _not: { customer: { country: { eq: "FR" } } } }')).toEqual([11, 12, 14]);
    expect(await ids('{ customer: { _not: { country: { eq: "FR" } } } }')).toEqual([11]);
    expect(
      await ids('{ _or: [{ customer: { name: { eq: "Ann" } } }, { amount: { lt: 1 } }] }'),
    ).toEqual([11, 14]);
    expect(await ids('{ _and: [{ customer: { id: { eq: 1 } } }, { id: { gt: 10 } }] }')).toEqual([
      13,
    ]);
    expect(
      await ids('{ customer: { _or: [{ id: { eq: 2 } }, { boss: { id: { eq: 2 } } }] } }'),
    ).toEqual([11]);
  });

  it('filter aggregates, groups and lists of related rows', async () => {
    expect(
      await data(`{
        ordersAggregate(where: { customer: { country: { eq: "FR" } } }) { count sum { amount } }
        ordersGroups(by: [{ column: customer_id }], where: { _not: { customer: {} } }) {
          groups { key { customer_id } count } totalGroups
        }
        customers(limit: 1) { orders(where: { customer: { name: { eq: "Ann" } } }) { id } }
      }`),
    ).toEqual({
      ordersAggregate: { count: '2', sum: { amount: '7.00' } },
      ordersGroups: {
        groups: [
          { key: { customer_id: '9' }, count: '1' },
          { key: { customer_id: null }, count: '1' },
        ],
        totalGroups: '2',
      },
      customers: [{ orders: [] }],
    });
  });

  it('are refused in having, whose min and max take columns', async () => {
    expect(
      await failure(
        '{ ordersGroups(by: [{ column: id }], having: { min: { customer: { id: { eq: 1 } } } }) { totalGroups } }',
      ),
    ).toMatch('`having` names the relation customer in min');
  });

  it('are handed on by writebacks', async () => {
    await api.query(`mutation {
      writebackOrders(where: { customer: { boss: {} } }, destination: { fileName: "x" }) { id }
    }`);
    expect(api.written.at(-1)?.query).toMatchObject({
      kind: 'rows',
      where: {
        kind: 'related',
        link: { dataset: 'customers', keys: [{ column: 'customer_id', references: 'id' }] },
        where: { kind: 'related', link: { dataset: 'customers' } },
      },
    });
  });
});
