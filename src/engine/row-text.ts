import type { Column } from '../columns.js';
import { ident, join, literal, sql, type Sql } from '../sql.js';
import { duckdbDialect, timeText } from './dialect.js';

/** A column of a result that becomes a file. */
export type ExportColumn = Pick<Column, 'name' | 'type' | 'decimal'>;

/** How rows become delimited text (RFC 4180). */
export interface DelimitedText {
  /** See {@link isDelimiter}. */
  readonly delimiter: string;
  readonly header: boolean;
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
      return sql`${timeText(sql`timezone('UTC', ${field})`)} || 'Z'`;
    case 'DOUBLE':
      return sql`case when isfinite(${field}) then ${field} end`;
    default:
      return field;
  }
}

/** SQL of a row of `q` as a line of JSON (RFC 8259) without its end: numbers with all their digits, NaN and infinity as null. */
export function jsonLine(columns: readonly ExportColumn[]): Sql {
  const members = columns.flatMap((column, index) => [
    literal(`${index === 0 ? '{' : ','}${JSON.stringify(column.name)}:`),
    jsonText(column),
  ]);
  return sql`concat(${join([...members, literal('}')])})`;
}

/** SQL of a row of `q` as a line of delimited text without its end: byte for byte what the engine's own COPY writes. */
export function delimitedLine(columns: readonly ExportColumn[], delimiter: string): Sql {
  const between = literal(delimiter);
  const fields = columns.flatMap((column, index) => [
    ...(index === 0 ? [] : [between]),
    quotedText(column, delimiter),
  ]);
  // It writes NULL as nothing, and so does concat.
  return sql`concat(${join(fields)})`;
}

/** The line of names above such lines. */
export function headerLine(columns: readonly ExportColumn[], delimiter: string): string {
  const special = specialCharacters(delimiter);
  return columns
    .map(({ name }) =>
      special.some((one) => name.includes(one)) ? `"${name.replaceAll('"', '""')}"` : name,
    )
    .join(delimiter);
}

// COPY puts values with # in quotes too: at the beginning of a line some readers take it for a comment.
const specialCharacters = (delimiter: string) => [delimiter, '"', '\n', '\r', '#'];

function quotedText(column: ExportColumn, delimiter: string): Sql {
  const text = sql`cast(${plainText(column)} as varchar)`;
  // Numbers, dates and truth values have nothing that these would cut.
  const isText = column.type === 'STRING' || column.type === 'JSON';
  if (!isText && [',', ';', '|', '\t'].includes(delimiter)) return text;
  const special = specialCharacters(delimiter).map(
    (one) => sql`contains(${text}, ${literal(one)})`,
  );
  return sql`case when ${text} = '' then '""' when ${join(special, sql` or `)} then '"' || replace(${text}, '"', '""') || '"' else ${text} end`;
}

function jsonText(column: ExportColumn): Sql {
  const field = sql`q.${ident(column.name)}`;
  switch (column.type) {
    case 'BIGINT':
    case 'DECIMAL':
      return sql`coalesce(cast(${field} as varchar), 'null')`;
    default:
      return duckdbDialect.jsonText(field, column);
  }
}
