import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { compileAnswer } from '../../src/query/answer.js';
import { compileJson } from '../../src/query/json.js';
import type { Json, RowsQuery } from '../../src/query/query.js';
import { integer, sql } from '../../src/sql.js';
import { column, compare, objectOf } from './database.js';

const columns = [
  column('id', 'INTEGER'),
  column('tie', 'INTEGER'),
  column('flag', 'BOOLEAN'),
  column('text', 'STRING'),
  column('amount', 'DECIMAL', [38, 20]),
  column('score', 'DOUBLE'),
];
const rows = (from: number, to: number) => sql`select cast(i as integer) as id,
    case when i % 7 > 0 then cast(i * 37 % 11 as integer) end as tie,
    case i % 3 when 0 then true when 1 then false end as flag,
    case when i % 5 > 0 then repeat('ä"' || chr(10), cast(i % 9 as integer)) end as text,
    cast(i / 7 as decimal(38, 20)) as amount,
    case i % 4 when 0 then cast('nan' as double) when 1 then i / 3 end as score
  from range(${integer(from)}, ${integer(to)}) as r(i)`;

let engine: Engine;
beforeAll(async () => {
  engine = await openDuckDB();
  await engine.transaction(async (session) => {
    await session.run(sql`create table first_part as ${rows(0, 22_000)}`);
    await session.run(sql`create table second_part as ${rows(22_000, 30_000)}`);
    await session.run(sql`create table none as ${rows(0, 0)}`);
  });
});
afterAll(() => engine.close());

const typename: Json = { kind: 'literal', text: '{"__typename":"Things"}' };
const value = (name: string): Json => ({ kind: 'column', column: name });
const present = (name: string): Json => ({ kind: 'present', column: name, value: value(name) });
const selections: readonly (readonly Json[])[] = [
  [typename],
  // Texts that the engine keeps inline, and both kinds beside each other.
  [value('flag')],
  [value('text'), value('id'), typename],
  [objectOf(...columns.map(({ name }) => name))],
  [{ kind: 'array', items: [present('flag'), value('tie')] }, objectOf('flag', 'text')],
];
const orders: readonly Partial<RowsQuery>[] = [
  {},
  { orderBy: [{ column: 'tie', descending: true, nulls: 'first' }] },
  { page: { backwards: true } },
  {
    orderBy: [{ column: 'tie', descending: false, nulls: 'last' }],
    page: { backwards: true, before: { values: ['4'], row: '1500' } },
  },
  { distinctOn: ['text', 'tie'] },
  { where: compare('tie', 'in', [1, 2, 3, 4, 5, 6]) },
];
const cuts: readonly Partial<RowsQuery>[] = [
  { limit: 0 },
  { limit: 1 },
  { limit: 1_000 },
  { limit: 2_049, offset: 2_047 },
  { limit: 20_000 },
  { limit: 20_001 },
];
const tables = [['first_part'], ['first_part', 'second_part'], ['none']];

describe('an answer that is read where the engine put its texts', () => {
  it.each(tables)('is the one that the engine joins by itself, of %s %s', async (...names) => {
    const from = { columns, segments: names.filter(Boolean).map((table) => ({ table })) };
    await engine.read(async (session) => {
      for (const [at, [order, cut]] of orders
        .flatMap((one) => cuts.map((other) => [one, other] as const))
        .entries()) {
        const query: RowsQuery = {
          kind: 'rows',
          from,
          columns: ['id'],
          orderBy: [],
          ...order,
          ...cut,
        };
        const shapes = selections[at % selections.length] ?? [];
        const asked = compileAnswer(query, shapes, duckdbDialect);
        if (asked.gives !== 'texts') throw new Error('it joins the texts');
        const answer = asked.read(await session.texts(asked.statement, { keepPlan: true }));
        const blocks = await session.rows(compileJson(query, shapes, duckdbDialect));
        for (const shape of shapes.keys()) {
          const text = joined(answer.texts[shape] ?? []);
          const filled = blocks.filter((block) => Number(block.rows) > 0);
          expect(text).toBe(joined(filled.map((block) => block[`json${shape}`] as Uint8Array)));
          expect(JSON.parse(`[${text}]`)).toHaveLength(answer.rows);
        }
      }
    });
  });

  it('is refused when it is larger than allowed', async () => {
    const texts = (maxBytes: number) =>
      engine.read((session) =>
        session.texts(sql`select ',' || repeat('x', 99) as t, ',' as u from range(5000)`, {
          maxBytes,
        }),
      );
    expect((await texts(505_000)).rows).toBe(5_000);
    await expect(texts(504_999)).rejects.toMatchObject({
      code: 'RESPONSE_TOO_LARGE',
      details: { limit: 504_999 },
    });
  });
});

const joined = (texts: readonly (string | Uint8Array)[]) =>
  texts.map((text) => Buffer.from(text as Uint8Array).toString()).join(',');
