import type { Dialect } from '../../dialect.js';
import type { Session } from '../../engine/engine.js';
import type { Query, RelatedSources, Source } from '../../query/query.js';

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

/** One committed state of a dataset's table and of those that are read with it, as long as they are lent. */
export interface TableSnapshot {
  readonly source: Source;
  readonly generation: string;
  /** All tables that are lent, by dataset; the one above is among them, as rows may lead to others of their own table. */
  readonly related: RelatedSources;
  /** Every dataset that is lent, once, in the order in which they were asked for: what an answer depends on. */
  readonly reads: readonly DatasetRead[];
  readonly freshness: FreshnessFacts;
  /** All statements on it see the same rows. */
  readonly session: Session;
}

/** A dataset and the version of it that was read. */
export interface DatasetRead {
  readonly dataset: string;
  /** Changes with everything that an answer can tell of a dataset: its generation, its definition, whether it is stale. */
  readonly version: string;
}

/** What tells whether an answer is what would be answered now. */
export interface TableVersions {
  /** The version of a dataset that would be read now; undefined if it has no table. */
  versionOf(dataset: string): string | undefined;
}

/** What the generated query fields need at run time. */
export interface TableReader {
  /**
   * Lends the current tables of datasets to `job`, all of the same moment: the first is what is asked, the others are related to
   * it. NOT_FOUND if one of them has no table, FORBIDDEN if the caller may not read it.
   */
  read<T>(
    datasets: readonly [string, ...string[]],
    job: (snapshot: TableSnapshot) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T>;
  readonly dialect: Dialect;
  readonly limits: { readonly maxLimit: number };
}

/** What the generated mutation fields need at run time. */
export interface TableWriter {
  /**
   * Starts a writeback. `query.from` is the dataset as the schema shows it; the run reads the generations that are current
   * then, of the dataset and of those that the query's filter leads to.
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

/** How large an answer may become, and how much of that is left. In bytes. */
export interface ResponseBudget {
  readonly limit: number;
  left: number;
}

/** The part of the GraphQL context that the generated fields read. */
export interface TableContext {
  readonly tables: TableReader & TableWriter;
  /** Aborts when the client has gone. */
  readonly signal?: AbortSignal | undefined;
  /** What the answer may still take; fields that run together share it. (Default: no bound) */
  readonly budget?: ResponseBudget | undefined;
  /** Where fields write down what they have read, by dataset. (Default: nobody wants to know) */
  readonly reads?: Map<string, string> | undefined;
}
