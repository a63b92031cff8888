import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { gzip } from '../../src/compression/gzip.js';

async function inflate(...chunks: Buffer[]): Promise<string> {
  const read: Buffer[] = [];
  await pipeline(Readable.from(chunks), gzip.inflate(), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) read.push(piece);
  });
  return Buffer.concat(read).toString();
}

const one = gzipSync('one,');
const two = gzipSync('two');
const zeros = Buffer.alloc(600);
const bytewise = (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]));

// Every way to divide the same bytes must give the same.
async function inflateDivided(bytes: Buffer): Promise<string> {
  const results = [await inflate(bytes), await inflate(...bytewise(bytes))];
  for (const cut of [one.length - 1, one.length, one.length + 1]) {
    results.push(await inflate(bytes.subarray(0, cut), bytes.subarray(cut)));
  }
  expect(new Set(results).size).toBe(1);
  return results[0] ?? '';
}

describe('gzip', () => {
  it('reads all members of a stream, wherever it is divided', async () => {
    expect(await inflateDivided(Buffer.concat([one, two]))).toBe('one,two');
    expect(await inflateDivided(Buffer.concat([one, gzipSync(''), two, two]))).toBe('one,twotwo');
  });

  it('skips zeros behind a member, and reads members behind zeros', async () => {
    expect(await inflateDivided(Buffer.concat([one, two, zeros]))).toBe('one,two');
    expect(await inflateDivided(Buffer.concat([one, zeros, two, zeros]))).toBe('one,two');
    expect(await inflate(one, zeros, zeros, two)).toBe('one,two');
  });

  it.each([
    ['text', Buffer.from('garbage')],
    ['text behind zeros', Buffer.concat([zeros, Buffer.from('garbage')])],
    ['a member that is cut', two.subarray(0, -1)],
  ])('refuses %s behind a member, wherever it is divided', async (_, rest) => {
    await expect(inflate(Buffer.concat([one, rest]))).rejects.toMatchObject({
      name: 'BrokenStream',
    });
    await expect(inflate(one, rest)).rejects.toMatchObject({ name: 'BrokenStream' });
    await expect(inflate(...bytewise(Buffer.concat([one, rest])))).rejects.toMatchObject({
      name: 'BrokenStream',
    });
  });

  it('inflates much that is read slowly without holding it', async () => {
    const inflated = gzip.inflate();
    Readable.from([gzipSync(Buffer.alloc(100_000_000))]).pipe(inflated);
    let bytes = 0;
    let held = 0;
    for await (const piece of inflated as AsyncIterable<Buffer>) {
      bytes += piece.length;
      held = Math.max(held, inflated.readableLength);
      await new Promise(setImmediate);
    }
    expect(bytes).toBe(100_000_000);
    expect(held).toBeLessThan(1_000_000);
  });
});
