import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** What a file is made of. */
export type Pieces = Iterable<string | Buffer>;

/** Writes a file piece by piece. */
export async function write(path: string, pieces: Pieces): Promise<void> {
  await pipeline(Readable.from(gathered(pieces)), createWriteStream(path));
}

/** Writes a gzip'd file piece by piece. */
export async function writeGzip(path: string, pieces: Pieces): Promise<void> {
  await pipeline(
    Readable.from(gathered(pieces)),
    createGzip({ level: 1 }),
    createWriteStream(path),
  );
}

/** The same text so many times, in pieces of about a megabyte. */
export function* repeated(text: string, times: number): Generator<string> {
  const atOnce = Math.max(1, Math.floor(2 ** 20 / text.length));
  const piece = text.repeat(Math.min(atOnce, times));
  for (let left = times; left > 0; left -= atOnce) {
    yield left >= atOnce ? piece : text.repeat(left);
  }
}

/** Pieces one after the other. */
export function* together(
  ...parts: readonly (string | Buffer | Pieces)[]
): Generator<string | Buffer> {
  for (const part of parts) {
    if (typeof part === 'string' || Buffer.isBuffer(part)) yield part;
    else yield* part;
  }
}

/** A piece of text for each number from 0. */
export function* numbered(count: number, text: (n: number) => string): Generator<string> {
  for (let n = 0; n < count; n++) yield text(n);
}

// Small pieces cost a turn of the streams each.
function* gathered(pieces: Pieces): Generator<Buffer> {
  let held: Buffer[] = [];
  let bytes = 0;
  for (const piece of pieces) {
    const more = typeof piece === 'string' ? Buffer.from(piece) : piece;
    held.push(more);
    bytes += more.length;
    if (bytes < 2 ** 18) continue;
    yield Buffer.concat(held);
    held = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(held);
}
