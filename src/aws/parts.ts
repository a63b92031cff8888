import { AppError } from '../errors.js';

/** A piece of a stream, in the buffer that its taker brought. */
export interface Part {
  /** Counted from 1. */
  readonly number: number;
  readonly bytes: Buffer;
  /** Nothing follows. */
  readonly last: boolean;
}

/** Fills a buffer with the next part; undefined when there is none. Takers may ask at the same time. */
export type TakePart = (into: Buffer) => Promise<Part | undefined>;

/**
 * Cuts a stream into parts as long as the buffers they are taken into; the last one is shorter. An empty stream is one
 * empty part. What is held in memory is the takers' buffers and one chunk, however long the stream is.
 * @throws FILE_TOO_LARGE beyond `most` parts
 */
export function partsOf(body: AsyncIterable<Uint8Array>, most: number, key: string): TakePart {
  const chunks = body[Symbol.asyncIterator]();
  let chunk: Uint8Array = new Uint8Array();
  let ended = false;
  let number = 0;
  let turn: Promise<unknown> = Promise.resolve();

  const nextChunk = async () => {
    while (!ended && chunk.length === 0) {
      const next = await chunks.next();
      if (next.done === true) ended = true;
      else chunk = next.value;
    }
  };
  const fill = async (into: Buffer): Promise<Part | undefined> => {
    if (ended && chunk.length === 0 && number > 0) return undefined;
    let filled = 0;
    // Looks one chunk ahead: whether a full part is the last one is known only then.
    await nextChunk();
    while (chunk.length > 0 && filled < into.length) {
      const fits = chunk.subarray(0, into.length - filled);
      into.set(fits, filled);
      filled += fits.length;
      chunk = chunk.subarray(fits.length);
      await nextChunk();
    }
    number += 1;
    if (number > most) throw tooLarge(key, most, into.length);
    return { number, bytes: into.subarray(0, filled), last: chunk.length === 0 };
  };
  return (into) => {
    const filled = turn.then(() => fill(into));
    // Who took that part hears of its failure; the next taker meets it again at the stream.
    turn = filled.catch(() => undefined);
    return filled;
  };
}

function tooLarge(key: string, parts: number, partBytes: number): AppError {
  const limit = parts * partBytes;
  return new AppError(
    'FILE_TOO_LARGE',
    `Object ${key} is longer than ${limit} bytes (${parts} parts of ${partBytes}, and S3 takes no more); split it with maxFileBytes or partitionBy`,
    { details: { key, limit } },
  );
}
