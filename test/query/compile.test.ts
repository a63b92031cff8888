import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { compile, outputColumns } from '../../src/query/compile.js';
import type { Ordering, Query, RowsQuery, Source } from '../../src/query/query.js';
import { toStatement } from '../../src/sql.js';
import {
  column,
  compare,
  createEverything,
  everything,
  openDatabase,
  type Database,
} from './database.js';

const statement = (query: Query) => toStatement(compile(query, duckdbDialect));
const rows = (query: Partial<RowsQuery>): RowsQuery => ({
  kind: 'rows',
  from: everything,
  columns: ['id'],
  orderBy: [],
  ...query,
});
const asc = (name: string, nulls: 'first' | 'last' = 'last'): Ordering => ({
  column: name,
  descending: false,
  nulls,
});
const desc = (name: string, nulls: 'first' | 'last' = 'first'): Ordering => ({
  column: name,
  descending: true,
  nulls,
});

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.execute(createEverything);
});
afterAll(() => database.close());
const ids = async (query: Partial<RowsQuery>) =>
  (await database.query(rows(query))).map(([id]) => id);

describe('the SQL of rows', () => {
  it('needs no ORDER BY for the order of the load', () => {
    expect(statement(rows({ columns: ['id', 'name'], limit: 10, offset: 5 }))).toEqual({
      sql: 'select t."id" as "id", t."name" as "name" from "everything" as t limit 10 offset 5',
      parameters: [],
    });
  });

  it('orders by qualified columns, places nulls and breaks ties by the row id', () => {
    expect(
      statement(
        rows({
          where: compare('small', 'eq', 0),
          orderBy: [desc('amount', 'last'), asc('name', 'first')],
          limit: 3,
        }),
      ),
    ).toEqual({
      sql: 'select t."id" as "id" from "everything" as t where t."small" = cast($1 as integer) order by t."amount" desc nulls last, t."name" asc nulls first, t."rowid" asc nulls last limit 3',
      parameters: [0n],
    });
  });

  it('keeps the first row of each combination for distinctOn', () => {
    expect(
      statement(
        rows({ where: compare('flag', 'eq', true), distinctOn: ['amount'], orderBy: [desc('id')] }),
      ),
    ).toEqual({
      sql: 'select t."id" as "id" from "everything" as t where t."rowid" in (select d.row_id from (select t."rowid" as row_id, row_number() over (partition by t."amount" order by t."id" desc nulls first, t."rowid" asc nulls last) as place from "everything" as t where t."flag" = cast($1 as boolean)) as d where d.place = 1) order by t."id" desc nulls first, t."rowid" asc nulls last',
      parameters: [true],
    });
  });

  it('walks a keyset page by comparing each key, then the row id', () => {
    const after = { values: ['1.23', null], row: '3' };
    expect(
      statement(
        rows({
          orderBy: [desc('amount', 'last'), asc('name', 'first')],
          page: { backwards: false, after },
          limit: 2,
        }),
      ),
    ).toEqual({
      sql: 'select t."id" as "id" from "everything" as t where ((t."amount" < try_cast($1 as decimal(12, 2)) or t."amount" is null) or (t."amount" = try_cast($2 as decimal(12, 2)) and (t."name" is not null or (t."name" is null and t."rowid" > try_cast($3 as bigint))))) order by t."amount" desc nulls last, t."name" asc nulls first, t."rowid" asc nulls last limit 2',
      parameters: ['1.23', '1.23', '3'],
    });
  });

  it('takes a backward page from the end and lists it forwards', () => {
    expect(
      statement(rows({ page: { backwards: true, before: { values: [], row: '3' } }, limit: 2 })),
    ).toEqual({
      sql: 'select t."id" as "id" from "everything" as t where t."rowid" in (select t."rowid" from "everything" as t where t."rowid" < try_cast($1 as bigint) order by t."rowid" desc nulls first limit 2) order by t."rowid" asc nulls last',
      parameters: ['3'],
    });
  });
});

describe('rows', () => {
  it('come in the order of the load where nothing else is said', async () => {
    expect(await ids({})).toEqual([1, 2, 3, 4, 5]);
    expect(await ids({ limit: 2, offset: 1 })).toEqual([2, 3]);
    expect(await ids({ limit: 0 })).toEqual([]);
    expect(await ids({ offset: 4 })).toEqual([5]);
  });

  it('are ordered with nulls where they are wanted and ties in the order of the load', async () => {
    expect(await ids({ orderBy: [asc('amount')] })).toEqual([2, 1, 4, 3, 5]);
    expect(await ids({ orderBy: [asc('amount', 'first')] })).toEqual([5, 2, 1, 4, 3]);
    expect(await ids({ orderBy: [desc('amount', 'last')] })).toEqual([3, 1, 4, 2, 5]);
    expect(await ids({ orderBy: [desc('amount'), desc('id')] })).toEqual([5, 3, 4, 1, 2]);
    expect(await ids({ orderBy: [asc('name')] })).toEqual([3, 2, 1, 4, 5]);
    expect(await ids({ orderBy: [asc('score')] })).toEqual([1, 4, 3, 2, 5]);
  });

  it('are ordered by values even if the output has text of the same name', async () => {
    const query = rows({ columns: ['big'], orderBy: [asc('big')] });
    expect((await database.query(query)).map(([big]) => big)).toEqual([
      '-9223372036854775808',
      '0',
      '9007199254740993',
      '9223372036854775807',
      null,
    ]);
  });

  it('keep the first of each combination under the ordering', async () => {
    expect(await ids({ distinctOn: ['flag'] })).toEqual([1, 2, 3]);
    expect(await ids({ distinctOn: ['flag'], orderBy: [desc('id')] })).toEqual([5, 4, 2]);
    expect(await ids({ distinctOn: ['flag'], orderBy: [asc('amount')] })).toEqual([2, 1, 3]);
    expect(await ids({ distinctOn: ['amount', 'day'], limit: 2, offset: 1 })).toEqual([2, 3]);
    expect(await ids({ distinctOn: ['flag'], where: compare('id', 'gt', 1), orderBy: [] })).toEqual(
      [2, 3, 4],
    );
  });
});

describe('aggregates', () => {
  it('are one scan', () => {
    expect(
      statement({
        kind: 'aggregate',
        from: everything,
        where: compare('flag', 'eq', true),
        aggregates: [
          { kind: 'count', as: 'n' },
          { kind: 'sum', column: 'big', as: 'total' },
          { kind: 'quantile', column: 'amount', q: 0.9, as: 'p90' },
        ],
      }),
    ).toEqual({
      sql: `select count(*) as "n", cast(sum(t."big") as decimal(38, 0)) as "total", quantile_cont(cast(t."amount" as double), cast('0.9' as double)) as "p90" from "everything" as t where t."flag" = cast($1 as boolean)`,
      parameters: [true],
    });
  });
});

describe('names', () => {
  const naughty = [
    'select',
    'a"b',
    "a'b",
    't',
    'rn',
    'c0',
    'o0',
    'row_id',
    'x y',
    '🦆',
    '$1',
    'a.b',
    ';--',
    'T1',
  ];
  const name = `drop "table' ; -- 🦆`;
  const from: Source = {
    segments: [{ table: name }],
    columns: naughty.map((name) => column(name, 'INTEGER')),
  };

  it('are only ever names', async () => {
    const table = name.replaceAll('"', '""');
    const columns = naughty.map((name) => `"${name.replaceAll('"', '""')}" integer`).join(', ');
    await database.execute(`create table "${table}" (${columns})`);
    const values = naughty.map((_, index) => index);
    await database.execute(`insert into "${table}" values (${values.join(', ')})`);
    const query: Query = {
      kind: 'rows',
      from,
      columns: naughty,
      distinctOn: naughty,
      where: { kind: 'and', filters: naughty.map((name, index) => compare(name, 'eq', index)) },
      orderBy: naughty.map((name) => asc(name)),
    };
    expect(await database.query(query)).toEqual([values]);
    expect(outputColumns(query).map(({ name }) => name)).toEqual(naughty);
    const groups: Query = {
      kind: 'groups',
      from,
      by: naughty.map((name) => ({ kind: 'column', column: name, as: name })),
      aggregates: naughty.map((name) => ({ kind: 'max', column: name, as: `max ${name}` })),
      orderBy: [],
    };
    expect(await database.query(groups)).toEqual([[...values, ...values]]);
  });

  it('may be that of the row id', async () => {
    await database.execute(`create table shadow (id integer, "RowId" varchar, rowid_ integer)`);
    await database.execute(`insert into shadow values (1, 'z', 10), (2, 'y', 20), (3, 'y', 30)`);
    const shadow: Source = {
      segments: [{ table: 'shadow' }],
      columns: [column('id', 'INTEGER'), column('RowId', 'STRING'), column('rowid_', 'INTEGER')],
    };
    const query = rows({
      from: shadow,
      columns: ['id', 'RowId', 'rowid_'],
      orderBy: [asc('RowId')],
    });
    expect(statement(query).sql).toBe(
      'select t."id" as "id", t."RowId__" as "RowId", t."rowid_" as "rowid_" from "shadow" as t("id", "RowId__", "rowid_") order by t."RowId__" asc nulls last, t."rowid" asc nulls last',
    );
    expect(await database.query(query)).toEqual([
      [2, 'y', 20],
      [3, 'y', 30],
      [1, 'z', 10],
    ]);
    const page = { backwards: false, after: { values: ['y'], row: '1' } };
    expect(await database.query({ ...query, page })).toEqual([
      [3, 'y', 30],
      [1, 'z', 10],
    ]);
  });
});

describe('a segment above a number', () => {
  beforeAll(async () => {
    await database.execute('create table loads (v varchar, rowid varchar, "loaded by" bigint)');
    await database.execute(
      "insert into loads values ('a', 'r', 2), ('b', 's', 1), ('c', 't', null), ('d', 'u', 3), ('e', 'v', 2)",
    );
  });
  const above = { column: 'loaded by', number: 1 };
  const source = (segments: Source['segments']): Source => ({
    segments,
    columns: [column('v', 'STRING'), column('rowid', 'STRING')],
  });
  const of = (segments: Source['segments']) =>
    rows({ from: source(segments), columns: ['v'], orderBy: [] });
  const values = async (query: Query) => (await database.query(query)).flat();

  it('binds the number, and reads a column that the source has not', () => {
    expect(statement(of([{ table: 'loads', range: { first: 1, rows: 4 }, above }]))).toEqual({
      sql: 'select t."v" as "v" from (select s."v", s."rowid_", s."rowid" + 0 as "rowid" from "loads" as s("v", "rowid_") where s."rowid" >= 1 and s."rowid" < 5 and s."loaded by" > cast($1 as bigint)) as t',
      parameters: ['1'],
    });
  });

  it('has the rows above it, in the order of the load', async () => {
    expect(await values(of([{ table: 'loads', above }]))).toEqual([...'ade']);
    expect(await values(of([{ table: 'loads', range: { first: 1, rows: 3 }, above }]))).toEqual([
      ...'d',
    ]);
    expect(await values(of([{ table: 'loads', above }, { table: 'loads' }]))).toEqual([
      ...'adeabcde',
    ]);
  });

  it('is paged and ordered like any other', async () => {
    const query = of([
      { table: 'loads', above },
      { table: 'loads', above },
    ]);
    const after = { values: [], row: '3' };
    const page = { backwards: false, after };
    expect(await values({ ...query, page, limit: 3 })).toEqual([...'ead']);
    const before = { values: ['d'], row: '3' };
    const backwards = { backwards: true, before };
    const byValue = [desc('v')];
    expect(await values({ ...query, orderBy: byValue, page: backwards, limit: 2 })).toEqual([
      ...'ee',
    ]);
    const count: Query = {
      kind: 'aggregate',
      from: query.from,
      aggregates: [{ kind: 'count', as: 'n' }],
    };
    expect(await database.query(count)).toEqual([['6']]);
  });
});

describe('output columns', () => {
  it('of rows are those of the table', () => {
    expect(outputColumns(rows({ columns: ['amount', 'id'] }))).toEqual([
      { name: 'amount', type: 'DECIMAL', decimal: { precision: 12, scale: 2 } },
      { name: 'id', type: 'INTEGER' },
    ]);
  });

  it('of groups are keys, then aggregates', () => {
    expect(
      outputColumns({
        kind: 'groups',
        from: everything,
        by: [
          { kind: 'column', column: 'amount', as: 'amount' },
          { kind: 'bucket', column: 'day', unit: 'DAY', timezone: 'UTC', fillGaps: false, as: 'd' },
        ],
        aggregates: [
          { kind: 'count', as: 'n' },
          { kind: 'countDistinct', column: 'extra', as: 'distinct' },
          { kind: 'sum', column: 'small', as: 'sum small' },
          { kind: 'sum', column: 'amount', as: 'sum amount' },
          { kind: 'sum', column: 'score', as: 'sum score' },
          { kind: 'avg', column: 'small', as: 'avg' },
          { kind: 'min', column: 'instant', as: 'min' },
        ],
        orderBy: [],
      }),
    ).toEqual([
      { name: 'amount', type: 'DECIMAL', decimal: { precision: 12, scale: 2 } },
      { name: 'd', type: 'TIMESTAMP' },
      { name: 'n', type: 'BIGINT' },
      { name: 'distinct', type: 'BIGINT' },
      { name: 'sum small', type: 'DECIMAL', decimal: { precision: 38, scale: 0 } },
      { name: 'sum amount', type: 'DECIMAL', decimal: { precision: 38, scale: 2 } },
      { name: 'sum score', type: 'DOUBLE' },
      { name: 'avg', type: 'DOUBLE' },
      { name: 'min', type: 'TIMESTAMP_TZ' },
    ]);
  });

  it('have to be at least one', () => {
    expect(() => statement(rows({ columns: [] }))).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT' }),
    );
  });
});
