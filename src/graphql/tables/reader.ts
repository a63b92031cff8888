import type { Dialect } from '../../dialect.js';
import type { Session } from '../../engine/engine.js';
import type { Query, Source } from '../../query/query.js';

/** How current a table is; the type Freshness of the API. */
export interface FreshnessFacts {
  readonly generation: string;
  readonly importedAt: Date | string;
  readonly fileCount: number;
  readonly rowCount: bigint | number;
  readonly rejectedRowCount: bigint | number;
  /** The last scheduled import failed or is overdue. */
  readonly stale: boolean;
}

/** One committed state of a dataset's table, as long as it is lent. */
export interface TableSnapshot {
  readonly source: Source;
  readonly generation: string;
  readonly freshness: FreshnessFacts;
  /** All statements on it see the same rows. */
  readonly session: Session;
}

/** What the generated query fields need at run time. */
export interface TableReader {
  /** Lends the dataset's current table to `job`; NOT_FOUND if it has none, FORBIDDEN if the caller may not read it. */
  read<T>(
    dataset: string,
    job: (snapshot: TableSnapshot) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>;
  readonly dialect: Dialect;
  readonly limits: { readonly maxLimit: number };
}

/** What the generated mutation fields need at run time. */
export interface TableWriter {
  /**
   * Starts a writeback. `query.from` is the dataset as the schema shows it; the run reads the generation that is current then.
   * @returns the WritebackRun for the API's resolvers
   */
  writeback(
    dataset: string,
    query: Query,
    destination: unknown,
    wait: boolean,
    context: unknown,
  ): Promise<unknown>;
}

/** The part of the GraphQL context that the generated fields read. */
export interface TableContext {
  readonly tables: TableReader & TableWriter;
  /** Aborts when the client has gone. */
  readonly signal?: AbortSignal;
}
