import { Duplex } from 'node:stream';
import type { ZSTDDecoder } from 'zstddec/stream';
import { BrokenStream } from './compression.js';
import { dictionaryNeeded, windowTooLarge } from './frames.js';

/** What the decoder's module exports: zstd's own functions. Pointers and sizes are of 32 bits. */
interface Zstd {
  readonly memory: { readonly buffer: ArrayBuffer };
  malloc(bytes: number): number;
  ZSTD_createDCtx(): number;
  /** 0: the frame is over and all of it was given out. An error is a small negative number. */
  ZSTD_decompressStream(context: number, output: number, input: number): number;
}

// As zstd advises: its ZSTD_DStreamOutSize, a block. The input is cut to what a few blocks need.
const outputBytes = 2 ** 17;
const inputBytes = 2 ** 17;
// After so much output others have their turn: some milliseconds.
const turnBytes = 2 ** 20;
const sizeOfBuffer = 12;
// ZSTD_error_maxCode
const lastErrorCode = 120;

/**
 * Inflates zstd on a Node that cannot do it itself, on the main thread, a block at a time and as fast as it is read.
 * Raises {@link BrokenStream}.
 */
export function inflateZstdByWasm(): Duplex {
  return new ZstdStream();
}

// Part of neither the language's types nor Node's.
const { WebAssembly } = globalThis as unknown as {
  WebAssembly: { instantiate(module: object, imports: object): Promise<{ exports: Zstd }> };
};

let compiled: Promise<object> | undefined;

// The package has one instance for everyone and overlooks errors of the decoder in streams. Its compiled module, which it
// hands to _init, is all that is taken: an instance for each stream, so that a stream's memory goes away with it.
async function compile(): Promise<object> {
  const { ZSTDDecoder: Decoder } = await import('zstddec/stream');
  let module: object | undefined;
  class Loader extends Decoder {
    override _init(result: Parameters<ZSTDDecoder['_init']>[0]): void {
      ({ module } = result as unknown as { module: object });
      super._init(result);
    }
  }
  await new Loader().init();
  if (!module) throw new Error('zstddec did not hand over its module');
  return module;
}

async function instantiate(): Promise<Zstd> {
  compiled ??= compile();
  const instance = await WebAssembly.instantiate(await compiled, {
    // The memory is looked up before each use, so nobody needs to be told that it grew.
    env: { emscripten_notify_memory_growth: () => undefined },
  });
  return instance.exports;
}

class ZstdStream extends Duplex {
  #zstd: Zstd | undefined;
  #context = 0;
  // Addresses: the two structs { pointer, size, position } and the bytes they speak of.
  #input = 0;
  #output = 0;
  #inputData = 0;
  #outputData = 0;
  #pending: Buffer = Buffer.alloc(0);
  #written: ((error?: Error) => void) | undefined;
  /** The decoder was asked to go on with the input that is in its memory. */
  #unfinished = false;
  #frameOpen = false;
  #reading = false;
  #sinceTurn = 0;
  #resting = false;

  constructor() {
    super({ readableHighWaterMark: 2 * outputBytes });
  }

  override _construct(done: (error?: Error) => void): void {
    instantiate().then((zstd) => {
      this.#zstd = zstd;
      this.#context = zstd.ZSTD_createDCtx();
      this.#input = zstd.malloc(sizeOfBuffer);
      this.#output = zstd.malloc(sizeOfBuffer);
      this.#inputData = zstd.malloc(inputBytes);
      this.#outputData = zstd.malloc(outputBytes);
      done();
    }, done);
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error) => void): void {
    this.#pending = chunk;
    this.#written = done;
    this.#work();
  }

  override _read(): void {
    this.#reading = true;
    this.#work();
  }

  override _final(done: (error?: Error) => void): void {
    if (this.#frameOpen) return done(new BrokenStream('cut', 'unexpected end of file'));
    this.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#zstd = undefined;
    this.#pending = Buffer.alloc(0);
    done(error);
  }

  /** Goes on while someone reads and there is something to inflate. */
  #work(): void {
    while (this.#written && this.#reading && !this.#resting && this.#zstd) {
      if (!this.#unfinished) {
        if (this.#pending.length === 0) {
          const written = this.#written;
          this.#written = undefined;
          written();
          return;
        }
        this.#load(this.#zstd);
      }
      const inflated = this.#step(this.#zstd);
      if (inflated instanceof Error) {
        this.destroy(inflated);
        return;
      }
      if (inflated.length > 0) this.#reading = this.push(inflated);
      this.#sinceTurn += outputBytes;
      if (this.#sinceTurn >= turnBytes) this.#rest();
    }
  }

  #rest(): void {
    this.#sinceTurn = 0;
    this.#resting = true;
    setImmediate(() => {
      this.#resting = false;
      this.#work();
    });
  }

  #load(zstd: Zstd): void {
    const piece = this.#pending.subarray(0, inputBytes);
    this.#pending = this.#pending.subarray(piece.length);
    new Uint8Array(zstd.memory.buffer).set(piece, this.#inputData);
    this.#setBuffer(zstd, this.#input, this.#inputData, piece.length);
    this.#unfinished = true;
  }

  #step(zstd: Zstd): Buffer | Error {
    this.#setBuffer(zstd, this.#output, this.#outputData, outputBytes);
    const result = zstd.ZSTD_decompressStream(this.#context, this.#output, this.#input);
    if (result < 0 && result >= -lastErrorCode) return errorOf(-result);
    this.#frameOpen = result !== 0;
    const view = new DataView(zstd.memory.buffer);
    const taken = view.getUint32(this.#input + 8, true);
    const given = view.getUint32(this.#output + 8, true);
    // A full output may have more behind it, though all input was taken.
    this.#unfinished =
      taken < view.getUint32(this.#input + 4, true) || (given === outputBytes && this.#frameOpen);
    // A copy: the decoder's memory is written over by the next step.
    return Buffer.from(Buffer.from(zstd.memory.buffer, this.#outputData, given));
  }

  #setBuffer(zstd: Zstd, at: number, pointer: number, size: number): void {
    const view = new DataView(zstd.memory.buffer);
    view.setUint32(at, pointer, true);
    view.setUint32(at + 4, size, true);
    view.setUint32(at + 8, 0, true);
  }
}

// zstd_errors.h: the codes that tell more than that the stream is damaged.
function errorOf(code: number): Error {
  switch (code) {
    case 10:
      return new BrokenStream(
        'damaged',
        'something that is no frame follows, or stands in its place',
      );
    case 16:
      return windowTooLarge();
    case 22:
      return new BrokenStream('damaged', 'the content does not match its checksum');
    case 30:
    case 32:
      return dictionaryNeeded();
    case 64:
      return new Error('zstd ran out of memory');
    default:
      return new BrokenStream('damaged', `zstd error ${code}`);
  }
}
