import { join } from 'node:path';
import { peakMB, resetPeak } from '../harness/memory.js';
import { alternate, timed } from '../harness/measure.js';
import type { BenchPath, Goal } from '../harness/path.js';
import type { World } from '../harness/world.js';

/*
 * A tenth of the rows (at scale 1: a million rows, 100 MB of CSV) to an object in S3, against what the engine's COPY
 * writes to a local file. The large ones are ten times as many: what matters there is the memory. The engine would use what it may
 * to keep the table in memory, so it may use little.
 */

const smallEngine = { BUCKETQL_MEMORY_LIMIT: '128MB' };
const large = (table: Write['table']) => table === 'sales';

interface Write {
  readonly name: string;
  readonly ratioOf: string;
  readonly goal: Goal;
  readonly destination: Readonly<Record<string, string>>;
  /** The engine's file and the options of its COPY. */
  readonly copy: { readonly file: string; readonly options: string };
  readonly ratio: (ours: number, theirs: number) => number;
  /** (Default: the slice) */
  readonly table?: 'slice' | 'sales';
}

const plainCsv = { file: 'copy.csv', options: 'format csv, header true' };
const timeRatio = (ours: number, theirs: number) => ours / theirs;
const speedRatio = (ours: number, theirs: number) => theirs / ours;

const writes: readonly Write[] = [
  {
    name: 'writeback-parquet',
    ratioOf: 'time / COPY to plain CSV',
    goal: { atMost: 0.9 },
    destination: { format: 'PARQUET' },
    copy: plainCsv,
    ratio: timeRatio,
  },
  {
    name: 'writeback-csv-gz',
    ratioOf: 'speed / DuckDB’s own csv.gz',
    goal: { atLeast: 5 },
    destination: { format: 'CSV', compression: 'GZIP' },
    copy: { file: 'copy.csv.gz', options: 'format csv, header true, compression gzip' },
    ratio: speedRatio,
  },
  {
    name: 'writeback-csv-zst',
    ratioOf: 'speed / DuckDB’s own csv.zst',
    goal: null,
    destination: { format: 'CSV', compression: 'ZSTD' },
    copy: { file: 'copy.csv.zst', options: 'format csv, header true, compression zstd' },
    ratio: speedRatio,
  },
  {
    name: 'writeback-json',
    ratioOf: 'time / COPY to a JSON array',
    goal: null,
    destination: { format: 'JSON' },
    copy: { file: 'copy.json', options: 'format json, array true' },
    ratio: timeRatio,
  },
  {
    name: 'writeback-xlsx',
    ratioOf: 'time / COPY to plain CSV',
    goal: null,
    destination: { format: 'XLSX' },
    copy: plainCsv,
    ratio: timeRatio,
  },
  {
    name: 'writeback-large',
    ratioOf: 'time / COPY to plain CSV',
    goal: null,
    destination: { format: 'CSV', compression: 'GZIP' },
    copy: plainCsv,
    ratio: timeRatio,
    table: 'sales',
  },
  {
    name: 'writeback-large-parquet',
    ratioOf: 'time / COPY to plain CSV',
    goal: null,
    destination: { format: 'PARQUET' },
    copy: plainCsv,
    ratio: timeRatio,
    table: 'sales',
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

async function measureWrite(world: World, write: Write) {
  const { name, destination, copy, ratio, table = 'slice' } = write;
  const { service, engine, connection } = await world.reloaded(large(table) ? smallEngine : {});
  const local = join(world.workDir, copy.file);
  const to = { ...destination, connection, path: 'out', fileName: name, overwrite: true };
  const field = { slice: 'writebackSlice', sales: 'writebackSales' }[table];
  const { rows } = world.fixtures;
  const expected = String(large(table) ? rows : Math.ceil(rows / 10));
  let ourPeak = 0;
  await resetPeak(engine.pid);
  const { ours, theirs } = await alternate(
    world.rounds,
    async () => {
      await resetPeak(service.pid);
      const ms = await timed(async () => {
        const { run } = (await service.data(
          `mutation ($to: DestinationInput!) {
            run: ${field}(destination: $to, wait: true) { status rows error { code message } }
          }`,
          { to },
        )) as { run: { status: string; rows: string } };
        if (run.status !== 'SUCCEEDED' || run.rows !== expected) {
          throw new Error(`${name}: ${JSON.stringify(run)}`);
        }
      });
      ourPeak = Math.max(ourPeak, (await peakMB(service.pid)) ?? 0);
      return ms;
    },
    () => engine.run(`copy ${table} to '${local}' (${copy.options})`),
  );
  return {
    ratio: ratio(ours, theirs),
    oursMs: ours,
    theirsMs: theirs,
    peakMB: ourPeak || null,
    theirPeakMB: await peakMB(engine.pid),
  };
}
