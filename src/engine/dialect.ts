import type { ColumnType } from '../columns.js';
import type { Dialect, IntervalUnit, ValueType } from '../dialect.js';
import { empty, ident, integer, join, literal, sql, type Sql } from '../sql.js';

const typeNames: Record<Exclude<ColumnType, 'DECIMAL'>, Sql> = {
  BOOLEAN: sql`boolean`,
  INTEGER: sql`integer`,
  BIGINT: sql`bigint`,
  DOUBLE: sql`double`,
  STRING: sql`varchar`,
  DATE: sql`date`,
  TIME: sql`time`,
  TIMESTAMP: sql`timestamp`,
  TIMESTAMP_TZ: sql`timestamptz`,
  JSON: sql`json`,
};

const intervals: Record<IntervalUnit, { readonly part: Sql; readonly width: Sql }> = {
  YEAR: { part: sql`'year'`, width: sql`interval '1 year'` },
  QUARTER: { part: sql`'quarter'`, width: sql`interval '3 months'` },
  MONTH: { part: sql`'month'`, width: sql`interval '1 month'` },
  WEEK: { part: sql`'week'`, width: sql`interval '7 days'` },
  DAY: { part: sql`'day'`, width: sql`interval '1 day'` },
  HOUR: { part: sql`'hour'`, width: sql`interval '1 hour'` },
  MINUTE: { part: sql`'minute'`, width: sql`interval '1 minute'` },
};

/**
 * JSON text of a value that is not NULL, without its quotes, or NULL: to_json would write NaN, rounded floats and timestamps
 * without T.
 */
const jsonTexts: Record<ColumnType, (value: Sql, type: ValueType) => Sql> = {
  BOOLEAN: varchar,
  INTEGER: varchar,
  BIGINT: varchar,
  // Without a digit before the point the engine writes .5, which few readers take.
  DECIMAL: (value, { decimal }) =>
    decimal && decimal.precision === decimal.scale
      ? sql`replace(${varchar(value)}, '.', '0.')`
      : varchar(value),
  DOUBLE: (value) => sql`case when isfinite(${value}) then ${varchar(value)} end`,
  STRING: (value) => varchar(sql`to_json(${value})`),
  DATE: varchar,
  TIME: varchar,
  TIMESTAMP: timeText,
  // The cast of a TIMESTAMPTZ follows the session's TimeZone; the count of microseconds does not.
  TIMESTAMP_TZ: (value) => sql`${timeText(utc(value))} || 'Z'`,
  JSON: varchar,
};

/** The types whose JSON is a string that needs no escapes. */
const isQuoted: Record<ColumnType, boolean> = {
  BOOLEAN: false,
  INTEGER: false,
  BIGINT: true,
  DECIMAL: true,
  DOUBLE: false,
  STRING: false,
  DATE: true,
  TIME: true,
  TIMESTAMP: true,
  TIMESTAMP_TZ: true,
  JSON: false,
};

/** The heads of RE2's own messages. */
const patternProblems =
  /(?:invalid (?:escape sequence|character class|perl operator|repetition size|named capture|UTF-8)|missing [\])]|unexpected \)|no argument for repetition|bad repetition operator|trailing \\|pattern too large).*/;

// From here on squares of deviations may overflow, which the engine answers with an error instead of a number.
const tooLargeToSquare = literal('1e150');

// Two dates far apart and a narrow bucket would otherwise fill the disk.
const maxSeries = 1_000_000;
const seriesProblem = `fillGaps would make more than ${maxSeries} buckets; use a wider unit or filter the time`;

const maxDecimal = { precision: 38, scale: 0 };

// Sums have 38 digits, so ten thousand million of such numbers fit.
const summableDigits = 28;
const sumProblem =
  'A sum has more than 38 digits, before or behind the point; filter the rows, or ask for avg';

/** DuckDB's SQL. */
export const duckdbDialect: Dialect = {
  name: 'duckdb',

  rowId: 'rowid',
  // Its documentation guarantees this ("Order Preservation") while preserve_insertion_order is on, as it is by default.
  // ORDER BY rowid would read the whole table for a page of 100 rows.
  // DuckDB 1.5.6 joins with a list of five or more inside an OR, and rows then come as the threads finish.
  keepsLoadOrder: (longestList) => longestList < 5,
  limit: (limit, offset) =>
    join(
      [
        limit === undefined ? empty : sql` limit ${integer(limit)}`,
        offset === undefined || offset === 0 ? empty : sql` offset ${integer(offset)}`,
      ],
      empty,
    ),
  materialized: sql`materialized `,

  typeName,
  // The cast of a TIMESTAMPTZ cuts the seconds off the offsets of long ago; it serves for the infinities only.
  toText: (value, { type }) =>
    type === 'TIMESTAMP_TZ'
      ? sql`coalesce(${varchar(utc(value))} || '+00', ${varchar(value)})`
      : varchar(value),
  fromText: (text, type) => sql`try_cast(${text} as ${typeName(type)})`,
  jsonText(value, type) {
    const text = jsonTexts[type.type](value, type);
    return sql`coalesce(${isQuoted[type.type] ? sql`'"' || ${text} || '"'` : text}, 'null')`;
  },
  jsonPieces(value, type) {
    if (!isQuoted[type.type]) return [duckdbDialect.jsonText(value, type)];
    return [
      sql`case when ${value} is null then 'null' else '"' end`,
      jsonTexts[type.type](value, type),
      sql`case when ${value} is null then '' else '"' end`,
    ];
  },
  base64: (text) => sql`to_base64(encode(${text}))`,
  bytes: (text) => sql`encode(${text})`,
  joinRows: (text, orderBy, keep) =>
    keep
      ? sql`encode(coalesce(string_agg(${text}, ',' order by ${orderBy}) filter (where ${keep}), ''))`
      : sql`encode(string_agg(${text}, ',' order by ${orderBy}))`,
  joinTexts: (text, orderBy) => sql`string_agg(${text}, ',' order by ${orderBy})`,

  contains: (text, part) => sql`contains(${text}, ${part})`,
  startsWith: (text, part) => sql`starts_with(${text}, ${part})`,
  endsWith: (text, part) => sql`ends_with(${text}, ${part})`,
  containsIgnoringCase: (text, part) => sql`contains(lower(${text}), lower(${part}))`,
  like(text, pattern, { escaped, ignoreCase }) {
    // ILIKE does the same three times slower, and takes NUL for an escape.
    const folded = (side: Sql) => (ignoreCase ? sql`lower(${side})` : side);
    // ESCAPE takes a path that is four times slower, and without it a backslash is plain.
    return sql`${folded(text)} like ${folded(pattern)}${escaped ? sql` escape '\\'` : empty}`;
  },
  matches: (text, pattern) => sql`regexp_matches(${text}, ${pattern})`,
  patternProblem: (message) => patternProblems.exec(message)?.[0],

  approxCountDistinct: (value) => sql`approx_count_distinct(${value})`,
  sum(value, { type, decimal }) {
    // sum(BIGINT) is a HUGEINT, which few formats know.
    if (type === 'INTEGER' || type === 'BIGINT') {
      return sql`cast(sum(${value}) as decimal(38, 0))`;
    }
    const { precision, scale } = decimal ?? maxDecimal;
    if (type === 'DOUBLE' || precision <= summableDigits) return sql`sum(${value})`;
    // The engine goes on to 2^127, which is 39 digits, and gives them as a DECIMAL of 38.
    const largest = sql`cast(${literal(`${'9'.repeat(38 - scale)}.${'9'.repeat(scale)}`)} as ${typeName({ type, decimal: { precision: 38, scale } })})`;
    return sql`case when abs(sum(${value})) > ${largest} then error(${literal(sumProblem)}) else sum(${value}) end`;
  },
  summableDigits,
  sumProblem: (message) =>
    message.includes(sumProblem) || message.includes('Overflow in HUGEINT addition')
      ? sumProblem
      : undefined,
  stddev(value, { type }) {
    const double = sql`cast(${value} as double)`;
    if (type !== 'DOUBLE') return sql`stddev_samp(${double})`;
    const small = sql`abs(${value}) < ${tooLargeToSquare}::double`;
    return sql`case when max(abs(${value})) < ${tooLargeToSquare}::double then stddev_samp(${value}) filter (where ${small}) end`;
  },
  quantile: (value, fraction) =>
    // The engine wants a constant here. Decimals are cast first: it would interpolate them in their own scale.
    sql`quantile_cont(cast(${value} as double), cast(${literal(String(fraction))} as double))`,

  bucketStart: (value, { type }, unit, timezone) =>
    sql`date_trunc(${intervals[unit].part}, ${type === 'TIMESTAMP_TZ' ? local(value, timezone) : sql`cast(${value} as timestamp)`})`,
  bucketEnd: (start, unit) => sql`${start} + ${intervals[unit].width}`,
  bucketSeries(name, first, last, unit) {
    const { part, width } = intervals[unit];
    const long = sql`date_diff(${part}, ${first}, ${last}) >= ${integer(maxSeries)}`;
    const bounded = sql`case when ${long} then error(${literal(seriesProblem)}) else ${last} end`;
    return sql`generate_series(${first}, ${bounded}, ${width}) as ${ident(name)}(${ident('start')})`;
  },
  seriesProblem: (message) => (message.includes(seriesProblem) ? seriesProblem : undefined),
  isFinite: (timestamp) => sql`isfinite(${timestamp})`,
  // A local time that was skipped comes back as one as far behind the gap: in the bucket still, or in a later one.
  bucketExists: (start, unit, timezone) =>
    sql`date_trunc(${intervals[unit].part}, timezone(${literal(timezone)}, timezone(${literal(timezone)}, ${start}))) = ${start}`,
};

/**
 * Text of a TIMESTAMP as in ISO 8601, which has a year 0000 before 0001: the engine's own says `0001-12-31 (BC)`. Offsets of
 * the first days of 0001 reach into it.
 */
export function timeText(timestamp: Sql): Sql {
  // Twice as fast as to replace the blank; infinity has no time, and is far.
  const usual = sql`${varchar(sql`cast(${timestamp} as date)`)} || 'T' || ${varchar(sql`cast(${timestamp} as time)`)}`;
  const before = sql`rtrim(rtrim(strftime(${timestamp}, '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.')`;
  return sql`case when ${timestamp} between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999' then ${usual} when ${timestamp} < timestamp '0001-01-01' then ${before} else replace(${varchar(timestamp)}, ' ', 'T') end`;
}

function typeName({ type, decimal }: ValueType): Sql {
  if (type !== 'DECIMAL') return typeNames[type];
  const { precision, scale } = decimal ?? maxDecimal;
  return sql`decimal(${integer(precision)}, ${integer(scale)})`;
}

function varchar(value: Sql): Sql {
  return sql`cast(${value} as varchar)`;
}

function utc(value: Sql): Sql {
  return sql`make_timestamp(epoch_us(${value}))`;
}

function local(value: Sql, timezone: string): Sql {
  // Counting microseconds is about ten times faster than the time zone library.
  return timezone === 'UTC' ? utc(value) : sql`timezone(${literal(timezone)}, ${value})`;
}
