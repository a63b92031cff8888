import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { exportParquet } from '../engine/export.js';
import type { Sql } from '../sql.js';
import type { Delivery, Meter } from './deliver.js';
import { growingFile } from './growing-file.js';
import type { CountedSlice, Slice } from './result-table.js';
import type { WritebackJob } from './writeback-job.js';

// As many as the engine puts into a row group.
const firstTry = 122_880;
// A file that is this full is full: to write it again with more rows would cost more than it brings.
const fullEnough = 0.6;
const aimedAt = 0.9;
// Of a file that came out too large; rows at its end may be larger than those before.
const mostKept = 0.75;

/** Writes all rows of a slice as one file of Parquet, which goes up while the engine is still writing it into the spool. */
export async function writeParquet(
  { session, spoolDir }: WritebackJob,
  { columns, partition, select }: Slice,
  { deliver, signal }: Delivery,
): Promise<void> {
  const path = join(spoolDir, spoolName);
  async function* bytes(meter: Meter): AsyncGenerator<Uint8Array, void, undefined> {
    const writing = exportParquet(session, select, columns, path, { signal });
    try {
      yield* growingFile(path, writing);
      meter.rows = await writing;
    } finally {
      await writing.catch(() => undefined);
      await rm(path, { force: true });
    }
  }
  await deliver({ partition, number: undefined, bytes });
}

/** The same in files none of which is larger than asked, but for rows that are so alone. */
export async function writeParquetParts(
  job: WritebackJob,
  slice: CountedSlice,
  maxFileBytes: number,
  delivery: Delivery,
): Promise<void> {
  let guess = firstTry;
  let number = 1;
  let first = 0;
  do {
    const file = await fullFile(job, slice, { first, guess, maxFileBytes }, delivery.signal);
    guess = rowsFor(maxFileBytes, file);
    await upload(file, slice, number++, delivery);
    first += file.rows;
  } while (first < slice.rows);
}

/** Spools the next rows: as many as a file has room for, found by trying. */
async function fullFile(
  job: WritebackJob,
  slice: CountedSlice,
  from: { readonly first: number; readonly guess: number; readonly maxFileBytes: number },
  signal: AbortSignal,
): Promise<SpooledFile> {
  const { first, guess, maxFileBytes } = from;
  let least = 0;
  let most = slice.rows - first;
  let isBounded = false;
  let rows = Math.min(guess, most);
  for (;;) {
    const file = await spooled(job, slice, slice.range(first, rows), signal);
    const better = rowsFor(maxFileBytes, file);
    if (file.bytes > maxFileBytes && rows > 1) {
      isBounded = true;
      most = rows - 1;
      rows = Math.max(1, least, Math.min(better, Math.floor(rows * mostKept)));
    } else if (file.bytes < maxFileBytes * fullEnough && rows < most && better > rows) {
      least = rows;
      // One row may be larger than all before it: halving what is left finds it soon.
      rows = Math.min(better, isBounded ? Math.ceil((rows + most) / 2) : most);
    } else {
      return file;
    }
    await rm(file.path);
  }
}

function rowsFor(maxFileBytes: number, { bytes, rows }: SpooledFile): number {
  return Math.max(1, Math.floor((maxFileBytes * aimedAt * Math.max(rows, 1)) / bytes));
}

const spoolName = 'result.parquet';

interface SpooledFile {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
}

async function spooled(
  { session, spoolDir }: WritebackJob,
  { columns }: Slice,
  select: Sql,
  signal: AbortSignal,
): Promise<SpooledFile> {
  const path = join(spoolDir, spoolName);
  const rows = await exportParquet(session, select, columns, path, { signal });
  const { size } = await stat(path);
  return { path, rows, bytes: size };
}

async function upload(
  { path, rows }: SpooledFile,
  { partition }: Slice,
  number: number,
  { deliver }: Delivery,
): Promise<void> {
  await deliver({
    partition,
    number,
    bytes: (meter) => {
      meter.rows = rows;
      return createReadStream(path, { highWaterMark: 2 ** 18 });
    },
  });
  await rm(path);
}
