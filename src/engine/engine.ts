import type { Sql, SqlValue } from '../sql.js';

/** A row as the engine gives it to our own code (catalog, counts): never used for answers to clients. */
export type Row = Readonly<Record<string, SqlValue>>;

/** Options of one statement. */
export interface RunOptions {
  /** Stops the statement inside the engine; it then fails with CANCELLED. */
  readonly signal?: AbortSignal | undefined;
}

/** Options of a select. */
export interface SelectOptions extends RunOptions {
  /**
   * Keeps the statement's plan for who asks the same with other values. Only where the rows of all its tables never change:
   * the plan relies on what the engine knew of them, and gives garbage for others. (Default: false)
   */
  readonly keepPlan?: boolean;
  /** Most characters and bytes of the texts and blobs of all rows; with more it fails with RESPONSE_TOO_LARGE. (Default: no bound) */
  readonly maxBytes?: number;
}

/** One connection to the engine. Statements of one session run one after the other. */
export interface Session {
  /** Runs a statement for its effect. @returns rows changed */
  run(statement: Sql, options?: RunOptions): Promise<number>;
  /** Runs a statement and returns its rows. BIGINT comes as bigint, BLOB as Uint8Array, DECIMAL and dates as text. */
  rows(statement: Sql, options?: SelectOptions): Promise<Row[]>;
  /** Runs a select of texts that are none of them NULL, and returns them as they stand behind each other. */
  texts(statement: Sql, options?: SelectOptions): Promise<JoinedTexts>;
}

/** The texts of a result in UTF-8. */
export interface JoinedTexts {
  readonly rows: number;
  /** Of all columns. */
  readonly bytes: number;
  /** For each column the texts of all rows in order, with nothing between them. A piece ends where a row does. */
  readonly columns: readonly (readonly Uint8Array[])[];
}

/** Some rows of a streamed result, column by column. What its members give are copies. */
export interface Batch {
  readonly rows: number;
  /** Bit i, the lowest of a byte first, is set where row i has a value. Undefined: all have one. */
  present(column: number): Uint8Array | undefined;
  /** Values of `width` bytes each, little-endian, as the engine holds them; anything where there is none. */
  fixed(column: number, width: number): Uint8Array;
  /** Texts in UTF-8, and blobs; undefined for NULL. */
  bytes(column: number): (Uint8Array | undefined)[];
  /** The same for who wants them behind each other: far fewer calls than one for each row. */
  texts(column: number): Texts;
}

/** A column of texts in UTF-8, or of blobs. NULL is an empty one. */
export interface Texts {
  /** Bytes of each row's text. */
  readonly lengths: Uint32Array;
  /** The texts from one row to before another, with nothing between them. */
  readonly joined: (from: number, to: number) => Buffer;
}

/** A session that nobody else will want meanwhile, so that it can be kept waiting by a slow reader. */
export interface OwnSession extends Session {
  /**
   * Runs a statement and gives its rows while they are made: no faster than they are read, and some MiB ahead at most. The
   * names of its columns must differ. Nothing else may run on the session until all is read, or the reading was ended.
   * @throws EngineError also where rows are missing at the end; what was read until then is not the whole
   */
  stream(statement: Sql, options?: RunOptions): AsyncGenerator<Batch, void, undefined>;
}

/** Options of a session. */
export interface SessionOptions {
  /**
   * Whether its next statement gets by with little memory, however many rows it works on: the engine is held to little while
   * nobody asks queries. One that turns out to need more is run again, so it must change nothing when it fails, and stand in no
   * transaction. (Default: none does)
   */
  readonly modest?: () => boolean;
  /** Whether the job has a thread of its own at work just now, which the engine leaves a processor to. (Default: never) */
  readonly hasThread?: () => boolean;
}

/** Options of reads. */
export interface ReadOptions extends RunOptions {
  /** A query of tables, whose answer somebody waits for: loads make room for it. (Default: false) */
  readonly answers?: boolean;
}

/** Options of checkpoints. */
export interface CheckpointOptions {
  /**
   * Bytes that were loaded, more or less. Nothing is done before they are 64 MiB in all, or ten minutes have passed since the
   * last one or the opening. (Default: it is done at once)
   */
  readonly loaded?: number;
}

/** The port to the database that holds the tables and the catalog. */
export interface Engine {
  /** Lends a pooled session for reads; waits while `maxQueries` are in flight. */
  read<T>(job: (session: Session) => Promise<T>, options?: ReadOptions): Promise<T>;
  /** Lends a session of its own, outside the pool: for loads, migrations and other long work. */
  session<T>(job: (session: OwnSession) => Promise<T>, options?: SessionOptions): Promise<T>;
  /** Runs `job` between BEGIN and COMMIT on a session of its own; rolls back when it throws. Writers take turns. */
  transaction<T>(job: (session: Session) => Promise<T>): Promise<T>;
  /**
   * Writes what is in the write-ahead log into the database file, if nobody else is writing and the disk has room; and sees to
   * what commits leave undone, which do that as well when the log is long: to rows that were deleted, and to row groups that
   * are not full, for which it may read and write all of a table.
   */
  checkpoint(options?: CheckpointOptions): Promise<void>;
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
