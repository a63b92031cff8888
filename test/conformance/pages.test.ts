import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openAnswers, type Answers, type Layout } from './answers.js';
import { createEvery, directions, every, everyColumns, everySegments, firstRows } from './every.js';

let answers: Answers;
beforeAll(async () => {
  answers = await openAnswers(createEvery(), [{ ...every, segments: everySegments }]);
});
afterAll(() => answers?.close());

interface Page {
  readonly nodes: readonly { readonly id: number }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
}

async function page(argument: string, layout: Layout): Promise<Page> {
  const data = await answers.ask(
    `{ everyConnection(${argument}) { nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
    { layout },
  );
  return data.everyConnection as Page;
}

const ids = ({ nodes }: Page) => nodes.map(({ id }) => id);

/** Ids of all pages of a size, walked from one end to the other. */
async function walk(
  size: number,
  argument: string,
  backwards: boolean,
  layout: Layout,
): Promise<number[]> {
  const found: number[] = [];
  let from = '';
  for (let turns = 0; turns <= 100; turns++) {
    const side = backwards ? 'last' : 'first';
    const at = await page(`${side}: ${size}${from} ${argument}`, layout);
    expect(at.nodes.length).toBeLessThanOrEqual(size);
    if (backwards) found.unshift(...ids(at));
    else found.push(...ids(at));
    const { startCursor, endCursor, hasNextPage, hasPreviousPage } = at.pageInfo;
    // Where it came from there are rows, but for the first step.
    expect(backwards ? hasNextPage : hasPreviousPage).toBe(turns > 0);
    if (!(backwards ? hasPreviousPage : hasNextPage)) return found;
    from = backwards ? ` before: "${startCursor}"` : ` after: "${endCursor}"`;
  }
  throw new Error('the pages do not end');
}

const sizes = [7, 2, 3, 20];

// The rows around the seam of the two segments, with nulls and ties of every column.
const some = { where: 'where: { id: { lte: 58, gt: 38 } }', sql: 'id <= 58 and id > 38' };

describe.each(everyColumns)('pages by %s', (name) => {
  it.each(Object.entries(directions))(
    '%s, both ways, have every row once',
    async (direction, sql) => {
      const expected = (
        await answers.truth(`select id from every where ${some.sql} order by ${name} ${sql}, rowid`)
      ).map(([id]) => id);
      const argument = `${some.where} orderBy: { ${name}: ${direction} }`;
      const place = everyColumns.indexOf(name) + Object.keys(directions).indexOf(direction);
      const size = sizes[place % sizes.length]!;
      expect(await walk(size, argument, false, 'segments')).toEqual(expected);
      expect(await walk(size, argument, true, 'whole')).toEqual(expected);
    },
  );
});

describe('pages', () => {
  it.each([1, 2, 3, 20, 21])('of %d rows in the order of the load', async (size) => {
    const expected = (
      await answers.truth(`select id from every where ${some.sql} order by rowid`)
    ).map(([id]) => id);
    expect(expected).toContain(84 - firstRows);
    expect(await walk(size, some.where, false, 'whole')).toEqual(expected);
    expect(await walk(size, some.where, true, 'segments')).toEqual(expected);
  });

  it('by several keys with nulls and ties in each', async () => {
    const orderBy =
      'orderBy: [{ flag: DESC_NULLS_FIRST }, { small: ASC }, { tree: DESC }, { rough: ASC_NULLS_FIRST }]';
    const expected = (
      await answers.truth(
        `select id from every order by flag desc nulls first, small asc nulls last, tree desc nulls last,
           rough asc nulls first, rowid`,
      )
    ).map(([id]) => id);
    expect(await walk(9, orderBy, false, 'segments')).toEqual(expected);
    expect(await walk(9, orderBy, true, 'segments')).toEqual(expected);
  });

  it('between two cursors, whichever end they are counted from', async () => {
    const data = await answers.ask(
      `{ everyConnection(first: 100 orderBy: { words: DESC }) { totalCount edges { cursor node { id } } } }`,
    );
    const { edges, totalCount } = data.everyConnection as {
      edges: { cursor: string; node: { id: number } }[];
      totalCount: string;
    };
    expect(totalCount).toBe(String(edges.length));
    const between = `after: "${edges[10]!.cursor}" before: "${edges[20]!.cursor}" orderBy: { words: DESC }`;
    const inner = edges.slice(11, 20).map(({ node }) => node.id);
    expect(ids(await page(`first: 4 ${between}`, 'whole'))).toEqual(inner.slice(0, 4));
    expect(ids(await page(`last: 4 ${between}`, 'whole'))).toEqual(inner.slice(-4));
    expect(ids(await page(`first: 9 ${between}`, 'whole'))).toEqual(inner);
    const crossed = `after: "${edges[20]!.cursor}" before: "${edges[10]!.cursor}" orderBy: { words: DESC }`;
    expect(ids(await page(`first: 9 ${crossed}`, 'whole'))).toEqual([]);
  });

  it('of nothing have no cursors and nothing on either side', async () => {
    for (const side of ['first', 'last']) {
      expect(await page(`${side}: 3 where: { id: { lt: 0 } }`, 'segments')).toEqual({
        nodes: [],
        pageInfo: {
          hasNextPage: false,
          hasPreviousPage: false,
          startCursor: null,
          endCursor: null,
        },
      });
    }
  });

  it('refuse a cursor of another ordering by name', async () => {
    const { pageInfo } = await page('first: 1 orderBy: { words: ASC }', 'whole');
    expect(
      await answers.refusal(
        `{ everyConnection(first: 1 after: "${pageInfo.endCursor}" orderBy: { words: DESC }) { nodes { id } } }`,
      ),
    ).toBe('INVALID_CURSOR');
  });
});
