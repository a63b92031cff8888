import { xxh64 } from './xxh64.js';

/** What @hpcc-js/wasm-zstd wraps: zstd's own functions. Pointers and sizes are of 32 bits. */
interface Zstd {
  /** Another one each time the memory has grown. */
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(pointer: number): void;
  readonly zstd: {
    compressBound(bytes: number): number;
    compress(to: number, room: number, from: number, bytes: number, level: number): number;
    isError(size: number): number;
    getErrorName(size: number): string;
  };
}

// The bit of the frame header's descriptor that says that a checksum follows the content (RFC 8878, section 3.1.1.1.1).
const descriptorAt = 4;
const checksumFlag = 1 << 2;

let loaded: Promise<Zstd> | undefined;

/**
 * Makes a zstd frame on a Node that cannot do it itself, on the main thread: 512 KiB take some 4 ms, and before each frame
 * others have their turn. The first one loads the library, which takes some 80 ms.
 */
export async function zstdFrameByWasm(bytes: Buffer, level: number): Promise<Buffer> {
  loaded ??= load();
  const zstd = await loaded;
  await new Promise(setImmediate);
  return withChecksum(compressed(zstd, bytes, level), bytes);
}

// The package copies what it has compressed byte by byte, which takes ten times as long as compressing it. So what it
// wraps is called instead.
async function load(): Promise<Zstd> {
  const { Zstd: Wrapper } = await import('@hpcc-js/wasm-zstd');
  const wrapper = (await Wrapper.load()) as unknown as {
    readonly _mainModule?: { readonly _module?: Zstd };
  };
  const zstd = wrapper._mainModule?._module;
  if (!zstd) throw new Error('@hpcc-js/wasm-zstd is not the version that this was written for');
  return zstd;
}

/** A frame without a checksum, with room for one. */
function compressed(zstd: Zstd, bytes: Buffer, level: number): Buffer {
  const room = zstd.zstd.compressBound(bytes.length);
  // Not of 0 bytes, which may be nowhere.
  const from = allocated(zstd, bytes.length + 1);
  try {
    const to = allocated(zstd, room);
    try {
      zstd.HEAPU8.set(bytes, from);
      const size = zstd.zstd.compress(to, room, from, bytes.length, level);
      if (zstd.zstd.isError(size)) throw new Error(`zstd: ${zstd.zstd.getErrorName(size)}`);
      const frame = Buffer.allocUnsafe(size + 4);
      frame.set(zstd.HEAPU8.subarray(to, to + size));
      return frame;
    } finally {
      zstd._free(to);
    }
  } finally {
    zstd._free(from);
  }
}

function allocated(zstd: Zstd, bytes: number): number {
  const pointer = zstd._malloc(bytes);
  if (pointer === 0) throw new Error('zstd ran out of memory');
  return pointer;
}

/** The library has no word for checksums. */
function withChecksum(frame: Buffer, content: Buffer): Buffer {
  frame.writeUInt8(frame.readUInt8(descriptorAt) | checksumFlag, descriptorAt);
  frame.writeUInt32LE(Number(BigInt.asUintN(32, xxh64(content))), frame.length - 4);
  return frame;
}
