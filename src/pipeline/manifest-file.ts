import { Readable } from 'node:stream';
import { existsText } from '../aws/errors.js';
import { AppError } from '../errors.js';
import { outputColumns } from '../query/compile.js';
import type { Query } from '../query/query.js';
import { mayReplace, storedAs, withoutPartition, type Delivery } from './deliver.js';
import { encryptionOf } from './destination.js';
import { manifestKey } from './object-names.js';
import type { WritebackJob } from './writeback-job.js';

/** Writes the list of a divided result's objects. It comes last: when it is there, all of them are. */
export async function writeManifest(job: WritebackJob, delivery: Delivery): Promise<void> {
  const key = manifestKey(job.key, job.destination);
  const body = Buffer.from(`${JSON.stringify(manifestOf(job, delivery), withDigits, 2)}\n`);
  // Not in the files' storage class: who waits for it reads it at once.
  await job.bucket.put(key, Readable.from([body]), {
    ...storedAs(job),
    overwrite: await mayReplace(job, key),
    contentType: 'application/json',
    signal: delivery.signal,
  });
}

/**
 * Refuses a name whose manifest is another run's before anything is written under it. Who may not look finds out at the end.
 * @throws OBJECT_EXISTS
 */
export async function refuseTaken(job: WritebackJob): Promise<void> {
  const { destination, bucket, runId } = job;
  if (destination.overwrite) return;
  const key = manifestKey(job.key, destination);
  const found = await bucket.metadataOf(key, encryptionOf(destination)).catch(() => undefined);
  if (!found || found.metadata['bucketql-run'] === runId) return;
  throw new AppError('OBJECT_EXISTS', existsText(key), { details: { key } });
}

function manifestOf(job: WritebackJob, { objects, total }: Delivery) {
  const { destination, query } = job;
  return {
    run: job.runId,
    dataset: job.dataset,
    generations: job.generations,
    writtenAt: new Date().toISOString(),
    query: wordsOf(query),
    format: destination.format,
    compression: destination.compression,
    columns: outputColumns(query).map(({ name, type }) => ({ name, type })),
    partitionBy: destination.partitionBy,
    ...total,
    objects: objects.map((object) => ({
      ...withoutPartition(object),
      partition: Object.fromEntries(object.partition.map(({ column, value }) => [column, value])),
    })),
  };
}

/** What a query asks, without where it stands in the engine. */
function wordsOf(query: Query): object {
  // The tables are ours, and their names change with every import.
  const { from: _from, related: _related, ...words } = query;
  return words;
}

const withDigits = (_name: string, member: unknown) =>
  typeof member === 'bigint' ? member.toString() : member;
