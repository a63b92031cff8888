import type { Column, ColumnType } from '../columns.js';

/**
 * Words. A *Query* is inert data: what to read from one table, in one of three kinds. It says nothing about SQL or
 * GraphQL. Its *output columns* have names (`columns`, or the `as` of keys and aggregates) that a writeback uses as
 * headers and a {@link Json} shape refers to.
 */
export type Query = RowsQuery | AggregateQuery | GroupsQuery;

/** The table a query reads: one generation of a dataset. */
export interface Source {
  /** Where its rows stand, in their order; at least one. */
  readonly segments: readonly Segment[];
  readonly columns: readonly Column[];
}

/** The tables that a query's links lead to, by the dataset's name. */
export type RelatedSources = Readonly<Record<string, Source>>;

/** How rows of one table find rows of another dataset: those with the same values. A NULL finds nothing. */
export interface Link {
  /** A key of the query's `related`. */
  readonly dataset: string;
  /** Columns that are equal; at least one pair. */
  readonly keys: readonly LinkKey[];
}

/** A column, and the one of the other dataset that it is compared with. */
export interface LinkKey {
  readonly column: string;
  readonly references: string;
}

/** Rows of a physical table that follow each other. Tables never change once they are loaded. */
export interface Segment {
  /** Without schema. */
  readonly table: string;
  /** (Default: all rows) */
  readonly range?: { readonly first: number; readonly rows: number };
  /** Of these only the rows with a greater number in a column of the table, which queries need not know. (Default: all) */
  readonly above?: { readonly column: string; readonly number: number };
}

/** Rows of the table, filtered, ordered and cut. Without `orderBy` they come in the order of the load. */
export interface RowsQuery {
  readonly kind: 'rows';
  readonly from: Source;
  /** (Default: none) */
  readonly related?: RelatedSources;
  /** Names of the columns to read, in order. */
  readonly columns: readonly string[];
  readonly where?: Filter;
  readonly distinctOn?: readonly string[];
  readonly orderBy: readonly Ordering[];
  readonly limit?: number;
  readonly offset?: number;
  /** Keyset page: only rows behind (or before) this position in `orderBy`, ties broken by the row's place in the table. */
  readonly page?: Page;
}

/** One keyset page. `backwards` takes the last `limit` rows before `from` (or of all), still listed in `orderBy` order. */
export interface Page {
  readonly backwards: boolean;
  /** Exclusive bounds. */
  readonly after?: Position;
  readonly before?: Position;
}

/** A row's place under an ordering: the values of the ordering's columns as text (null = NULL) and the row's number. */
export interface Position {
  readonly values: readonly (string | null)[];
  readonly row: string;
}

/** Exactly one row of aggregates over the filtered rows. */
export interface AggregateQuery {
  readonly kind: 'aggregate';
  readonly from: Source;
  /** (Default: none) */
  readonly related?: RelatedSources;
  readonly where?: Filter;
  readonly aggregates: readonly Aggregate[];
}

/** One row for each distinct combination of keys. Without `orderBy` groups come in the order of their keys, ascending, nulls last. */
export interface GroupsQuery {
  readonly kind: 'groups';
  readonly from: Source;
  /** (Default: none) */
  readonly related?: RelatedSources;
  readonly by: readonly GroupKey[];
  readonly aggregates: readonly Aggregate[];
  readonly where?: Filter;
  readonly having?: HavingFilter;
  readonly orderBy: readonly GroupOrdering[];
  readonly limit?: number;
  readonly offset?: number;
}

/** What the filters of a typed column can hold: what the scalars of the API parse to. Dates, times and decimals are text. */
export type Value = string | number | bigint | boolean;

/** A condition on rows with SQL's three-valued logic; a row is kept where it is true. */
export type Filter =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Filter[] }
  | { readonly kind: 'not'; readonly filter: Filter }
  | RelatedFilter
  | Comparison;

/** True where a link finds at least one row that `where` keeps, and false otherwise: never NULL. (Default where: any row) */
export interface RelatedFilter {
  readonly kind: 'related';
  readonly link: Link;
  readonly where?: Filter;
}

/** `column operator value`; `isNull` takes a boolean, `in` and `notIn` a list. */
export interface Comparison {
  readonly kind: 'compare';
  readonly column: string;
  readonly operator: OperatorName;
  readonly value: Value | readonly Value[];
}

/** Every operator a filter can name. */
export const operatorNames = [
  'eq',
  'ne',
  'in',
  'notIn',
  'isNull',
  'lt',
  'lte',
  'gt',
  'gte',
  'contains',
  'startsWith',
  'endsWith',
  'icontains',
  'like',
  'ilike',
  'regex',
] as const;

/** One of {@link operatorNames}. */
export type OperatorName = (typeof operatorNames)[number];

/** A sort direction with the place of nulls spelled out. */
export interface Direction {
  readonly descending: boolean;
  readonly nulls: 'first' | 'last';
}

/** One key of a row ordering. */
export interface Ordering extends Direction {
  readonly column: string;
}

/** The aggregates that take one column. `sum` … `median` need a number. */
export const columnAggregateNames = [
  'countNonNull',
  'countDistinct',
  'approxCountDistinct',
  'sum',
  'avg',
  'min',
  'max',
  'stddev',
  'median',
] as const;

/** One of {@link columnAggregateNames}. */
export type ColumnAggregateName = (typeof columnAggregateNames)[number];

/** An aggregate and the name of its output column. */
export type Aggregate =
  | { readonly kind: 'count'; readonly as: string }
  | { readonly kind: ColumnAggregateName; readonly column: string; readonly as: string }
  | { readonly kind: 'quantile'; readonly column: string; readonly q: number; readonly as: string };

/** The widths of time buckets. Weeks begin on Monday. */
export const timeUnits = ['YEAR', 'QUARTER', 'MONTH', 'WEEK', 'DAY', 'HOUR', 'MINUTE'] as const;

/** One of {@link timeUnits}. */
export type TimeUnit = (typeof timeUnits)[number];

/** What groups are made by: a column's value, or the time bucket it falls into (the output is the bucket's local start). */
export type GroupKey =
  | { readonly kind: 'column'; readonly column: string; readonly as: string }
  | {
      readonly kind: 'bucket';
      readonly column: string;
      readonly unit: TimeUnit;
      /** IANA name; only a TIMESTAMP_TZ column is shifted by it. */
      readonly timezone: string;
      /** Empty buckets between the first and the last appear too, with a count of 0. */
      readonly fillGaps: boolean;
      readonly as: string;
    };

/** What groups can be filtered and ordered by: an aggregate that need not be part of the output. */
export type GroupMeasure =
  | { readonly kind: 'count' }
  | { readonly kind: 'sum' | 'avg' | 'min' | 'max'; readonly column: string };

/** A condition on groups. */
export type HavingFilter =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly HavingFilter[] }
  | { readonly kind: 'not'; readonly filter: HavingFilter }
  | {
      readonly kind: 'compare';
      readonly measure: GroupMeasure;
      readonly operator: OperatorName;
      readonly value: Value | readonly Value[];
    };

/** One key of a group ordering: a grouped column, the buckets (`by` position), or a measure. */
export type GroupOrdering = Direction &
  (
    | { readonly by: 'key'; readonly column: string }
    | { readonly by: 'bucket' }
    | { readonly by: 'measure'; readonly measure: GroupMeasure }
  );

/** The type of an output column. */
export interface OutputColumn {
  readonly name: string;
  readonly type: ColumnType;
  readonly decimal?: { readonly precision: number; readonly scale: number };
}

/** The JSON that one output row becomes. Values follow the API's scalars (see table.graphql): BIGINT and DECIMAL as strings and so on. */
export type Json =
  | { readonly kind: 'object'; readonly members: readonly JsonMember[] }
  | { readonly kind: 'array'; readonly items: readonly Json[] }
  /** An item of an array that is left out where the column is NULL. */
  | { readonly kind: 'present'; readonly column: string; readonly value: Json }
  /** The value of an output column. */
  | { readonly kind: 'column'; readonly column: string }
  | RelatedJson
  /** JSON text that is the same for every row, such as a type's name. It comes from the server, never from a client. */
  | { readonly kind: 'literal'; readonly text: string }
  /** Rows only: the row's position under `orderBy`, as an opaque string. */
  | { readonly kind: 'cursor' }
  /** Groups only: where the bucket of this key ends (exclusive). */
  | { readonly kind: 'bucketEnd'; readonly key: string };

/** Rows only: what a link finds. `value` is a shape of the rows found. */
export type RelatedJson =
  /** The first row in load order, or null. */
  | { readonly kind: 'relatedRow'; readonly link: Link; readonly value: Json }
  /** The list of the rows that `where` keeps, ordered and cut for each row that they belong to. */
  | {
      readonly kind: 'relatedRows';
      readonly link: Link;
      readonly where?: Filter;
      readonly orderBy: readonly Ordering[];
      readonly limit: number;
      readonly value: Json;
    };

/** A member of an object, in the order of the selection. */
export interface JsonMember {
  readonly key: string;
  readonly value: Json;
}
