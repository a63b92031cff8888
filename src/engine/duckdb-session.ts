import { DuckDBBlobValue, type DuckDBConnection, type DuckDBValue } from '@duckdb/node-api';
import type { AppError } from '../errors.js';
import { toStatement, type Sql, type SqlValue } from '../sql.js';
import { cancelled } from './duckdb-errors.js';
import type { Row, RunOptions, Session } from './engine.js';
import { PreparedStatements } from './prepared-statements.js';

/** A {@link Session} on a connection of its own. */
export class DuckDBSession implements Session {
  readonly #connection: DuckDBConnection;
  readonly #explain: (error: unknown) => Promise<Error>;
  readonly #prepared: PreparedStatements;
  #running = 0;
  #closed: Promise<void> | undefined;
  #whenIdle: (() => void) | undefined;
  #gone: AppError | undefined;
  /** Awaited before each statement that {@link run} runs. */
  before: (() => Promise<void>) | undefined;

  constructor(connection: DuckDBConnection, explain: (error: unknown) => Promise<Error>) {
    this.#connection = connection;
    this.#explain = explain;
    this.#prepared = new PreparedStatements(connection);
  }

  async run(query: Sql, options: RunOptions = {}): Promise<number> {
    await this.before?.();
    return this.#execute(options, async () => {
      const { sql, parameters } = toStatement(query);
      const result = await this.#connection.run(sql, parameters.map(bound));
      return result.rowsChanged;
    });
  }

  rows(query: Sql, options: RunOptions = {}): Promise<Row[]> {
    return this.#execute(options, async () => {
      const { sql, parameters } = toStatement(query);
      return this.#prepared.use(sql, async (statement) => {
        statement.bind(parameters.map(bound));
        const reader = await statement.runAndReadAll();
        return reader.getRowObjects().map(plainRow);
      });
    });
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
    return this.close();
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
      this.#running--;
      if (this.#running === 0) this.#whenIdle?.();
    }
  }
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
