import { createHash } from 'node:crypto';
import type { Dialect, ValueType } from '../dialect.js';
import { AppError } from '../errors.js';
import { join, literal, sql, type Sql } from '../sql.js';
import type { Ordering, Position } from './query.js';

/** What a cursor holds: generation, row, values of the ordering's columns, fingerprint of the ordering. */
type Cursor = [generation: string, row: string, values: (string | null)[], ordering: string];

/** Tells the orderings of one table apart. */
export function orderingFingerprint(orderBy: readonly Ordering[]): string {
  const keys = orderBy.map(({ column, descending, nulls }) => [column, descending, nulls]);
  return createHash('sha256').update(JSON.stringify(keys)).digest('base64url').slice(0, 8);
}

/** SQL of a row's cursor, from the SQL of its row id and of its values of the ordering's columns. */
export function encodeCursor(
  rowId: Sql,
  values: readonly { readonly sql: Sql; readonly type: ValueType }[],
  place: { readonly generation: string; readonly orderBy: readonly Ordering[] },
  dialect: Dialect,
): Sql {
  const texts = values.flatMap((value, index) => [
    ...(index === 0 ? [] : [literal(',')]),
    dialect.jsonText(dialect.toText(value.sql, value.type), { type: 'STRING' }),
  ]);
  const head = literal(`[${JSON.stringify(place.generation)},"`);
  const tail = literal(`],${JSON.stringify(orderingFingerprint(place.orderBy))}]`);
  return dialect.base64(sql`concat(${join([head, rowId, literal('",['), ...texts, tail])})`);
}

/** Reads an opaque cursor back; INVALID_CURSOR if it is no cursor of this ordering, GENERATION_GONE if the table has changed since. */
export function decodeCursor(
  text: string,
  expected: { readonly generation: string; readonly orderBy: readonly Ordering[] },
): Position {
  const cursor = parse(text);
  if (!cursor) {
    throw new AppError('INVALID_CURSOR', 'This is not a cursor; pass one that an answer gave');
  }
  const [generation, row, values, ordering] = cursor;
  if (
    ordering !== orderingFingerprint(expected.orderBy) ||
    values.length !== expected.orderBy.length
  ) {
    throw new AppError(
      'INVALID_CURSOR',
      'The cursor belongs to another ordering; keep orderBy the same from page to page',
    );
  }
  if (generation !== expected.generation) {
    throw new AppError(
      'GENERATION_GONE',
      'The rows have changed since the cursor was given; begin again with the first page',
      { details: { generation, current: expected.generation } },
    );
  }
  return { values, row };
}

function parse(text: string): Cursor | undefined {
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(text)) return undefined;
  try {
    const cursor: unknown = JSON.parse(Buffer.from(text, 'base64').toString('utf8'));
    return isCursor(cursor) ? cursor : undefined;
  } catch {
    return undefined;
  }
}

function isCursor(cursor: unknown): cursor is Cursor {
  if (!Array.isArray(cursor) || cursor.length !== 4) return false;
  const [generation, row, values, ordering] = cursor as unknown[];
  return (
    typeof generation === 'string' &&
    typeof row === 'string' &&
    /^\d{1,18}$/.test(row) &&
    Array.isArray(values) &&
    values.every((value) => value === null || typeof value === 'string') &&
    typeof ordering === 'string'
  );
}
