import { join } from 'node:path';
import type { Bucket, ObjectSummary } from '../aws/objects.js';
import { AppError } from '../errors.js';
import type { TextFacts } from '../relation.js';
import { announce, newArrival } from './arrival.js';
import { inflatedBytes, type InflateOptions } from './inflate.js';
import type { LineCutter } from './line-cutter.js';
import { SpoolFile, withSpace } from './spool-file.js';
import type { SpoolSpace } from './space.js';

/** An object's bytes, inflated, in a file of this machine. An archive is as it was stored. */
export interface SpooledFile extends TextFacts {
  readonly object: ObjectSummary;
  readonly path: string;
  /** Inflated size. */
  readonly bytes: number;
  /** Files with what stands before in the object, when it was cut. */
  readonly earlier: readonly string[];
  /** Nothing of the object comes behind it. */
  readonly last: boolean;
}

/** An object whose bytes are coming. */
export interface ArrivingFile {
  readonly object: ObjectSummary;
  readonly path: string;
  /** How much of the file is there; see arrival.ts. */
  readonly arrival: SharedArrayBuffer;
  /** When all of it is there. Fails as the spool does. */
  readonly whole: Promise<SpooledFile>;
}

/** How to spool a list of objects. */
export interface SpoolOptions extends InflateOptions {
  readonly dir: string;
  /** Parallel downloads. */
  readonly threads: number;
  /** Counts what is written. (Default: nobody does) */
  readonly space?: SpoolSpace;
  /**
   * Asked once for a large object, when its beginning is in a file: how it can be cut into parts, which are handed over
   * while the rest arrives. (Default: no object is cut)
   */
  readonly cutter?: (path: string, origin: string) => Promise<LineCutter | undefined>;
  /** Bytes of a part, more or less. (Default: 64 MiB) */
  readonly partBytes?: number;
}

/**
 * Downloads objects in parallel and yields their files in the order of the list, each batch as soon as its files are
 * there. Stopping the iteration stops the downloads.
 * @throws CORRUPT_COMPRESSION, OBJECT_TOO_LARGE, OBJECT_CHANGED and the errors of aws/errors.ts, each naming the object
 */
export async function* spool(
  bucket: Bucket,
  objects: readonly ObjectSummary[],
  options: SpoolOptions,
): AsyncGenerator<SpooledFile[], void> {
  const downloads = new Downloads(bucket, objects, options);
  try {
    let batch: SpooledFile[] = [];
    for (const download of downloads.all) {
      for (let over = false; !over;) {
        if (download.parts.length === 0) {
          if (batch.length > 0) yield batch;
          batch = [];
        }
        const part = download.parts.shift();
        if (part) {
          batch.push(part);
          over = part.last;
        } else {
          await downloads.orFailed(download.news());
        }
      }
    }
    if (batch.length > 0) yield batch;
  } finally {
    await downloads.stop();
  }
}

/** The same, but yields each object as soon as its first bytes are there, for readers that follow a file. */
export async function* spoolArriving(
  bucket: Bucket,
  objects: readonly ObjectSummary[],
  options: SpoolOptions,
): AsyncGenerator<ArrivingFile, void> {
  const downloads = new Downloads(bucket, objects, options);
  try {
    for (const download of downloads.all) {
      await downloads.orFailed(download.begun);
      const { object, path, arrival, done } = download;
      const whole = downloads.orFailed(done);
      whole.catch(() => undefined);
      yield { object, path, arrival, whole };
    }
  } finally {
    await downloads.stop();
  }
}

/** The downloads of a list of objects, some at a time. The first that fails stops all. */
class Downloads {
  readonly all: readonly Download[];
  readonly #stop = new AbortController();
  readonly #failed: Promise<never>;
  readonly #workers: readonly Promise<void>[];
  readonly #cancel: () => void;
  readonly #signal: AbortSignal;

  constructor(bucket: Bucket, objects: readonly ObjectSummary[], options: SpoolOptions) {
    this.#signal = options.signal;
    const signal = AbortSignal.any([options.signal, this.#stop.signal]);
    this.all = objects.map((object, index) => {
      const path = join(options.dir, String(index).padStart(6, '0'));
      return new Download(bucket, object, path, { ...options, signal });
    });
    let fail: (error: unknown) => void = () => undefined;
    this.#failed = new Promise<never>((_, reject) => (fail = reject));
    this.#failed.catch(() => undefined);
    this.#cancel = () => fail(new AppError('CANCELLED', 'The run was cancelled'));
    options.signal.addEventListener('abort', this.#cancel, { once: true });
    let next = 0;
    const work = async () => {
      for (let download = this.all[next++]; download && !signal.aborted;) {
        await download.run();
        download = this.all[next++];
      }
    };
    this.#workers = Array.from({ length: Math.min(options.threads, objects.length) }, () =>
      work().catch((error: unknown) => {
        fail(error);
        this.#stop.abort();
      }),
    );
  }

  orFailed<T>(promise: Promise<T>): Promise<T> {
    return Promise.race([promise, this.#failed]);
  }

  async stop(): Promise<void> {
    this.#signal.removeEventListener('abort', this.#cancel);
    this.#stop.abort();
    await Promise.all(this.#workers);
  }
}

// What a look at a file's beginning wants to see.
const sampleBytes = 2 ** 20;

/** The download of one object into one file, or into several where it can be cut. */
class Download {
  readonly object: ObjectSummary;
  readonly path: string;
  readonly arrival = newArrival();
  /** Files that are whole, in order, until somebody takes them. */
  readonly parts: SpooledFile[] = [];
  readonly begun: Promise<void>;
  /** The last file. */
  readonly done: Promise<SpooledFile>;
  readonly #bucket: Bucket;
  readonly #options: SpoolOptions;
  readonly #earlier: string[] = [];
  #begin: () => void = () => undefined;
  #finish: (file: SpooledFile) => void = () => undefined;
  #tell: () => void = () => undefined;

  constructor(bucket: Bucket, object: ObjectSummary, path: string, options: SpoolOptions) {
    this.object = object;
    this.path = path;
    this.#bucket = bucket;
    this.#options = options;
    this.begun = new Promise((resolve) => (this.#begin = resolve));
    this.done = new Promise((resolve) => (this.#finish = resolve));
  }

  /** When there is another part. */
  news(): Promise<void> {
    return new Promise((resolve) => (this.#tell = resolve));
  }

  run(): Promise<void> {
    return withSpace(this.object.key, () => this.#run());
  }

  async #run(): Promise<void> {
    const { object } = this;
    const { space, partBytes = 64 << 20, cutter: cutterOf } = this.#options;
    let file = await this.#create();
    let cutter: LineCutter | undefined;
    let asked = cutterOf === undefined;
    try {
      for await (const chunk of inflatedBytes(this.#bucket, object, this.#options)) {
        space?.take(chunk.length, object.key);
        let rest = chunk;
        if (!asked && file.bytes >= sampleBytes) {
          asked = true;
          await file.settle();
          cutter = await cutterOf?.(this.path, object.key);
        }
        const cut = cutter?.cut(chunk);
        if (cut !== undefined && file.bytes >= partBytes) {
          await file.write(chunk.subarray(0, cut));
          await this.#end(file, false);
          file = await this.#create();
          rest = chunk.subarray(cut);
        }
        await file.write(rest);
      }
      await this.#end(file, true);
    } catch (error) {
      await file.discard();
      throw error;
    }
  }

  #create(): Promise<SpoolFile> {
    const number = this.#earlier.length;
    const path = number === 0 ? this.path : `${this.path}.${number}`;
    return SpoolFile.create(path, (bytes) => {
      announce(this.arrival, bytes, false);
      this.#begin();
    });
  }

  async #end(file: SpoolFile, last: boolean): Promise<void> {
    const { bytes, path } = file;
    const { found } = file.check;
    await file.close();
    const earlier = [...this.#earlier];
    this.#earlier.push(path);
    const spooled = { object: this.object, path, bytes, ...found, earlier, last };
    this.parts.push(spooled);
    this.#tell();
    if (!last) return;
    announce(this.arrival, bytes, true);
    this.#begin();
    this.#finish(spooled);
  }
}
