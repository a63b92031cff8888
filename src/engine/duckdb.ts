import { statSync } from 'node:fs';
import {
  DuckDBBlobValue,
  DuckDBInstance,
  type DuckDBConnection,
  type DuckDBValue,
  version,
} from '@duckdb/node-api';
import { AppError, messageOf } from '../errors.js';
import { toStatement, type SqlValue } from '../sql.js';
import { EngineError, type Engine, type Row, type RunOptions, type Session } from './engine.js';

/** Settings of the embedded database. */
export interface DuckDBOptions {
  /** Database file. (Default: in memory) */
  readonly path?: string;
  /** Worker threads of the engine. (Default: 2) */
  readonly threads?: number;
  /** Such as "4GB". (Default: DuckDB's own, 80 % of what it sees) */
  readonly memoryLimit?: string;
  /** Where what does not fit in memory is spilled. (Default: beside the file) */
  readonly tempDirectory?: string;
  /** Read sessions lent at a time; further ones wait. (Default: 8) */
  readonly maxQueries?: number;
}

/**
 * Opens DuckDB as the {@link Engine}. Open a file once in a process: a second instance on the same file loses tables.
 * @throws DATABASE_LOCKED when another process has the file open, DATABASE_DAMAGED when it cannot be read
 */
export async function openDuckDB(options: DuckDBOptions = {}): Promise<Engine> {
  const path = options.path ?? ':memory:';
  const settings: Record<string, string> = { threads: String(options.threads ?? 2) };
  if (options.memoryLimit) settings.memory_limit = options.memoryLimit;
  if (options.tempDirectory) settings.temp_directory = options.tempDirectory;
  // Extensions come from the network, and the engine has no business there.
  settings.autoinstall_known_extensions = 'false';
  settings.autoload_known_extensions = 'false';
  let instance: DuckDBInstance;
  try {
    instance = await DuckDBInstance.create(path, settings);
    const connection = await instance.connect();
    // Texts of TIMESTAMP WITH TIME ZONE must not depend on where the machine stands.
    await connection.run("set global timezone = 'UTC'");
    connection.closeSync();
  } catch (error) {
    throw openingError(path, error);
  }
  return new DuckDB(instance, options.maxQueries ?? 8);
}

/** The engine's own version, for the log. */
export function engineVersion(): string {
  return `DuckDB ${version()}`;
}

class DuckDB implements Engine {
  readonly #instance: DuckDBInstance;
  readonly #idle: DuckDBConnection[] = [];
  readonly #waiting: (() => void)[] = [];
  #free: number;
  #writer: Promise<unknown> = Promise.resolve();

  constructor(instance: DuckDBInstance, maxQueries: number) {
    this.#instance = instance;
    this.#free = maxQueries;
  }

  async read<T>(job: (session: Session) => Promise<T>, options: RunOptions = {}): Promise<T> {
    await this.#acquire(options.signal);
    try {
      const connection = this.#idle.pop() ?? (await this.#connect());
      try {
        return await job(sessionOn(connection));
      } finally {
        this.#idle.push(connection);
      }
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  async session<T>(job: (session: Session) => Promise<T>): Promise<T> {
    const connection = await this.#connect();
    try {
      return await job(sessionOn(connection));
    } finally {
      connection.closeSync();
    }
  }

  transaction<T>(job: (session: Session) => Promise<T>): Promise<T> {
    const turn = this.#writer.then(() =>
      this.session(async (session) => {
        const raw = session as ConnectionSession;
        await raw.text('begin transaction');
        try {
          const result = await job(session);
          await raw.text('commit');
          return result;
        } catch (error) {
          // A failed commit has already ended the transaction; the first error is the one to report.
          await raw.text('rollback').catch(() => undefined);
          throw error;
        }
      }),
    );
    this.#writer = turn.catch(() => undefined);
    return turn;
  }

  async checkpoint(): Promise<void> {
    await this.session((session) =>
      (session as ConnectionSession).text('checkpoint').catch((error: unknown) => {
        // A writer is at work; the log is written out after one of the next commits.
        if (!/other write transactions active/.test(messageOf(error))) throw error;
      }),
    );
  }

  async close(): Promise<void> {
    await this.#writer;
    for (const connection of this.#idle.splice(0)) connection.closeSync();
    this.#instance.closeSync();
  }

  async #connect(): Promise<DuckDBConnection> {
    return this.#instance.connect().catch((error: unknown) => {
      throw engineError(error);
    });
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

interface ConnectionSession extends Session {
  text(sql: string): Promise<void>;
}

function sessionOn(connection: DuckDBConnection): ConnectionSession {
  async function execute<T>(options: RunOptions, work: () => Promise<T>): Promise<T> {
    const { signal } = options;
    if (signal?.aborted) throw cancelled();
    const interrupt = () => connection.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    try {
      return await work();
    } catch (error) {
      if (signal?.aborted) throw cancelled(error);
      throw engineError(error);
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
  }
  return {
    run: (query, options = {}) =>
      execute(options, async () => {
        const { sql, parameters } = toStatement(query);
        const result = await connection.run(sql, parameters.map(bound));
        return result.rowsChanged;
      }),
    rows: (query, options = {}) =>
      execute(options, async () => {
        const { sql, parameters } = toStatement(query);
        const reader = await connection.runAndReadAll(sql, parameters.map(bound));
        return reader.getRowObjects().map(plainRow);
      }),
    text: (sql) =>
      execute({}, async () => {
        await connection.run(sql);
      }),
  };
}

function bound(value: SqlValue): DuckDBValue {
  return value instanceof Uint8Array ? new DuckDBBlobValue(value) : value;
}

function plainRow(row: Record<string, DuckDBValue>): Row {
  const plain: Record<string, SqlValue> = {};
  for (const [name, value] of Object.entries(row)) plain[name] = plainValue(value);
  return plain;
}

function plainValue(value: DuckDBValue): SqlValue {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      if (value === null || value === undefined) return null;
      if (value instanceof DuckDBBlobValue) return value.bytes;
      return String(value);
  }
}

function cancelled(cause?: unknown): AppError {
  return new AppError('CANCELLED', 'The statement was cancelled', { cause });
}

// DuckDB's errors are told apart by their text: its bindings give no codes.
function engineError(error: unknown): Error {
  if (error instanceof AppError) return error;
  const message = messageOf(error);
  if (/no space left on device|max_temp_directory_size|failed to offload/i.test(message)) {
    return new AppError(
      'NO_SPACE',
      'The disk that holds the data directory is full; free space and try again',
      {
        cause: error,
      },
    );
  }
  if (/^out of memory error/i.test(message)) {
    return new AppError(
      'OUT_OF_MEMORY',
      'The database ran out of memory for this statement; raise BUCKETQL_MEMORY_LIMIT or ask for less',
      { cause: error },
    );
  }
  return new EngineError(message, { cause: error });
}

function openingError(path: string, error: unknown): AppError {
  const message = messageOf(error);
  if (/lock/i.test(message)) {
    return new AppError(
      'DATABASE_LOCKED',
      `The database file ${path} is open in another process; stop it, or give this one its own BUCKETQL_DATA_DIR`,
      { details: { path }, cause: error },
    );
  }
  const size = sizeOf(path);
  return new AppError(
    'DATABASE_DAMAGED',
    `The database file ${path}${size} could not be opened and was left as it is: ${message}`,
    { details: { path }, cause: error },
  );
}

function sizeOf(path: string): string {
  try {
    return ` (${statSync(path).size} bytes)`;
  } catch {
    return '';
  }
}
