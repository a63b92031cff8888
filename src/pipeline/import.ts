import { createReadStream, createWriteStream } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { Bucket, ObjectSummary } from '../aws/objects.js';
import type { Dataset, Generation } from '../catalog/datasets.js';
import type { ManifestEntry } from '../catalog/manifest.js';
import type { ImportProgress } from '../catalog/runs.js';
import type { Engine } from '../engine/engine.js';
import type { RejectedRow } from '../engine/load.js';
import type { Selection } from '../catalog/definition.js';
import { AppError, isAppError } from '../errors.js';
import { layoutDelimited } from '../formats/delimited.js';
import { toUtf8 } from '../formats/encoding.js';
import { columnsOf } from './columns.js';
import { keyPrefix, selects } from './select.js';
import type { InflateLimits } from './inflate.js';
import { spool, type SpooledFile } from './spool.js';
import { TableLoad, type DescribedFile } from './table-load.js';

/** What an import may cost. */
export interface ImportLimits extends InflateLimits {
  readonly maxObjects: number;
}

/** One import of a dataset into a new table. */
export interface ImportJob {
  readonly dataset: Dataset;
  readonly bucket: Bucket;
  /** The connection's prefix and parallelism. */
  readonly connectionPrefix: string;
  readonly downloadThreads: number;
  readonly engine: Engine;
  /** An empty folder for this run. The caller removes it. */
  readonly spoolDir: string;
  /** Name of the table to make. The caller drops it when the import fails. */
  readonly table: string;
  readonly generation: string;
  readonly limits: ImportLimits;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ImportProgress) => void;
}

/** A loaded table that nobody sees yet. */
export interface ImportedTable {
  readonly generation: Generation;
  readonly manifest: readonly ManifestEntry[];
  readonly rejected: readonly RejectedRow[];
  readonly progress: ImportProgress;
}

const sampleBytes = 2 ** 20;

/**
 * Reads every selected object into a new table: objects stream to the spool while the engine loads what has arrived.
 * @throws NO_OBJECTS and what selection, spool, formats and load throw; the dataset's current table is never touched
 */
export async function importObjects(job: ImportJob): Promise<ImportedTable> {
  const { definition } = job.dataset;
  const objects = await selectObjects(job);
  const rows = new Map<string, number>();
  const report = progressReport(job, objects);

  const loaded = await job.engine.session(async (session) => {
    const load = new TableLoad(session, { ...job, definition, spoolDirectory: job.spoolDir });
    const batches = spool(job.bucket, objects, {
      dir: job.spoolDir,
      threads: job.downloadThreads,
      compression: definition.selection.compression,
      limits: job.limits,
      signal: job.signal,
      onBytes: (bytes) => report.add({ bytesDone: bytes }),
    });
    for await (const batch of batches) {
      const described = await Promise.all(batch.map((file) => describe(file, definition.format)));
      await load.take(described);
      report.add({ filesDone: batch.length, rowsAdded: load.rows - report.current().rowsAdded });
    }
    return load.finish();
  });

  for (const file of loaded.files) rows.set(file.origin, (rows.get(file.origin) ?? 0) + file.rows);
  const rowCount = loaded.files.reduce((sum, file) => sum + file.rows, 0);
  refuseNoGoodRow(rowCount, loaded.rejected);
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

// Where listing is not allowed an exact name is still a key that can be asked for.
async function* candidates(
  { bucket, signal }: Pick<ImportJob, 'bucket' | 'signal'>,
  prefix: string,
  { fileName, fileNameMatch }: Selection,
): AsyncGenerator<ObjectSummary, void> {
  try {
    yield* bucket.list(prefix, signal);
  } catch (error) {
    const exact = fileNameMatch === 'EXACT' && fileName !== undefined;
    if (!exact || !isAppError(error) || error.code !== 'ACCESS_DENIED') throw error;
    yield await bucket.head(prefix + fileName, signal);
  }
}

// A wrong pattern or type rejects everything: that is no import with bad rows, it is a definition to mend.
function refuseNoGoodRow(rowCount: number, rejected: readonly RejectedRow[]): void {
  const [first] = rejected;
  if (rowCount > 0 || !first) return;
  const { file, line, column, value, reason } = first;
  const place = `${file}${line === null ? '' : ` line ${line}`}${column === null ? '' : `, column ${column}`}`;
  throw new AppError(
    column === null ? 'MALFORMED_ROW' : 'INVALID_VALUE',
    `None of the ${rejected.length} rows is good; the first is ${place}: ${reason}${value === null ? '' : `, found ${JSON.stringify(value)}`}`,
    { details: { file, line, column, value, rejected: rejected.length } },
  );
}

/** The objects a dataset's selection takes, in key order. */
export async function selectObjects(
  job: Pick<ImportJob, 'dataset' | 'bucket' | 'connectionPrefix' | 'signal'> & {
    readonly limits: Pick<ImportLimits, 'maxObjects'>;
  },
): Promise<ObjectSummary[]> {
  const { selection } = job.dataset.definition;
  const prefix = keyPrefix(job.connectionPrefix, selection);
  const wanted = selects(selection);
  const objects: ObjectSummary[] = [];
  let seen = 0;
  for await (const object of candidates(job, prefix, selection)) {
    seen++;
    if (!wanted(object)) continue;
    objects.push(object);
    if (objects.length > job.limits.maxObjects) {
      throw new AppError(
        'INVALID_INPUT',
        `The selection matches more than ${job.limits.maxObjects} objects; narrow it, or raise BUCKETQL_MAX_OBJECTS`,
        { details: { prefix, limit: job.limits.maxObjects } },
      );
    }
  }
  if (objects.length === 0) {
    throw new AppError(
      'NO_OBJECTS',
      seen === 0
        ? `There is no object below prefix ${JSON.stringify(prefix)}; check the selection's prefix`
        : `None of the ${seen} objects below prefix ${JSON.stringify(prefix)} matches the selection; check fileName, fileNameMatch and modifiedSince`,
      { details: { prefix, objects: seen } },
    );
  }
  return objects;
}

/** Looks at the beginning of a spooled file to see how it is to be read. */
export async function describe(
  file: Pick<SpooledFile, 'path' | 'bytes'> & { readonly object: Pick<ObjectSummary, 'key'> },
  format: Dataset['definition']['format'],
): Promise<DescribedFile> {
  const handle = await open(file.path);
  try {
    const sample = Buffer.alloc(Math.min(sampleBytes, file.bytes));
    const { bytesRead } = await handle.read(sample, 0, sample.length, 0);
    const source = {
      origin: file.object.key,
      complete: bytesRead === file.bytes,
      type: format.type,
    };
    const layout = layoutDelimited(sample.subarray(0, bytesRead), source, format.csv);
    if (layout && layout.encoding !== 'utf-8')
      await rewriteInUtf8(file.path, layout.encoding, source.origin);
    return {
      file: { path: file.path, origin: source.origin },
      layout,
      columns: layout ? columnsOf(layout.headers) : [],
    };
  } finally {
    await handle.close();
  }
}

async function rewriteInUtf8(path: string, encoding: string, origin: string): Promise<void> {
  const target = `${path}.utf8`;
  await pipeline(createReadStream(path), toUtf8(encoding, origin), createWriteStream(target));
  await rename(target, path);
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
