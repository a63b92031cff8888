import type { WritebackProgress } from '../catalog/runs.js';
import { AppError, isAppError, messageOf } from '../errors.js';
import { refusedQuery } from '../query/refused.js';
import { openDelivery, withoutPartition, type Delivery } from './deliver.js';
import { checkPartitions } from './destination.js';
import { refuseTaken, writeManifest } from './manifest-file.js';
import { isDivided, partKey } from './object-names.js';
import { wholeResult, withStoredResult, type CountedSlice } from './result-table.js';
import { writeParquet, writeParquetParts } from './write-parquet.js';
import { writeText } from './write-text.js';
import { writeWorkbook } from './write-workbook.js';
import { formatOf } from './writeback-formats.js';
import type { WritebackJob } from './writeback-job.js';

export type { WritebackJob } from './writeback-job.js';

/**
 * Writes a query's result to S3: each object whole or not at all, and the manifest of several when all of them are there.
 * @throws INVALID_INPUT, COLUMN_NOT_FOUND, TOO_MANY_PARTITIONS, OBJECT_EXISTS, NO_SPACE and the errors of aws/errors.ts; with
 *   `written` in its details when objects of this run stay that no manifest names
 */
export async function writeResult(job: WritebackJob): Promise<WritebackProgress> {
  checkPartitions(job.destination, job.query);
  const delivery = openDelivery(job);
  try {
    if (isDivided(job.destination)) await refuseTaken(job);
    await writeFiles(job, delivery);
    if (isDivided(job.destination)) await writeManifest(job, delivery);
  } catch (error) {
    throw withOrphans(refusedQuery(error, job.dialect), delivery, job.runId);
  }
  return { ...delivery.total, objects: delivery.objects.map(withoutPartition) };
}

async function writeFiles(job: WritebackJob, delivery: Delivery): Promise<void> {
  const { destination, session } = job;
  const { maxFileBytes, partitionBy } = destination;
  const firstNumber = maxFileBytes === undefined ? undefined : 1;
  const writing = formatOf(destination).writing(destination);
  const whole = wholeResult(job);
  const stored = (write: (slice: CountedSlice) => Promise<void>) =>
    withStoredResult(job, delivery.signal, async (slices) => {
      // All of them before the first is written: one that cannot be a key would leave the others behind.
      for (const { partition } of slices) partKey(job.key, destination, partition, firstNumber);
      for (const slice of slices) await write(slice);
    });
  const each =
    partitionBy.length > 0
      ? stored
      : (write: (slice: typeof whole) => Promise<void>) => write(whole);
  switch (writing.kind) {
    case 'text':
      return each((slice) => writeText(job, slice, writing.text, delivery));
    case 'workbook':
      return each((slice) => writeWorkbook(session, slice, destination, writing.text, delivery));
    case 'parquet':
      return maxFileBytes === undefined
        ? each((slice) => writeParquet(job, slice, delivery))
        : stored((slice) => writeParquetParts(job, slice, maxFileBytes, delivery));
  }
}

const mostNamed = 100;

/** The error of a run, with the objects that it leaves behind: nobody may delete here. */
function withOrphans(error: unknown, { objects }: Delivery, runId: string): unknown {
  if (objects.length === 0) return error;
  const keys = objects.map(({ key }) => key);
  const known = isAppError(error) ? error : internal(error, runId);
  return new AppError(
    known.code,
    `${known.message}. ${keys.length} objects of this run stay without a manifest; they are not to be read`,
    {
      retryable: known.retryable,
      details: {
        ...known.details,
        written: keys.slice(0, mostNamed),
        writtenCount: keys.length,
      },
      cause: error,
    },
  );
}

/** What is not ours has no details that could name them. */
function internal(error: unknown, runId: string): AppError {
  return new AppError('INTERNAL', `An internal error ended run ${runId}`, {
    details: { reason: messageOf(error) },
    cause: error,
  });
}
