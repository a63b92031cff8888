import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeCursor } from '../../src/query/cursor.js';
import type { Filter, Ordering, Page, RowsQuery, Source } from '../../src/query/query.js';
import { randomFrom } from '../support/random.js';
import { column, compare, objectOf, openDatabase, type Block, type Database } from './database.js';

const from: Source = {
  segments: [{ table: 'ties' }],
  columns: [
    column('id', 'INTEGER'),
    column('flag', 'BOOLEAN'),
    column('amount', 'DECIMAL', [6, 2]),
    column('score', 'DOUBLE'),
    column('name', 'STRING'),
    column('day', 'DATE'),
    column('clock', 'TIME'),
    column('local', 'TIMESTAMP'),
    column('instant', 'TIMESTAMP_TZ'),
    column('extra', 'JSON'),
  ],
};
const rowCount = 60;
const generation = 'generation "7" 🦆';

const random = randomFrom(20_240_229);

function pick(values: readonly string[]): string {
  return random.oneIn(4) ? 'null' : random.pick(values);
}

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.execute(`set TimeZone = 'America/New_York'`);
  await database.execute(
    'create table ties (id integer, flag boolean, amount decimal(6, 2), score double, name varchar, "day" date, clock time, local timestamp, instant timestamptz, extra json)',
  );
  const rows = Array.from({ length: rowCount }, (_, id) =>
    [
      id,
      pick(['true', 'false']),
      pick(['1.20', '-0.01', '999.99']),
      pick([`'nan'`, `'inf'`, `'-inf'`, '0.1', '1e300', '-0.0', '5e-324']),
      pick([`''`, `'a'`, `'A"\\'`, `'🦆'`, 'chr(0)', `'null'`, `'%_'`]),
      pick([`'2024-02-29'`, `'0001-01-01'`, `'infinity'`, `'12024-01-01'`]),
      pick([`'00:00:00'`, `'23:59:59.999999'`]),
      pick([`'1969-12-31 23:59:59.000001'`, `'2024-02-29 12:00:00.5'`, `'-infinity'`]),
      // The hour that New York's clocks show twice.
      pick([`'2024-11-03 05:30:00+00'`, `'2024-11-03 06:30:00+00'`, `'1850-01-01 00:00:00+00'`]),
      pick([`'{"a": 1}'`, `'[]'`]),
    ].join(', '),
  );
  await database.execute(`insert into ties values ${rows.map((row) => `(${row})`).join(', ')}`);
});
afterAll(() => database.close());

const randomOrdering = (): Ordering[] =>
  Array.from({ length: random(4) }, () => ({
    column: from.columns[1 + random(from.columns.length - 1)]?.name ?? 'id',
    descending: random.oneIn(2),
    nulls: random.oneIn(2) ? ('first' as const) : ('last' as const),
  }));

const idsOf = (blocks: readonly Block[]) =>
  blocks.flatMap((block) => (block.json[0] ?? []).map((row) => (row as { id: number }).id));

describe('keyset pages', () => {
  it.each(
    Array.from({ length: 24 }, (_, index) => [index, randomOrdering(), 4 + random(25)] as const),
  )(
    'walked forwards and backwards give the whole ordering (%d: %j, %d rows a page)',
    async (index, orderBy, limit) => {
      const where: Filter | undefined = index % 3 === 0 ? compare('id', 'gte', 7) : undefined;
      const distinctOn = index % 5 === 0 ? ['flag', 'name'] : [];
      const query: RowsQuery = {
        kind: 'rows',
        from,
        columns: ['id'],
        orderBy,
        distinctOn,
        ...(where ? { where } : {}),
      };
      const whole = (await database.query(query)).map(([id]) => id);
      expect(whole.length).toBeGreaterThan(0);

      const page = async (walk: Page) => {
        const paged = { ...query, limit, page: walk };
        const blocks = await database.blocks(paged, [objectOf('id'), { kind: 'cursor' }], {
          blockRows: 4,
          cursors: { generation },
          probe: true,
        });
        const ids = idsOf(blocks);
        expect((await database.query(paged)).map(([id]) => id)).toEqual(ids);
        const cursors = blocks.flatMap((block) => block.json[1] as string[]);
        expect(blocks[0]?.first_cursor).toBe(cursors[0]);
        expect(blocks.at(-1)?.last_cursor).toBe(cursors.at(-1));
        expect(blocks.reduce((sum, { rows }) => sum + rows, 0)).toBe(ids.length);
        expect(new Set(blocks.map((block) => block.has_more)).size).toBeLessThanOrEqual(1);
        const at = (cursor: string | undefined) =>
          decodeCursor(cursor ?? '', { generation, orderBy });
        return {
          ids,
          more: blocks[0]?.has_more ?? false,
          first: () => at(cursors[0]),
          last: () => at(cursors.at(-1)),
        };
      };

      const forwards: unknown[] = [];
      let current = await page({ backwards: false });
      for (;;) {
        forwards.push(...current.ids);
        expect(current.more).toBe(forwards.length < whole.length);
        if (!current.more) break;
        current = await page({ backwards: false, after: current.last() });
      }
      expect(forwards).toEqual(whole);

      const backwards: unknown[] = [];
      current = await page({ backwards: true });
      const last = current.last();
      for (;;) {
        backwards.unshift(...current.ids);
        expect(current.more).toBe(backwards.length < whole.length);
        if (!current.more) break;
        current = await page({ backwards: true, before: current.first() });
      }
      expect(backwards).toEqual(whole);

      const first = (await page({ backwards: false })).first();
      const between = await page({ backwards: false, after: first, before: last });
      expect(between.ids).toEqual(whole.slice(1, -1).slice(0, limit));
      expect(between.more).toBe(whole.length - 2 > limit);
    },
  );

  it('of no rows tell whether there are any', async () => {
    const query: RowsQuery = { kind: 'rows', from, columns: ['id'], orderBy: [], limit: 0 };
    const [block] = await database.blocks(query, [objectOf('id')], { probe: true });
    expect(block).toMatchObject({ rows: 0, texts: [''], has_more: true });
    const none = { ...query, where: compare('id', 'lt', 0) };
    expect(await database.blocks(none, [objectOf('id')], { probe: true })).toEqual([]);
  });

  it('refuse a position of another ordering', () => {
    const page = { backwards: false, after: { values: ['1'], row: '1' } };
    const query: RowsQuery = { kind: 'rows', from, columns: ['id'], orderBy: [], page };
    return expect(database.query(query)).rejects.toEqual(
      expect.objectContaining({ code: 'INVALID_CURSOR' }),
    );
  });

  it('of a forged position are empty, not an error', async () => {
    const page = { backwards: false, after: { values: ['yesterday'], row: '1' } };
    const orderBy = [{ column: 'day', descending: false, nulls: 'first' as const }];
    const query: RowsQuery = { kind: 'rows', from, columns: ['id'], orderBy, page };
    expect(await database.query(query)).toEqual([]);
  });
});
