import { statfs } from 'node:fs/promises';
import { DuckDBInstance, version } from '@duckdb/node-api';
import { AppError, messageOf } from '../errors.js';
import { lastBlock } from './cut-file.js';
import { checkDatabaseFiles, damaged } from './database-files.js';
import { cancelled, engineError } from './duckdb-errors.js';
import { DuckDBSession } from './duckdb-session.js';
import type {
  CheckpointOptions,
  Engine,
  OwnSession,
  ReadOptions,
  Session,
  SessionOptions,
} from './engine.js';
import { Opening } from './opening.js';

/** Settings of the embedded database. */
export interface DuckDBOptions {
  /** Database file. (Default: in memory) */
  readonly path?: string;
  /** Worker threads of the engine. (Default: 2) */
  readonly threads?: number;
  /** What the engine may hold in memory. (Default: DuckDB's own, 80 % of what it sees) */
  readonly memoryBytes?: number;
  /** Where what does not fit in memory is spilled. (Default: beside the file) */
  readonly tempDirectory?: string;
  /** What may be spilled. (Default: DuckDB's own, 90 % of what is free) */
  readonly maxTempBytes?: number;
  /** Read sessions lent at a time; further ones wait. (Default: 8) */
  readonly maxQueries?: number;
  /** Told when an internal error has stopped the database, with the outcome of opening it again. */
  readonly onInvalidated?: (cause: unknown, reopened: Promise<unknown>) => void;
}

/**
 * Opens DuckDB as the {@link Engine}. Open a file once in a process: a second instance on the same file loses tables.
 * @throws DATABASE_LOCKED when another process has the file open, DATABASE_DAMAGED when it or its log cannot be read;
 *   the files then stay as they are, byte for byte
 */
export async function openDuckDB(options: DuckDBOptions = {}): Promise<Engine> {
  const engine = new DuckDB(options);
  await engine.opened();
  return engine;
}

/** The engine's own version, for the log. */
export function engineVersion(): string {
  return `DuckDB ${version()}`;
}

const defaultThreads = 2;
/** After so much a checkpoint is worth its while: the file grows by what was loaded before, and dropped, until then. */
const checkpointBytes = 2 ** 26;
const checkpointMs = 600_000;

function settingsOf(options: DuckDBOptions): Record<string, string> {
  const { threads = defaultThreads, memoryBytes, tempDirectory } = options;
  return {
    threads: String(threads),
    ...(memoryBytes === undefined ? {} : { memory_limit: `${memoryBytes}B` }),
    ...(tempDirectory === undefined ? {} : { temp_directory: tempDirectory }),
    // Extensions come from the network, and the engine has no business there.
    autoinstall_known_extensions: 'false',
    autoload_known_extensions: 'false',
  };
}

async function openInstance(options: DuckDBOptions): Promise<DuckDBInstance> {
  const { path } = options;
  const { wholeBlocks } = path === undefined ? {} : checkDatabaseFiles(path);
  try {
    if (path !== undefined && wholeBlocks !== undefined) {
      // In an instance of its own: what it takes to look at every table is given back when that is closed.
      const instance = await newInstance(options);
      try {
        await refuseCut(instance, path, wholeBlocks);
      } finally {
        instance.closeSync();
      }
    }
    return await newInstance(options);
  } catch (error) {
    throw openingError(path ?? ':memory:', error);
  }
}

async function newInstance(options: DuckDBOptions): Promise<DuckDBInstance> {
  const { path, maxTempBytes } = options;
  const instance = await DuckDBInstance.create(path ?? ':memory:', settingsOf(options));
  try {
    const connection = await instance.connect();
    // Until the service has seen that all is well, and says so with a checkpoint, nothing is written over.
    await connection.run('pragma disable_checkpoint_on_shutdown');
    // Texts of TIMESTAMP WITH TIME ZONE must not depend on where the machine stands.
    await connection.run("set global timezone = 'UTC'");
    if (maxTempBytes !== undefined) {
      // Among the settings of an opening, DuckDB 1.5.6 shows it and does not keep to it.
      await connection.run(`set global max_temp_directory_size = '${maxTempBytes}B'`);
    }
    connection.closeSync();
    return instance;
  } catch (error) {
    instance.closeSync();
    throw error;
  }
}

async function refuseCut(instance: DuckDBInstance, path: string, wholeBlocks: number) {
  const session = new DuckDBSession(await instance.connect(), (error) =>
    Promise.resolve(engineError(error)),
  );
  try {
    const last = await lastBlock(session);
    if (last < wholeBlocks) return;
    throw damaged(
      path,
      `was cut: it ends before block ${wholeBlocks}, and block ${last} is in use`,
    );
  } finally {
    await session.close();
  }
}

class DuckDB implements Engine {
  readonly #options: DuckDBOptions;
  readonly #waiting: (() => void)[] = [];
  #opening: Promise<Opening> | undefined;
  #free: number;
  #writer: Promise<unknown> = Promise.resolve();
  /** When there was a checkpoint that somebody asked for, or the beginning. */
  #checkpointed = performance.now();
  /** Bytes that were loaded since, more or less. */
  #loaded = 0;

  constructor(options: DuckDBOptions) {
    this.#options = options;
    this.#free = options.maxQueries ?? 8;
  }

  /** The database as it is open now; after an internal error, as soon as it is open again. */
  opened(): Promise<Opening> {
    return (this.#opening ??= this.#open(Promise.resolve()));
  }

  async read<T>(job: (session: Session) => Promise<T>, options: ReadOptions = {}): Promise<T> {
    await this.#acquire(options.signal);
    try {
      const opening = await unlessAborted(this.opened(), options.signal);
      const session = await opening.borrow();
      try {
        return await (options.answers ? opening.answer(() => job(session)) : job(session));
      } finally {
        opening.keep(session);
      }
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  session<T>(
    job: (session: OwnSession) => Promise<T>,
    { modest, hasThread }: SessionOptions = {},
  ): Promise<T> {
    return this.#session(async (session, opening) => {
      const work = opening.pace.begin(hasThread);
      session.before = work.beforeStatement;
      session.isAmple = () => !modest?.();
      try {
        return await (modest ? this.#load(session, opening, job) : job(session));
      } finally {
        await work.end();
      }
    });
  }

  async #load<T>(
    session: DuckDBSession,
    opening: Opening,
    job: (session: OwnSession) => Promise<T>,
  ): Promise<T> {
    session.around = (statement) => opening.watched(statement);
    const needsNoMore = await opening.memory.begin();
    try {
      return await job(session);
    } finally {
      await needsNoMore();
    }
  }

  transaction<T>(job: (session: Session) => Promise<T>): Promise<T> {
    const turn = this.#writer.then(() =>
      this.#session((session, { memory }) =>
        memory.ample(async () => {
          await session.text('begin transaction');
          try {
            const result = await job(session);
            await session.text('commit');
            return result;
          } catch (error) {
            // A failed commit has already ended the transaction; the first error is the one to report.
            await session.text('rollback').catch(() => undefined);
            throw error;
          }
        }),
      ),
    );
    this.#writer = turn.catch(() => undefined);
    return turn;
  }

  async checkpoint({ loaded }: CheckpointOptions = {}): Promise<void> {
    this.#loaded += loaded ?? 0;
    const isDue =
      this.#loaded >= checkpointBytes || performance.now() - this.#checkpointed >= checkpointMs;
    if (loaded !== undefined && !isDue) return;
    // One that finds no room invalidates the database under everybody.
    if (this.#options.path !== undefined && !(await hasRoom(this.#options.path))) return;
    await this.#session(async (session, { memory }) => {
      try {
        await memory.ample(() => session.text('checkpoint'));
        this.#checkpointed = performance.now();
        this.#loaded = 0;
      } catch (error) {
        // A writer is at work; the log is written out after one of the next commits.
        if (!/other write transactions active/.test(messageOf(error))) throw error;
      }
    });
  }

  async close(): Promise<void> {
    await this.#writer;
    const opening = await this.#opening?.catch(() => undefined);
    await opening?.end();
  }

  /** Opens the database when the last opening has come to its end. After a failure the next caller tries again. */
  #open(ended: Promise<void>): Promise<Opening> {
    const attempt = ended.then(async () => {
      const instance = await openInstance(this.#options);
      const opening: Opening = new Opening(instance, {
        threads: this.#options.threads ?? defaultThreads,
        // What is in memory only cannot be put elsewhere.
        memoryBytes: this.#options.path === undefined ? undefined : this.#options.memoryBytes,
        onInvalidated: (cause) => {
          const next = (this.#opening = this.#open(opening.end()));
          this.#options.onInvalidated?.(cause, next);
        },
      });
      return opening;
    });
    attempt.catch(() => {
      if (this.#opening === attempt) this.#opening = undefined;
    });
    return attempt;
  }

  async #session<T>(job: (session: DuckDBSession, opening: Opening) => Promise<T>): Promise<T> {
    const opening = await this.opened();
    return opening.use((session) => job(session, opening));
  }

  async #acquire(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) throw cancelled();
    if (this.#free > 0) {
      this.#free--;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      const start = () => {
        signal?.removeEventListener('abort', stop);
        resolve();
      };
      const stop = () => {
        this.#waiting.splice(this.#waiting.indexOf(start), 1);
        reject(cancelled());
      };
      this.#waiting.push(start);
      signal?.addEventListener('abort', stop, { once: true });
    });
  }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return work;
  if (signal.aborted) throw cancelled();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(cancelled());
    signal.addEventListener('abort', stop, { once: true });
  });
  return Promise.race([work, aborted]).finally(() => signal.removeEventListener('abort', stop));
}

const roomForCheckpoint = 32 * 2 ** 20;

async function hasRoom(path: string): Promise<boolean> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize >= roomForCheckpoint;
}

function openingError(path: string, error: unknown): AppError {
  if (error instanceof AppError) return error;
  const message = messageOf(error);
  if (/could not set lock|conflicting lock/i.test(message)) {
    return new AppError(
      'DATABASE_LOCKED',
      `The database file ${path} is open in another process; stop it, or give this one its own BUCKETQL_DATA_DIR`,
      { details: { path }, cause: error },
    );
  }
  return damaged(path, `could not be opened: ${message}`, undefined, error);
}
