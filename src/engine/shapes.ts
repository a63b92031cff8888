import type { ColumnType } from '../columns.js';
import type { DecimalSize } from '../inference.js';
import { integer, join, literal, sql, type Sql } from '../sql.js';

/**
 * The shapes of text that become typed values, as SQL over a text expression. A shape is true only if the value says
 * exactly what the text said: DuckDB's own casts take 00501 for 501, 1.5 for 2, " 5" for 5 and 2020-1-5 for a date.
 */

const wholePattern = '-?(0|[1-9][0-9]*)';
const fractionPattern = '-?(0|[1-9][0-9]*)?\\.[0-9]+';
const exponentPattern = '-?((0|[1-9][0-9]*)(\\.[0-9]+)?|\\.[0-9]+)[eE][+-]?[0-9]+';
const plainPattern = '-?((0|[1-9][0-9]*)(\\.[0-9]+)?|\\.[0-9]+)';
const numberPattern = `${plainPattern}([eE][+-]?[0-9]+)?`;
const clockPattern = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9](\\.[0-9]{1,6})?)?';
const dayPattern = '[0-9]{4}-[0-9]{2}-[0-9]{2}';
const offsetPattern = '(Z|[+-]([01][0-9]|2[0-3])(:?[0-5][0-9])?)';

function matches(text: Sql, pattern: string): Sql {
  return sql`regexp_full_match(${text}, ${literal(pattern)})`;
}

/** The value of the text in the engine's type, NULL when it has none. */
export function cast(text: Sql, type: ColumnType, decimal?: DecimalSize): Sql {
  if (type === 'TIMESTAMP_TZ') {
    // The engine takes minutes without seconds, but not in front of an offset.
    const minutes = matches(text, `${dayPattern}[T ][0-9]{2}:[0-9]{2}${offsetPattern}`);
    const withSeconds = sql`left(${text}, 16) || ':00' || substr(${text}, 17)`;
    return sql`coalesce(try_cast(${text} as timestamptz),
      case when ${minutes} then try_cast(${withSeconds} as timestamptz) end)`;
  }
  return sql`try_cast(${text} as ${sqlType(type, decimal)})`;
}

/** The engine's name of a column type. */
export function sqlType(type: ColumnType, decimal?: DecimalSize): Sql {
  switch (type) {
    case 'DECIMAL': {
      const { precision, scale } = decimal ?? { precision: 38, scale: 9 };
      return sql`decimal(${integer(precision)}, ${integer(scale)})`;
    }
    case 'STRING':
      return sql`varchar`;
    case 'TIMESTAMP_TZ':
      return sql`timestamptz`;
    case 'BOOLEAN':
      return sql`boolean`;
    case 'INTEGER':
      return sql`integer`;
    case 'BIGINT':
      return sql`bigint`;
    case 'DOUBLE':
      return sql`double`;
    case 'DATE':
      return sql`date`;
    case 'TIME':
      return sql`time`;
    case 'TIMESTAMP':
      return sql`timestamp`;
    case 'JSON':
      return sql`json`;
  }
}

/** The engine writes the value as the text is: half the cost of matching a pattern. */
export function isWritten(text: Sql, value: Sql): Sql {
  return sql`${value}::varchar = ${text}`;
}

/** The text is how the engine writes the value, zeros at the end aside. "1." must not pass. */
function isBeginningOfWritten(text: Sql, value: Sql): Sql {
  return sql`starts_with(${value}::varchar, ${text}) and not ends_with(${text}, '.')`;
}

/** A whole number that the type holds. */
export function isInteger(text: Sql, value: Sql): Sql {
  return sql`(${isWritten(text, value)} or ${text} = '-0')`;
}

export function isWhole(text: Sql): Sql {
  return matches(text, wholePattern);
}

export function isFraction(text: Sql): Sql {
  return matches(text, fractionPattern);
}

export function isExponent(text: Sql): Sql {
  return matches(text, exponentPattern);
}

/** A plain number that the decimal holds with all its digits. */
export function isDecimal(text: Sql, value: Sql, { scale }: DecimalSize): Sql {
  const behind = scale === 0 ? '' : `(\\.[0-9]{1,${scale}})?`;
  const onlyBehind = scale === 0 ? '' : `|\\.[0-9]{1,${scale}}`;
  // .5 and -0.0 take the pattern.
  return sql`((${isBeginningOfWritten(text, value)})
    or (${value} is not null and ${matches(text, `-?((0|[1-9][0-9]*)${behind}${onlyBehind})`)}))`;
}

/** A number whose digits a double gives back: 0.1 and 1e5, not 9007199254740993, 1e400 or 1e-400. */
export function isDouble(text: Sql, value: Sql): Sql {
  return sql`(${matches(text, numberPattern)} and isfinite(${value}) and ${digits(sql`${value}::varchar`)} = ${digits(text)})`;
}

// The digits that count: sign, point, exponent and the zeros around them left out.
function digits(number: Sql): Sql {
  return sql`trim(replace(ltrim(split_part(lower(${number}), 'e', 1), '-'), '.', ''), '0')`;
}

export function isBoolean(text: Sql): Sql {
  // Not IN: DuckDB joins with a list of five or more, and an INSERT from that loses the order of the rows.
  return sql`list_contains(['true', 'false', 'TRUE', 'FALSE', 'True', 'False'], ${text})`;
}

/** YYYY-MM-DD, a day that there is. */
export function isDate(text: Sql, value: Sql): Sql {
  return sql`(${isWritten(text, value)} and strlen(${text}) = 10)`;
}

/** HH:MM or HH:MM:SS with up to six digits of a fraction. */
export function isTime(text: Sql): Sql {
  return matches(text, clockPattern);
}

// A glob costs a third of a regular expression, so the most frequent forms are tried with two; there is no hour 24.
const timestampGlobs = ['[01][0-9]', '2[0-3]'].map((hours) =>
  `0000-00-00[T ]${hours}:00:00`.replaceAll('00', '[0-9][0-9]'),
);

function isFrequent(text: Sql, behind: string): Sql {
  const globs = timestampGlobs.map((glob) => sql`${text} glob ${literal(glob + behind)}`);
  return sql`(${join(globs, sql` or `)})`;
}

/** Date and time with T or a space between them, without an offset. */
export function isTimestamp(text: Sql, value: Sql): Sql {
  const pattern = matches(text, `${dayPattern}[T ]${clockPattern}`);
  return sql`((${isFrequent(text, '')} or ${pattern}) and ${isReal(text, value)})`;
}

/** Date and time with Z or an offset. */
export function isTimestampTz(text: Sql, value: Sql): Sql {
  const pattern = matches(text, `${dayPattern}[T ]${clockPattern}${offsetPattern}`);
  return sql`((${isFrequent(text, 'Z')} or ${pattern}) and ${isReal(text, value)})`;
}

// The engine counts years from 1 BC downwards, so 0000 would come back as another text.
function isReal(text: Sql, value: Sql): Sql {
  return sql`${value} is not null and ${text} >= '0001'`;
}

const jsonString = '"(?:[^"\\\\]|\\\\.)*"';
// What the engine's parser lets through and others do not: commas behind the last item, NaN and infinities, comments.
const looseJson = '(?i),\\s*[\\]}]|nan|inf|/';

/** JSON as RFC 8259 has it: the engine's own check takes `[NaN,]`. */
export function isStrictJson(text: Sql): Sql {
  return sql`(json_valid(${text}) and not
    regexp_matches(regexp_replace(${text}, ${literal(jsonString)}, '""', 'gs'), ${literal(looseJson)}))`;
}
