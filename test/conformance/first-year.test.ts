import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { column } from '../graphql/tables/support.js';
import { openAnswers, type Answers, type Tested } from './answers.js';

/** Moments that an offset moves over either end of the years with four digits. */
const edges: Tested = {
  name: 'edges',
  columns: [column('id', 'INTEGER'), column('moment', 'TIMESTAMP_TZ')],
  primaryKey: [],
  origin: 's3://acme/edges/*.csv',
};

let answers: Answers;
beforeAll(async () => {
  answers = await openAnswers(
    `create table edges as select * from (values
       (1, timestamptz '0001-01-01 00:00:00+00'), (2, timestamptz '0001-01-01 00:00:00.25+14:00'),
       (3, timestamptz '9999-12-31 23:59:59-12:00')) as v(id, moment)`,
    [edges],
  );
});
afterAll(() => answers?.close());

describe('the year before 0001', () => {
  it('is 0000 in answers, as in ISO 8601', async () => {
    expect(await answers.ask('{ edges { moment } edgesAggregate { min { moment } } }')).toEqual({
      edges: [
        { moment: '0001-01-01T00:00:00Z' },
        { moment: '0000-12-31T10:00:00.25Z' },
        { moment: '10000-01-01T11:59:59Z' },
      ],
      edgesAggregate: { min: { moment: '0000-12-31T10:00:00.25Z' } },
    });
  });

  it.each([
    ['MINUTE', '0000-12-31T19:03:00', '0000-12-31T19:04:00'],
    ['DAY', '0000-12-31T00:00:00', '0001-01-01T00:00:00'],
    ['WEEK', '0000-12-25T00:00:00', '0001-01-01T00:00:00'],
    ['MONTH', '0000-12-01T00:00:00', '0001-01-01T00:00:00'],
    ['YEAR', '0000-01-01T00:00:00', '0001-01-01T00:00:00'],
  ])('is that of a bucket of a %s west of Greenwich', async (unit, start, end) => {
    const by = `{ bucket: { column: moment, unit: ${unit}, timezone: "America/New_York" } }`;
    expect(
      await answers.ask(
        `{ edgesGroups(where: { id: { eq: 1 } }, by: [${by}]) { groups { buckets { start end } count } } }`,
      ),
    ).toEqual({ edgesGroups: { groups: [{ buckets: [{ start, end }], count: '1' }] } });
  });

  it('comes in its order, in gaps that are filled and behind cursors too', async () => {
    const by = `{ bucket: { column: moment, unit: MONTH, timezone: "America/New_York", fillGaps: true } }`;
    expect(
      await answers.ask(
        `{ edgesGroups(where: { id: { in: [1, 2] } }, by: [${by}]) { groups { buckets { start } count } } }`,
      ),
    ).toEqual({
      edgesGroups: { groups: [{ buckets: [{ start: '0000-12-01T00:00:00' }], count: '2' }] },
    });
    const page = (more: string) =>
      answers.ask(
        `{ c: edgesConnection(orderBy: [{ moment: ASC }], ${more}) { nodes { id } pageInfo { endCursor } } }`,
      ) as Promise<{ c: { nodes: unknown[]; pageInfo: { endCursor: string } } }>;
    const { c } = await page('first: 1');
    expect(c.nodes).toEqual([{ id: 2 }]);
    expect((await page(`first: 2, after: "${c.pageInfo.endCursor}"`)).c.nodes).toEqual([
      { id: 1 },
      { id: 3 },
    ]);
  });
});
