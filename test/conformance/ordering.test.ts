import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { shared } from '../graphql/tables/support.js';
import { openAnswers, type Answers, type Layout } from './answers.js';
import { createEvery, directions, every, everyColumns, everySegments, rowCount } from './every.js';

let answers: Answers;
beforeAll(async () => {
  answers = await openAnswers(createEvery(), [{ ...every, segments: everySegments }]);
});
afterAll(() => answers?.close());

const allDirections = {
  ...directions,
  ASC_NULLS_LAST: directions.ASC,
  DESC_NULLS_LAST: directions.DESC,
} as const;

async function ids(argument: string, layout: Layout = 'whole'): Promise<number[]> {
  const data = await answers.ask(`{ every${argument && `(${argument})`} { id } }`, { layout });
  return (data.every as { id: number }[]).map(({ id }) => id);
}

const truth = async (query: string) => (await answers.truth(query)).map(([id]) => id);

describe('rows', () => {
  it('are asked for here in every direction that there is', () => {
    const names = shared.sortDirection.getValues().map(({ name }) => name);
    expect(names.sort()).toEqual(Object.keys(allDirections).sort());
  });

  it.each(everyColumns)('by %s, in every direction, ties as they were loaded', async (name) => {
    const fields = Object.keys(allDirections).map(
      (direction) => `${direction}: every(orderBy: { ${name}: ${direction} }) { id }`,
    );
    const data = await answers.ask(`{ ${fields.join(' ')} }`, { layout: 'segments' });
    for (const [direction, sql] of Object.entries(allDirections)) {
      expect([direction, (data[direction] as { id: number }[]).map(({ id }) => id)]).toEqual([
        direction,
        await truth(`select id from every order by ${name} ${sql}, rowid`),
      ]);
    }
  });

  it.each([
    ['{ flag: ASC }, { small: DESC }', 'flag asc nulls last, small desc nulls last'],
    [
      '{ rough: DESC_NULLS_FIRST }, { flag: ASC_NULLS_FIRST }, { words: DESC }',
      'rough desc nulls first, flag asc nulls first, words desc nulls last',
    ],
    [
      '{ tree: ASC }, { moment: DESC }, { exact: ASC_NULLS_FIRST }, { id: DESC }',
      'tree asc nulls last, moment desc nulls last, exact asc nulls first, id desc',
    ],
    // The second says nothing more.
    ['{ day: ASC }, { day: DESC }', 'day asc nulls last'],
  ])('by several keys: %s', async (orderBy, sql) => {
    const expected = await truth(`select id from every order by ${sql}, rowid`);
    expect(await ids(`orderBy: [${orderBy}]`)).toEqual(expected);
    expect(await ids(`orderBy: [${orderBy}]`, 'segments')).toEqual(expected);
  });

  it('without a key, as they were loaded', async () => {
    const expected = await truth('select id from every order by rowid');
    expect(expected).toEqual(Array.from({ length: rowCount }, (_, row) => rowCount - row));
    for (const layout of ['whole', 'segments'] as const) {
      expect(await ids('', layout)).toEqual(expected);
      expect(await ids('orderBy: []', layout)).toEqual(expected);
    }
  });

  it('text by code points: capitals first, astral characters last, no locale', async () => {
    const data = await answers.ask(
      '{ every(orderBy: { words: ASC }, distinctOn: [words], where: { words: { isNull: false } }) { words } }',
    );
    const found = (data.every as { words: string }[]).map(({ words }) => words);
    expect(found).toEqual(
      [...found].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    expect(found.indexOf('\ufffd')).toBeLessThan(found.indexOf('🦆'));
  });

  it('floating-point numbers with NaN behind infinity, 0 and -0 as ties', async () => {
    const data = await answers.ask(
      '{ every(orderBy: { rough: ASC }, where: { rough: { gt: 1e300 } }, distinctOn: [rough]) { rough } }',
    );
    expect(data.every).toEqual([
      { rough: 1.7976931348623157e308 },
      { rough: null },
      { rough: null },
    ]);
  });
});

describe('distinctOn', () => {
  it.each(everyColumns)('%s keeps the first row of each value', async (name) => {
    const order = name === 'small' ? 'big' : 'small';
    for (const layout of ['whole', 'segments'] as const) {
      expect(await ids(`distinctOn: [${name}]`, layout)).toEqual(
        await truth(
          `select id from (select distinct on (${name}) id, rowid as r from every order by rowid) order by r`,
        ),
      );
      expect(
        await ids(`distinctOn: [${name}], orderBy: { ${order}: DESC_NULLS_FIRST }`, layout),
      ).toEqual(
        await truth(
          `select id from (select distinct on (${name}) id, ${order}, rowid as r from every order by ${order} desc nulls first, rowid)
           order by ${order} desc nulls first, r`,
        ),
      );
    }
  });

  it('of several columns, with a filter before and a cut behind', async () => {
    expect(
      await ids(
        'distinctOn: [flag, small], where: { words: { ne: "a" } }, orderBy: [{ day: ASC }], limit: 5, offset: 3',
        'segments',
      ),
    ).toEqual(
      await truth(
        `select id from (select distinct on (flag, small) id, day, rowid as r from every where words <> 'a' order by day nulls last, rowid)
         order by day nulls last, r limit 5 offset 3`,
      ),
    );
  });
});

describe('limit and offset', () => {
  it.each([
    [0, 0],
    [0, 5],
    [1, 0],
    [7, 80],
    [5, rowCount - 1],
    [5, rowCount],
    [5, 2_147_483_647],
    [rowCount, 0],
    [100_000, 0],
  ])('%d rows behind %d', async (limit, offset) => {
    for (const layout of ['whole', 'segments'] as const) {
      const cut = `limit: ${limit}, offset: ${offset}`;
      expect(await ids(cut, layout)).toEqual(
        await truth(`select id from every order by rowid limit ${limit} offset ${offset}`),
      );
      expect(await ids(`${cut}, orderBy: { small: ASC }`, layout)).toEqual(
        await truth(
          `select id from every order by small nulls last, rowid limit ${limit} offset ${offset}`,
        ),
      );
      expect(await ids(`${cut}, where: { flag: { eq: true } }`, layout)).toEqual(
        await truth(
          `select id from every where flag order by rowid limit ${limit} offset ${offset}`,
        ),
      );
    }
  });
});

describe('values', () => {
  it.each(['whole', 'segments'] as const)('of every type come back (%s)', async (layout) => {
    const names = every.columns.map(({ name }) => name);
    const data = await answers.ask(`{ every { ${names.join(' ')} } }`, { layout });
    expect(
      (data.every as Record<string, unknown>[]).map((row) => names.map((name) => row[name])),
    ).toEqual(await answers.truth(`select ${names.join(', ')} from every order by rowid`));
  });

  it('are found by their key, each alone', async () => {
    const found = Array.from(
      { length: rowCount + 2 },
      (_, id) => `k${id}: everyByKey(id: ${id}) { id words }`,
    );
    const data = await answers.ask(`{ ${found.join(' ')} }`, { layout: 'segments' });
    const rows = await answers.truth('select id, words from every');
    const byId = new Map(rows.map(([id, words]) => [id, { id, words }]));
    expect(data).toEqual(
      Object.fromEntries(found.map((_, id) => [`k${id}`, byId.get(id) ?? null])),
    );
  });
});
