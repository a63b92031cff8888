import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { JsonAnswer } from '../../src/query/answer.js';
import type { Direction, Json, Page, RowsQuery } from '../../src/query/query.js';
import { column, compare, objectOf, openDatabase, type Database } from './database.js';

const table = {
  segments: [{ table: 'many' }],
  columns: [column('id', 'INTEGER'), column('tie', 'INTEGER'), column('text', 'STRING')],
};
const shapes: readonly Json[] = [objectOf('id', 'text'), { kind: 'cursor' }];
const options = { probe: true, cursors: { generation: '7' } };
/** Beyond what is answered row by row. */
const long = 2_000;

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.execute(`create table many as select id::integer as id,
    case when id % 7 > 0 then (id * 37 % 11)::integer end as tie,
    case when id % 5 > 0 then 'text "' || id || '"' end as text from range(3000) as r(id)`);
});
afterAll(() => database.close());

const directions: readonly Direction[] = [true, false].flatMap((descending) => [
  { descending, nulls: 'first' },
  { descending, nulls: 'last' },
]);
const pages: readonly Page[] = [
  { backwards: false },
  { backwards: true },
  { backwards: false, after: { values: ['4'], row: '1500' } },
  { backwards: true, before: { values: ['4'], row: '1500' } },
  { backwards: false, after: { values: [null], row: '7' } },
];

const rowsOf = (answer: JsonAnswer, shape: number) =>
  JSON.parse(
    `[${(answer.texts[shape] ?? [])
      .map((text) => (typeof text === 'string' ? text : Buffer.from(text).toString()))
      .join(',')}]`,
  ) as unknown[];

describe('an answer of few rows', () => {
  it.each(directions.flatMap((direction) => pages.map((page) => ({ direction, page }))))(
    'is the beginning of one of many: $direction, $page',
    async ({ direction, page }) => {
      const query: RowsQuery = {
        kind: 'rows',
        from: table,
        columns: ['id', 'text'],
        where: compare('id', 'lt', 2_500),
        orderBy: [{ column: 'tie', ...direction }],
        page,
      };
      const many = await database.answer({ ...query, limit: long }, shapes, options);
      for (const limit of [0, 1, 5, 1_000]) {
        const few = await database.answer({ ...query, limit }, shapes, options);
        for (const shape of [0, 1]) {
          const all = rowsOf(many, shape);
          const expected = page.backwards
            ? all.slice(Math.max(0, all.length - limit))
            : all.slice(0, limit);
          expect(rowsOf(few, shape)).toEqual(limit === 0 ? [] : expected);
        }
        const cursors = rowsOf(few, 1);
        expect(few).toMatchObject({
          rows: Math.min(limit, many.rows),
          hasMore: many.rows > limit,
          firstCursor: cursors[0] ?? null,
          lastCursor: cursors.at(-1) ?? null,
        });
      }
    },
  );

  it('comes in the order of the load where no other is asked for', async () => {
    const query: RowsQuery = { kind: 'rows', from: table, columns: ['id'], orderBy: [], offset: 3 };
    const few = await database.answer({ ...query, limit: 4 }, [objectOf('id')]);
    expect(rowsOf(few, 0)).toEqual([{ id: 3 }, { id: 4 }, { id: 5 }, { id: 6 }]);
  });

  it('tells whether there are more without reading anything of them', async () => {
    const query: RowsQuery = { kind: 'rows', from: table, columns: [], orderBy: [], limit: 2 };
    expect(await database.answer(query, [], { probe: true })).toMatchObject({
      texts: [],
      rows: 2,
      hasMore: true,
    });
  });
});
