import { literal, sql, type Sql } from '../sql.js';
import type { LoadColumn } from './load-target.js';
import {
  cast,
  isBoolean,
  isDate,
  isDecimal,
  isDouble,
  isInteger,
  isStrictJson,
  isTime,
  isTimestamp,
  isTimestampTz,
  isWritten,
  sqlType,
} from './shapes.js';

/** How a column's texts become values: SQL over a text that is not null and what `parsed` makes of it. */
export interface Check {
  /** Computed once for each text; the others refer to it as the value. */
  readonly parsed?: Sql;
  /** Cheap questions that most texts answer with yes, and their values then: no text that fails a check below passes. */
  readonly usual?: readonly { readonly when: Sql; readonly then: Sql }[];
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
  const check = (holds: Sql, usually?: Sql): Check => ({
    parsed,
    ...(usually ? { usual: [{ when: usually, then: value }] } : {}),
    holds,
    typed: value,
    expected: column.type,
  });
  switch (column.type) {
    case 'BOOLEAN':
      return {
        usual: [
          { when: sql`${text} = 'true'`, then: sql`true` },
          { when: sql`${text} = 'false'`, then: sql`false` },
        ],
        holds: isBoolean(text),
        typed: parsed,
        expected: column.type,
      };
    case 'INTEGER':
    case 'BIGINT':
      return check(isInteger(text, value), isWritten(text, value));
    case 'DECIMAL': {
      const size = column.decimal ?? defaultDecimal;
      return check(isDecimal(text, value, size), isWritten(text, value));
    }
    case 'DOUBLE':
      return check(isDouble(text, value));
    case 'DATE':
      return check(isDate(text, value), isDate(text, value));
    case 'TIME':
      return check(
        isTime(text),
        // The engine knows an hour 24.
        sql`${isWritten(text, value)} and strlen(${text}) = 8 and ${text} < '24'`,
      );
    case 'TIMESTAMP':
      return check(
        isTimestamp(text, value),
        sql`${isWritten(text, value)} and strlen(${text}) = 19`,
      );
    case 'TIMESTAMP_TZ':
      return check(isTimestampTz(text, value));
    case 'JSON':
      // Our own strict parser wrote it.
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
      return check(isStrictJson(text), 'JSON');
    case 'STRING':
      return { typed: text, expected: 'text' };
  }
}

function patternCheck(pattern: NonNullable<LoadColumn['pattern']>, text: Sql, value: Sql): Check {
  // The engine's %z knows +00 but not the Z that Java's X allows.
  const zulu = pattern.zulu ? sql`replace(${text}, 'Z', '+00')` : text;
  const known = pattern.namedZone ? withOffsets(zulu) : zulu;
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

// The engine takes PST in July for daylight saving time and knows no PDT, so each name becomes its fixed offset.
// Zones like Etc/GMT+8 count hours to the west.
const offsets: readonly (readonly [names: string, zone: string])[] = [
  ['Z|UT', 'UTC'],
  ['HST', 'Etc/GMT+10'],
  ['AKST', 'Etc/GMT+9'],
  ['AKDT|PST', 'Etc/GMT+8'],
  ['PDT|MST', 'Etc/GMT+7'],
  ['MDT|CST', 'Etc/GMT+6'],
  ['CDT|EST', 'Etc/GMT+5'],
  ['EDT', 'Etc/GMT+4'],
  ['WET', 'UTC'],
  ['WEST|CET', 'Etc/GMT-1'],
  ['CEST|EET', 'Etc/GMT-2'],
  ['EEST|MSK', 'Etc/GMT-3'],
  ['JST|KST', 'Etc/GMT-9'],
];

function withOffsets(text: Sql): Sql {
  const replaced = (from: Sql, pattern: string, to: string) =>
    sql`regexp_replace(${from}, ${literal(pattern)}, ${literal(to)})`;
  const east = replaced(text, '(^|[^/A-Za-z])GMT\\+0?([0-9]{1,2})(:00)?', '\\1Etc/GMT-\\2');
  const both = replaced(east, '(^|[^/A-Za-z])GMT-0?([0-9]{1,2})(:00)?', '\\1Etc/GMT+\\2');
  return offsets.reduce(
    (from, [names, zone]) =>
      replaced(from, `(^|[^/A-Za-z])(${names})($|[^/A-Za-z_])`, `\\1${zone}\\3`),
    both,
  );
}
