import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openAnswers, type Answers } from './answers.js';
import { createEvery, directions, every, everyColumns, everySegments, none } from './every.js';

let answers: Answers;
beforeAll(async () => {
  answers = await openAnswers(createEvery(), [{ ...every, segments: everySegments }, none]);
});
afterAll(() => answers?.close());

interface Groups {
  readonly groups: readonly {
    readonly key: Readonly<Record<string, unknown>>;
    readonly count: string;
  }[];
  readonly totalGroups: string;
  readonly truncated: boolean;
}

/** Keys and counts of the groups of an argument, and what is said about all of them. */
async function groups(keys: readonly string[], argument: string) {
  const by = keys.map((key) => `{ column: ${key} }`).join(' ');
  const data = await answers.ask(
    `{ g: everyGroups(by: [${by}] ${argument}) { totalGroups truncated groups { key { ${keys.join(' ')} } count } } }`,
    { layout: argument.length % 2 === 0 ? 'whole' : 'segments' },
  );
  const { groups: found, totalGroups, truncated } = data.g as Groups;
  return {
    rows: found.map(({ key, count }) => [...keys.map((name) => key[name]), count]),
    totalGroups,
    truncated,
  };
}

describe('groups', () => {
  it.each(everyColumns)('by %s have its values as keys, null among them', async (name) => {
    const found = await groups([name], '');
    const truth = await answers.truth(
      `select ${name}, count(*) from every group by 1 order by ${name} nulls last`,
    );
    expect(found).toEqual({ rows: truth, totalGroups: String(truth.length), truncated: false });
    expect(found.rows.at(-1)?.[0]).toBeNull();
  });

  it.each([
    ['flag', 'small'],
    ['small', 'flag'],
    ['rough', 'words', 'day'],
    ['tree', 'clock', 'exact', 'flag'],
  ])('by several columns: %s, %s …', async (...keys) => {
    const { rows } = await groups(keys, '');
    const order = keys.map((key) => `${key} nulls last`).join(', ');
    const truth = await answers.truth(
      `select ${keys.join(', ')}, count(*) from every group by all order by ${order}`,
    );
    // 0 and -0 are one group, which may be shown as either.
    expect(JSON.stringify(rows)).toEqual(JSON.stringify(truth));
  });

  it('have null for the columns that they are not made by', async () => {
    const data = await answers.ask(
      '{ everyGroups(by: { column: flag }) { groups { key { id words } } } }',
    );
    expect(
      new Set((data.everyGroups as Groups).groups.map(({ key }) => JSON.stringify(key))),
    ).toEqual(new Set(['{"id":null,"words":null}']));
  });
});

/** A condition on groups by `small` and what it is in SQL. */
const having: readonly [having: string, sql: string][] = [
  ['{ count: { gt: 8 } }', 'count(*) > 8'],
  ['{ count: { in: ["7", "12"] } }', 'count(*) in (7, 12)'],
  ['{ count: { isNull: true } }', 'false'],
  ['{ sum: { id: { gte: 500 } } }', 'sum(id) >= 500'],
  ['{ sum: { id: { lt: 499.5 } } }', 'sum(id) < 499.5'],
  ['{ sum: { big: { lt: "-9223372036854775808" } } }', 'sum(big) < -9223372036854775808'],
  ['{ sum: { small: { isNull: true } } }', 'sum(small) is null'],
  ['{ sum: { exact: { gt: 0.000000001 } } }', 'sum(exact) > 0.000000001'],
  ['{ sum: { rough: { lt: 0 } } }', 'sum(rough) < 0'],
  ['{ avg: { id: { gt: 40.5 } } }', 'avg(id) > 40.5'],
  ['{ avg: { small: { lte: 7 } } }', 'avg(small) <= 7'],
  ['{ min: { words: { lt: "A" } } }', `min(words) < 'A'`],
  ['{ min: { day: { eq: "0001-01-01" } } }', `min(day) = '0001-01-01'`],
  ['{ min: { flag: { eq: true } } }', 'min(flag) = true'],
  [
    '{ max: { moment: { gte: "2024-12-31T00:00:00Z" } } }',
    `max(moment) >= '2024-12-31 00:00:00+00'`,
  ],
  [
    '{ max: { local: { ne: "9999-12-31T23:59:59.999999" } } }',
    `max(local) <> '9999-12-31 23:59:59.999999'`,
  ],
  [
    '{ max: { clock: { isNull: false }, wide: { gt: 0 } } }',
    'max(clock) is not null and max(wide) > 0',
  ],
  ['{ max: { words: { regex: "^.$" } } }', `regexp_matches(max(words), '^.$')`],
  [
    '{ min: { _or: [{ id: { lt: 5 } }, { _not: { exact: { gt: 0 } } }] } }',
    '(min(id) < 5 or not (min(exact) > 0))',
  ],
  [
    '{ _or: [{ count: { gt: 14 } }, { _and: [{ sum: { id: { gt: 300 } } }, { _not: { max: { flag: { eq: false } } } }] }] }',
    'count(*) > 14 or (sum(id) > 300 and not (max(flag) = false))',
  ],
  ['{}', 'true'],
  ['{ _or: [] }', 'false'],
  ['{ _not: {} }', 'false'],
];

describe('having', () => {
  it.each(having)('%s', async (condition, sql) => {
    const { rows, totalGroups } = await groups(['small'], `having: ${condition}`);
    const truth = await answers.truth(
      `select small, count(*) from every group by 1 having ${sql} order by small nulls last`,
    );
    expect(rows).toEqual(truth);
    expect(totalGroups).toBe(String(truth.length));
  });
});

/** A key of an order of groups by `flag` and `small`. */
const orders: readonly [order: (direction: string) => string, sql: string][] = [
  [(direction) => `{ key: { flag: ${direction} } }`, 'flag'],
  [(direction) => `{ key: { small: ${direction} } }`, 'small'],
  [(direction) => `{ count: ${direction} }`, 'count(*)'],
  [(direction) => `{ sum: { big: ${direction} } }`, 'sum(big)'],
  [(direction) => `{ sum: { exact: ${direction} } }`, 'sum(exact)'],
  [(direction) => `{ avg: { id: ${direction} } }`, 'sum(id) / count(id)'],
  [(direction) => `{ min: { words: ${direction} } }`, 'min(words)'],
  [(direction) => `{ min: { rough: ${direction} } }`, 'min(rough)'],
  [(direction) => `{ max: { wide: ${direction} } }`, 'max(wide)'],
  [(direction) => `{ max: { clock: ${direction} } }`, 'max(clock)'],
  [(direction) => `{ max: { moment: ${direction} } }`, 'max(moment)'],
];

describe.each(orders.map(([order, sql]) => [sql, order] as const))(
  'ordered by %s',
  (sql, order) => {
    it('in every direction, ties by the keys', async () => {
      for (const [direction, placed] of Object.entries(directions)) {
        const { rows } = await groups(['flag', 'small'], `orderBy: ${order(direction)}`);
        expect([direction, rows]).toEqual([
          direction,
          await answers.truth(
            `select flag, small, count(*) from every group by 1, 2
           order by ${sql} ${placed}, flag nulls last, small nulls last`,
          ),
        ]);
      }
    });
  },
);

describe('the top', () => {
  it.each([
    [3, 0],
    [1, 2],
    [0, 0],
    [5, 19],
    [1000, 0],
    [4, 1000],
  ])('%d groups behind %d, with the number of all', async (limit, offset) => {
    const { rows, totalGroups, truncated } = await groups(
      ['flag', 'small'],
      `having: { count: { gt: 1 } } orderBy: [{ count: DESC }, { sum: { id: ASC } }] limit: ${limit} offset: ${offset}`,
    );
    const all = await answers.truth(
      `select flag, small, count(*) from every group by 1, 2 having count(*) > 1
       order by count(*) desc, sum(id), flag nulls last, small nulls last`,
    );
    expect(rows).toEqual(all.slice(offset, offset + limit));
    expect(totalGroups).toBe(String(all.length));
    expect(truncated).toBe(offset + rows.length < all.length);
  });

  it('by buckets, then by a measure', async () => {
    const data = await answers.ask(
      `{ g: everyGroups(
           by: [{ bucket: { column: day, unit: YEAR } }, { column: flag }]
           orderBy: [{ bucket: DESC_NULLS_FIRST }, { count: ASC }], limit: 9
         ) { groups { buckets { start } key { flag } count } } }`,
    );
    expect(
      (
        data.g as {
          groups: { buckets: { start: string }[]; key: { flag: unknown }; count: string }[];
        }
      ).groups.map(({ buckets, key, count }) => [buckets[0]?.start ?? null, key.flag, count]),
    ).toEqual(
      await answers.truth(
        `select date_trunc('year', day)::timestamp, flag, count(*) from every group by 1, 2
         order by 1 desc nulls first, 3, 2 nulls last limit 9`,
      ),
    );
  });
});

describe('groups of nothing', () => {
  it.each([
    ['none', 'noneGroups(by: { column: flag })'],
    ['no rows', 'everyGroups(by: { column: flag }, where: { id: { lt: 0 } })'],
    ['no groups', 'everyGroups(by: { column: flag }, having: { count: { lt: 0 } })'],
    [
      'a bucket with gaps',
      'noneGroups(by: { bucket: { column: moment, unit: DAY, fillGaps: true } })',
    ],
    [
      'a bucket of nulls with gaps',
      'everyGroups(where: { _and: [{ day: { isNull: true } }, { id: { lt: 0 } }] }, by: [{ column: flag }, { bucket: { column: day, unit: DAY, fillGaps: true } }])',
    ],
  ])('%s', async (_, field) => {
    expect(
      (await answers.ask(`{ g: ${field} { totalGroups truncated groups { count } } }`)).g,
    ).toEqual({ totalGroups: '0', truncated: false, groups: [] });
  });

  it('a bucket with gaps where no row has a time', async () => {
    const data = await answers.ask(
      '{ g: everyGroups(where: { day: { isNull: true } }, by: { bucket: { column: day, unit: DAY, fillGaps: true } }) { groups { buckets { start } count } } }',
    );
    expect(data.g).toEqual({
      groups: [
        {
          buckets: [],
          count: (await answers.truth('select count(*) from every where day is null'))[0]?.[0],
        },
      ],
    });
  });
});
