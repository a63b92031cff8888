import { integer, sql, value, type Sql, type SqlValue } from '../sql.js';

/** A moment as the catalog stores it: a UTC timestamp without zone. */
export function instant(date: Date | null): Sql {
  if (date === null) return sql`null`;
  return sql`cast(${value(date.toISOString().replace('T', ' ').replace('Z', ''))} as timestamp)`;
}

/** A stored moment. */
export function dateOrNull(stored: SqlValue | undefined): Date | null {
  return stored === null || stored === undefined
    ? null
    : new Date(`${String(stored).replace(' ', 'T')}Z`);
}

/** A stored text. */
export function textOrNull(stored: SqlValue | undefined): string | null {
  return stored === null || stored === undefined ? null : String(stored);
}

/** LIMIT and OFFSET of a listing. */
export function pageOf(page: { readonly limit?: number; readonly offset?: number }): Sql {
  if (page.limit === undefined) return sql``;
  return sql` limit ${integer(page.limit)} offset ${integer(page.offset ?? 0)}`;
}
