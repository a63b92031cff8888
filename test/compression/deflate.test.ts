import { spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { gunzipSync } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decompress } from 'fzstd';
import { gzip } from '../../src/compression/gzip.js';
import { writableCompression } from '../../src/compression/index.js';
import { inflateZstdByWasm } from '../../src/compression/zstd-wasm.js';
import { deflateZstdByWasm, zstd } from '../../src/compression/zstd.js';
import { openZip } from '../../src/zip/archive.js';
import { randomFrom } from '../support/random.js';

let dir = '';
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'bucketql-deflate-'));
});
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
});

// What src/compression/blocks.ts divides by.
const block = 2 ** 19;

async function collect(source: Readable, engine: Duplex = new PassThrough()): Promise<Buffer> {
  const read: Buffer[] = [];
  await pipeline(source, engine, async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) read.push(piece);
  });
  return Buffer.concat(read);
}

const inPieces = (bytes: Buffer, size: number) =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
    bytes.subarray(i * size, (i + 1) * size),
  );
const through = (stream: () => Duplex) => (bytes: Buffer) =>
  collect(Readable.from(inPieces(bytes, 65_536)), stream());

async function unzipped(bytes: Buffer): Promise<Buffer> {
  const path = join(dir, 'archive.zip');
  writeFileSync(path, bytes);
  const archive = await openZip(path, 'archive.zip', { maxMembers: 1 });
  try {
    const [member] = archive.members;
    expect(member?.name).toBe('rows.csv');
    return await collect(await archive.open(member!));
  } finally {
    await archive.close();
  }
}

type Reader = readonly [name: string, read: (compressed: Buffer) => Promise<Buffer> | Buffer];

// Programs read what other libraries wrote, where they are installed; the names of the tests tell which were.
function programs(all: readonly (readonly [string, string[]])[]): Reader[] {
  const installed = all.filter(([name]) => !spawnSync(name, ['--help']).error);
  return installed.map(([name, options]) => [
    `${name}(1)`,
    (compressed) => {
      const path = join(dir, 'for-a-program');
      writeFileSync(path, compressed);
      const { status, stdout, stderr } = spawnSync(
        name,
        options.map((option) => (option === 'FILE' ? path : option)),
        { input: compressed, maxBuffer: 2 ** 26 },
      );
      if (status !== 0) throw new Error(`${name}: ${stderr.toString()}`);
      return stdout;
    },
  ]);
}

const python = `import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
assert archive.testzip() is None and archive.namelist() == ['rows.csv']
sys.stdout.buffer.write(archive.read('rows.csv'))`;

const zstdReaders: readonly Reader[] = [
  ['the decoder of the registry', through(zstd.inflate)],
  ['the decoder in WebAssembly', through(inflateZstdByWasm)],
  ['fzstd', (compressed) => Buffer.from(decompress(compressed))],
  ...programs([['zstd', ['-dc']]]),
];

const ways: readonly {
  readonly name: string;
  readonly start: () => Duplex;
  readonly readers: readonly Reader[];
}[] = [
  {
    name: 'gzip',
    start: () => writableCompression('GZIP')!.deflate('rows.csv'),
    readers: [
      ['node:zlib', (compressed) => gunzipSync(compressed)],
      ['its own decoder', through(gzip.inflate)],
      ...programs([['gzip', ['-dc']]]),
    ],
  },
  {
    name: 'zstd',
    start: () => writableCompression('ZSTD')!.deflate('rows.csv'),
    readers: zstdReaders,
  },
  // On a Node with zstd, too.
  { name: 'zstd in WebAssembly', start: deflateZstdByWasm, readers: zstdReaders },
  {
    name: 'zip',
    start: () => writableCompression('ZIP')!.deflate('rows.csv'),
    readers: [
      ['its own reader', unzipped],
      ...programs([
        ['python3', ['-c', python, 'FILE']],
        ['unzip', ['-p', 'FILE']],
      ]),
    ],
  },
];

const random = randomFrom(7);
// The same each time, and nothing to be found in it.
const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16)).update(
  Buffer.alloc(5 * 2 ** 20),
);
const text = Buffer.from(
  Array.from({ length: 150_000 }, (_, i) => `${i},${random(1000)},Canada goose,Approach\n`).join(
    '',
  ),
);
const zeros = Buffer.alloc(3 * block);

describe.each(ways)('what $name makes', ({ start, readers }) => {
  const deflated = (...chunks: readonly Uint8Array[]) =>
    collect(Readable.from(chunks, { objectMode: false }), start());

  it.each(readers)('is read by %s, of any size around the borders of blocks', async (_, read) => {
    const sizes = [0, 1, block - 1, block, block + 1, 3 * block + random(block)];
    for (const size of sizes) {
      for (const content of [noise, text, zeros]) {
        const bytes = content.subarray(0, size);
        const back = await read(await deflated(bytes));
        // Buffer.equals: a difference of megabytes printed by Jest would take minutes.
        expect([size, back.length, bytes.equals(back)]).toEqual([size, bytes.length, true]);
      }
    }
  });

  it('does not depend on how its bytes were divided', async () => {
    const whole = await deflated(noise);
    for (const size of [block, 65_536, 100_003]) {
      expect(whole.equals(await deflated(...inPieces(noise, size)))).toBe(true);
    }
    const few = text.subarray(0, 3000);
    expect(await deflated(...inPieces(few, 1))).toEqual(await deflated(few));
    expect(await deflated(new Uint8Array(few), Buffer.alloc(0))).toEqual(await deflated(few));
  });

  it('is much smaller than text, and hardly larger than noise', async () => {
    expect((await deflated(text)).length).toBeLessThan(text.length / 4);
    expect((await deflated(noise)).length).toBeLessThan(noise.length * 1.001);
  });

  it('ends with the error of its source, and without an end', async () => {
    async function* failing() {
      yield text.subarray(0, 2 * block);
      yield text.subarray(0, 100);
      await Promise.resolve();
      throw new Error('the rows ended');
    }
    const stream = start();
    const read: Buffer[] = [];
    stream.on('data', (piece: Buffer) => read.push(piece));
    await expect(pipeline(failing(), stream)).rejects.toThrow('the rows ended');
    expect(stream.destroyed).toBe(true);
    expect(stream.readableEnded).toBe(false);
    const cut = Buffer.concat(read);
    for (const [, read] of readers) {
      await expect(async () => {
        const back = await read(cut);
        // Frames that are whole stand for themselves, and are less than there was.
        if (back.length < 2 * block + 100) throw new Error('cut');
      }).rejects.toThrow();
    }
  });

  it('can be given up at any time, also while nobody reads', async () => {
    for (const written of [0, 1, block, 5 * block]) {
      const stream = start();
      const closed = new Promise((resolve) => stream.once('close', resolve));
      stream.on('error', () => undefined);
      stream.write(noise.subarray(0, written));
      await new Promise(setImmediate);
      stream.destroy();
      await closed;
      await new Promise(setImmediate);
      expect(stream.destroyed).toBe(true);
    }
    const controller = new AbortController();
    async function* endless() {
      for (let i = 0; ; i++) {
        if (i === 30) controller.abort(new Error('enough'));
        await Promise.resolve();
        yield noise.subarray(0, 100_000);
      }
    }
    const { signal } = controller;
    await expect(
      pipeline(
        endless(),
        start(),
        async (pieces: AsyncIterable<Buffer>) => {
          for await (const piece of pieces) expect(piece.length).toBeGreaterThan(0);
        },
        { signal },
      ),
    ).rejects.toThrow();
  });

  it('is made no further than it is read', async () => {
    const stream = start();
    let taken = 0;
    async function* rows() {
      for (let i = 0; i < 200; i++) {
        await Promise.resolve();
        taken += 2 ** 18;
        yield noise.subarray(0, 2 ** 18);
      }
    }
    const piped = pipeline(rows(), stream).catch(() => undefined);
    // It stands still as soon as it waits for a reader.
    for (let before = -1, turns = 0; turns < 50; turns = before === taken ? turns + 1 : 0) {
      before = taken;
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    // Blocks in flight, the one that is filled, and what waits on either side.
    expect(taken).toBeLessThan(12 * block);
    expect(stream.readableLength).toBeLessThan(2 * block);
    stream.destroy();
    await piped;
  });
});

describe('DuckDB', () => {
  it.each(ways.filter(({ name }) => name !== 'zip'))(
    'reads all of the blocks that $name makes',
    async ({ name, start }) => {
      const path = join(dir, `${name.slice(0, 4)}-rows.csv${name === 'gzip' ? '.gz' : '.zst'}`);
      writeFileSync(path, await collect(Readable.from([text]), start()));
      const instance = await DuckDBInstance.create(':memory:');
      const connection = await instance.connect();
      const rows = await connection.runAndReadAll(
        `select count(*)::int, sum(column0)::bigint::varchar from read_csv('${path}', header = false)`,
      );
      expect(text.length).toBeGreaterThan(6 * block);
      expect(rows.getRowsJS()).toEqual([[150_000, '11249925000']]);
      connection.closeSync();
      instance.closeSync();
    },
  );
});
