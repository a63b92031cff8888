import type { Sql, SqlValue } from '../sql.js';

/** A row as the engine gives it to our own code (catalog, counts): never used for answers to clients. */
export type Row = Readonly<Record<string, SqlValue>>;

/** Options of one statement. */
export interface RunOptions {
  /** Stops the statement inside the engine; it then fails with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
}

/** One connection to the engine. Statements of one session run one after the other. */
export interface Session {
  /** Runs a statement for its effect. @returns rows changed */
  run(statement: Sql, options?: RunOptions): Promise<number>;
  /** Runs a statement and returns its rows. BIGINT comes as bigint, BLOB as Uint8Array, DECIMAL and dates as text. */
  rows(statement: Sql, options?: RunOptions): Promise<Row[]>;
}

/** The port to the database that holds the tables and the catalog. */
export interface Engine {
  /** Lends a pooled session for reads; waits while `maxQueries` are in flight. */
  read<T>(job: (session: Session) => Promise<T>, options?: RunOptions): Promise<T>;
  /** Lends a session of its own, outside the pool: for loads, migrations and other long work. */
  session<T>(job: (session: Session) => Promise<T>): Promise<T>;
  /** Runs `job` between BEGIN and COMMIT on a session of its own; rolls back when it throws. Writers take turns. */
  transaction<T>(job: (session: Session) => Promise<T>): Promise<T>;
  /** Writes what is in the write-ahead log into the database file, if nobody else is writing and the disk has room. */
  checkpoint(): Promise<void>;
  close(): Promise<void>;
}

/** What the engine said about a statement that it refused: for our code to interpret, never for clients as it is. */
export class EngineError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'EngineError';
  }

  /** The engine's own kind of error: "Conversion", "Invalid Input", "Catalog" … */
  get category(): string {
    return /^([A-Za-z -]+?) Error:/.exec(this.message)?.[1] ?? 'Unknown';
  }
}

/** The engine's reader refuses the text, for whatever reason. */
export function isAboutText(error: EngineError): boolean {
  // "Not implemented" is what the parallel reader says of records that are longer than its buffers.
  return ['Invalid Input', 'Conversion', 'Not implemented'].includes(error.category);
}
