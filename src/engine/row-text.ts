import type { Column } from '../columns.js';
import { empty, ident, join, literal, sql, type Sql } from '../sql.js';
import { duckdbDialect, timeText } from './dialect.js';
import { formulaCondition, isFormula } from './formula-text.js';

/** A column of a result that becomes a file. */
export type ExportColumn = Pick<Column, 'name' | 'type' | 'decimal'>;

/** How rows become delimited text (RFC 4180). */
export interface DelimitedText {
  /** See {@link isDelimiter}. */
  readonly delimiter: string;
  readonly header: boolean;
  /** Puts an apostrophe before texts that spreadsheets take for formulas, which changes them: not for machines. */
  readonly escapeFormulas: boolean;
}

/** SQL of what a row of `q` becomes. */
export interface RowText {
  readonly line: Sql;
  /** For formats that cannot hold every value. */
  readonly unfit?: {
    /** SQL: the position of the first column whose value cannot be written, as text; NULL where all can. */
    readonly column: Sql;
    /** What is wrong with it, behind "has". */
    readonly reason: string;
  };
}

/** Whether values of a column are texts, in which anything may stand. */
export function isText({ type }: ExportColumn): boolean {
  return type === 'STRING' || type === 'JSON';
}

/**
 * Whether delimited text can be written with a delimiter: one ASCII character that means nothing else in it. The engine counts
 * bytes, and one above 127 ends DuckDB 1.5.6 for good.
 */
export function isDelimiter(text: string): boolean {
  return /^[\u0001-\u007f]$/.test(text) && !['"', '\n', '\r'].includes(text);
}

/** What {@link isDelimiter} asks for, behind "must be". */
export const delimiterRule = 'one ASCII character, and no quote, line break or NUL';

/**
 * SQL of a value of `q` as it stands in delimited text, but for quotes: instants as the API shows them, NaN and infinity as
 * nothing, whole numbers and decimals with all their digits.
 */
export function plainText(column: ExportColumn): Sql {
  const field = sql`q.${ident(column.name)}`;
  switch (column.type) {
    case 'TIMESTAMP':
      return timeText(field);
    case 'TIMESTAMP_TZ':
      // The API shows infinite ones as null, and infinityZ is no time.
      return sql`case when isfinite(${field}) then ${timeText(sql`timezone('UTC', ${field})`)} || 'Z' end`;
    case 'DOUBLE':
      return sql`case when isfinite(${field}) then ${field} end`;
    case 'JSON':
      return sql`cast(${field} as varchar)`;
    default:
      return field;
  }
}

/** SQL of {@link plainText} as text that is a number of JSON and XML where the value is one: 0.5, not .5. */
export function numberText(column: ExportColumn): Sql {
  const text = sql`cast(${plainText(column)} as varchar)`;
  const { type, decimal } = column;
  // Without a digit before the point the engine writes .5, which few readers take.
  return type === 'DECIMAL' && decimal && decimal.precision === decimal.scale
    ? sql`replace(${text}, '.', '0.')`
    : text;
}

/** SQL of a row of `q` as a line of JSON (RFC 8259) without its end: numbers with all their digits, NaN and infinity as null. */
export function jsonLine(columns: readonly ExportColumn[]): Sql {
  const members = columns.flatMap((column, index) => [
    literal(`${index === 0 ? '{' : ','}${JSON.stringify(column.name)}:`),
    jsonText(column),
  ]);
  return sql`concat(${join([...members, literal('}')])})`;
}

/**
 * SQL of a row of `q` as a line of delimited text without its end: what the engine's own COPY writes, but for formulas that
 * are escaped, 0.5 instead of .5, and a line for a row whose only value is NULL: an empty one is no row.
 */
export function delimitedLine(
  columns: readonly ExportColumn[],
  format: Omit<DelimitedText, 'header'>,
): Sql {
  const between = literal(format.delimiter);
  const fields = columns.flatMap((column, index) => [
    ...(index === 0 ? [] : [between]),
    quotedText(column, format),
  ]);
  // It writes NULL as nothing, and so does concat.
  const [only] = fields;
  return only && fields.length === 1 ? sql`coalesce(${only}, '""')` : sql`concat(${join(fields)})`;
}

/** The line of names above such lines. */
export function headerLine(
  columns: readonly ExportColumn[],
  { delimiter, escapeFormulas }: Omit<DelimitedText, 'header'>,
): string {
  const special = specialCharacters(delimiter);
  return columns
    .map(({ name }) => (escapeFormulas && isFormula(name) ? `'${name}` : name))
    .map((name) =>
      special.some((one) => name.includes(one)) ? `"${name.replaceAll('"', '""')}"` : name,
    )
    .join(delimiter);
}

// COPY puts values with # in quotes too: at the beginning of a line some readers take it for a comment.
const specialCharacters = (delimiter: string) => [delimiter, '"', '\n', '\r', '#'];

function quotedText(
  column: ExportColumn,
  { delimiter, escapeFormulas }: Omit<DelimitedText, 'header'>,
): Sql {
  const text = numberText(column);
  // Numbers, dates and truth values have nothing that these would cut.
  if (!isText(column) && [',', ';', '|', '\t'].includes(delimiter)) return text;
  const special = specialCharacters(delimiter).map(
    (one) => sql`contains(${text}, ${literal(one)})`,
  );
  let escape = empty;
  if (escapeFormulas && isText(column)) {
    const formula = formulaCondition(text);
    escape = sql`case when ${formula} then '''' else '' end || `;
    if (delimiter === "'") special.push(formula);
  }
  return sql`case when ${text} = '' then '""' when ${join(special, sql` or `)} then '"' || ${escape}replace(${text}, '"', '""') || '"' else ${escape}${text} end`;
}

function jsonText(column: ExportColumn): Sql {
  const field = sql`q.${ident(column.name)}`;
  switch (column.type) {
    case 'BIGINT':
    case 'DECIMAL':
      return sql`coalesce(${numberText(column)}, 'null')`;
    default:
      return duckdbDialect.jsonText(field, column);
  }
}
