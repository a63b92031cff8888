import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { compileJson, type JsonOptions } from '../../src/query/json.js';
import { orderingFingerprint } from '../../src/query/cursor.js';
import type { GroupsQuery, Json, Query, RowsQuery } from '../../src/query/query.js';
import { toStatement } from '../../src/sql.js';
import {
  column,
  compare,
  createEverything,
  everything,
  objectOf,
  openDatabase,
  type Database,
} from './database.js';

const rows: RowsQuery = { kind: 'rows', from: everything, columns: ['id', 'name'], orderBy: [] };
const groups: GroupsQuery = {
  kind: 'groups',
  from: everything,
  by: [
    { kind: 'bucket', column: 'day', unit: 'YEAR', timezone: 'UTC', fillGaps: false, as: 'year' },
    { kind: 'column', column: 'flag', as: 'flag' },
  ],
  aggregates: [{ kind: 'count', as: 'count' }],
  orderBy: [],
};
const statement = (query: Query, shapes: readonly Json[], options?: JsonOptions) =>
  toStatement(compileJson(query, shapes, duckdbDialect, options));

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.execute(createEverything);
});
afterAll(() => database.close());

// One row's cursor: what pages continue from, with the fingerprint of the ordering at the end.
const cursor = `to_base64(encode(concat('["7","', n.row_id, '",[', coalesce(cast(to_json(cast(n."o0" as varchar)) as varchar), 'null'), '],"${orderingFingerprint([{ column: 'name', descending: true, nulls: 'last' }])}"]')))`;

describe('the SQL of JSON text', () => {
  it('of rows in load order reads no more than the page', () => {
    expect(statement({ ...rows, limit: 10 }, [objectOf('id', 'name')])).toEqual({
      sql:
        'with numbered as materialized (select p.*, row_number() over () - 1 as rn from' +
        ' (select t."id" as "c0", t."name" as "c1", t."rowid" as row_id from "everything" as t limit 10) as p)' +
        ` select encode(string_agg(concat('{"id":', coalesce(cast(n."c0" as varchar), 'null'),` +
        ` ',"name":', coalesce(cast(to_json(n."c1") as varchar), 'null'), '}'), ',' order by n.rn)) as "json0",` +
        ' count(*) as "rows" from numbered as n group by n.rn - n.rn % 4096 order by n.rn - n.rn % 4096',
      parameters: [],
    });
  });

  it('of many ordered rows sorts only what orders them', () => {
    expect(
      statement(
        {
          ...rows,
          where: compare('id', 'gt', 1),
          limit: 2000,
          orderBy: [{ column: 'name', descending: true, nulls: 'last' }],
        },
        [objectOf('id')],
        { probe: true, cursors: { generation: '7' }, blockRows: 100 },
      ),
    ).toEqual({
      sql:
        'with numbered as materialized (select k.*, row_number() over (order by k."o0" desc nulls last, k.row_id asc nulls last) - 1 as rn from' +
        ' (select t."name" as "o0", t."rowid" as row_id from "everything" as t where t."id" > cast($1 as integer)' +
        ' order by t."name" desc nulls last, t."rowid" asc nulls last limit 2001) as k)' +
        ` select encode(coalesce(string_agg(concat('{"id":', coalesce(cast(t."id" as varchar), 'null'), '}'), ',' order by n.rn)` +
        ` filter (where n.rn < 2000), '')) as "json0", count(*) filter (where n.rn < 2000) as "rows",` +
        ` min_by(${cursor}, n.rn) filter (where n.rn < 2000) as first_cursor, max_by(${cursor}, n.rn) filter (where n.rn < 2000) as last_cursor,` +
        ' sum(count(*)) over () > 2000 as has_more from numbered as n join "everything" as t on t."rowid" = n.row_id' +
        ' group by least(n.rn, 1999) - least(n.rn, 1999) % 100 order by least(n.rn, 1999) - least(n.rn, 1999) % 100',
      parameters: [1n],
    });
  });

  it('of aggregates is one row', () => {
    expect(
      statement({ kind: 'aggregate', from: everything, aggregates: [{ kind: 'count', as: 'x' }] }, [
        objectOf('x'),
        { kind: 'literal', text: '1' },
      ]),
    ).toEqual({
      sql: `select encode(concat('{"x":', case when n."a0" is null then 'null' else '"' end, cast(n."a0" as varchar), case when n."a0" is null then '' else '"' end, '}')) as "json0", encode('1') as "json1", cast(1 as bigint) as "rows" from (select count(*) as "a0" from "everything" as t) as n`,
      parameters: [],
    });
  });

  it('of groups numbers them in their order and joins the total', () => {
    const shape: Json = {
      kind: 'array',
      items: [
        { kind: 'column', column: 'flag' },
        { kind: 'bucketEnd', key: 'year' },
      ],
    };
    expect(statement({ ...groups, limit: 2 }, [shape], { total: true }).sql).toBe(
      `with grouped as (select date_trunc('year', cast(t."day" as timestamp)) as "k0", t."flag" as "k1", count(*) as "a0" from "everything" as t group by 1, 2),` +
        ' kept as (select g.* from grouped as g),' +
        ' numbered as (select g.*, row_number() over (order by g."k0" asc nulls last, g."k1" asc nulls last) - 1 as rn' +
        ' from (select g.* from kept as g order by g."k0" asc nulls last, g."k1" asc nulls last limit 2) as g)' +
        ` select encode(coalesce(string_agg(concat('[', coalesce(cast(n."k1" as varchar), 'null'), ',', case when n."k0" + interval '1 year' is null then 'null' else '"' end,` +
        ` case when n."k0" + interval '1 year' between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999'` +
        ` then cast(cast(n."k0" + interval '1 year' as date) as varchar) || 'T' || cast(cast(n."k0" + interval '1 year' as time) as varchar)` +
        ` when n."k0" + interval '1 year' < timestamp '0001-01-01'` +
        ` then rtrim(rtrim(strftime(n."k0" + interval '1 year', '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.') else replace(cast(n."k0" + interval '1 year' as varchar), ' ', 'T') end, case when n."k0" + interval '1 year' is null then '' else '"' end, ']'), ',' order by n.rn)` +
        ` filter (where n.rn is not null), '')) as "json0", count(n.rn) as "rows", s.total as total` +
        ' from (select count(*) as total from kept) as s left join numbered as n on true group by s.total, n.rn - n.rn % 4096 order by n.rn - n.rn % 4096',
    );
  });

  it('holds what is the same in every row as one piece', () => {
    const shape: Json = {
      kind: 'object',
      members: [
        { key: '__typename', value: { kind: 'literal', text: '"It\'s"' } },
        {
          key: 'all',
          value: {
            kind: 'array',
            items: [
              { kind: 'literal', text: '1' },
              { kind: 'literal', text: '2' },
            ],
          },
        },
        { key: 'a"b', value: { kind: 'column', column: 'id' } },
      ],
    };
    expect(statement(rows, [shape]).sql).toContain(
      `concat('{"__typename":"It''s","all":[1,2],"a\\"b":', coalesce(cast(n."c0" as varchar), 'null'), '}')`,
    );
    expect(statement(rows, [{ kind: 'object', members: [] }]).sql).toContain(
      `string_agg('{}', ','`,
    );
  });
});

describe('JSON text', () => {
  const expected = [
    {
      id: 1,
      flag: true,
      small: 2147483647,
      big: '9223372036854775807',
      amount: '1.23',
      score: 0.1,
      name: 'Zoë "quoted" \\ 100%',
      day: '2024-02-29',
      clock: '23:59:59.999999',
      local: '2024-02-29T12:00:00.5',
      instant: '2024-03-31T00:30:00Z',
      extra: { a: [1, null] },
    },
    {
      id: 2,
      flag: false,
      small: -2147483648,
      big: '-9223372036854775808',
      amount: '-0.05',
      score: null,
      name: '\0\t\u001f\u007f\u2028🦆',
      day: '0001-01-01',
      clock: '00:00:00',
      local: '1969-12-31T23:59:59.000001',
      instant: '2024-03-31T01:30:00.123456Z',
      extra: 'text',
    },
    {
      id: 3,
      flag: null,
      small: 0,
      big: '0',
      amount: '9999999999.99',
      score: null,
      name: '',
      day: '9999-12-31',
      clock: '12:00:00',
      local: '9999-12-31T23:59:59.999999',
      instant: '1960-01-01T00:00:00Z',
      extra: null,
    },
    {
      id: 4,
      flag: true,
      small: 0,
      big: '9007199254740993',
      amount: '1.23',
      score: 1e300,
      name: 'abc',
      day: '2024-02-29',
      clock: '12:00:00',
      local: '2024-02-29T12:00:00.5',
      instant: '2024-03-31T00:30:00Z',
      extra: [],
    },
    {
      id: 5,
      flag: null,
      small: null,
      big: null,
      amount: null,
      score: null,
      name: null,
      day: null,
      clock: null,
      local: null,
      instant: null,
      extra: null,
    },
  ];
  const names = everything.columns.map(({ name }) => name);

  it.each(['UTC', 'America/New_York', 'Asia/Kathmandu'])(
    'of every type, in a session of %s',
    async (zone) => {
      await database.execute(`set TimeZone = '${zone}'`);
      try {
        const blocks = await database.blocks({ ...rows, columns: names }, [objectOf(...names)]);
        expect(blocks).toHaveLength(1);
        expect(blocks[0]?.json[0]).toEqual(expected);
        expect(blocks[0]?.texts[0]).toContain('"extra":{"a": [1, null]}},{"id":2,');
      } finally {
        await database.execute(`set TimeZone = 'UTC'`);
      }
    },
  );

  it('of smallest, largest and all other values is that of the type', async () => {
    const types = everything.columns.filter(({ type }) => type !== 'JSON');
    const query: Query = {
      kind: 'aggregate',
      from: everything,
      where: compare('id', 'eq', 1),
      aggregates: [
        ...types.map(({ name }) => ({ kind: 'max' as const, column: name, as: name })),
        { kind: 'sum', column: 'big', as: 'sum' },
        { kind: 'avg', column: 'big', as: 'avg' },
        { kind: 'count', as: 'count' },
      ],
    };
    const { extra: _extra, ...first } = expected[0] ?? { extra: null };
    const [block] = await database.blocks(query, [
      objectOf(...types.map(({ name }) => name), 'sum', 'avg', 'count'),
    ]);
    expect(block?.json[0]).toEqual([
      { ...first, sum: '9223372036854775807', avg: 9223372036854775807, count: '1' },
    ]);
    expect(block?.rows).toBe(1);
  });

  it('writes doubles so that they read back as themselves', async () => {
    await database.execute(
      `create table doubles as select unnest([0.1, 1e21, 1e-7, 5e-324, 1.7976931348623157e308, 123456789012345680000, -0.5, 100, 1/3, 'nan', 'inf', '-inf']::double[]) as score`,
    );
    const from = { segments: [{ table: 'doubles' }], columns: [column('score', 'DOUBLE')] };
    const [block] = await database.blocks({ ...rows, from, columns: ['score'] }, [
      { kind: 'column', column: 'score' },
    ]);
    expect(block?.json[0]).toEqual([
      0.1,
      1e21,
      1e-7,
      5e-324,
      1.7976931348623157e308,
      123456789012345680000,
      -0.5,
      100,
      1 / 3,
      null,
      null,
      null,
    ]);
  });

  it('escapes what JSON has to escape', async () => {
    await database.execute(
      `create table texts as select chr(i::int) as name, i from (select unnest(range(0, 300) || [8232, 8233, 65533, 65535, 128516, 1114111]) as i)`,
    );
    const from = {
      segments: [{ table: 'texts' }],
      columns: [column('name', 'STRING'), column('i', 'BIGINT')],
    };
    const [block] = await database.blocks({ ...rows, from, columns: ['name', 'i'] }, [
      objectOf('name', 'i'),
    ]);
    for (const row of block?.json[0] as { name: string; i: string }[]) {
      expect(row.name).toBe(String.fromCodePoint(Number(row.i)));
    }
    expect(block?.rows).toBe(306);
  });

  it('comes in blocks in order, for each shape', async () => {
    await database.execute('create table numbers as select range::integer as id from range(10000)');
    const from = { segments: [{ table: 'numbers' }], columns: [column('id', 'INTEGER')] };
    const shapes: Json[] = [
      { kind: 'column', column: 'id' },
      { kind: 'literal', text: 'true' },
    ];
    const query: RowsQuery = { ...rows, from, columns: ['id'] };
    for (const orderBy of [[], [{ column: 'id', descending: true, nulls: 'last' as const }]]) {
      const blocks = await database.blocks({ ...query, orderBy }, shapes);
      expect(blocks.map((block) => block.rows)).toEqual([4096, 4096, 1808]);
      const ids = blocks.flatMap((block) => block.json[0]);
      expect(ids).toEqual(Array.from({ length: 10000 }, (_, n) => (orderBy.length ? 9999 - n : n)));
      expect(blocks.flatMap((block) => block.json[1]).every((item) => item === true)).toBe(true);
    }
    const probed = await database.blocks({ ...query, limit: 4096 }, shapes, { probe: true });
    expect(probed.map(({ rows: n, has_more }) => [n, has_more])).toEqual([[4096, true]]);
    const last = await database.blocks({ ...query, limit: 4096, offset: 5904 }, shapes, {
      probe: true,
    });
    expect(last.map(({ rows: n, has_more }) => [n, has_more])).toEqual([[4096, false]]);
  });

  it('of groups has typed keys, buckets with their ends, and the total', async () => {
    const shape: Json = {
      kind: 'object',
      members: [
        { key: 'key', value: objectOf('flag') },
        { key: 'start', value: { kind: 'column', column: 'year' } },
        { key: 'end', value: { kind: 'bucketEnd', key: 'year' } },
        { key: 'count', value: { kind: 'column', column: 'count' } },
      ],
    };
    const [block] = await database.blocks({ ...groups, limit: 2, offset: 1 }, [shape], {
      total: true,
    });
    expect(block).toMatchObject({ rows: 2, total: 4 });
    expect(block?.json[0]).toEqual([
      { key: { flag: true }, start: '2024-01-01T00:00:00', end: '2025-01-01T00:00:00', count: '2' },
      {
        key: { flag: null },
        start: '9999-01-01T00:00:00',
        end: '10000-01-01T00:00:00',
        count: '1',
      },
    ]);
    expect(
      await database.blocks({ ...groups, limit: 2, offset: 9 }, [shape], { total: true }),
    ).toMatchObject([{ rows: 0, texts: [''], total: 4 }]);
    expect(await database.blocks({ ...groups, limit: 0 }, [shape], { total: true })).toMatchObject([
      { rows: 0, total: 4 },
    ]);
    expect(await database.blocks(groups, [shape], { blockRows: 3 })).toMatchObject([
      { rows: 3 },
      { rows: 1 },
    ]);
    const none = { ...groups, where: compare('id', 'lt', 0) };
    expect(await database.blocks(none, [shape], { total: true })).toMatchObject([
      { rows: 0, total: 0 },
    ]);
    expect(await database.blocks(none, [shape])).toEqual([]);
  });

  it('of rows without columns still has one value for each', async () => {
    const [block] = await database.blocks({ ...rows, columns: [] }, [
      { kind: 'literal', text: '{}' },
    ]);
    expect(block?.texts).toEqual(['{},{},{},{},{}']);
    const aggregate: Query = { kind: 'aggregate', from: everything, aggregates: [] };
    expect((await database.blocks(aggregate, [{ kind: 'literal', text: '{}' }]))[0]?.texts).toEqual(
      ['{}'],
    );
  });

  it('takes names that would end a piece of SQL or JSON', async () => {
    const name = `'"\\ ); --`;
    await database.execute(
      `create table odd as select 1::integer as "${name.replaceAll('"', '""')}"`,
    );
    const from = { segments: [{ table: 'odd' }], columns: [column(name, 'INTEGER')] };
    const [block] = await database.blocks({ ...rows, from, columns: [name] }, [objectOf(name)]);
    expect(block?.json[0]).toEqual([{ [name]: 1 }]);
  });

  it('fails on shapes that the query does not have', () => {
    const refused: [Query, Json][] = [
      [groups, { kind: 'cursor' }],
      [rows, { kind: 'cursor' }],
      [rows, { kind: 'bucketEnd', key: 'id' }],
      [groups, { kind: 'bucketEnd', key: 'flag' }],
      [groups, { kind: 'column', column: 'id' }],
    ];
    for (const [query, shape] of refused) {
      expect(() => statement(query, [shape])).toThrow(
        expect.objectContaining({ code: 'INTERNAL' }),
      );
    }
  });
});
