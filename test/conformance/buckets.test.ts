import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { timeUnits } from '../../src/query/query.js';
import { column } from '../graphql/tables/support.js';
import { openAnswers, type Answers, type Tested } from './answers.js';
import { createEvery, every, everySegments } from './every.js';

/** Days on which clocks change, with a row for each quarter of an hour, and a day on which they do not. */
const changes: Tested = {
  name: 'changes',
  columns: [column('change', 'STRING'), column('moment', 'TIMESTAMP_TZ')],
  primaryKey: [],
  origin: 's3://acme/changes/*.parquet',
};

interface Change {
  readonly zone: string;
  /** From three days before to three days after. */
  readonly from: string;
  readonly to: string;
  /** Rows of the day that has a change, and the clock's hours of it with a number of rows other than four. */
  readonly day: string;
  readonly rows: number;
  readonly hours: Readonly<Record<string, number>>;
}

const days: Readonly<Record<string, Change>> = {
  'Berlin into summer': {
    zone: 'Europe/Berlin',
    from: '2024-03-28',
    to: '2024-04-03',
    day: '2024-03-31',
    rows: 92,
    hours: { '02': 0 },
  },
  'Berlin into winter': {
    zone: 'Europe/Berlin',
    from: '2024-10-24',
    to: '2024-10-30',
    day: '2024-10-27',
    rows: 100,
    hours: { '02': 8 },
  },
  'New York into summer': {
    zone: 'America/New_York',
    from: '2024-03-07',
    to: '2024-03-13',
    day: '2024-03-10',
    rows: 92,
    hours: { '02': 0 },
  },
  'New York into winter': {
    zone: 'America/New_York',
    from: '2024-10-31',
    to: '2024-11-06',
    day: '2024-11-03',
    rows: 100,
    hours: { '01': 8 },
  },
  'Lord Howe into summer': {
    zone: 'Australia/Lord_Howe',
    from: '2024-10-03',
    to: '2024-10-09',
    day: '2024-10-06',
    rows: 94,
    hours: { '02': 2 },
  },
  'Lord Howe into winter': {
    zone: 'Australia/Lord_Howe',
    from: '2024-04-04',
    to: '2024-04-10',
    day: '2024-04-07',
    rows: 98,
    hours: { '01': 6 },
  },
  'Kathmandu by a quarter of an hour': {
    zone: 'Asia/Kathmandu',
    from: '1985-12-29',
    to: '1986-01-04',
    day: '1986-01-01',
    rows: 95,
    hours: { '00': 3 },
  },
  'Cairo at midnight': {
    zone: 'Africa/Cairo',
    from: '2024-04-23',
    to: '2024-04-29',
    day: '2024-04-26',
    rows: 92,
    hours: { '00': 0 },
  },
  'Apia without a day': {
    zone: 'Pacific/Apia',
    from: '2011-12-27',
    to: '2012-01-02',
    day: '2011-12-30',
    rows: 0,
    hours: Object.fromEntries(Array.from({ length: 24 }, (_, hour) => [two(hour), 0])),
  },
  'Tokyo, where nothing changes': {
    zone: 'Asia/Tokyo',
    from: '2024-03-28',
    to: '2024-04-03',
    day: '2024-03-31',
    rows: 96,
    hours: {},
  },
};

function two(number: number): string {
  return String(number).padStart(2, '0');
}

const createChanges = `create table changes (change varchar, moment timestamptz);
  ${Object.entries(days)
    .map(
      ([change, { from, to }]) =>
        `insert into changes select '${change}', unnest(generate_series(timestamptz '${from} 00:00:00+00', timestamptz '${to} 00:00:00+00', interval '15 minutes'));`,
    )
    .join('\n')}`;

let answers: Answers;
beforeAll(async () => {
  answers = await openAnswers(createEvery() + createChanges, [
    { ...every, segments: everySegments },
    changes,
  ]);
});
afterAll(() => answers?.close());

interface Group {
  readonly buckets: readonly { readonly start: string; readonly end: string }[];
  readonly count: string;
}

async function groups(dataset: string, argument: string): Promise<readonly Group[]> {
  const data = await answers.ask(
    `{ a: ${dataset}Groups(${argument}, limit: 10000) { groups { buckets { start end } count } } }`,
    { layout: 'segments' },
  );
  return (data.a as { groups: Group[] }).groups;
}

/** Start, end and count of each group; null where rows have no time. */
const flat = (found: readonly Group[]) =>
  found.map(({ buckets: [bucket], count }) => [bucket?.start ?? null, bucket?.end ?? null, count]);

const widths = {
  YEAR: '1 year',
  QUARTER: '3 months',
  MONTH: '1 month',
  WEEK: '7 days',
  DAY: '1 day',
  HOUR: '1 hour',
  MINUTE: '1 minute',
} as const;

const zones = [
  'UTC',
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Pacific/Apia',
  'Pacific/Kiritimati',
];

/**
 * In a session of the zone the engine cuts moments by its calendar, which is another way than ours. It gives the first
 * moment of a bucket, which is half past two where clocks went from two to there: cut once more, it is the bucket's start.
 */
const startBySql = (unit: keyof typeof widths, value: string) =>
  `date_trunc('${unit}', cast(date_trunc('${unit}', ${value}) as timestamp))`;
const bySql = (unit: keyof typeof widths, value: string) => `
  select ${startBySql(unit, value)} as s, s + interval '${widths[unit]}', count(*)
  from every group by 1 order by 1 nulls last`;

describe.each(timeUnits)('buckets of a %s', (unit) => {
  it.each(zones)('cut moments as the clocks of %s show them', async (zone) => {
    expect(
      flat(
        await groups(
          'every',
          `by: { bucket: { column: moment, unit: ${unit}, timezone: "${zone}" } }`,
        ),
      ),
    ).toEqual(await answers.truth(bySql(unit, 'moment'), zone));
  });

  it.each(['day', 'local'])('cut %s, which has no zone, as it stands', async (name) => {
    const expected = await answers.truth(bySql(unit, name));
    for (const zone of ['UTC', 'Australia/Lord_Howe']) {
      expect(
        flat(
          await groups(
            'every',
            `by: { bucket: { column: ${name}, unit: ${unit}, timezone: "${zone}" } }`,
          ),
        ),
      ).toEqual(expected);
    }
  });
});

describe('weeks', () => {
  it('begin on Monday, also those that lie in two years', async () => {
    const found = await groups(
      'every',
      `where: { day: { gte: "2022-12-31", lt: "2100-01-01" } }, by: { bucket: { column: day, unit: WEEK } }`,
    );
    expect(found.map(({ buckets: [bucket] }) => bucket)).toEqual([
      { start: '2022-12-26T00:00:00', end: '2023-01-02T00:00:00' },
      { start: '2024-02-26T00:00:00', end: '2024-03-04T00:00:00' },
      { start: '2024-12-23T00:00:00', end: '2024-12-30T00:00:00' },
      { start: '2024-12-30T00:00:00', end: '2025-01-06T00:00:00' },
    ]);
  });
});

describe.each(Object.entries(days))('when clocks change: %s', (change, expected) => {
  const { zone, day, rows, hours } = expected;
  const by = (unit: string, more = '') =>
    `where: { change: { eq: "${change}" } }, by: { bucket: { column: moment, unit: ${unit}, timezone: "${zone}"${more} } }`;

  it('the day has the rows of its hours', async () => {
    const found = await groups('changes', by('DAY'));
    const counts = found.filter(({ buckets: [bucket] }) => bucket?.start.startsWith(day));
    expect(counts.map(({ count }) => Number(count))).toEqual(rows === 0 ? [] : [rows]);
  });

  it('an hour that comes twice is one bucket, one that is skipped is none', async () => {
    const found = await groups('changes', by('HOUR'));
    const counts = found
      .filter(({ buckets: [bucket] }) => bucket?.start.startsWith(day))
      .map(({ buckets: [bucket], count }) => [bucket?.start.slice(11, 13), Number(count)]);
    const all = Array.from({ length: 24 }, (_, hour) => [two(hour), hours[two(hour)] ?? 4]);
    expect(counts).toEqual(all.filter(([, count]) => count !== 0));
  });

  it.each(['HOUR', 'DAY', 'MONTH'] as const)(
    'gaps of a %s are filled with the buckets that clocks have shown',
    async (unit) => {
      // Of the rows three are left: all buckets between are gaps.
      const [first, middle, last] = (
        await answers.truth(
          `select min(moment), (select moment from changes where change = '${change}' order by moment offset 300 limit 1), max(moment)
           from changes where change = '${change}'`,
        )
      )[0] as string[];
      const kept = `moment: { in: ["${first}", "${middle}", "${last}"] }`;
      const found = await groups(
        'changes',
        by(unit, ', fillGaps: true').replace('where: {', `where: { ${kept},`),
      );
      const truth = await answers.truth(
        `with shown as (
           select distinct ${startBySql(unit, 'moment')} as s from changes where change = '${change}'
         ), kept as (
           select ${startBySql(unit, 'moment')} as s from changes
           where change = '${change}' and moment in ('${first}', '${middle}', '${last}')
         )
         select shown.s, shown.s + interval '${widths[unit]}', count(kept.s) from shown left join kept using (s)
         group by 1 order by 1`,
        zone,
      );
      expect(flat(found)).toEqual(truth);
    },
  );
});

describe('gaps', () => {
  it('of a DATE and a TIMESTAMP are filled by the calendar', async () => {
    for (const [name, unit] of [
      ['day', 'QUARTER'],
      ['local', 'HOUR'],
    ] as const) {
      const value = `cast(${name} as timestamp)`;
      expect(
        flat(
          await groups(
            'every',
            `where: { ${name}: { gte: "2024-01-01${name === 'day' ? '' : 'T00:00:00'}", lt: "2025-12-31${name === 'day' ? '' : 'T00:00:00'}" } },
             by: { bucket: { column: ${name}, unit: ${unit}, fillGaps: true, timezone: "Europe/Berlin" } }`,
          ),
        ),
      ).toEqual(
        await answers.truth(
          `with kept as (select date_trunc('${unit}', ${value}) as s from every where ${value} >= '2024-01-01' and ${value} < '2025-12-31'),
             ends as (select min(s) as a, max(s) as b from kept),
             shown as (select unnest(generate_series(a, b, interval '${widths[unit]}')) as s from ends)
           select shown.s, shown.s + interval '${widths[unit]}', count(kept.s) from shown left join kept using (s) group by 1 order by 1`,
        ),
      );
    }
  });

  it('are filled for each value of another key, nulls among them', async () => {
    const data = await answers.ask(
      `{ everyGroups(
           where: { day: { gte: "2024-01-01", lt: "2026-01-01" } }
           by: [{ column: flag }, { bucket: { column: day, unit: MONTH, fillGaps: true } }]
         ) { totalGroups groups { key { flag } buckets { start } count sum { id } } } }`,
    );
    const { totalGroups, groups: found } = data.everyGroups as {
      totalGroups: string;
      groups: (Group & { key: { flag: unknown }; sum: { id: unknown } })[];
    };
    const truth = await answers.truth(
      `with kept as (select flag, id, date_trunc('month', day)::timestamp as s from every where day >= '2024-01-01' and day < '2026-01-01'),
         shown as (select unnest(generate_series((select min(s) from kept), (select max(s) from kept), interval '1 month')) as s),
         flags as (select distinct flag from kept)
       select flags.flag, shown.s, count(id), sum(id)::hugeint from shown cross join flags
         left join kept on kept.s = shown.s and kept.flag is not distinct from flags.flag
       group by all order by 1 nulls last, 2`,
    );
    expect(
      found.map(({ key, buckets: [bucket], count, sum }) => [
        key.flag,
        bucket?.start,
        count,
        sum.id,
      ]),
    ).toEqual(truth);
    expect(totalGroups).toBe(String(truth.length));
  });
});

describe('two buckets at once', () => {
  it('make a group of each pair, and of a time that is missing on either side', async () => {
    const data = await answers.ask(
      `{ everyGroups(by: [
           { bucket: { column: moment, unit: DAY, timezone: "America/New_York" } }
           { bucket: { column: day, unit: YEAR } }
         ]) { groups { buckets { column start } count } } }`,
      { layout: 'segments' },
    );
    const { groups: found } = data.everyGroups as {
      groups: { buckets: { column: string; start: string }[]; count: string }[];
    };
    const start = (group: (typeof found)[number], name: string) =>
      group.buckets.find((bucket) => bucket.column === name)?.start ?? null;
    expect(
      found.map((group) => [start(group, 'moment'), start(group, 'day'), group.count]),
    ).toEqual(
      await answers.truth(
        `select cast(date_trunc('day', moment) as timestamp), date_trunc('year', day)::timestamp, count(*)
         from every group by 1, 2 order by 1 nulls last, 2 nulls last`,
        'America/New_York',
      ),
    );
  });
});
