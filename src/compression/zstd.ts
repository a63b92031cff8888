import type { Duplex } from 'node:stream';
import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { compressBlocks, type BlockCodec, type BlockOptions } from './blocks.js';
import type { StreamCompression } from './compression.js';
import { inflateFrames, type Engine } from './frames.js';
import { zstdFrameByWasm } from './zstd-wasm-frame.js';
import { inflateZstdByWasm } from './zstd-wasm.js';

interface Options {
  readonly chunkSize: number;
  readonly params: Readonly<Record<number, number>>;
  /** Bytes of the content, for the frame to tell. */
  readonly pledgedSrcSize?: number;
}

// In Node since 22.15.
const { createZstdDecompress, zstdCompress } = zlib as unknown as {
  readonly createZstdDecompress?: (options: Options) => Engine;
  readonly zstdCompress?: (
    bytes: Buffer,
    options: Options,
    done: (error: Error | null, compressed: Buffer) => void,
  ) => void;
};

// ZSTD_d_windowLogMax: frames may ask for up to 2 GiB of memory, and get 128 MiB as the WebAssembly build gives them.
const inflating = { 100: 27 };

// As gzip: the network and the receiver are slower than what higher levels save.
const level = 1;
// ZSTD_c_compressionLevel, ZSTD_c_checksumFlag
const deflating = { 100: level, 201: 1 };

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
      ? inflateFrames(() => createZstdDecompress({ chunkSize: 2 ** 17, params: inflating }), {
          repeated: true,
          padded: false,
        })
      : inflateZstdByWasm(),
  deflate: () => (zstdCompress ? deflateZstd() : deflateZstdByWasm()),
};

/** Frames behind each other, each with its checksum, made on libuv's threads. */
function deflateZstd(options?: BlockOptions): Duplex {
  const compress = promisify(zstdCompress as NonNullable<typeof zstdCompress>);
  return compressBlocks(
    frames((bytes) =>
      compress(bytes, {
        // One piece for what becomes half as large, so that the thread need not ask for more room.
        chunkSize: Math.max(1024, bytes.length >> 1),
        params: deflating,
        pledgedSrcSize: bytes.length,
      }),
    ),
    options,
  );
}

/** The same on the main thread, one after the other. */
export function deflateZstdByWasm(options?: BlockOptions): Duplex {
  return compressBlocks(
    frames((bytes) => zstdFrameByWasm(bytes, level)),
    { inFlight: 1, ...options },
  );
}

function frames(frameOf: (bytes: Buffer) => Promise<Buffer>): BlockCodec {
  let any = false;
  return {
    head: Buffer.alloc(0),
    block: (bytes) => {
      // A stream of nothing is one frame of nothing: no bytes at all would be no zstd.
      if (any && bytes.length === 0) return Promise.resolve(bytes);
      any = true;
      return frameOf(bytes);
    },
    foot: () => Buffer.alloc(0),
  };
}
