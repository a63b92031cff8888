import { customerCount } from '../harness/fixtures.js';
import { seeded, timed } from '../harness/measure.js';
import { peakMB, resetPeak } from '../harness/memory.js';
import type { BenchPath } from '../harness/path.js';
import {
  createDataset,
  importRows,
  redefine,
  type ServiceProcess,
} from '../harness/service-process.js';
import type { World } from '../harness/world.js';

/*
 * How much slower answers are while the same service imports: a fixed mix of queries over a table of all rows, one after
 * the other, against the same mix when nothing else is done.
 */

const rounds = 3;
const leastQueries = 60;
const dataset = 'during_import';

/** A mix of what is asked: a total, groups, a hundred rows by a filter, a page of rows. No query comes twice. */
function mix(rows: number): () => string {
  const random = seeded(11);
  let asked = 0;
  const customers = customerCount(rows);
  const kinds = [
    () => `{ salesAggregate(where: { id: { gte: ${-asked} } }) { count sum { price } } }`,
    () => `{ salesGroups(by: [{ column: region }], where: { id: { gte: ${-asked} } }) {
      groups { key { region } count avg { quantity } } } }`,
    () => `{ sales(where: { customer: { eq: ${Math.floor(random() * customers)} } }, limit: 100) {
      id ordered_at region sku price } }`,
    () =>
      `{ sales(where: { id: { gte: ${Math.floor(random() * rows)} } }, limit: 50) { id sku note } }`,
  ];
  return () => kinds[asked++ % kinds.length]!();
}

/** Queries beside an import. */
export const duringImport: readonly BenchPath[] = [
  {
    name: 'during-import',
    ratioOf: 'p95 of queries during an import / when idle',
    goal: { atMost: 2.5 },
    async run(world) {
      const { service, connection } = await world.loaded();
      const prefix = `${dataset}/`;
      await world.upload(prefix, await world.fixtures.parts());
      const input = { name: dataset, connection, prefix };
      await createDataset(service, input);
      const next = mix(world.fixtures.rows);
      const ask = () => timed(() => service.bytes(next()));
      for (let warmUp = 0; warmUp < 8; warmUp++) await ask();
      const times = { idle: [] as number[], busy: [] as number[] };
      await resetPeak(service.pid);
      for (let round = 0; round < rounds; round++) {
        for (let query = 0; query < leastQueries; query++) times.idle.push(await ask());
        await redefine(service, input, round);
        times.busy.push(...(await whileImporting(world, service, ask)));
      }
      const [busy, idle] = [p95(times.busy), p95(times.idle)];
      return {
        ratio: busy / idle,
        oursMs: busy,
        theirsMs: idle,
        peakMB: await peakMB(service.pid),
        theirPeakMB: null,
      };
    },
  },
];

async function whileImporting(world: World, service: ServiceProcess, ask: () => Promise<number>) {
  const times: number[] = [];
  let ended = false;
  const run = importRows(service, dataset, world.fixtures.rows).finally(() => {
    ended = true;
  });
  while (!ended) times.push(await ask());
  await run;
  return times;
}

/** The time that 95 of 100 keep within. */
function p95(times: readonly number[]): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.95) - 1] ?? Number.NaN;
}
