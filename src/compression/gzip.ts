import { promisify } from 'node:util';
import { constants, crc32, createGunzip, deflateRaw } from 'node:zlib';
import { compressBlocks, type BlockCodec, type BlockOptions } from './blocks.js';
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
  deflate: () => deflateGzip(),
};

/** One member, whose blocks are deflated on libuv's threads, as pigz does it. */
export function deflateGzip(options?: BlockOptions) {
  return compressBlocks(member(), options);
}

// Deflate, no flags, no time, made by the fastest algorithm on an unknown system.
const head = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255]);

// On a thread of libuv's pool.
const deflated = promisify(deflateRaw);

function member(): BlockCodec {
  let checksum = 0;
  let size = 0;
  return {
    head,
    block: (bytes, last) => {
      checksum = crc32(bytes, checksum);
      size += bytes.length;
      return deflated(bytes, {
        // The network and the receiver are slower than what higher levels save.
        level: 1,
        // A flushed block ends with a whole byte and another can follow. That none knows the 32 KiB before it makes the
        // whole 0.1 % larger, and 0.4 % where every line is like the other.
        finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
        // One piece for what becomes half as large, so that the thread need not ask for more room.
        chunkSize: Math.max(1024, bytes.length >> 1),
      });
    },
    foot: () => {
      const foot = Buffer.alloc(8);
      foot.writeUInt32LE(checksum, 0);
      foot.writeUInt32LE(size % 2 ** 32, 4);
      return foot;
    },
  };
}
