import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Bucket, ObjectSummary } from '../aws/objects.js';
import {
  compressionNamed,
  compressionOf,
  magicBytes,
  type Compression,
  type CompressionName,
} from '../compression/index.js';
import { AppError, isAppError, messageOf } from '../errors.js';

/** What an object may inflate to. Every limit names its setting in the error. */
export interface InflateLimits {
  readonly maxInflatedBytes: number;
  readonly maxInflationRatio: number;
}

/** How to read an object. */
export interface InflateOptions {
  readonly compression: CompressionName | 'AUTO';
  readonly limits: InflateLimits;
  readonly signal: AbortSignal;
  /** Told of each chunk as it arrives: bytes as stored. */
  readonly onBytes?: (bytes: number) => void;
}

// Below this size a high ratio is harmless: a page of spaces shrinks a lot.
const ratioFrom = 2 ** 20;

/**
 * The bytes of an object as it was listed, inflated. Whoever stops reading early closes everything.
 * @throws CORRUPT_COMPRESSION, OBJECT_TOO_LARGE, OBJECT_CHANGED, S3_UNAVAILABLE and the errors of aws/errors.ts, each naming the object
 */
export async function* inflatedBytes(
  bucket: Bucket,
  object: ObjectSummary,
  options: InflateOptions,
): AsyncGenerator<Buffer, void> {
  const { limits, signal } = options;
  const { etag, size } = object;
  const body = await bucket.open(object.key, { etag, size, signal });
  let stored = 0;
  let inflated = 0;
  const arrived = (bytes: number) => {
    stored += bytes;
    options.onBytes?.(bytes);
  };
  let compression: Compression | undefined;
  try {
    const recognised = await recognise(body, object, options.compression);
    compression = recognised.compression;
    for await (const chunk of compression
      ? through(recognised.bytes, compression, arrived)
      : (recognised.bytes as AsyncIterable<Buffer>)) {
      if (!compression) arrived(chunk.length);
      inflated += chunk.length;
      if (inflated > limits.maxInflatedBytes) {
        throw tooLarge(object, `${limits.maxInflatedBytes} bytes`, 'BUCKETQL_MAX_INFLATED_BYTES');
      }
      if (inflated > ratioFrom && inflated > stored * limits.maxInflationRatio) {
        throw tooLarge(
          object,
          `${limits.maxInflationRatio} times its size`,
          'BUCKETQL_MAX_INFLATION_RATIO',
        );
      }
      yield chunk;
    }
    if (stored !== object.size) {
      throw broken(object, `it ended after ${stored} of ${object.size} bytes`);
    }
  } catch (error) {
    throw readingError(error, object, { compression, whole: stored === object.size, signal });
  } finally {
    body.destroy();
  }
}

// The body flows into the inflating stream without a promise for each chunk.
async function* through(
  bytes: Readable,
  compression: Compression,
  arrived: (bytes: number) => void,
): AsyncGenerator<Buffer, void> {
  const inflate = compression.inflate();
  bytes.on('data', (chunk: Buffer) => arrived(chunk.length));
  const feeding = pipeline(bytes, inflate);
  // Its error also ends the iteration below, and is seen there.
  feeding.catch(() => undefined);
  try {
    yield* inflate as AsyncIterable<Buffer>;
  } finally {
    inflate.destroy();
  }
}

// The first bytes say what a stream is; a name like .gz can lie.
async function recognise(
  body: Readable,
  object: ObjectSummary,
  asked: CompressionName | 'AUTO',
): Promise<{ compression: Compression | undefined; bytes: Readable }> {
  if (asked === 'NONE') return { compression: undefined, bytes: body };
  const arriving = body.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
  const chunks: Buffer[] = [];
  let bytes = 0;
  let ended = false;
  while (bytes < magicBytes && !ended) {
    const next = await arriving.next();
    if (next.done) {
      ended = true;
    } else {
      chunks.push(next.value);
      bytes += next.value.length;
    }
  }
  const head = Buffer.concat(chunks);
  const found = compressionOf(head);
  if (asked !== 'AUTO' && found !== compressionNamed(asked) && head.length > 0) {
    throw new AppError(
      'CORRUPT_COMPRESSION',
      `Object ${object.key} is not ${asked}; set the selection's compression to AUTO or NONE, or leave the object out`,
      { details: { file: object.key, key: object.key } },
    );
  }
  if (ended) return { compression: found, bytes: Readable.from(chunks) };
  body.unshift(head);
  await arriving.return?.();
  return { compression: found, bytes: body };
}

function tooLarge(object: ObjectSummary, limit: string, setting: string): AppError {
  return new AppError(
    'OBJECT_TOO_LARGE',
    `Object ${object.key} inflates past ${limit}; raise ${setting} or split it`,
    { details: { file: object.key, key: object.key, limit: setting } },
  );
}

function broken(object: ObjectSummary, how: string, cause?: unknown): AppError {
  return new AppError('S3_UNAVAILABLE', `Reading ${object.key} broke off: ${how}`, {
    details: { file: object.key, key: object.key },
    cause,
  });
}

function readingError(
  error: unknown,
  object: ObjectSummary,
  state: { compression: Compression | undefined; whole: boolean; signal: AbortSignal },
): AppError {
  if (isAppError(error)) return error;
  const details = { file: object.key, key: object.key };
  if (state.signal.aborted) {
    return new AppError('CANCELLED', `Reading ${object.key} was cancelled`, { details });
  }
  const { code } = error as NodeJS.ErrnoException;
  // A stream that ends too early is the object's fault only when all of the object was there.
  if (state.compression && (code === 'Z_DATA_ERROR' || (code?.startsWith('Z_') && state.whole))) {
    return new AppError(
      'CORRUPT_COMPRESSION',
      `Object ${object.key} is a truncated or damaged ${state.compression.name} stream (${messageOf(error)}); have it sent again, or leave it out of the selection`,
      { details, cause: error },
    );
  }
  return broken(object, messageOf(error), error);
}
