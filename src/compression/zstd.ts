import * as zlib from 'node:zlib';
import type { StreamCompression } from './compression.js';
import { inflateFrames, type Engine } from './frames.js';
import { inflateZstdByWasm } from './zstd-wasm.js';

// In Node since 22.15.
const { createZstdDecompress } = zlib as unknown as {
  createZstdDecompress?: (options: { chunkSize: number; params: Record<number, number> }) => Engine;
};

// ZSTD_d_windowLogMax: frames may ask for up to 2 GiB of memory, and get 128 MiB as the WebAssembly build gives them.
const parameters = { 100: 27 };

/** RFC 8878. */
export const zstd: StreamCompression = {
  kind: 'stream',
  name: 'ZSTD',
  extension: '.zst',
  contentType: 'application/zstd',
  begins: (head) =>
    head.length >= 4 &&
    (head.readUInt32LE(0) === 0xfd2fb528 ||
      // A frame to be skipped, as some writers put before the first (section 3.1.2).
      head.readUInt32LE(0) >>> 4 === 0x184d2a5),
  inflate: () =>
    createZstdDecompress
      ? inflateFrames(() => createZstdDecompress({ chunkSize: 2 ** 17, params: parameters }), {
          repeated: true,
          padded: false,
        })
      : inflateZstdByWasm(),
};
