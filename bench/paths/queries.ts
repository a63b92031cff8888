import { customerCount } from '../harness/fixtures.js';
import { peakMB, resetPeak } from '../harness/memory.js';
import { alternate, seeded, timed } from '../harness/measure.js';
import type { BenchPath } from '../harness/path.js';
import type { Loaded, World } from '../harness/world.js';

/*
 * Answers over HTTP from the table of all rows. Nothing is asked twice where an answer could be kept.
 */

const allColumns = 'id ordered_at day customer region sku quantity price paid note';

/** Groups, against the same SELECT in the engine through the same binding: what HTTP and GraphQL cost. */
const groups: BenchPath = {
  name: 'groups',
  ratioOf: 'rate / the engine’s own rate',
  goal: { atLeast: 0.95 },
  notMeasured: 'PostGraphile (npm run bench:peers)',
  async run(world) {
    const { service, engine } = await world.loaded();
    // A condition that is always true and never the same, so that no answer that was kept is of use.
    const query = `query ($least: Int!) {
      salesGroups(by: [{ column: region }], where: { id: { gte: $least } }, orderBy: [{ key: { region: ASC } }]) {
        groups { key { region } count sum { price } avg { quantity } }
      }
    }`;
    const select = (round: number) =>
      `select region, count(*) as count, sum(price)::varchar as sum, avg(quantity) as avg
        from sales where id >= ${-round} group by region order by region`;

    const shown = (await service.data(query, { least: 0 })) as {
      salesGroups: { groups: { key: { region: string }; count: string; sum: { price: string } }[] };
    };
    const truth = (await engine.rows(select(0), true)).rows;
    const ours = shown.salesGroups.groups.map(({ key, count, sum }) => [
      key.region,
      count,
      sum.price,
    ]);
    equal(
      ours,
      truth.map((row) => [row.region, String(row.count), row.sum]),
      'groups',
    );

    return measureQuery(world, {
      pid: { ours: service.pid, theirs: engine.pid },
      ours: (round) => timed(() => service.bytes(query, { least: -1 - round })),
      theirs: async (round) => (await engine.rows(select(round + 1))).ms,
    });
  },
};

/** Rows, against Apollo with row objects and field resolvers over the same table. */
const rows = (
  name: string,
  limit: number,
  goal: BenchPath['goal'],
  notMeasured: string,
): BenchPath => ({
  name,
  ratioOf: 'rate / Apollo with field resolvers',
  goal,
  notMeasured,
  async run(world) {
    const loaded = await world.loaded();
    // As above, so that each answer is made.
    const ours = `query ($least: Int!) { sales(where: { id: { gte: $least } }, limit: ${limit}) { ${allColumns} } }`;
    const theirs = `{ rows(limit: ${limit}) { ${allColumns} } }`;
    return againstResolvers(world, loaded, (round) => ({
      ours,
      variables: { least: -1 - round },
      theirs,
    }));
  },
});

const filter: BenchPath = {
  name: 'filter',
  ratioOf: 'rate / Apollo with field resolvers',
  goal: null,
  notMeasured: 'PostGraphile (npm run bench:peers)',
  async run(world) {
    const loaded = await world.loaded();
    const random = seeded(7);
    const customers = Array.from({ length: 1_000 }, () =>
      Math.floor(random() * customerCount(world.fixtures.rows)),
    );
    return againstResolvers(world, loaded, (round) => {
      const customer = customers[round % customers.length];
      return {
        ours: `query ($customer: Int) { sales(where: { customer: { eq: $customer } }, limit: 100) { ${allColumns} } }`,
        variables: { customer },
        theirs: `{ rows(customer: ${customer}, limit: 100) { ${allColumns} } }`,
      };
    });
  },
};

/** Query paths. */
export const queries: readonly BenchPath[] = [
  groups,
  rows('rows10k', 10_000, { atLeast: 10 }, 'PostGraphile (npm run bench:peers)'),
  rows('rows100k', 100_000, null, 'PostGraphile (npm run bench:peers)'),
  filter,
];

type Ask = (round: number) => {
  readonly ours: string;
  readonly variables?: Record<string, unknown>;
  readonly theirs: string;
};

async function againstResolvers(world: World, { service, engine, resolversUrl }: Loaded, ask: Ask) {
  const resolvers = async (query: string) => {
    const response = await fetch(resolversUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return Buffer.from(await response.arrayBuffer());
  };
  const first = ask(0);
  equal(
    ids(await service.bytes(first.ours, first.variables)),
    ids(await resolvers(first.theirs)),
    'rows',
  );
  return measureQuery(world, {
    pid: { ours: service.pid, theirs: engine.pid },
    ours: (round) => timed(() => service.bytes(ask(round).ours, ask(round).variables)),
    theirs: (round) => timed(() => resolvers(ask(round).theirs)),
  });
}

const ids = (body: Buffer): unknown[] => {
  const { data } = JSON.parse(body.toString()) as { data: Record<string, { id: number }[]> };
  return Object.values(data).flatMap((list) => list.map(({ id }) => id));
};

function equal(ours: unknown, theirs: unknown, what: string): void {
  if (JSON.stringify(ours) !== JSON.stringify(theirs)) {
    throw new Error(`The ${what} differ, and a wrong answer is not a fast one`);
  }
}

const warmUps = 3;

async function measureQuery(
  world: World,
  sides: {
    readonly pid: { readonly ours: number; readonly theirs: number };
    readonly ours: (round: number) => Promise<number>;
    readonly theirs: (round: number) => Promise<number>;
  },
) {
  for (let round = 0; round < warmUps; round++) {
    await sides.ours(round);
    await sides.theirs(round);
  }
  await resetPeak(sides.pid.ours);
  await resetPeak(sides.pid.theirs);
  const { ours, theirs } = await alternate(
    world.rounds * 7,
    (round) => sides.ours(round + warmUps),
    (round) => sides.theirs(round + warmUps),
  );
  return {
    ratio: theirs / ours,
    oursMs: ours,
    theirsMs: theirs,
    peakMB: await peakMB(sides.pid.ours),
    theirPeakMB: await peakMB(sides.pid.theirs),
  };
}
