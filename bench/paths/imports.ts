import { importAgainstEngine } from '../harness/import-rounds.js';
import type { BenchPath } from '../harness/path.js';
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
    const { rows } = world.fixtures;
    const select = `select * from ${readCsv(local)}`;
    return importAgainstEngine(world, { name, paths: stored, rows }, select);
  },
}));
