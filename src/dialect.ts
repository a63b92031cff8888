import type { Column } from './columns.js';
import type { Sql } from './sql.js';

/** The type of a value, with digits where it is a DECIMAL. */
export type ValueType = Pick<Column, 'type' | 'decimal'>;

/** The widths that time can be cut into. */
export type IntervalUnit = 'YEAR' | 'QUARTER' | 'MONTH' | 'WEEK' | 'DAY' | 'HOUR' | 'MINUTE';

/** What differs between SQL engines; everything else the compiler writes is common SQL. */
export interface Dialect {
  readonly name: string;

  // rows
  /** The pseudo column that numbers a table's rows in load order, and is unique and stable within a generation. */
  readonly rowId: string;
  /**
   * True where a filtered scan with LIMIT and empty windows keep the order of the row ids, so load order needs no ORDER BY.
   * `longestList` is the length of the longest IN list in the filter: engines turn long ones into joins. Infinity: there is a join.
   */
  keepsLoadOrder(longestList: number): boolean;
  /** LIMIT and OFFSET in the engine's order of clauses; nothing if both are missing. */
  limit(limit: number | undefined, offset: number | undefined): Sql;
  /** Stands before the parenthesis of a table expression that is computed once and then read by several threads. */
  readonly materialized: Sql;

  // values
  /** Name of the engine's type for a value. */
  typeName(type: ValueType): Sql;
  /** Text that {@link fromText} turns into the same value again; NULL stays NULL. */
  toText(value: Sql, type: ValueType): Sql;
  /** A value from {@link toText}'s text; NULL if it is none of this type. */
  fromText(text: Sql, type: ValueType): Sql;
  /** A value's JSON text as the API writes it; never NULL. */
  jsonText(value: Sql, type: ValueType): Sql;
  /** The same in pieces for `concat`, which takes NULL for nothing: cheaper than a text that is made and then copied. */
  jsonPieces(value: Sql, type: ValueType): readonly Sql[];
  base64(text: Sql): Sql;
  /** Text as UTF-8 bytes. */
  bytes(text: Sql): Sql;
  /** The texts of a group's rows where `keep` holds, joined by commas in order, as bytes. (Default keep: all) */
  joinRows(text: Sql, orderBy: Sql, keep?: Sql): Sql;
  /** The texts of a group's rows, joined by commas in order, as text. */
  joinTexts(text: Sql, orderBy: Sql): Sql;

  // text conditions; the value's own % and _ mean nothing but in `like`
  contains(text: Sql, part: Sql): Sql;
  startsWith(text: Sql, part: Sql): Sql;
  endsWith(text: Sql, part: Sql): Sql;
  containsIgnoringCase(text: Sql, part: Sql): Sql;
  /** SQL wildcards; a backslash in front makes them plain if `escaped`. */
  like(text: Sql, pattern: Sql, options: { escaped: boolean; ignoreCase: boolean }): Sql;
  /** True where the RE2 pattern matches anywhere. */
  matches(text: Sql, pattern: Sql): Sql;
  /** The reason in an engine's error message if what it refused is a pattern of {@link matches}. */
  patternProblem(message: string): string | undefined;

  // aggregates
  approxCountDistinct(value: Sql): Sql;
  /** Whole numbers and decimals add up to 38 digits, exactly or not at all; doubles to doubles. */
  sum(value: Sql, type: ValueType): Sql;
  /** Decimals of so many digits always have a {@link sum}, however many they are. */
  readonly summableDigits: number;
  /** The reason in an engine's error message if a {@link sum} has too many digits. */
  sumProblem(message: string): string | undefined;
  /** Of a sample, as DOUBLE; NULL for fewer than two values or where a double leaves the computable range. */
  stddev(value: Sql, type: ValueType): Sql;
  /** Between neighbours interpolated, as DOUBLE; `fraction` is a constant from 0 to 1. */
  quantile(value: Sql, fraction: number): Sql;

  // time
  /** The local start, as TIMESTAMP, of the bucket a DATE, TIMESTAMP or (seen in `timezone`) TIMESTAMP_TZ falls into. */
  bucketStart(value: Sql, type: ValueType, unit: IntervalUnit, timezone: string): Sql;
  bucketEnd(start: Sql, unit: IntervalUnit): Sql;
  /** A FROM item, correlated to the items before it, with all bucket starts between two as `name.start`; fails above a million. */
  bucketSeries(name: string, first: Sql, last: Sql, unit: IntervalUnit): Sql;
  /** The reason in an engine's error message if a {@link bucketSeries} was too long. */
  seriesProblem(message: string): string | undefined;
  isFinite(timestamp: Sql): Sql;
  /** False for a bucket of local times that clocks skip, every one: an hour when daylight saving begins, a day in Samoa. */
  bucketExists(start: Sql, unit: IntervalUnit, timezone: string): Sql;
}
