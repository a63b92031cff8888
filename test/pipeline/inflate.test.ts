import { Readable } from 'node:stream';
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import type { Bucket } from '../../src/aws/objects.js';
import { inflatedBytes, type InflateOptions } from '../../src/pipeline/inflate.js';

// S3 is not ours: a bucket that sends what the test says.
function bucketOf(chunks: readonly Buffer[]) {
  let opened: Readable | undefined;
  const bucket = {
    open: () => {
      opened = Readable.from(chunks);
      return Promise.resolve(opened);
    },
  } as unknown as Bucket;
  return { bucket, closed: () => opened?.destroyed };
}

const limits = { maxInflatedBytes: 10_000_000, maxInflationRatio: 1100 };

async function read(chunks: readonly Buffer[], more: Partial<InflateOptions> = {}, size?: number) {
  const { bucket } = bucketOf(chunks);
  const object = {
    key: 'k',
    size: size ?? chunks.reduce((sum, chunk) => sum + chunk.length, 0),
    etag: 'e',
    lastModified: new Date(),
  };
  const options = {
    compression: 'AUTO' as const,
    limits,
    signal: new AbortController().signal,
    ...more,
  };
  const read: Buffer[] = [];
  for await (const chunk of inflatedBytes(bucket, object, options)) read.push(chunk);
  return Buffer.concat(read).toString();
}

describe('reading objects', () => {
  // Text that hardly shrinks, so that the stream is long enough to be cut.
  const text = Array.from({ length: 200 }, (_, i) =>
    createHash('sha256').update(`${i}`).digest('hex'),
  ).join('\n');
  const gzip = gzipSync(text);
  const bytewise = (bytes: Buffer) => [...bytes].map((byte) => Buffer.from([byte]));

  it('inflates what begins as gzip, in pieces of any size and of several members', async () => {
    expect(await read([gzip])).toBe(text);
    expect(await read(bytewise(gzip))).toBe(text);
    expect(await read([gzipSync('one,'), gzipSync('two')])).toBe('one,two');
    expect(await read([gzip], { compression: 'GZIP' })).toBe(text);
  });

  it('inflates zstd, and blames the object for what is wrong with it', async () => {
    // A frame with the raw block 'a,b\n1,2\n'.
    const frame = Buffer.from('28b52ffd0038410000612c620a312c320a', 'hex');
    expect(await read([frame])).toBe('a,b\n1,2\n');
    expect(await read([frame, frame], { compression: 'ZSTD' })).toBe('a,b\n1,2\na,b\n1,2\n');
    const corrupt = { code: 'CORRUPT_COMPRESSION', message: expect.stringContaining('ZSTD') };
    await expect(read([frame.subarray(0, -1)])).rejects.toMatchObject(corrupt);
    await expect(read([frame, Buffer.from('garbage')])).rejects.toMatchObject(corrupt);
    await expect(read([frame.subarray(0, -1)], {}, frame.length)).rejects.toMatchObject({
      code: 'S3_UNAVAILABLE',
    });
    await expect(read([gzip], { compression: 'ZSTD' })).rejects.toMatchObject({
      code: 'CORRUPT_COMPRESSION',
      message: expect.stringContaining('is not ZSTD'),
    });
  });

  it('leaves archives as they are, also those with something in front', async () => {
    const archive = Buffer.from('PK\u0003\u0004 and so on');
    expect(await read([archive])).toBe(archive.toString());
    expect(await read([archive], { compression: 'ZIP' })).toBe(archive.toString());
    expect(await read([Buffer.from('MZ program')], { compression: 'ZIP' })).toBe('MZ program');
    await expect(read([archive], { compression: 'GZIP' })).rejects.toMatchObject({
      code: 'CORRUPT_COMPRESSION',
    });
  });

  it('reads gzip that is padded with zeros, and refuses anything else behind it', async () => {
    expect(await read([gzip, Buffer.alloc(1000)])).toBe(text);
    expect(await read([Buffer.concat([gzip, Buffer.alloc(1000)])])).toBe(text);
    await expect(read([gzip, Buffer.from('garbage')])).rejects.toMatchObject({
      code: 'CORRUPT_COMPRESSION',
    });
  });

  it('leaves the rest as it is, also when it is told to', async () => {
    expect(await read([Buffer.from('plain')])).toBe('plain');
    expect(await read([Buffer.from('p')])).toBe('p');
    expect(await read([])).toBe('');
    expect(await read([gzip], { compression: 'NONE' })).toBe(gzip.toString());
  });

  it.each([
    ['a cut stream', [gzip.subarray(0, -9)]],
    ['one byte missing', [gzip.subarray(0, -1)]],
    [
      'a changed byte',
      [Buffer.concat([gzip.subarray(0, 20), Buffer.from([gzip[20]! ^ 255]), gzip.subarray(21)])],
    ],
    ['only the magic bytes', [gzip.subarray(0, 2)]],
  ])('refuses %s', async (_, chunks) => {
    await expect(read(chunks)).rejects.toMatchObject({
      code: 'CORRUPT_COMPRESSION',
      details: { file: 'k' },
    });
  });

  it('takes a stream that ends before its listed size for a broken transfer, not for a broken object', async () => {
    await expect(read([gzip.subarray(0, 100)], {}, gzip.length)).rejects.toMatchObject({
      code: 'S3_UNAVAILABLE',
      retryable: true,
    });
    await expect(read([Buffer.from('abc')], {}, 10)).rejects.toMatchObject({
      code: 'S3_UNAVAILABLE',
    });
  });

  it('refuses text that was said to be gzip', async () => {
    await expect(read([Buffer.from('a,b')], { compression: 'GZIP' })).rejects.toMatchObject({
      code: 'CORRUPT_COMPRESSION',
    });
  });

  it('stops a bomb at its limits and names the setting', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    await expect(read([bomb])).rejects.toMatchObject({
      code: 'OBJECT_TOO_LARGE',
      details: { limit: 'BUCKETQL_MAX_INFLATED_BYTES' },
    });
    await expect(
      read([bomb], { limits: { ...limits, maxInflationRatio: 100 } }),
    ).rejects.toMatchObject({
      code: 'OBJECT_TOO_LARGE',
      details: { limit: 'BUCKETQL_MAX_INFLATION_RATIO' },
    });
  });

  it('closes the object when the reader stops early', async () => {
    const { bucket, closed } = bucketOf([Buffer.from('a'), Buffer.from('b'), Buffer.from('c')]);
    const object = { key: 'k', size: 3, etag: 'e', lastModified: new Date() };
    const options = { compression: 'AUTO' as const, limits, signal: new AbortController().signal };
    for await (const chunk of inflatedBytes(bucket, object, options)) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
    expect(closed()).toBe(true);
  });
});
