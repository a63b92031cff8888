import type { DuckDBInstance } from '@duckdb/node-api';
import type { AppError } from '../errors.js';
import { sql } from '../sql.js';
import { Company } from './company.js';
import { engineError, isAboutInvalidated, mayInvalidate, reopened } from './duckdb-errors.js';
import { DuckDBSession } from './duckdb-session.js';
import { LoadMemory } from './load-memory.js';
import { Pace } from './pace.js';

/** Bytes in the log at which it is written into the database file. The second is the engine's own. */
const storedOften = 2 ** 20;
const storedUsually = 2 ** 24;

/**
 * The database from one opening to its end. An internal error of the engine can invalidate an instance for good: whoever
 * works on it is sent away, and when the last is gone it is closed. Only then may the file be opened again, for two
 * instances on one file in one process lose tables.
 */
export class Opening {
  readonly #instance: DuckDBInstance;
  readonly #onInvalidated: (cause: unknown) => void;
  readonly #sessions = new Set<DuckDBSession>();
  readonly #arriving = new Set<Promise<unknown>>();
  readonly #idle: DuckDBSession[] = [];
  #invalidated: AppError | undefined;

  /** Who asks queries: loads make room for them. */
  readonly company = new Company();
  readonly pace: Pace;
  readonly memory: LoadMemory;

  constructor(
    instance: DuckDBInstance,
    options: {
      readonly threads: number;
      /** What the engine may hold in memory; undefined: that is never told to it. */
      readonly memoryBytes: number | undefined;
      readonly onInvalidated: (cause: unknown) => void;
    },
  ) {
    this.#instance = instance;
    this.#onInvalidated = options.onInvalidated;
    this.pace = new Pace(
      options.threads,
      (threads) => this.#tell(`set global threads = ${threads}`),
      this.company,
    );
    this.memory = new LoadMemory(
      {
        full: options.memoryBytes,
        held: () => this.#held(),
        bound: (bytes) => this.#tell(`set global memory_limit = '${bytes}B'`),
        storeOften: (often) =>
          this.#tell(`set global checkpoint_threshold = '${often ? storedOften : storedUsually}B'`),
        resident: () => process.memoryUsage.rss(),
      },
      this.company,
    );
  }

  /** A session that was kept, or a new one. */
  async borrow(): Promise<DuckDBSession> {
    return this.#idle.pop() ?? (await this.create());
  }

  /** Keeps a session for the next who borrows one. */
  keep(session: DuckDBSession): void {
    if (!this.#invalidated) this.#idle.push(session);
  }

  /** Answers a query of tables: what is loaded makes room. */
  async answer<T>(query: () => Promise<T>): Promise<T> {
    this.company.enter();
    try {
      return await this.memory.ample(query);
    } finally {
      this.company.leave();
    }
  }

  /** A new session. */
  async create(): Promise<DuckDBSession> {
    if (this.#invalidated) throw this.#invalidated;
    const arrival = this.#connect();
    this.#arriving.add(arrival);
    return arrival.finally(() => this.#arriving.delete(arrival));
  }

  /** Closes a session. */
  async discard(session: DuckDBSession): Promise<void> {
    await session.close();
    this.#sessions.delete(session);
  }

  /** Waits until nobody works on the database any more, and closes it. What is in its log stays there. */
  async end(): Promise<void> {
    this.memory.close();
    await Promise.allSettled(this.#arriving);
    const reason = this.#invalidated;
    await Promise.all(
      [...this.#sessions].map((session) => (reason ? session.abandon(reason) : session.close())),
    );
    this.#instance.closeSync();
  }

  /** Lends a session to `job`. */
  async use<T>(job: (session: DuckDBSession) => Promise<T>): Promise<T> {
    const session = await this.create();
    try {
      return await job(session);
    } finally {
      await this.discard(session);
    }
  }

  /**
   * Runs a statement while somebody looks on: a checkpoint that comes with its commit then writes what is new, and leaves alone
   * the row groups that are there.
   */
  watched<T>(statement: () => Promise<T>): Promise<T> {
    return this.use(async (onlooker) => {
      await onlooker.text('begin transaction read only');
      // It begins with its first look.
      await onlooker.text('select 1 from duckdb_schemas() limit 1');
      return statement();
    });
  }

  #tell(setting: string): Promise<void> {
    return this.use((session) => session.text(setting));
  }

  async #held(): Promise<number> {
    const [row] = await this.use((session) => {
      // It is asked on the way to telling how much there is.
      session.memory = undefined;
      return session.rows(sql`select sum(memory_usage_bytes)::bigint as held from duckdb_memory()`);
    });
    return Number(row?.held ?? 0);
  }

  async #connect(): Promise<DuckDBSession> {
    const connection = await this.#instance.connect().catch((error: unknown) => {
      throw engineError(error);
    });
    const session = new DuckDBSession(connection, (error) => this.#explain(error));
    session.memory = this.memory;
    this.#sessions.add(session);
    return session;
  }

  /** What an error of a statement means, after a look at whether the database outlived it. */
  async #explain(error: unknown): Promise<Error> {
    if (this.#invalidated) return this.#invalidated;
    if (!mayInvalidate(error) || !(await this.#isInvalid(error))) return engineError(error);
    if (!this.#invalidated) {
      this.#invalidated = reopened(error);
      this.#onInvalidated(error);
    }
    // The statement that did it would do it again; all others are innocent.
    return isAboutInvalidated(error) ? this.#invalidated : engineError(error);
  }

  async #isInvalid(error: unknown): Promise<boolean> {
    if (isAboutInvalidated(error)) return true;
    try {
      const connection = await this.#instance.connect();
      try {
        await connection.run('select 1');
      } finally {
        connection.closeSync();
      }
      return false;
    } catch (problem) {
      return isAboutInvalidated(problem);
    }
  }
}
