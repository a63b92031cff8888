import { createHash } from 'node:crypto';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { writableCompression } from '../compression/index.js';
import { AppError, isAppError } from '../errors.js';
import { encryptionOf } from './destination.js';
import {
  isDivided,
  manifestKey,
  memberName,
  partKey,
  type PartitionValue,
} from './object-names.js';
import { formatOf } from './writeback-formats.js';
import type { WritebackJob, WrittenObject } from './writeback-job.js';

/** What went into a file so far, and what came out of it. */
export interface Meter {
  rows: number;
  /** Bytes before compression. */
  taken: number;
  /** Bytes that are stored. */
  given: number;
}

/** A file that is about to become an object. */
export interface OutgoingFile {
  /** Its place in a divided result. */
  readonly partition: readonly PartitionValue[];
  /** Counts from 1 within its partition; undefined where files are not numbered. */
  readonly number: number | undefined;
  /** Its bytes before compression, which count the rows in them. */
  readonly bytes: (meter: Meter) => AsyncIterable<Uint8Array>;
}

/** Writes the files of a job, one after the other. */
export interface Delivery {
  /** Aborted by the job's own, and by a file that could not be stored: whoever makes rows for it stops then, too. */
  readonly signal: AbortSignal;
  /** What is stored, in order. */
  readonly objects: readonly (WrittenObject & { readonly partition: readonly PartitionValue[] })[];
  /** Of these objects. */
  readonly total: { readonly rows: number; readonly bytes: number };
  /** Stores a file: whole or not at all. */
  readonly deliver: (file: OutgoingFile) => Promise<void>;
}

const progressMs = 250;

/** Opens the way of a job's files to S3. */
export function openDelivery(job: WritebackJob): Delivery {
  const { destination, key } = job;
  const stop = new AbortController();
  const signal = AbortSignal.any([job.signal, stop.signal]);
  const objects: (WrittenObject & { readonly partition: readonly PartitionValue[] })[] = [];
  const total = { rows: 0, bytes: 0 };
  let toldAt = 0;
  const tell = (meter: Meter) => {
    const now = Date.now();
    if (now - toldAt < progressMs) return;
    toldAt = now;
    job.onProgress?.({
      rows: total.rows + meter.rows,
      bytes: total.bytes + meter.given,
      objects: objects.map(withoutPartition),
    });
  };
  return {
    signal,
    objects,
    total,
    async deliver({ partition, number, bytes }) {
      const place = isDivided(destination) ? partKey(key, destination, partition, number) : key;
      const meter: Meter = { rows: 0, taken: 0, given: 0 };
      const stored = await store(job, place, () => bytes(meter), {
        signal,
        stop: (error) => stop.abort(error),
        onTaken: (count) => (meter.taken += count),
        onGiven: (count) => {
          meter.given += count;
          tell(meter);
        },
      });
      objects.push({ ...stored, rows: meter.rows, partition });
      total.rows += meter.rows;
      total.bytes += stored.bytes;
    },
  };
}

/** An object as runs keep it. */
export function withoutPartition({ key, bytes, rows, etag, checksum }: WrittenObject) {
  return { key, bytes, rows, etag, checksum };
}

/** How all objects of a job are stored: encrypted and tagged as its destination says, and with what they say of themselves. */
export function storedAs(job: WritebackJob) {
  const { destination, runId, dataset, generations, metadata, uploads } = job;
  return {
    encryption: encryptionOf(destination),
    tags: destination.tags,
    metadata: {
      'bucketql-run': runId,
      'bucketql-dataset': dataset,
      ...(generations[0] ? { 'bucketql-generation': generations[0].generation } : {}),
      ...metadata,
    },
    uploads,
  };
}

/**
 * Whether an object of a divided result may be replaced: always when that was asked for, else only what an earlier attempt of the
 * same run left, or a run that ended before its manifest. Who may not look is told no.
 * @throws what may go better another time: a "no" then would be for good
 */
export async function mayReplace(job: WritebackJob, key: string): Promise<boolean> {
  const { destination, bucket, runId } = job;
  if (destination.overwrite) return true;
  const encryption = encryptionOf(destination);
  try {
    const run = (await bucket.metadataOf(key, encryption))?.metadata['bucketql-run'];
    if (run === undefined || run === runId) return run === runId;
    if (!(await job.isBroken?.(run))) return false;
    // With its manifest a result is whole, whatever became of its run.
    const manifest = manifestKey(job.key, destination);
    return (await bucket.metadataOf(manifest, encryption)) === undefined;
  } catch (error) {
    if (isAppError(error) && error.retryable) throw error;
    return false;
  }
}

interface Watch {
  readonly signal: AbortSignal;
  readonly stop: (error: unknown) => void;
  readonly onTaken: (bytes: number) => void;
  readonly onGiven: (bytes: number) => void;
}

async function store(
  job: WritebackJob,
  key: string,
  bytes: () => AsyncIterable<Uint8Array>,
  { signal, stop, onTaken, onGiven }: Watch,
): Promise<Omit<WrittenObject, 'rows'>> {
  const { destination, bucket } = job;
  const { overwrite, storageClass } = destination;
  const compression = writableCompression(destination.compression);
  const checksum = createHash('sha256');
  const source = Readable.from(counted(bytes, onTaken));
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      checksum.update(chunk);
      onGiven(chunk.length);
      done(null, chunk);
    },
  });
  const failures: unknown[] = [];
  const failed = (error: unknown) => {
    failures.push(error);
    stop(error);
  };
  const [put] = await Promise.allSettled([
    (async () => {
      const replaces = isDivided(destination) ? await mayReplace(job, key) : overwrite;
      return bucket.put(key, body, {
        ...storedAs(job),
        overwrite: replaces,
        contentType: compression?.contentType ?? formatOf(destination).contentType,
        storageClass,
        signal,
      });
    })().catch((error: unknown) => {
      failed(error);
      body.destroy();
      throw error;
    }),
    pipeline(
      [source, ...(compression ? [compression.deflate(memberName(key, destination))] : []), body],
      { signal },
    ).catch((error: unknown) => {
      // Whichever side failed first closed the other one, which then only says that it was closed.
      if (!isClosing(error)) failed(error);
      body.destroy();
      throw error;
    }),
  ]);
  // What is stored is stored, also when the job was stopped while S3 made an object of its parts.
  if (put.status === 'fulfilled' && failures.length === 0) {
    return { ...put.value, checksum: `sha256:${checksum.digest('hex')}` };
  }
  if (job.signal.aborted) throw stopped(job.signal);
  throw failures[0];
}

/** Why a job was stopped. */
function stopped(signal: AbortSignal): AppError {
  const reason: unknown = signal.reason;
  return isAppError(reason) ? reason : new AppError('CANCELLED', 'The writeback was cancelled');
}

// Nothing is opened before somebody reads, so that nothing stays open when nobody does.
async function* counted(
  bytes: () => AsyncIterable<Uint8Array>,
  onTaken: (bytes: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of bytes()) {
    onTaken(chunk.length);
    yield chunk;
  }
}

const isClosing = (error: unknown) =>
  ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED', 'ABORT_ERR'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
