import { createWriteStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Bucket, ObjectSummary } from '../aws/objects.js';
import { AppError } from '../errors.js';
import { inflatedBytes, type InflateOptions } from './inflate.js';

/** An object's bytes, inflated, in a file of this machine. */
export interface SpooledFile {
  readonly object: ObjectSummary;
  readonly path: string;
  /** Inflated size. */
  readonly bytes: number;
}

/** How to spool a list of objects. */
export interface SpoolOptions extends InflateOptions {
  readonly dir: string;
  /** Parallel downloads. */
  readonly threads: number;
}

// Chunks of this many bytes go to the disk in one write.
const writeBytes = 2 ** 20;

/**
 * Downloads objects in parallel and yields their files in the order of the list, each batch as soon as its files are
 * there. Stopping the iteration stops the downloads.
 * @throws CORRUPT_COMPRESSION, OBJECT_TOO_LARGE, OBJECT_CHANGED and the errors of aws/errors.ts, each naming the object
 */
export async function* spool(
  bucket: Bucket,
  objects: readonly ObjectSummary[],
  options: SpoolOptions,
): AsyncGenerator<SpooledFile[], void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  const slots = objects.map(() => deferred<SpooledFile>());
  const failed = deferred<never>();
  let finished = 0;
  let next = 0;
  const worker = async () => {
    while (!signal.aborted) {
      const index = next++;
      const object = objects[index];
      if (!object) return;
      const path = join(options.dir, String(index).padStart(6, '0'));
      slots[index]?.resolve(await download(bucket, object, path, { ...options, signal }));
    }
  };
  const workers = Array.from({ length: Math.min(options.threads, objects.length) }, () =>
    worker().catch((error: unknown) => {
      failed.reject(error);
      stop.abort();
    }),
  );
  const cancel = () => failed.reject(new AppError('CANCELLED', 'The run was cancelled'));
  options.signal.addEventListener('abort', cancel, { once: true });
  try {
    while (finished < slots.length) {
      const batch: SpooledFile[] = [];
      for (let slot = slots[finished]; slot && (batch.length === 0 || slot.isDone());) {
        batch.push(await Promise.race([slot.promise, failed.promise]));
        slot = slots[++finished];
      }
      yield batch;
    }
  } finally {
    options.signal.removeEventListener('abort', cancel);
    stop.abort();
    await Promise.all(workers);
  }
}

function deferred<T>() {
  let done = false;
  let settle: { resolve: (value: T) => void; reject: (error: unknown) => void } | undefined;
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Whoever waits sees the rejection; nobody may be waiting yet.
  promise.catch(() => undefined);
  return {
    promise,
    isDone: () => done,
    resolve: (value: T) => {
      done = true;
      settle?.resolve(value);
    },
    reject: (error: unknown) => settle?.reject(error),
  };
}

async function download(
  bucket: Bucket,
  object: ObjectSummary,
  path: string,
  options: SpoolOptions,
): Promise<SpooledFile> {
  try {
    const target = createWriteStream(path, { highWaterMark: writeBytes });
    await pipeline(inflatedBytes(bucket, object, options), target);
    return { object, path, bytes: target.bytesWritten };
  } catch (error) {
    await rm(path, { force: true });
    throw spoolError(error, object);
  }
}

function spoolError(error: unknown, object: ObjectSummary): unknown {
  if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') return error;
  return new AppError(
    'NO_SPACE',
    `The disk of the data directory is full while reading ${object.key}; free space and run the import again`,
    { details: { file: object.key, key: object.key }, cause: error },
  );
}
