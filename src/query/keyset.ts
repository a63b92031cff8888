import { sql, type Sql } from '../sql.js';
import type { SortKey } from './ordering.js';

/** A key of an ordering and the value it has at a position: undefined where that is NULL. */
export interface KeyAt extends SortKey {
  readonly at: Sql | undefined;
  readonly nullable: boolean;
}

/**
 * True for the rows behind a position: those that differ first in a key whose value comes later. The last key has to
 * be unique and not nullable. For the rows before a position, reverse the keys.
 */
export function behind(keys: readonly KeyAt[]): Sql {
  const [key, ...rest] = keys;
  if (!key) return sql`false`;
  const later = laterThan(key);
  if (rest.length === 0) return later ?? sql`false`;
  const tied = sql`(${sameAs(key)} and ${behind(rest)})`;
  return later ? sql`(${later} or ${tied})` : tied;
}

function laterThan({ sql: key, at, descending, nulls, nullable }: KeyAt): Sql | undefined {
  if (!at) return nulls === 'first' ? sql`${key} is not null` : undefined;
  const later = descending ? sql`${key} < ${at}` : sql`${key} > ${at}`;
  return nullable && nulls === 'last' ? sql`(${later} or ${key} is null)` : later;
}

function sameAs({ sql: key, at }: KeyAt): Sql {
  return at ? sql`${key} = ${at}` : sql`${key} is null`;
}
