import { Duplex, type Transform } from 'node:stream';
import { messageOf } from '../errors.js';
import { BrokenStream } from './compression.js';

/** One of the engines of node:zlib. */
export type Engine = Transform & { readonly bytesWritten: number };

/** What may stand behind a compressed stream. */
export interface FrameOptions {
  /** More streams of the same kind, whose contents belong together. */
  readonly repeated: boolean;
  /** Bytes of zero, to fill up a block. */
  readonly padded: boolean;
}

/**
 * Inflates compressed streams that stand behind each other. The engines of node:zlib stop at the end of the first one or
 * at a padding, without an error, wherever their input happens to be divided: what they leave goes to a new engine here.
 * Raises {@link BrokenStream}.
 */
export function inflateFrames(start: () => Engine, options: FrameOptions): Duplex {
  return new Frames(start, options);
}

class Frames extends Duplex {
  readonly #start: () => Engine;
  readonly #options: FrameOptions;
  #engine: Engine | undefined;
  /** Bytes given to the engine at work. */
  #fed = 0;
  /** Ends the write that the engine has not taken whole. */
  #written: ((rest?: Buffer) => void) | undefined;
  /** The bytes it was given last. */
  #last: Buffer = Buffer.alloc(0);
  #ending = false;

  constructor(start: () => Engine, options: FrameOptions) {
    super({ readableHighWaterMark: 2 ** 17 });
    this.#start = start;
    this.#options = options;
    this.#begin();
  }

  override _write(chunk: Buffer, encoding: BufferEncoding, done: (error?: Error) => void): void {
    let rest = chunk;
    if (!this.#engine) {
      if (this.#options.padded) rest = withoutLeadingZeros(chunk);
      if (rest.length === 0) return done();
      if (!this.#options.repeated) {
        return done(new BrokenStream('damaged', 'something follows the end of the stream'));
      }
      this.#begin();
    }
    this.#fed += rest.length;
    this.#last = rest;
    const written = (left?: Buffer) => {
      this.#written = undefined;
      if (left) this._write(left, encoding, done);
      else done();
    };
    this.#written = written;
    const engine = this.#engine;
    engine?.write(rest, () => {
      // Called also when the engine takes no more, and then only its end says what it left.
      const taken = engine.bytesWritten === this.#fed;
      if (taken && this.#engine === engine && this.#written === written) written();
    });
  }

  override _final(done: (error?: Error) => void): void {
    this.#ending = true;
    if (this.#engine) this.#engine.end();
    else this.push(null);
    done();
  }

  override _read(): void {
    this.#engine?.resume();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#engine?.destroy();
    done(error);
  }

  #begin(): void {
    const engine = this.#start();
    this.#engine = engine;
    this.#fed = 0;
    engine.on('data', (inflated: Buffer) => {
      if (!this.push(inflated)) engine.pause();
    });
    engine.on('error', (error) => this.destroy(broken(error)));
    engine.on('end', () => {
      if (this.#ending && engine.bytesWritten === this.#fed) return void this.push(null);
      // It takes no more: its stream is over, and the rest of what it was given is not part of it.
      this.#engine = undefined;
      engine.destroy();
      const left = this.#last.subarray(this.#last.length - (this.#fed - engine.bytesWritten));
      this.#written?.(left);
    });
  }
}

function withoutLeadingZeros(bytes: Buffer): Buffer {
  const from = bytes.findIndex((byte) => byte !== 0);
  return from < 0 ? bytes.subarray(bytes.length) : bytes.subarray(from);
}

function broken(error: Error): Error {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'Z_BUF_ERROR') return new BrokenStream('cut', messageOf(error), error);
  if (code === 'ZSTD_error_frameParameter_windowTooLarge') return windowTooLarge(error);
  if (/^ZSTD_error_dictionary/.test(code)) return dictionaryNeeded(error);
  // Not the stream's fault.
  if (/MEM_ERROR$|memory_allocation$/.test(code) || !/^Z/.test(code)) return error;
  return new BrokenStream('damaged', messageOf(error), error);
}

/** Streams that were made for machines with more memory. */
export function windowTooLarge(cause?: unknown): BrokenStream {
  return new BrokenStream(
    'unsupported',
    'it needs a window of more than 128 MiB; compress it with --long=27 or less',
    cause,
  );
}

/** Streams of which a part was agreed on beforehand. */
export function dictionaryNeeded(cause?: unknown): BrokenStream {
  return new BrokenStream('unsupported', 'it was compressed with a dictionary', cause);
}
