import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from '@jest/globals';
import { compressBlocks, type BlockCodec } from '../../src/compression/blocks.js';
import { randomFrom } from '../support/random.js';

/** Leaves the blocks as they are, and answers when the test says so. */
class HeldCodec implements BlockCodec {
  readonly head = Buffer.from('<');
  readonly held: { readonly bytes: Buffer; readonly last: boolean; readonly answer: () => void }[] =
    [];
  atWork = 0;
  mostAtWork = 0;
  begun = 0;

  readonly block = (bytes: Buffer, last: boolean) =>
    new Promise<Buffer>((resolve) => {
      this.begun += 1;
      this.atWork += 1;
      this.mostAtWork = Math.max(this.mostAtWork, this.atWork);
      const answer = () => {
        this.atWork -= 1;
        resolve(Buffer.concat([bytes, Buffer.from(last ? '.' : '|')]));
      };
      this.held.push({ bytes, last, answer });
    });
  readonly foot = () => Buffer.from('>');
}

const turn = () => new Promise(setImmediate);

async function turnsUntil(holds: () => boolean): Promise<void> {
  for (let turns = 0; !holds() && turns < 1000; turns++) await turn();
  expect(holds()).toBe(true);
}

describe('the blocks of a stream', () => {
  it('come out in their order, whichever is ready first', async () => {
    const random = randomFrom(3);
    const codec = new HeldCodec();
    const stream = compressBlocks(codec, { blockBytes: 3, inFlight: 4 });
    let read = '';
    const ended = pipeline(Readable.from([Buffer.from('abcdefghijklmn')]), stream, async (all) => {
      for await (const piece of all as AsyncIterable<Buffer>) read += piece.toString();
    });
    while (!read.endsWith('>')) {
      await turn();
      codec.held.splice(random(codec.held.length || 1), 1)[0]?.answer();
    }
    await ended;
    expect(read).toBe('<abc|def|ghi|jkl|mn.>');
    expect(codec.mostAtWork).toBe(4);
  });

  it('end with what is left, which may be nothing', async () => {
    for (const [written, expected] of [
      ['', '<.>'],
      ['ab', '<ab.>'],
      ['abc', '<abc|.>'],
      ['abcd', '<abc|d.>'],
    ] as const) {
      const codec = new HeldCodec();
      const stream = compressBlocks(codec, { blockBytes: 3, inFlight: 1 });
      stream.end(written);
      let read = '';
      stream.on('data', (piece: Buffer) => (read += piece.toString()));
      const ended = new Promise((resolve) => stream.once('end', resolve));
      while (!read.endsWith('>')) {
        await turn();
        codec.held.shift()?.answer();
      }
      await ended;
      expect(read).toBe(expected);
    }
  });

  it('are no more at a time than asked for, and wait for the reader', async () => {
    const codec = new HeldCodec();
    const stream = compressBlocks(codec, { blockBytes: 2 ** 16, inFlight: 3 });
    let written = 0;
    async function* endless() {
      for (;;) {
        await Promise.resolve();
        written += 2 ** 16;
        yield Buffer.alloc(2 ** 16);
      }
    }
    const piped = pipeline(endless(), stream).catch(() => undefined);
    await turnsUntil(() => codec.begun === 3);
    codec.held.forEach(({ answer }) => answer());
    for (let turns = 0; turns < 100; turns++) await turn();
    // One is ready to be read. None begins in the others' place until someone reads, though all have answered.
    expect(codec.begun).toBe(4);
    expect(written).toBeLessThan(9 * 2 ** 16);
    stream.resume();
    await turnsUntil(() => codec.begun > 4);
    expect(codec.mostAtWork).toBe(3);
    stream.destroy();
    await piped;
  });

  it('give their head before the first of them is full', async () => {
    const stream = compressBlocks(new HeldCodec(), { blockBytes: 2 ** 20, inFlight: 2 });
    stream.write('a');
    const [first] = await new Promise<[Buffer]>((resolve) =>
      stream.once('data', (piece: Buffer) => resolve([piece])),
    );
    expect(first.toString()).toBe('<');
    stream.destroy();
  });

  it('are dropped when the stream is destroyed, and none is begun after', async () => {
    const codec = new HeldCodec();
    const stream = compressBlocks(codec, { blockBytes: 10, inFlight: 2 });
    const read: string[] = [];
    stream.on('data', (piece: Buffer) => read.push(piece.toString()));
    stream.write(Buffer.alloc(100));
    await turnsUntil(() => codec.begun === 2);
    stream.destroy();
    codec.held.forEach(({ answer }) => answer());
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(codec.begun).toBe(2);
    expect(read).toEqual(['<']);
    expect(stream.readableEnded).toBe(false);
  });

  it('end with the error of the one that fails, whatever becomes of the others', async () => {
    let calls = 0;
    const stream = compressBlocks(
      {
        head: Buffer.alloc(0),
        block: async (bytes) => {
          calls += 1;
          await turn();
          if (calls > 1) throw new Error('no memory');
          return bytes;
        },
        foot: () => Buffer.alloc(0),
      },
      { blockBytes: 10, inFlight: 4 },
    );
    stream.resume();
    await expect(pipeline(Readable.from([Buffer.alloc(100)]), stream)).rejects.toThrow('no memory');
    for (let turns = 0; turns < 20; turns++) await turn();
    expect(calls).toBe(4);
  });
});
