import {
  DuckDBBlobValue,
  type DuckDBConnection,
  type DuckDBMaterializedResult,
  type DuckDBResult,
  type DuckDBValue,
} from '@duckdb/node-api';
import type { AppError } from '../errors.js';
import { toStatement, type Sql, type SqlValue } from '../sql.js';
import { cancelled } from './duckdb-errors.js';
import { batchOf, withEnd } from './batches.js';
import type { Batch, JoinedTexts, OwnSession, Row, RunOptions, SelectOptions } from './engine.js';
import type { LoadMemory } from './load-memory.js';
import { PreparedStatements } from './prepared-statements.js';
import { resultRows, resultTexts } from './result-rows.js';

/** A {@link OwnSession} on a connection of its own. */
export class DuckDBSession implements OwnSession {
  readonly #connection: DuckDBConnection;
  readonly #explain: (error: unknown) => Promise<Error>;
  readonly #prepared: PreparedStatements;
  #running = 0;
  #closed: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;
  #gone: AppError | undefined;
  /** Ends a streamed result while its reader does something else. */
  #endUnread: (() => Promise<void>) | undefined;
  /** Awaited before each statement that {@link run} runs. */
  before: (() => Promise<void>) | undefined;
  /** Runs each statement that {@link run} runs. (Default: it runs by itself) */
  around: (<T>(statement: () => Promise<T>) => Promise<T>) | undefined;
  /** Who says how much memory there is. (Default: as much as they want) */
  memory: LoadMemory | undefined;
  /** Whether the next statement may need all memory there is. */
  isAmple = () => false;

  constructor(connection: DuckDBConnection, explain: (error: unknown) => Promise<Error>) {
    this.#connection = connection;
    this.#explain = explain;
    this.#prepared = new PreparedStatements(connection);
  }

  async run(query: Sql, options: RunOptions = {}): Promise<number> {
    await this.before?.();
    const statement = () =>
      this.#execute(options, async () => {
        const { sql, parameters } = toStatement(query);
        const result = await this.#connection.run(sql, parameters.map(bound));
        return result.rowsChanged;
      });
    return this.#withMemory(() => this.around?.(statement) ?? statement());
  }

  rows(query: Sql, options: SelectOptions = {}): Promise<Row[]> {
    return this.#withMemory(() =>
      this.#execute(options, async () =>
        resultRows(await this.#select(query, options), options.maxBytes),
      ),
    );
  }

  texts(query: Sql, options: SelectOptions = {}): Promise<JoinedTexts> {
    return this.#withMemory(() =>
      this.#execute(options, async () =>
        resultTexts(await this.#select(query, options), options.maxBytes),
      ),
    );
  }

  async *stream(query: Sql, options: RunOptions = {}): AsyncGenerator<Batch, void, undefined> {
    const { sql, parameters } = toStatement(withEnd(query));
    // An open result keeps the connection from being closed, also while nobody reads.
    this.#running++;
    const needsNoMore = await this.memory?.needAll();
    let result: DuckDBResult | undefined;
    let ended: Promise<void> | undefined;
    const end = () =>
      (ended ??= (async () => {
        if (result) {
          // Where rows are left, the engine ends the statement and its transaction by that.
          this.#connection.interrupt();
          await result.fetchChunk().catch(() => undefined);
        }
        needsNoMore?.();
        this.#leave();
      })());
    try {
      const open = await this.#execute(options, () =>
        this.#connection.stream(sql, parameters.map(bound)),
      );
      result = open;
      for (let last = false; !last;) {
        const read = await this.#execute(options, async () => batchOf(await open.fetchChunk()));
        ({ last } = read);
        if (read.batch.rows === 0) continue;
        this.#endUnread = end;
        yield read.batch;
        this.#endUnread = undefined;
      }
    } finally {
      this.#endUnread = undefined;
      await end();
    }
  }

  /** Runs a text of ours, of which the engine prepares nothing. */
  async text(sql: string): Promise<void> {
    await this.#execute({}, () => this.#connection.run(sql));
  }

  /** Closes the connection as soon as no statement runs on it. */
  close(): Promise<void> {
    return (this.#closed ??= new Promise<void>((resolve) => {
      this.#whenIdle = () => {
        this.#prepared.clear();
        this.#connection.closeSync();
        resolve();
      };
      if (this.#running === 0) this.#whenIdle();
    }));
  }

  /** Stops what runs, and refuses what comes. Resolves when the connection is closed. */
  abandon(reason: AppError): Promise<void> {
    this.#gone = reason;
    if (this.#running > 0) this.#connection.interrupt();
    // Nobody knows when its reader comes back.
    void this.#endUnread?.();
    return this.close();
  }

  #select(query: Sql, { keepPlan }: SelectOptions): Promise<DuckDBMaterializedResult> {
    const { sql, parameters } = toStatement(query);
    const values = parameters.map(bound);
    if (!keepPlan) return this.#connection.run(sql, values);
    return this.#prepared.use(sql, (statement) => {
      statement.bind(values);
      return statement.run();
    });
  }

  async #execute<T>(options: RunOptions, work: () => Promise<T>): Promise<T> {
    const { signal } = options;
    if (this.#gone) throw this.#gone;
    if (signal?.aborted) throw cancelled();
    const interrupt = () => this.#connection.interrupt();
    signal?.addEventListener('abort', interrupt, { once: true });
    this.#running++;
    try {
      return await work();
    } catch (error) {
      const explained = await this.#explain(error);
      throw signal?.aborted ? cancelled(error) : explained;
    } finally {
      signal?.removeEventListener('abort', interrupt);
      this.#leave();
    }
  }

  #withMemory<T>(statement: () => Promise<T>): Promise<T> {
    if (!this.memory) return statement();
    return this.isAmple() ? this.memory.ample(statement) : this.memory.modest(statement);
  }

  #leave(): void {
    this.#running--;
    if (this.#running === 0) this.#whenIdle?.();
  }
}

function bound(value: SqlValue): DuckDBValue {
  return value instanceof Uint8Array ? new DuckDBBlobValue(value) : value;
}
