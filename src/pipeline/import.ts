import type { ObjectSummary } from '../aws/objects.js';
import type { Generation } from '../catalog/datasets.js';
import type { ManifestEntry } from '../catalog/manifest.js';
import type { ImportProgress } from '../catalog/runs.js';
import type { RejectedRow } from '../engine/load.js';
import { AppError } from '../errors.js';
import { formatOf } from '../formats/index.js';
import type { DescribedFile } from './described.js';
import { cutterOf, takeIn, type IntakeOptions } from './intake.js';
import { withLoad, type LoadJob } from './load-job.js';
import { selectObjects } from './select-objects.js';
import { spool, spoolArriving, type ArrivingFile, type SpoolOptions } from './spool.js';
import type { LoadedTable } from './table-load.js';

export type { ImportLimits } from './load-job.js';

/** One import of a dataset into a new table, which the caller drops when the import fails. */
export interface ImportJob extends LoadJob {
  /** The connection's parallelism. */
  readonly downloadThreads: number;
  readonly generation: string;
  readonly onProgress: (progress: ImportProgress) => void;
}

/** A loaded table that nobody sees yet. */
export interface ImportedTable {
  readonly generation: Generation;
  readonly manifest: readonly ManifestEntry[];
  readonly rejected: readonly RejectedRow[];
  readonly progress: ImportProgress;
}

/**
 * Reads every selected object into a new table: objects stream to the spool while the engine loads what has arrived.
 * @throws NO_OBJECTS and what selection, spool, formats and load throw; the dataset's current table is never touched
 */
export async function importObjects(job: ImportJob): Promise<ImportedTable> {
  const { definition } = job.dataset;
  const objects = await selectObjects(job);
  const keys = new Set(objects.map(({ key }) => key));
  const rows = new Map<string, number>();
  const report = progressReport(job, objects);

  const loaded = await withLoad(job, async (load, intake) => {
    const options: SpoolOptions = {
      dir: job.spoolDir,
      threads: job.downloadThreads,
      compression: definition.selection.compression,
      limits: job.limits,
      signal: job.signal,
      space: intake.space,
      onBytes: (bytes) => report.add({ bytesDone: bytes }),
    };
    const waiting: DescribedFile[] = [];
    const flush = async () => {
      await load.take(waiting.splice(0));
      report.add({ rowsAdded: load.rows - report.current().rowsAdded });
    };
    const { kind, follows } = formatOf(definition.format.type);
    const take = async (files: AsyncIterable<DescribedFile>) => {
      for await (const file of files) {
        waiting.push(file);
        if (kind === 'rows' && areEnough(waiting)) await flush();
      }
    };
    if (follows) {
      for await (const file of spoolArriving(job.bucket, objects, options)) {
        await take(following(file, intake));
        report.add({ filesDone: 1 });
      }
    } else {
      const cutter = (path: string, origin: string) => cutterOf({ path, origin }, intake);
      for await (const batch of spool(job.bucket, objects, { ...options, cutter })) {
        for (const { object, path, plain, longestLine, earlier } of batch) {
          const origin = object.key;
          await take(takeIn({ path, origin, plain, longestLine, earlier }, intake));
        }
        // The engine reads neighbours in parallel, so what is there goes together.
        if (kind !== 'rows') await flush();
        report.add({ filesDone: batch.filter(({ last }) => last).length });
      }
    }
    await flush();
    return load.finish();
  });

  for (const { origin, rows: count } of loaded.files) {
    const key = keyOf(origin, keys);
    rows.set(key, (rows.get(key) ?? 0) + count);
  }
  const rowCount = loaded.files.reduce((sum, file) => sum + file.rows, 0);
  refuseNoGoodRow(rowCount, loaded);
  report.set({
    rowsAdded: rowCount,
    rowsRemoved: Number(job.dataset.current?.rowCount ?? 0n),
    rowsRejected: loaded.rejected.length,
    warnings: loaded.warnings,
  });
  return {
    generation: {
      id: job.generation,
      table: loaded.columns.length > 0 ? job.table : null,
      columns: loaded.columns,
      rowCount: BigInt(rowCount),
      fileCount: objects.length,
      rejectedCount: BigInt(loaded.rejected.length),
      importedAt: new Date(),
    },
    manifest: objects.map((object) => ({ ...object, rows: rows.get(object.key) ?? 0 })),
    rejected: loaded.rejected,
    progress: report.current(),
  };
}

// A statement for each of a thousand small files would take longer than their rows.
function areEnough(files: readonly DescribedFile[]): boolean {
  const bytes = files.reduce((sum, { kind, file }) => sum + (kind === 'rows' ? file.bytes : 0), 0);
  return files.length >= 500 || bytes >= 4 << 20;
}

/** The files of an object that is still arriving. */
async function* following(
  { object, path, arrival, whole }: ArrivingFile,
  options: IntakeOptions,
): AsyncGenerator<DescribedFile, void> {
  // When its download fails, who follows the file must not wait for the rest.
  const stop = new AbortController();
  const failed = whole.catch(() => stop.abort());
  const signal = AbortSignal.any([options.signal, stop.signal]);
  try {
    yield* takeIn({ path, origin: object.key, arrival, whole }, { ...options, signal });
    await failed;
  } catch (error) {
    if (stop.signal.aborted) await whole;
    throw error;
  }
}

/** The object that a file came from: its origin is the object's key, or that and a member's name. */
function keyOf(origin: string, keys: ReadonlySet<string>): string {
  for (let end = origin.length; end > 0; end = origin.lastIndexOf('!', end - 1)) {
    const key = origin.slice(0, end);
    if (keys.has(key)) return key;
  }
  return origin;
}

// A wrong pattern or type rejects everything: that is no import with bad rows, it is a definition to mend.
function refuseNoGoodRow(rowCount: number, { rejected, warnings }: LoadedTable): void {
  const [first] = rejected;
  if (rowCount > 0 || !first) return;
  const { file, line, column, value, reason } = first;
  const place = `${file}${line === null ? '' : ` line ${line}`}${column === null ? '' : `, column ${column}`}`;
  const hint = warnings[0] === undefined ? '' : `. ${warnings[0]}`;
  throw new AppError(
    column === null ? 'MALFORMED_ROW' : 'INVALID_VALUE',
    `None of the ${rejected.length} rows is good; the first is ${place}: ${reason}${value === null ? '' : `, found ${JSON.stringify(value)}`}${hint}`,
    { details: { file, line, column, value, rejected: rejected.length } },
  );
}

function progressReport(job: ImportJob, objects: readonly ObjectSummary[]) {
  let progress: ImportProgress = {
    filesTotal: objects.length,
    filesDone: 0,
    bytesTotal: objects.reduce((sum, object) => sum + object.size, 0),
    bytesDone: 0,
    rowsAdded: 0,
    rowsRemoved: 0,
    rowsRejected: 0,
    warnings: [],
  };
  const set = (change: Partial<ImportProgress>) => {
    progress = { ...progress, ...change };
    job.onProgress(progress);
  };
  set({});
  return {
    current: () => progress,
    set,
    add: (more: { filesDone?: number; bytesDone?: number; rowsAdded?: number }) =>
      set({
        filesDone: progress.filesDone + (more.filesDone ?? 0),
        bytesDone: progress.bytesDone + (more.bytesDone ?? 0),
        rowsAdded: progress.rowsAdded + (more.rowsAdded ?? 0),
      }),
  };
}
