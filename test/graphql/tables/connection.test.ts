import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Engine } from '../../../src/engine/engine.js';
import { facts, orders, testApi, type TestApi } from './support.js';
import { exampleTables } from './tables.js';

let engine: Engine;
let api: TestApi;

beforeAll(async () => {
  engine = await exampleTables();
  api = testApi(engine, [orders], 1000);
});

afterAll(() => engine.close());

interface Page {
  readonly nodes: { readonly order_id: string }[];
  readonly pageInfo: Record<
    'hasNextPage' | 'hasPreviousPage' | 'startCursor' | 'endCursor',
    unknown
  >;
}

async function page(argument: string): Promise<Page> {
  const { data, errors } = await api.query(
    `{ ordersConnection(${argument}) { nodes { order_id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }`,
  );
  expect(errors).toBeUndefined();
  return data.ordersConnection as Page;
}

function ids({ nodes }: Page): string[] {
  return nodes.map(({ order_id }) => order_id.slice(-3));
}

async function failure(argument: string): Promise<string | undefined> {
  const { errors } = await api.query(
    `{ ordersConnection(${argument}) { nodes { order_id } pageInfo { endCursor } } }`,
  );
  return errors?.[0]?.message;
}

describe('a connection', () => {
  it('answers edges, nodes, pageInfo, totalCount and freshness in the order of the selection', async () => {
    const text = await api.text(
      `{ c: ordersConnection(first: 2, where: { order_id: { lte: 4 } }) {
          totalCount more: nodes { amount } __typename
          freshness { stale importedAt rowCount rejectedRowCount fileCount generation __typename }
          edges { node { order_id __typename } __typename }
          pageInfo { hasNextPage __typename hasPreviousPage }
          nodes { r: region }
        } }`,
    );
    const { c } = (JSON.parse(text) as { data: { c: object } }).data;
    expect(Object.keys(c)).toEqual([
      'totalCount',
      'more',
      '__typename',
      'freshness',
      'edges',
      'pageInfo',
      'nodes',
    ]);
    expect(c).toEqual({
      totalCount: '4',
      more: [{ amount: '10.50' }, { amount: '20.00' }],
      __typename: 'OrdersConnection',
      freshness: {
        stale: false,
        importedAt: '2024-05-06T07:08:09.000Z',
        rowCount: '6',
        rejectedRowCount: '1',
        fileCount: 3,
        generation: facts.generation,
        __typename: 'Freshness',
      },
      edges: [
        { node: { order_id: '1', __typename: 'Orders' }, __typename: 'OrdersEdge' },
        { node: { order_id: '2', __typename: 'Orders' }, __typename: 'OrdersEdge' },
      ],
      pageInfo: { hasNextPage: true, __typename: 'PageInfo', hasPreviousPage: false },
      nodes: [{ r: 'north' }, { r: 'south' }],
    });
  });

  it('reads every part of one field in one snapshot, and each part alone', async () => {
    const before = api.reads();
    await api.query('{ ordersConnection { totalCount nodes { region } freshness { stale } } }');
    expect(api.reads() - before).toBe(1);
    const parts = ['totalCount', 'freshness { stale }', '__typename', 'edges { __typename }'];
    for (const part of [...parts, 'pageInfo { hasPreviousPage }', 'pageInfo { __typename }']) {
      expect((await api.query(`{ ordersConnection { ${part} } }`)).errors).toBeUndefined();
    }
  });

  it.each([
    '',
    'orderBy: { region: DESC }',
    'orderBy: [{ amount: ASC_NULLS_FIRST }, { region: ASC }]',
  ])('walks forwards and backwards through all rows once with %s', async (order) => {
    const all = ids(await page(`first: 100, ${order}`));
    expect(all).toHaveLength(6);
    const forwards: string[] = [];
    let at = await page(`first: 4, ${order}`);
    expect(at.pageInfo.hasPreviousPage).toBe(false);
    for (;;) {
      forwards.push(...ids(at));
      if (at.pageInfo.hasNextPage !== true) break;
      at = await page(`first: 1, after: "${String(at.pageInfo.endCursor)}", ${order}`);
      expect(at.pageInfo.hasPreviousPage).toBe(true);
    }
    expect(forwards).toEqual(all);
    const backwards: string[] = [];
    at = await page(`last: 4, ${order}`);
    expect(at.pageInfo.hasNextPage).toBe(false);
    for (;;) {
      backwards.unshift(...ids(at));
      if (at.pageInfo.hasPreviousPage !== true) break;
      at = await page(`last: 1, before: "${String(at.pageInfo.startCursor)}", ${order}`);
      expect(at.pageInfo.hasNextPage).toBe(true);
    }
    expect(backwards).toEqual(all);
  });

  it('gives edges the cursors of their rows', async () => {
    const { data } = await api.query(
      '{ ordersConnection(first: 3) { edges { cursor node { order_id } } pageInfo { startCursor endCursor } } }',
    );
    const { edges, pageInfo } = data.ordersConnection as {
      edges: { cursor: string }[];
      pageInfo: unknown;
    };
    expect(pageInfo).toEqual({ startCursor: edges[0]?.cursor, endCursor: edges[2]?.cursor });
    expect(ids(await page(`after: "${edges[0]?.cursor}", before: "${edges[2]?.cursor}"`))).toEqual([
      '2',
    ]);
    expect(ids(await page(`last: 1, after: "${edges[0]?.cursor}"`))).toEqual(['993']);
  });

  it('tells without rows whether there are any', async () => {
    const none = { startCursor: null, endCursor: null };
    expect(await page('first: 0')).toEqual({
      nodes: [],
      pageInfo: { hasNextPage: true, hasPreviousPage: false, ...none },
    });
    expect(await page('first: 5, where: { region: { eq: "none" } }')).toEqual({
      nodes: [],
      pageInfo: { hasNextPage: false, hasPreviousPage: false, ...none },
    });
    expect((await page('last: 6')).pageInfo).toMatchObject({ hasPreviousPage: false });
  });

  it('has 100 rows unless told otherwise, and never more than it may', async () => {
    expect(ids(await page('orderBy: { order_id: DESC }'))[0]).toBe('993');
    expect(await failure('first: 1, last: 1')).toContain('`first` and `last` are both given');
    expect(await failure('first: -1')).toContain('`first` is -1');
    expect(await failure('last: 1001')).toContain('`last` is 1001');
  });

  it('refuses cursors of another ordering and what is no cursor', async () => {
    const { pageInfo } = await page('first: 1, orderBy: { region: ASC }');
    const after = `after: "${String(pageInfo.endCursor)}"`;
    expect(await failure(`${after}, orderBy: { region: DESC }`)).toContain('another ordering');
    expect(await failure('before: "x"')).toContain('not a cursor');
  });
});
