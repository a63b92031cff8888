import { Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describe, expect, it } from '@jest/globals';
import { zstd } from '../../src/compression/zstd.js';
import { inflateZstdByWasm } from '../../src/compression/zstd-wasm.js';

// 60 lines at level 19 with a checksum, as the zstd command writes them.
const text = Array.from({ length: 60 }, (_, i) => `${i},${(i * 7919) % 1000}`).join('\n');
const frame = Buffer.from(
  'KLUv/WSRAD0GABbZMAmwOySGTZ6Z5HQsAC4ALgBk3qo3iaxj1lzFtGiYB65NOBdMV/QYlxpFpsXxS/y9JxV1WK8KTazB89WEQlAvCH3qBUOqFhRbKzhnpeDr+iC9EyxxJWiORvAu6iCYFIKm6Zkxr5kS1DIHqgGXfkgynWH5laHdG8MrqodAVRh6rCeMuJpQWsKxkvDkXkgTHWGFVIQG0xCeTS0MjuidAVI7xaR1Dk3p/Lw/KahzFlTlNKvGeWT1Cb/CaekNw64N5dwaTkVp+AAHAmwh',
  'base64',
);
const skippable = Buffer.from([0x53, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

type Block = { readonly repeated: number; readonly times: number } | Buffer;

// RFC 8878: magic, a descriptor without anything, the window, blocks of the types raw (0) and RLE (1).
function frameOf(blocks: readonly Block[], windowLog = 17): Buffer {
  const parts = blocks.flatMap((block, index) => {
    const last = index === blocks.length - 1 ? 1 : 0;
    const [type, size] = Buffer.isBuffer(block) ? [0, block.length] : [1, block.times];
    const header = Buffer.alloc(3);
    header.writeUIntLE(last | (type << 1) | (size << 3), 0, 3);
    return [header, Buffer.isBuffer(block) ? block : Buffer.from([block.repeated])];
  });
  const head = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, (windowLog - 10) << 3]);
  return Buffer.concat([head, ...parts]);
}

const bomb = (blocks: number) =>
  frameOf(Array.from({ length: blocks }, () => ({ repeated: 48, times: 2 ** 17 })));

// Node's own decoder where it has one, and the other one in any case.
describe.each<[string, () => Duplex]>([
  ['of the registry', zstd.inflate],
  ['in WebAssembly', inflateZstdByWasm],
])('the zstd decoder %s', (_, start) => {
  async function inflate(...chunks: Buffer[]): Promise<string> {
    const inflated = start();
    const read: Buffer[] = [];
    await pipeline(Readable.from(chunks), inflated, async (pieces: AsyncIterable<Buffer>) => {
      for await (const piece of pieces) read.push(piece);
    });
    return Buffer.concat(read).toString();
  }
  const bytewise = (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]));

  it('inflates a frame in pieces of any size', async () => {
    expect(await inflate(frame)).toBe(text);
    expect(await inflate(...bytewise(frame))).toBe(text);
    expect(await inflate(frameOf([Buffer.from('ab'), { repeated: 99, times: 3 }]))).toBe('abccc');
  });

  it('reads frames behind each other and skips those that are to be skipped', async () => {
    const all = [skippable, frame, frame, skippable, frameOf([Buffer.from('end')]), skippable];
    expect(await inflate(Buffer.concat(all))).toBe(`${text}${text}end`);
    expect(await inflate(...all)).toBe(`${text}${text}end`);
    expect(await inflate(...bytewise(Buffer.concat(all)))).toBe(`${text}${text}end`);
    expect(await inflate(skippable)).toBe('');
    expect(await inflate(frameOf([Buffer.alloc(0)]))).toBe('');
  });

  it('inflates more than a block and more than it holds', async () => {
    const inflated = await inflate(bomb(40), frame);
    expect(inflated.length).toBe(40 * 2 ** 17 + text.length);
    expect(inflated.endsWith(text)).toBe(true);
  });

  it('refuses a stream that is cut, wherever', async () => {
    const whole = Buffer.concat([frame, skippable, frame]);
    const tenths = Array.from({ length: 9 }, (_, i) => Math.ceil((whole.length * (i + 1)) / 10));
    const inHeaders = [1, 3, 5, frame.length + 2, frame.length + skippable.length - 1];
    for (const cut of [...tenths, ...inHeaders, whole.length - 4, whole.length - 1]) {
      await expect(inflate(whole.subarray(0, cut))).rejects.toMatchObject({
        name: 'BrokenStream',
        how: 'cut',
      });
    }
  });

  it('refuses a changed byte, also in the checksum', async () => {
    for (const at of [frame.length >> 1, frame.length - 4, frame.length - 1]) {
      const changed = Buffer.from(frame);
      changed[at]! ^= 1;
      await expect(inflate(changed)).rejects.toMatchObject({
        name: 'BrokenStream',
        how: 'damaged',
      });
    }
  });

  it('refuses what follows and is no frame', async () => {
    const garbage = Buffer.from('garbage');
    await expect(inflate(Buffer.concat([frame, garbage]))).rejects.toMatchObject({
      how: 'damaged',
    });
    await expect(inflate(frame, garbage)).rejects.toMatchObject({ how: 'damaged' });
    await expect(inflate(frame, Buffer.alloc(100))).rejects.toMatchObject({ how: 'damaged' });
    await expect(inflate(Buffer.concat([frame, Buffer.alloc(2)]))).rejects.toThrow();
  });

  it('gives a frame 128 MiB of memory and no more', async () => {
    expect(await inflate(frameOf([Buffer.from('wide')], 27))).toBe('wide');
    await expect(inflate(frameOf([Buffer.from('wide')], 28))).rejects.toMatchObject({
      how: 'unsupported',
      message: expect.stringContaining('128 MiB'),
    });
  });

  it('inflates no further than it is read, and lets others have their turn', async () => {
    const inflated = start();
    // 2.5 GB in 80 KB.
    Readable.from([bomb(20_000)]).pipe(inflated);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    let bytes = 0;
    for await (const piece of inflated as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > 64 * 2 ** 20) break;
    }
    clearInterval(timer);
    expect(turns).toBeGreaterThan(2);
    expect(inflated.destroyed).toBe(true);
  });
});

describe('what is zstd', () => {
  it('begins as a frame or as one to be skipped', () => {
    expect(zstd.begins(frame)).toBe(true);
    expect(zstd.begins(skippable)).toBe(true);
    expect(zstd.begins(frame.subarray(0, 3))).toBe(false);
    expect(zstd.begins(Buffer.from('plain'))).toBe(false);
  });
});
