import { join, sql, type Sql } from '../sql.js';
import type { Direction } from './query.js';

/** One term of an ORDER BY. */
export interface SortKey extends Direction {
  readonly sql: Sql;
}

/** `a desc nulls last, b asc nulls first`: engines differ in where they put nulls, so it is always spelled out. */
export function orderTerms(keys: readonly SortKey[]): Sql {
  return join(
    keys.map(
      ({ sql: key, descending, nulls }) =>
        sql`${key} ${descending ? sql`desc` : sql`asc`} ${nulls === 'first' ? sql`nulls first` : sql`nulls last`}`,
    ),
  );
}

/** The same keys for walking the other way. */
export function reversed<Key extends Direction>(keys: readonly Key[]): Key[] {
  return keys.map((key) => ({
    ...key,
    descending: !key.descending,
    nulls: key.nulls === 'first' ? 'last' : 'first',
  }));
}
