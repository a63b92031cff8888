import type { AggregateQuery, Json, Query } from '../../query/query.js';
import type { FreshnessFacts, TableSnapshot } from './reader.js';

/**
 * Words. A *Plan* is how one generated field is answered: the queries to run on a snapshot, the JSON *shapes* the engine
 * makes of each row, and the *template* that puts those texts and a few *facts* together in the order of the selection.
 */
export interface Plan {
  /** The other datasets that the queries read, each once; the plan's own may be among them. */
  readonly related: readonly string[];
  /** Gives the rows of the shapes; absent if the answer needs none. */
  readonly query?: (snapshot: TableSnapshot) => Query;
  readonly shapes: readonly Json[];
  readonly cursors: boolean;
  readonly probe: boolean;
  readonly total: boolean;
  /** Counts rows for {@link Facts.total} in a statement of its own. */
  readonly count?: (snapshot: TableSnapshot) => AggregateQuery;
  readonly template: Template;
}

/** JSON text with gaps. */
export type Template =
  | { readonly kind: 'object'; readonly members: readonly TemplateMember[] }
  /** A list with a shape's JSON for each row. */
  | { readonly kind: 'list'; readonly shape: number }
  /** A shape's JSON for the only row. */
  | { readonly kind: 'single'; readonly shape: number }
  /** A value that JSON.stringify takes. */
  | { readonly kind: 'fact'; readonly of: (facts: Facts) => unknown };

/** A member of an object of a template. */
export interface TemplateMember {
  readonly key: string;
  readonly value: Template;
}

/** What is known once the queries have run, besides rows. */
export interface Facts {
  readonly freshness: FreshnessFacts;
  readonly rowCount: number;
  readonly hasMore: boolean;
  readonly firstCursor: string | null;
  readonly lastCursor: string | null;
  readonly total: bigint;
}

/** A plan's options where it needs none. */
export const plain = { cursors: false, probe: false, total: false } as const;
