import type { ObjectSummary } from '../aws/objects.js';
import { AppError, isAppError } from '../errors.js';
import { formatOf } from '../formats/index.js';
import type { DescribedFile } from './described.js';
import type { ProgressReport } from './import-progress.js';
import { cutterOf, takeIn, type IntakeOptions } from './intake.js';
import { withLoad, type LoadJob } from './load-job.js';
import { spool, spoolArriving, type ArrivingFile, type SpoolOptions } from './spool.js';
import type { LoadedTable } from './table-load.js';

/** What reading objects needs. */
export interface ReadJob extends LoadJob {
  /** The connection's parallelism. */
  readonly downloadThreads: number;
}

/** Reads objects into a new table: they stream to the spool while the engine loads what has arrived. */
export function loadObjects(
  job: ReadJob,
  objects: readonly ObjectSummary[],
  report: ProgressReport,
): Promise<LoadedTable> {
  const { definition } = job.dataset;
  return withLoad(job, async (load, intake) => {
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
        for (const file of batch) {
          await take(takeIn({ ...file, origin: file.object.key }, intake));
        }
        // The engine reads neighbours in parallel, so what is there goes together.
        if (kind !== 'rows') await flush();
        report.add({ filesDone: batch.filter(({ last }) => last).length });
      }
    }
    await flush();
    return load.finish();
  }).catch((error: unknown) => {
    throw isAppError(error) && error.code === 'OBJECT_NOT_FOUND' ? deletedMeanwhile(error) : error;
  });
}

// It was listed a moment ago, so the next listing will be right.
function deletedMeanwhile(error: AppError): AppError {
  const { code, message, details } = error;
  const told = `${message}: it was deleted after it had been listed`;
  return new AppError(code, told, { retryable: true, details, cause: error });
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
