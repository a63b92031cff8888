import { createGunzip, createGzip } from 'node:zlib';
import type { StreamCompression } from './compression.js';
import { inflateFrames } from './frames.js';

/** RFC 1952. Inflated here and never by the engine, which reads a truncated file without an error. */
export const gzip: StreamCompression = {
  kind: 'stream',
  name: 'GZIP',
  extension: '.gz',
  contentType: 'application/gzip',
  begins: (head) => head[0] === 0x1f && head[1] === 0x8b,
  inflate: () =>
    // Larger pieces than the default of 16 KiB: measured a third faster on the way to disk.
    inflateFrames(() => createGunzip({ chunkSize: 65_536 }), { repeated: true, padded: true }),
  // Level 1: the network and the receiver are slower than what higher levels save.
  deflate: () => createGzip({ level: 1 }),
};
