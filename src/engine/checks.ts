import { literal, sql, type Sql } from '../sql.js';
import type { LoadColumn } from './load-target.js';
import {
  cast,
  isBoolean,
  isDate,
  isDecimal,
  isDouble,
  isInteger,
  isTime,
  isTimestamp,
  isTimestampTz,
  sqlType,
} from './shapes.js';

/** How a column's texts become values: SQL over a text that is not null and what `parsed` makes of it. */
export interface Check {
  /** Computed once for each text; the others refer to it as the value. */
  readonly parsed?: Sql;
  /** False: the text does not say such a value, and its row is set aside. Undefined: every text does. */
  readonly fits?: Sql;
  /** False: the value is fine but the guessed type is too narrow for it. Undefined: never. */
  readonly holds?: Sql;
  readonly typed: Sql;
  /** What a text that does not fit should have been, for people. */
  readonly expected: string;
}

/** The check of one column over its text and the value parsed from it. */
export function checkOf(column: LoadColumn, text: Sql, value: Sql): Check {
  if (column.pattern) return patternCheck(column.pattern, text, value);
  if (column.type === 'STRING') return { typed: text, expected: 'text' };
  return column.inferred ? inferredCheck(column, text, value) : declaredCheck(column, text, value);
}

function inferredCheck(column: LoadColumn, text: Sql, value: Sql): Check {
  const parsed = cast(text, column.type, column.decimal);
  const check = (holds: Sql): Check => ({ parsed, holds, typed: value, expected: column.type });
  switch (column.type) {
    case 'BOOLEAN':
      return check(isBoolean(text));
    case 'INTEGER':
    case 'BIGINT':
      return check(isInteger(text, value));
    case 'DECIMAL':
      return check(isDecimal(text, value, column.decimal ?? defaultDecimal));
    case 'DOUBLE':
      return check(isDouble(text, value));
    case 'DATE':
      return check(isDate(text, value));
    case 'TIME':
      return check(isTime(text));
    case 'TIMESTAMP':
      return check(isTimestamp(text, value));
    case 'TIMESTAMP_TZ':
      return check(isTimestampTz(text, value));
    case 'JSON':
      return check(sql`json_valid(${text})`);
    case 'STRING':
      return { typed: text, expected: 'text' };
  }
}

const defaultDecimal = { precision: 38, scale: 9 };

// Who declares a type wants the value of 00501 or " 5"; what the type would have to round or guess is still refused.
function declaredCheck(column: LoadColumn, text: Sql, value: Sql): Check {
  const trimmed = sql`trim(${text})`;
  const parsed = cast(trimmed, column.type, column.decimal);
  const check = (fits: Sql, expected: string): Check => ({ parsed, fits, typed: value, expected });
  const looks = (pattern: string) => sql`regexp_full_match(${trimmed}, ${literal(pattern)})`;
  switch (column.type) {
    case 'BOOLEAN':
      return check(sql`${value} is not null`, 'true or false');
    case 'INTEGER':
    case 'BIGINT':
      return check(
        sql`(${looks('[+-]?[0-9]+')} and ${value} is not null)`,
        column.type === 'INTEGER' ? 'a whole number of 32 bits' : 'a whole number of 64 bits',
      );
    case 'DECIMAL': {
      const { precision, scale } = column.decimal ?? defaultDecimal;
      const behind = scale === 0 ? '\\.?0*' : `(\\.[0-9]{0,${scale}}0*)?`;
      return check(
        sql`(${looks(`[+-]?([0-9]+${behind}${scale === 0 ? '' : `|\\.[0-9]{1,${scale}}0*`})`)} and ${value} is not null)`,
        `a number of ${precision} digits at most, ${scale} of them behind the point`,
      );
    }
    case 'DOUBLE':
      return check(
        sql`(${looks('[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?')} and isfinite(${value}))`,
        'a number',
      );
    case 'DATE':
      return check(isDate(trimmed, value), 'a date like 2024-12-31');
    case 'TIME':
      return check(isTime(trimmed), 'a time like 23:59:59');
    case 'TIMESTAMP':
      return check(
        sql`(${isTimestamp(trimmed, value)} or ${isDate(trimmed, value)})`,
        'a date and time like 2024-12-31T23:59:59, without an offset',
      );
    case 'TIMESTAMP_TZ':
      return check(
        isTimestampTz(trimmed, value),
        'a date and time with an offset like 2024-12-31T23:59:59Z',
      );
    case 'JSON':
      return check(sql`json_valid(${text})`, 'JSON');
    case 'STRING':
      return { typed: text, expected: 'text' };
  }
}

function patternCheck(pattern: NonNullable<LoadColumn['pattern']>, text: Sql, value: Sql): Check {
  // The engine's %z knows +00 but not the Z that Java's X allows.
  const known = pattern.zulu ? sql`replace(${text}, 'Z', '+00')` : text;
  const parsed = sql`try_strptime(${known}, ${literal(pattern.strptime)})`;
  const zone = pattern.type === 'TIMESTAMP' ? pattern.timezone : undefined;
  const typed =
    zone === undefined
      ? sql`${value}::${sqlType(pattern.type)}`
      : sql`timezone(${literal(zone)}, ${value})`;
  return {
    parsed,
    fits: sql`(${value} is not null and regexp_full_match(${text}, ${literal(pattern.regex)}))`,
    typed,
    expected: `a text of the pattern ${pattern.pattern}`,
  };
}
