import { join } from 'node:path';
import { peakMB, resetPeak } from '../harness/memory.js';
import { alternate, timed } from '../harness/measure.js';
import type { BenchPath, Goal } from '../harness/path.js';
import type { World } from '../harness/world.js';

/*
 * A tenth of the rows (at scale 1: a million rows, 100 MB of CSV) to an object in S3, against what the engine's COPY
 * writes to a local file.
 */

interface Write {
  readonly name: string;
  readonly ratioOf: string;
  readonly goal: Goal;
  readonly destination: Readonly<Record<string, string>>;
  /** The engine's file and the options of its COPY. */
  readonly copy: { readonly file: string; readonly options: string };
  readonly ratio: (ours: number, theirs: number) => number;
}

const writes: readonly Write[] = [
  {
    name: 'writeback-parquet',
    ratioOf: 'time / COPY to plain CSV',
    goal: { atMost: 0.9 },
    destination: { format: 'PARQUET' },
    copy: { file: 'copy.csv', options: 'format csv, header true' },
    ratio: (ours, theirs) => ours / theirs,
  },
  {
    name: 'writeback-csv-gz',
    ratioOf: 'speed / DuckDB’s own csv.gz',
    goal: { atLeast: 5 },
    destination: { format: 'CSV', compression: 'GZIP' },
    copy: { file: 'copy.csv.gz', options: 'format csv, header true, compression gzip' },
    ratio: (ours, theirs) => theirs / ours,
  },
];

/** Writeback paths. */
export const writebacks: readonly BenchPath[] = writes.map((write) => ({
  name: write.name,
  ratioOf: write.ratioOf,
  goal: write.goal,
  peakGoalMB: 400,
  run: (world) => measureWrite(world, write),
}));

async function measureWrite(world: World, { name, destination, copy, ratio }: Write) {
  const { service, engine, connection } = await world.loaded();
  const local = join(world.workDir, copy.file);
  const to = { ...destination, connection, path: 'out', fileName: name, overwrite: true };
  const expected = String(Math.ceil(world.fixtures.rows / 10));
  let ourPeak = 0;
  await resetPeak(engine.pid);
  const { ours, theirs } = await alternate(
    world.rounds,
    async () => {
      await resetPeak(service.pid);
      const ms = await timed(async () => {
        const { writebackSlice: run } = (await service.data(
          `mutation ($to: DestinationInput!) {
            writebackSlice(destination: $to, wait: true) { status rows error { code message } }
          }`,
          { to },
        )) as { writebackSlice: { status: string; rows: string } };
        if (run.status !== 'SUCCEEDED' || run.rows !== expected) {
          throw new Error(`${name}: ${JSON.stringify(run)}`);
        }
      });
      ourPeak = Math.max(ourPeak, (await peakMB(service.pid)) ?? 0);
      return ms;
    },
    () => engine.run(`copy slice to '${local}' (${copy.options})`),
  );
  return {
    ratio: ratio(ours, theirs),
    oursMs: ours,
    theirsMs: theirs,
    peakMB: ourPeak || null,
    theirPeakMB: await peakMB(engine.pid),
  };
}
