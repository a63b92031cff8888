import { peakMB, resetPeak } from '../harness/memory.js';
import { alternate, timed } from '../harness/measure.js';
import type { BenchPath } from '../harness/path.js';
import { createDataset, importDataset } from '../harness/service-process.js';
import { readCsv, type World } from '../harness/world.js';

/*
 * From objects in S3 to a table that can be queried, against CREATE TABLE AS read_csv with all types known over the same
 * rows in local files. The floor is told the types; the service finds them and checks every value.
 */

interface Load {
  readonly name: string;
  readonly atMost: number;
  /** Local files for the floor, and the files to store as objects. */
  readonly files: (world: World) => Promise<{ local: string[]; stored: string[] }>;
}

const loads: readonly Load[] = [
  {
    name: 'csv',
    atMost: 1.3,
    async files({ fixtures }) {
      const local = [await fixtures.one()];
      return { local, stored: local };
    },
  },
  {
    name: 'csv-parts',
    atMost: 1.3,
    async files({ fixtures }) {
      const local = await fixtures.parts();
      return { local, stored: local };
    },
  },
  {
    name: 'csv-gz',
    atMost: 1.6,
    async files({ fixtures }) {
      const one = await fixtures.one();
      return { local: [one], stored: [await fixtures.gzipped(one)] };
    },
  },
  {
    name: 'csv-parts-gz',
    atMost: 1.6,
    async files({ fixtures }) {
      const local = await fixtures.parts();
      // zlib works outside of the main thread, so that two at a time use both cores.
      const stored: string[] = [];
      for (let at = 0; at < local.length; at += 2) {
        stored.push(
          ...(await Promise.all(local.slice(at, at + 2).map((path) => fixtures.gzipped(path)))),
        );
      }
      return { local, stored };
    },
  },
];

/** Import paths. */
export const imports: readonly BenchPath[] = loads.map(({ name, atMost, files }) => ({
  name,
  ratioOf: 'time / CREATE TABLE AS read_csv',
  goal: { atMost },
  peakGoalMB: 650,
  async run(world) {
    const { local, stored } = await files(world);
    await world.upload(`${name}/`, stored);
    // Fresh processes, so that the peaks are this path's own.
    const service = await world.newService();
    const engine = await world.newEngine();
    const peaks = { ours: [] as number[], theirs: [] as number[] };
    try {
      const dataset = name.replaceAll('-', '_');
      const connection = await service.connect(name);
      await createDataset(service, { name: dataset, connection, prefix: `${name}/` });
      const times = await alternate(
        world.rounds,
        async () => {
          await resetPeak(service.pid);
          const ms = await timed(async () => {
            const run = await importDataset(service, dataset);
            if (run.status !== 'SUCCEEDED' || Number(run.rowsAdded) !== world.fixtures.rows) {
              throw new Error(`${name}: ${JSON.stringify(run)}`);
            }
          });
          peaks.ours.push((await peakMB(service.pid)) ?? Number.NaN);
          return ms;
        },
        async () => {
          await engine.run('drop table if exists rows');
          await engine.run('checkpoint');
          await resetPeak(engine.pid);
          const ms = await engine.run(`create table rows as select * from ${readCsv(local)}`);
          peaks.theirs.push((await peakMB(engine.pid)) ?? Number.NaN);
          return ms;
        },
      );
      return {
        ratio: times.ours / times.theirs,
        oursMs: times.ours,
        theirsMs: times.theirs,
        peakMB: most(peaks.ours),
        theirPeakMB: most(peaks.theirs),
      };
    } finally {
      await service.kill();
      await engine.stop();
    }
  },
}));

const most = (numbers: readonly number[]) => {
  const peak = Math.max(...numbers);
  return Number.isNaN(peak) ? null : peak;
};
