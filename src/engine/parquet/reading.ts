import { sql, type Sql } from '../../sql.js';
import { checkOf, type Check } from '../checks.js';
import { TypeTooNarrow, type LoadColumn } from '../load-target.js';
import { sqlType } from '../shapes.js';
import type { NativeColumn } from './columns.js';
import { holdsType } from './widen.js';

/** How a column of the table is taken from a column of a file. */
export interface Reading {
  readonly column: LoadColumn;
  /** SQL of the value in the type of the table, and whether that type holds it. */
  readonly typed: Sql;
  readonly holds?: Sql;
  /** Of a declared column: its values as texts, and whether they say what was declared. */
  readonly text: Sql;
  readonly check?: Check;
}

/** The reading of a column; `parsed`: where its parsed value will stand. @throws TypeTooNarrow */
export function readingOf(
  column: LoadColumn,
  native: NativeColumn,
  value: Sql,
  { parsed, base64 }: { readonly parsed: Sql; readonly base64: boolean },
): Reading {
  const bytes = native.bytes && base64;
  const text = bytes ? sql`to_base64(${value})` : native.text(value);
  const isText = native.bytes && !base64 ? native.holds?.(value) : undefined;
  if (!column.inferred) {
    const check = checkOf(column, text, parsed);
    return { column, text, check, typed: check.typed, ...(isText ? { holds: isText } : {}) };
  }
  if (column.type === 'STRING') {
    return { column, text: value, typed: text, ...(isText ? { holds: isText } : {}) };
  }
  // A file of a type that came later: the columns must be put together again.
  if (!holdsType(column, native.decision)) throw new TypeTooNarrow([column.name]);
  const own = native.typed(value);
  const same = native.decision.type === column.type && column.type !== 'DECIMAL';
  const typed = same ? own : sql`cast(${own} as ${sqlType(column.type, column.decimal)})`;
  const holds = native.holds?.(value);
  return { column, text: value, typed, ...(holds ? { holds } : {}) };
}
