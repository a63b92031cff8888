import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ColumnType } from '../../src/columns.js';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { compile } from '../../src/query/compile.js';
import { compileJson, type JsonOptions } from '../../src/query/json.js';
import { relatedDatasets } from '../../src/query/links.js';
import type {
  Filter,
  Json,
  Link,
  Ordering,
  Query,
  RelatedJson,
  RowsQuery,
  Source,
} from '../../src/query/query.js';
import { toStatement } from '../../src/sql.js';
import { column, compare, objectOf, openDatabase, type Database } from './database.js';

const source = (table: string, columns: readonly [string, ColumnType, [number, number]?][]) => ({
  segments: [{ table }],
  columns: columns.map(([name, type, decimal]) => column(name, type, decimal)),
});

const customers = source('customers', [
  ['id', 'BIGINT'],
  ['name', 'STRING'],
  ['country', 'STRING'],
  ['boss', 'BIGINT'],
]);
const orders = source('orders', [
  ['id', 'INTEGER'],
  ['customer', 'BIGINT'],
  ['place', 'STRING'],
  ['sku', 'STRING'],
  ['amount', 'DECIMAL', [12, 2]],
]);
const items = source('items', [
  ['order_id', 'DECIMAL', [20, 2]],
  ['sku', 'STRING'],
  ['n', 'INTEGER'],
]);
const stock = source('stock', [
  ['place', 'STRING'],
  ['sku', 'STRING'],
  ['n', 'INTEGER'],
]);
const related = { customers, orders, items, stock };

const create = `
create table customers (id bigint, name varchar, country varchar, boss bigint);
insert into customers values
  (1, 'Zoë', 'FR', null), (2, 'Ann "x"', 'DE', 1), (3, 'Eve', 'FR', 2), (null, 'nobody', 'FR', 2), (2, 'Ann again', 'FR', 3);
create table orders (id integer, customer bigint, place varchar, sku varchar, amount decimal(12, 2));
insert into orders values
  (10, 1, 'Zürich', '🦆', 5.00), (11, 2, 'Zürich', 'b', 7.50), (12, null, 'Zürich', null, 1.00), (13, 9, null, '🦆', 2.00),
  (14, 1, 'Zug', '🦆', 5.00), (15, 1, 'Zug', 'b', 9.99), (16, 3, 'Zu', 'g🦆', null);
create table items (order_id decimal(20, 2), sku varchar, n integer);
insert into items values
  (10.00, '🦆', 1), (10.00, 'b', 2), (10.50, 'x', 3), (14.00, '🦆', 1), (14.00, 'b', 1), (14.00, 'c', null), (null, 'z', 1);
create table stock (place varchar, sku varchar, n integer);
insert into stock values
  ('Zug', '🦆', 3), ('Zürich', '🦆', 4), ('Zu', 'g🦆', 5), (null, '🦆', 6), ('Zürich', null, 7), ('Zürich', '🦆', 8);
`;

const link = (dataset: string, ...pairs: readonly [string, string][]): Link => ({
  dataset,
  keys: pairs.map(([from, to]) => ({ column: from, references: to })),
});
const toCustomer = link('customers', ['customer', 'id']);
const toItems = link('items', ['id', 'order_id']);
const toOrders = link('orders', ['id', 'customer']);
const toStock = link('stock', ['place', 'place'], ['sku', 'sku']);
const toBoss = link('customers', ['boss', 'id']);

const row = (link: Link, value: Json): Json => ({ kind: 'relatedRow', link, value });
const list = (
  link: Link,
  value: Json,
  more: Partial<Extract<RelatedJson, { kind: 'relatedRows' }>> = {},
): Json => ({ kind: 'relatedRows', link, orderBy: [], limit: 100, value, ...more });
const object = (members: Readonly<Record<string, Json | string>>): Json => ({
  kind: 'object',
  members: Object.entries(members).map(([key, value]) => ({
    key,
    value: typeof value === 'string' ? { kind: 'column', column: value } : value,
  })),
});
const asc = (name: string): Ordering => ({ column: name, descending: false, nulls: 'last' });
const desc = (name: string): Ordering => ({ column: name, descending: true, nulls: 'first' });
const leads = (link: Link, where?: Filter): Filter => ({
  kind: 'related',
  link,
  ...(where && { where }),
});
const from = (from: Source, query: Partial<RowsQuery> = {}): RowsQuery => ({
  kind: 'rows',
  from,
  related,
  columns: ['id'],
  orderBy: [],
  ...query,
});

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.execute(create);
});
afterAll(() => database.close());

const answer = async (query: Query, shape: Json, options?: JsonOptions) =>
  (await database.blocks(query, [shape], options)).flatMap(({ json }) => json[0] ?? []);
const ids = async (where: Filter, table: Source = orders) =>
  (await database.query(from(table, { where, columns: ['id'] }))).map(([id]) => id);
const json = (query: Query, shape: Json) => toStatement(compileJson(query, [shape], duckdbDialect));

describe('the SQL of related rows', () => {
  it('finds one row for each different key of the page, in one statement', () => {
    const shape = object({ id: 'id', customer: row(toCustomer, objectOf('name')) });
    expect(json(from(orders, { limit: 10 }), shape)).toEqual({
      sql:
        'with numbered as materialized (select p.*, row_number() over () - 1 as rn from' +
        ' (select t."id" as "c0", t."customer" as "c1", t."rowid" as row_id from "orders" as t limit 10) as p),' +
        ' "k0" as (select distinct n."c1" as "k0" from numbered as n where n."c1" is not null),' +
        ' "m0" as (select c.* from (select k."k0", t."name" as "c0",' +
        ' row_number() over (partition by k."k0" order by t."rowid" asc nulls last) as rn' +
        ' from "k0" as k join "customers" as t on t."id" = k."k0") as c where c.rn <= 1),' +
        ` "j0" as (select m."k0", concat('{"name":', coalesce(cast(to_json(m."c0") as varchar), 'null'), '}') as json from "m0" as m)` +
        ` select encode(string_agg(concat('{"id":', coalesce(cast(n."c0" as varchar), 'null'), ',"customer":', coalesce("j0".json, 'null'), '}'), ',' order by n.rn)) as "json0",` +
        ' count(*) as "rows" from numbered as n left join "j0" on "j0"."k0" = n."c1"' +
        ' group by n.rn - n.rn % 4096 order by n.rn - n.rn % 4096',
      parameters: [],
    });
  });

  it('filters, orders and cuts a list for each key, and compares numbers in a type that holds both', () => {
    const shape = object({
      items: list(toItems, object({ sku: 'sku' }), {
        where: compare('n', 'gt', 0),
        orderBy: [desc('n')],
        limit: 2,
      }),
    });
    expect(json(from(orders, { orderBy: [asc('amount')], limit: 2000 }), shape)).toEqual({
      sql:
        'with numbered as materialized (select k.*, row_number() over (order by k."o0" asc nulls last, k.row_id asc nulls last) - 1 as rn from' +
        ' (select t."amount" as "o0", t."rowid" as row_id from "orders" as t order by t."amount" asc nulls last, t."rowid" asc nulls last limit 2000) as k),' +
        ' "k0" as (select distinct t."id" as "k0" from numbered as n join "orders" as t on t."rowid" = n.row_id where t."id" is not null),' +
        ' "m0" as (select c.* from (select k."k0", t."sku" as "c0",' +
        ' row_number() over (partition by k."k0" order by t."n" desc nulls first, t."rowid" asc nulls last) as rn' +
        ' from "k0" as k join "items" as t on t."order_id" = cast(k."k0" as decimal(20, 2)) where t."n" > cast($1 as integer)) as c where c.rn <= 2),' +
        ` "j0" as (select m."k0", string_agg(concat('{"sku":', coalesce(cast(to_json(m."c0") as varchar), 'null'), '}'), ',' order by m.rn) as json` +
        ' from "m0" as m group by m."k0")' +
        ` select encode(string_agg(concat('{"items":[', coalesce("j0".json, ''), ']}'), ',' order by n.rn)) as "json0",` +
        ' count(*) as "rows" from numbered as n join "orders" as t on t."rowid" = n.row_id left join "j0" on "j0"."k0" = t."id"' +
        ' group by n.rn - n.rn % 4096 order by n.rn - n.rn % 4096',
      parameters: [0n],
    });
  });

  it('of a filter is a semi join without nulls', () => {
    const query = from(orders, { where: leads(toStock, compare('n', 'gt', 3)) });
    expect(toStatement(compile(query, duckdbDialect))).toEqual({
      sql:
        'select t."id" as "id" from "orders" as t where (t."place" is not null and t."sku" is not null and (t."place", t."sku") in' +
        ' (select t."place", t."sku" from "stock" as t where t."place" is not null and t."sku" is not null and t."n" > cast($1 as integer)))' +
        // A join gives the rows as its threads finish.
        ' order by t."rowid" asc nulls last',
      parameters: [3n],
    });
  });
});

describe('a related row', () => {
  const names = (shape: Json) => answer(from(orders), object({ id: 'id', found: shape }));

  it('is the first in load order, and null for nulls and for keys that nobody has', async () => {
    expect(await names(row(toCustomer, objectOf('name')))).toEqual([
      { id: 10, found: { name: 'Zoë' } },
      { id: 11, found: { name: 'Ann "x"' } },
      { id: 12, found: null },
      { id: 13, found: null },
      { id: 14, found: { name: 'Zoë' } },
      { id: 15, found: { name: 'Zoë' } },
      { id: 16, found: { name: 'Eve' } },
    ]);
  });

  it('needs all columns of its key to be equal, none of them null', async () => {
    const found = await names(row(toStock, { kind: 'column', column: 'n' }));
    expect(found).toEqual([
      { id: 10, found: 4 },
      { id: 11, found: null },
      { id: 12, found: null },
      { id: 13, found: null },
      { id: 14, found: 3 },
      { id: 15, found: null },
      { id: 16, found: 5 },
    ]);
  });

  it('may be of the same table, over and over', async () => {
    const boss = row(toBoss, object({ name: 'name', boss: row(toBoss, objectOf('name')) }));
    expect(await answer(from(customers), object({ name: 'name', boss }))).toEqual([
      { name: 'Zoë', boss: null },
      { name: 'Ann "x"', boss: { name: 'Zoë', boss: null } },
      { name: 'Eve', boss: { name: 'Ann "x"', boss: { name: 'Zoë' } } },
      { name: 'nobody', boss: { name: 'Ann "x"', boss: { name: 'Zoë' } } },
      { name: 'Ann again', boss: { name: 'Eve', boss: { name: 'Ann "x"' } } },
    ]);
  });

  it('may be asked for without any of its columns', async () => {
    const typename: Json = { kind: 'literal', text: '"Customers"' };
    expect(
      await answer(from(orders, { limit: 3 }), object({ c: row(toCustomer, typename) })),
    ).toEqual([{ c: 'Customers' }, { c: 'Customers' }, { c: null }]);
  });
});

describe('a list of related rows', () => {
  const lists = async (more: Partial<Extract<RelatedJson, { kind: 'relatedRows' }>>) => {
    const items = list(toItems, { kind: 'column', column: 'sku' }, more);
    const rows = (await answer(from(orders), object({ id: 'id', items }))) as {
      id: number;
      items: string[];
    }[];
    return Object.fromEntries(rows.map(({ id, items }) => [id, items.join(' ')]));
  };

  it('comes in load order and is empty where nothing is found', async () => {
    expect(await lists({})).toEqual({
      10: '🦆 b',
      11: '',
      12: '',
      13: '',
      14: '🦆 b c',
      15: '',
      16: '',
    });
  });

  it('is ordered with ties in load order, and cut for each row', async () => {
    expect(await lists({ orderBy: [desc('n')] })).toMatchObject({ 10: 'b 🦆', 14: 'c 🦆 b' });
    expect(await lists({ orderBy: [asc('n')], limit: 2 })).toMatchObject({
      10: '🦆 b',
      14: '🦆 b',
    });
    expect(await lists({ limit: 1 })).toMatchObject({ 10: '🦆', 14: '🦆' });
    expect(await lists({ limit: 0 })).toMatchObject({ 10: '', 14: '' });
  });

  it('is filtered before it is cut', async () => {
    expect(await lists({ where: compare('sku', 'ne', '🦆'), limit: 1 })).toMatchObject({
      10: 'b',
      14: 'b',
    });
    expect(await lists({ where: compare('n', 'gt', 100) })).toMatchObject({ 10: '', 14: '' });
  });

  it('may be filtered by what its rows lead to', async () => {
    const inStock = leads(link('stock', ['sku', 'sku']), compare('n', 'gt', 7));
    expect(await lists({ where: inStock })).toMatchObject({ 10: '🦆', 14: '🦆' });
  });

  it('nests, three levels deep and back', async () => {
    const shape = object({
      name: 'name',
      orders: list(
        toOrders,
        object({
          id: 'id',
          customer: row(toCustomer, objectOf('name')),
          items: list(
            toItems,
            object({ sku: 'sku', stock: list(link('stock', ['sku', 'sku']), objectOf('n')) }),
            { limit: 1 },
          ),
        }),
        { limit: 2 },
      ),
    });
    const rows = await answer(from(customers, { where: compare('name', 'eq', 'Zoë') }), shape);
    const ducks = [{ n: 3 }, { n: 4 }, { n: 6 }, { n: 8 }];
    expect(rows).toEqual([
      {
        name: 'Zoë',
        orders: [10, 14].map((id) => ({
          id,
          customer: { name: 'Zoë' },
          items: [{ sku: '🦆', stock: ducks }],
        })),
      },
    ]);
  });

  it('is the same for rows with the same key, on every side of a block', async () => {
    const shape = object({
      id: 'id',
      same: list(link('orders', ['customer', 'customer']), { kind: 'column', column: 'id' }),
    });
    const rows = await answer(from(orders, { orderBy: [desc('id')] }), shape, { blockRows: 2 });
    expect(rows).toEqual([
      { id: 16, same: [16] },
      { id: 15, same: [10, 14, 15] },
      { id: 14, same: [10, 14, 15] },
      { id: 13, same: [13] },
      { id: 12, same: [] },
      { id: 11, same: [11] },
      { id: 10, same: [10, 14, 15] },
    ]);
  });

  it('leaves pages and cursors as they are', async () => {
    const query = from(orders, {
      orderBy: [asc('amount')],
      limit: 2,
      page: { backwards: true },
    });
    const shape = object({ id: 'id', customer: row(toCustomer, objectOf('name')) });
    const options = { probe: true, cursors: { generation: 'g' } };
    const [block] = await database.blocks(query, [shape], options);
    expect(block).toMatchObject({
      rows: 2,
      has_more: true,
      json: [
        [
          { id: 15, customer: { name: 'Zoë' } },
          { id: 16, customer: { name: 'Eve' } },
        ],
      ],
    });
  });

  it('works over rows that stand in several segments', async () => {
    const segments = [
      { table: 'items', range: { first: 3, rows: 4 } },
      { table: 'items', range: { first: 0, rows: 3 } },
    ];
    const shape = object({ id: 'id', items: list(toItems, { kind: 'column', column: 'sku' }) });
    const query = from(
      { ...orders, segments: [{ table: 'orders', range: { first: 0, rows: 5 } }] },
      {
        related: { ...related, items: { ...items, segments } },
        where: compare('id', 'in', [10, 14]),
      },
    );
    expect(await answer(query, shape)).toEqual([
      { id: 10, items: ['🦆', 'b'] },
      { id: 14, items: ['🦆', 'b', 'c'] },
    ]);
  });
});

describe('a filter through a link', () => {
  const french = compare('country', 'eq', 'FR');

  it('keeps rows for which any row is found', async () => {
    expect(await ids(leads(toCustomer))).toEqual([10, 11, 14, 15, 16]);
    expect(await ids(leads(toCustomer, french))).toEqual([10, 11, 14, 15, 16]);
    expect(await ids(leads(toCustomer, compare('country', 'eq', 'DE')))).toEqual([11]);
    expect(await ids(leads(toCustomer, { kind: 'and', filters: [] }))).toEqual([
      10, 11, 14, 15, 16,
    ]);
  });

  it('is false and never unknown for rows without a match, so its opposite holds for them', async () => {
    expect(await ids({ kind: 'not', filter: leads(toCustomer, french) })).toEqual([12, 13]);
    expect(await ids({ kind: 'not', filter: leads(toStock, compare('n', 'gt', 3)) })).toEqual([
      11, 12, 13, 14, 15,
    ]);
    expect(
      await ids({
        kind: 'or',
        filters: [leads(toCustomer, compare('country', 'eq', 'DE')), compare('id', 'eq', 12)],
      }),
    ).toEqual([11, 12]);
  });

  it('nests, through the same table as well', async () => {
    expect(await ids(leads(toCustomer, leads(toBoss)))).toEqual([11, 16]);
    expect(await ids(leads(toCustomer, leads(toBoss, compare('name', 'eq', 'Zoë'))))).toEqual([11]);
    expect(await ids(leads(toBoss, { kind: 'not', filter: leads(toBoss) }), customers)).toEqual([
      '2',
    ]);
  });

  it('works in aggregates and groups', async () => {
    const where = leads(toCustomer, french);
    expect(
      await database.query({
        kind: 'aggregate',
        from: orders,
        related,
        where,
        aggregates: [{ kind: 'count', as: 'n' }],
      }),
    ).toEqual([['5']]);
    expect(
      await database.query({
        kind: 'groups',
        from: orders,
        related,
        by: [{ kind: 'column', column: 'place', as: 'place' }],
        where,
        aggregates: [{ kind: 'count', as: 'n' }],
        orderBy: [],
      }),
    ).toEqual([
      ['Zu', '1'],
      ['Zug', '2'],
      ['Zürich', '2'],
    ]);
  });

  it('is refused when it nests too deep', () => {
    let where = leads(toBoss);
    for (let depth = 0; depth < 101; depth++) where = leads(toBoss, where);
    expect(() => compile(from(customers, { where }), duckdbDialect)).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', details: { limit: 100 } }),
    );
  });
});

describe('keys of different types', () => {
  const match = async (left: string, right: string, types: readonly ColumnSpec[]) => {
    await database.execute(
      `create or replace table a as select ${left} as k; create or replace table b as select ${right} as k`,
    );
    const [a, b] = types.map((type, index) => source(index === 0 ? 'a' : 'b', [['k', ...type]]));
    const query = (where: Filter): Query => ({
      kind: 'aggregate',
      from: a!,
      related: { b: b! },
      where,
      aggregates: [{ kind: 'count', as: 'n' }],
    });
    const shape = object({ found: row(link('b', ['k', 'k']), { kind: 'literal', text: 'true' }) });
    const [count] = await database.query(query(leads(link('b', ['k', 'k']))));
    const rows: RowsQuery = {
      kind: 'rows',
      from: a!,
      related: { b: b! },
      columns: [],
      orderBy: [],
    };
    const found = (await answer(rows, shape)) as { found: boolean | null }[];
    expect(found[0]?.found === true).toBe(count?.[0] === '1');
    return count?.[0] === '1';
  };
  type ColumnSpec = readonly [ColumnType, [number, number]?];
  const decimal = (precision: number, scale: number): ColumnSpec => ['DECIMAL', [precision, scale]];

  it.each<[string, string, ColumnSpec, ColumnSpec, boolean]>([
    ['7::integer', '7::bigint', ['INTEGER'], ['BIGINT'], true],
    ['7::integer', '7.00::decimal(4,2)', ['INTEGER'], decimal(4, 2), true],
    ['7::integer', '7.01::decimal(4,2)', ['INTEGER'], decimal(4, 2), false],
    [
      '9007199254740993::bigint',
      '9007199254740992::decimal(38,0)',
      ['BIGINT'],
      decimal(38, 0),
      false,
    ],
    [
      '9007199254740993::bigint',
      '9007199254740993::decimal(38,10)',
      ['BIGINT'],
      decimal(38, 10),
      true,
    ],
    ['1.50::decimal(3,2)', '1.5::decimal(2,1)', decimal(3, 2), decimal(2, 1), true],
    [
      `'99999999999999999999999999999999999999'::decimal(38,0)`,
      `'1.5'::decimal(38,20)`,
      decimal(38, 0),
      decimal(38, 20),
      false,
    ],
    ["'a'", "'a'", ['STRING'], ['STRING'], true],
    ["'a'", "'A'", ['STRING'], ['STRING'], false],
    ["date '2024-01-01'", "date '2024-01-01'", ['DATE'], ['DATE'], true],
    ['0.1::double', '0.1::double', ['DOUBLE'], ['DOUBLE'], true],
  ])('%s and %s are compared exactly', async (left, right, leftType, rightType, equal) => {
    expect(await match(left, right, [leftType, rightType])).toBe(equal);
  });

  it.each<[ColumnType, ColumnType]>([
    ['STRING', 'BIGINT'],
    ['DOUBLE', 'BIGINT'],
    ['DATE', 'TIMESTAMP'],
    ['TIMESTAMP', 'TIMESTAMP_TZ'],
    ['JSON', 'JSON'],
  ])('%s and %s are refused', (left, right) => {
    const query = from(source('a', [['id', left]]), {
      related: { b: source('b', [['k', right]]) },
      where: leads(link('b', ['id', 'k'])),
    });
    expect(() => compile(query, duckdbDialect)).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        details: { column: 'id', dataset: 'b', references: 'k' },
      }),
    );
  });
});

describe('the datasets that a query leads to', () => {
  it('are found in filters and in shapes, each once', () => {
    const where: Filter = {
      kind: 'or',
      filters: [{ kind: 'not', filter: leads(toCustomer, leads(toBoss)) }, compare('id', 'eq', 1)],
    };
    const shape: Json = {
      kind: 'array',
      items: [list(toItems, row(toOrders, objectOf('id')), { where: leads(toStock) })],
    };
    expect(relatedDatasets(where, [shape])).toEqual(['customers', 'items', 'stock', 'orders']);
    expect(relatedDatasets(undefined)).toEqual([]);
  });

  it('have to be given with it, whatever they are called', () => {
    const where = leads(link('constructor', ['id', 'id']));
    expect(() => compile(from(orders, { where }), duckdbDialect)).toThrow(
      expect.objectContaining({ code: 'INTERNAL' }),
    );
  });
});
