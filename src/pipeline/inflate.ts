import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Bucket, ObjectSummary } from '../aws/objects.js';
import {
  BrokenStream,
  compressionNamed,
  compressionOf,
  magicBytes,
  type CompressionName,
  type StreamCompression,
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
 * The bytes of an object as it was listed, inflated; archives as they are (see unpack.ts). Whoever stops reading early closes everything.
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
  let compression: StreamCompression | undefined;
  try {
    const recognised = await recognise(body, object, options.compression);
    compression = recognised.compression;
    for await (const chunk of compression
      ? through(recognised.bytes, compression, arrived)
      : (recognised.bytes as AsyncIterable<Buffer>)) {
      if (!compression) arrived(chunk.length);
      inflated += chunk.length;
      checkInflation(object.key, { stored, inflated }, limits);
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
  compression: StreamCompression,
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
): Promise<{ compression: StreamCompression | undefined; bytes: Readable }> {
  // An archive may have a program in front, so its beginning says nothing when it was asked for.
  if (asked === 'NONE' || asked === 'ZIP') return { compression: undefined, bytes: body };
  const { head, bytes } = await peek(body);
  const found = compressionOf(head);
  if (asked !== 'AUTO' && found !== compressionNamed(asked) && head.length > 0) {
    throw new AppError(
      'CORRUPT_COMPRESSION',
      `Object ${object.key} is not ${asked}; set the selection's compression to AUTO or NONE, or leave the object out`,
      { details: { file: object.key, key: object.key } },
    );
  }
  return { compression: found?.kind === 'stream' ? found : undefined, bytes };
}

/** The beginning of a stream, long enough to recognise a compression, and the stream with it put back. */
export async function peek(stream: Readable): Promise<{ head: Buffer; bytes: Readable }> {
  const arriving = stream.iterator({ destroyOnReturn: false }) as AsyncIterableIterator<Buffer>;
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
  if (ended) return { head, bytes: Readable.from(chunks) };
  stream.unshift(head);
  await arriving.return?.();
  return { head, bytes: stream };
}

/**
 * Refuses what inflates to more than is allowed.
 * @throws OBJECT_TOO_LARGE
 */
export function checkInflation(
  key: string,
  { stored, inflated }: { readonly stored: number; readonly inflated: number },
  { maxInflatedBytes, maxInflationRatio }: InflateLimits,
): void {
  const past = (limit: string, setting: string) =>
    new AppError(
      'OBJECT_TOO_LARGE',
      `Object ${key} inflates past ${limit}; raise ${setting} or split it`,
      { details: { file: key, key, limit: setting } },
    );
  if (inflated > maxInflatedBytes) {
    throw past(`${maxInflatedBytes} bytes`, 'BUCKETQL_MAX_INFLATED_BYTES');
  }
  if (inflated > ratioFrom && inflated > stored * maxInflationRatio) {
    throw past(`${maxInflationRatio} times its size`, 'BUCKETQL_MAX_INFLATION_RATIO');
  }
}

/** The error of a compressed stream that cannot be inflated. */
export function brokenStream(origin: string, compression: string, error: BrokenStream): AppError {
  const found =
    error.how === 'unsupported'
      ? `is a ${compression} stream that cannot be read (${error.message})`
      : `is a truncated or damaged ${compression} stream (${error.message}); have it sent again, or leave it out of the selection`;
  return new AppError('CORRUPT_COMPRESSION', `Object ${origin} ${found}`, {
    details: { file: origin, key: origin },
    cause: error,
  });
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
  state: { compression: StreamCompression | undefined; whole: boolean; signal: AbortSignal },
): AppError {
  if (isAppError(error)) return error;
  if (state.signal.aborted) {
    return new AppError('CANCELLED', `Reading ${object.key} was cancelled`, {
      details: { file: object.key, key: object.key },
    });
  }
  // A stream that ends too early is the object's fault only when all of the object was there.
  if (state.compression && error instanceof BrokenStream && (error.how !== 'cut' || state.whole)) {
    return brokenStream(object.key, state.compression.name, error);
  }
  return broken(object, messageOf(error), error);
}
