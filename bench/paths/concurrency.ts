import { burst } from '../harness/burst.js';
import { alternate, median } from '../harness/measure.js';
import { peakMB, resetPeak } from '../harness/memory.js';
import type { BenchPath } from '../harness/path.js';

/*
 * Answers over HTTP to many who ask at once.
 */

const connections = 16;

/** The same small question again, against one that needs no table at all: what finding a kept answer costs. */
const cached: BenchPath = {
  name: 'cached',
  ratioOf: `rate / { __typename } through the same server, ${connections} connections`,
  goal: { atLeast: 0.9 },
  async run(world) {
    const { service } = await world.loaded();
    const question = `{ salesGroups(by: [{ column: region }], limit: 10) { groups { key { region } count } } }`;
    const nothing = '{ __typename }';
    const rate = (query: string) => () =>
      burst(service.url, { connections, requests: 4_000, ask: () => ({ query }) });
    for (const query of [question, nothing]) await rate(query)();
    await resetPeak(service.pid);
    const times = await alternate(world.rounds, rate(question), rate(nothing));
    return {
      ratio: times.theirs / times.ours,
      oursMs: times.ours,
      theirsMs: times.theirs,
      peakMB: await peakMB(service.pid),
      theirPeakMB: null,
    };
  },
};

const groupsOf = `query ($least: Int!) {
  salesGroups(by: [{ column: region }], where: { id: { gte: $least } }, orderBy: [{ key: { region: ASC } }]) {
    groups { key { region } count sum { price } avg { quantity } }
  }
}`;

/** Different groups for each, against the engine alone with as many connections and the threads that suit it best. */
const concurrent: BenchPath = {
  name: 'concurrent',
  ratioOf: `rate / the engine’s own at its best thread setting, ${connections} connections`,
  goal: { atLeast: 0.9 },
  async run(world) {
    const { service, engine } = await world.loaded();
    const requests = 64;
    let asked = 0;
    const ours = () =>
      burst(service.url, {
        connections,
        requests,
        ask: () => ({ query: groupsOf, variables: { least: -++asked } }),
      });
    const select = () =>
      `select region, count(*) as count, sum(price)::varchar as sum, avg(quantity) as avg
        from sales where id >= ${-++asked} group by region order by region`;
    const theirs = (threads: number) =>
      engine.burst(Array.from({ length: requests }, select), connections, threads);
    const settings = [1, 2, 4];
    const times = { ours: [] as number[], theirs: settings.map(() => [] as number[]) };
    await ours();
    await resetPeak(service.pid);
    await resetPeak(engine.pid);
    for (let round = 0; round < world.rounds; round++) {
      times.ours.push(await ours());
      for (const [index, threads] of settings.entries()) {
        times.theirs[index]?.push(await theirs(threads));
      }
    }
    const oursMs = median(times.ours);
    const theirsMs = Math.min(...times.theirs.map(median));
    return {
      ratio: theirsMs / oursMs,
      oursMs,
      theirsMs,
      peakMB: await peakMB(service.pid),
      theirPeakMB: await peakMB(engine.pid),
    };
  },
};

/** Paths of many who ask at once. */
export const concurrency: readonly BenchPath[] = [cached, concurrent];
