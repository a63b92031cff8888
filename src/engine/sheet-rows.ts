import { AppError } from '../errors.js';
import {
  cellStyles,
  cellText,
  escapedCharacter,
  escapedCodes,
  escapedMarks,
  maxCellCharacters,
  maxSheetColumns,
  needsCellEscapes,
} from '../spreadsheet.js';
import { empty, ident, integer, join, literal, sql, type Sql } from '../sql.js';
import { formulaCondition, isFormula } from './formula-text.js';
import { isText, numberText, plainText, type ExportColumn, type RowText } from './row-text.js';
import { escapedText } from './xml-rows.js';

/** How rows become the cells of a worksheet. */
export interface SheetText {
  /** Whether the first row has the names of the columns. (Default: true) */
  readonly header?: boolean;
  /** Marks texts that look like formulas as texts for good (quotePrefix): they stay so when somebody edits them. */
  readonly escapeFormulas: boolean;
}

/*
 * A worksheet's part (ECMA-376 part 1, 18.3.1). Rows and cells have no references: the n-th is the n-th, so that it does not
 * matter which sheet a row comes into. What a spreadsheet's number or date cannot hold exactly is a text: more than 15 digits,
 * days before 1900-03-01 (its calendar has a 29 February 1900), what is finer than a millisecond. TIMESTAMP_TZ is always a text of
 * RFC 3339: a date of a spreadsheet has no zone, and whoever reads it takes it for local time.
 */

const emptyCell = literal('<c/>');
const closeText = '</t></is></c>';

const openText = (style: number) =>
  `<c${style === cellStyles.general ? '' : ` s="${style}"`} t="inlineStr"><is><t xml:space="preserve">`;

/** Widths in characters of what would be shown as #### otherwise. */
const widths: Readonly<Partial<Record<ExportColumn['type'], number>>> = {
  DATE: 11,
  TIME: 13,
  TIMESTAMP: 24,
  TIMESTAMP_TZ: 28,
};

/**
 * What stands before and behind the rows of a sheet: the header belongs to it.
 * @throws UNWRITABLE_VALUE for more columns, or a longer name, than a sheet can have
 */
export function sheetFrame(
  columns: readonly ExportColumn[],
  { header = true, escapeFormulas }: SheetText,
): { readonly head: string; readonly foot: string } {
  if (columns.length > maxSheetColumns) {
    throw new AppError(
      'UNWRITABLE_VALUE',
      `The result has ${columns.length} columns, and a sheet ${maxSheetColumns}; ask for fewer, or write another format`,
      { details: { limit: maxSheetColumns } },
    );
  }
  const wide = columns.flatMap(({ type }, index) => {
    const width = widths[type];
    const at = index + 1;
    return width ? `<col min="${at}" max="${at}" width="${width}" customWidth="1"/>` : [];
  });
  const names = columns.map(({ name }) => headerCell(name, escapeFormulas));
  return {
    head:
      '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' +
      '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">' +
      (wide.length > 0 ? `<cols>${wide.join('')}</cols>` : '') +
      `<sheetData>${header ? `<row>${names.join('')}</row>` : ''}`,
    foot: '</sheetData></worksheet>',
  };
}

/** SQL of a row of `q` as a row of a sheet. */
export function sheetRow(
  columns: readonly ExportColumn[],
  { escapeFormulas }: Pick<SheetText, 'escapeFormulas'>,
): RowText {
  const cells = columns.flatMap((column) =>
    isText(column) ? textCell(column, escapeFormulas) : [valueCell(column)],
  );
  const line = sql`concat(${join([literal('<row>'), ...cells, literal('</row>')])})`;
  const tooLong = columns.flatMap((column, index) =>
    isText(column)
      ? [sql`when ${isTooLong(plainText(column))} then ${literal(String(index))}`]
      : [],
  );
  if (tooLong.length === 0) return { line };
  return {
    line,
    unfit: {
      column: sql`case ${join(tooLong, sql` `)} end`,
      reason: `more than the ${maxCellCharacters} characters that a cell of a spreadsheet can have`,
    },
  };
}

const fieldOf = ({ name }: ExportColumn) => sql`q.${ident(name)}`;

function headerCell(name: string, escapeFormulas: boolean): string {
  if (name.length > maxCellCharacters) {
    throw new AppError(
      'UNWRITABLE_VALUE',
      `A column's name has ${name.length} characters, and a cell at most ${maxCellCharacters}`,
      { details: { column: name, limit: maxCellCharacters } },
    );
  }
  const style = escapeFormulas && isFormula(name) ? cellStyles.quotedText : cellStyles.general;
  return openText(style) + cellText(name) + closeText;
}

// The limit counts code units of UTF-16, of which characters beyond U+FFFF have two. Bytes are at least as many.
function isTooLong(text: Sql): Sql {
  const astral = sql`length(regexp_replace(${text}, '[^\\x{10000}-\\x{10FFFF}]', '', 'g'))`;
  return sql`strlen(${text}) > ${integer(maxCellCharacters)} and length(${text}) + ${astral} > ${integer(maxCellCharacters)}`;
}

function textCell(column: ExportColumn, escapeFormulas: boolean): Sql[] {
  const text = plainText(column);
  const quoted = escapeFormulas
    ? sql`when ${formulaCondition(text)} then ${literal(openText(cellStyles.quotedText))}`
    : empty;
  const marked = escapedMarks.reduce(
    (inner, [mark, escape]) => sql`replace(${inner}, ${literal(mark)}, ${literal(escape)})`,
    text,
  );
  const escaped = escapedCodes.reduce(
    (inner, code) =>
      sql`replace(${inner}, chr(${integer(code)}), ${literal(escapedCharacter(code))})`,
    marked,
  );
  // Most texts need nothing, and one look tells.
  const special = sql`regexp_matches(${text}, ${literal(`[&<>\\r]|${needsCellEscapes}`)})`;
  const needed = sql`regexp_matches(${text}, ${literal(needsCellEscapes)})`;
  return [
    sql`case when ${text} is null then ${emptyCell} ${quoted} else ${literal(openText(cellStyles.general))} end`,
    sql`case when ${special} then case when ${needed} then ${escapedText(escaped)} else ${escapedText(text)} end else ${text} end`,
    sql`case when ${text} is not null then ${literal(closeText)} end`,
  ];
}

/** SQL of a cell with a number or a truth value; NULL for NULL. */
function numberCell(text: Sql, style: number = cellStyles.general): Sql {
  const open = style === cellStyles.general ? '<c><v>' : `<c s="${style}"><v>`;
  return sql`${literal(open)} || ${text} || '</v></c>'`;
}

/** SQL of a cell with a text of ours, in which nothing needs an escape; NULL for NULL. */
function plainTextCell(column: ExportColumn): Sql {
  return sql`${literal(openText(cellStyles.general))} || ${numberText(column)} || ${literal(closeText)}`;
}

/** SQL of a cell that is a number where `exact` says so, else a text. */
function exactCell(column: ExportColumn, exact: Sql, number: Sql): Sql {
  return sql`case when ${exact} then ${number} else ${plainTextCell(column)} end`;
}

function valueCell(column: ExportColumn): Sql {
  return sql`coalesce(${cellOf(column)}, ${emptyCell})`;
}

// In the calendar of spreadsheets day 25,569 is 1970-01-01, and the last one is in the year 9999.
const epochDay = 25_569;
const msOfDay = 86_400_000;
const exactDays = (field: Sql) =>
  sql`${field} >= date '1900-03-01' and ${field} < date '10000-01-01'`;
const wholeMs = (field: Sql) => sql`epoch_us(${field}) % 1000 = 0`;

function cellOf(column: ExportColumn): Sql {
  const field = fieldOf(column);
  switch (column.type) {
    case 'BOOLEAN':
      return sql`case when ${field} then '<c t="b"><v>1</v></c>' when not ${field} then '<c t="b"><v>0</v></c>' end`;
    case 'INTEGER':
      return numberCell(field);
    case 'BIGINT':
    case 'DECIMAL': {
      const number = numberCell(numberText(column));
      const exact = exactDigits(column);
      return exact ? exactCell(column, exact, number) : number;
    }
    case 'DOUBLE':
      // It is what the number of a spreadsheet is, but for what lies at the very ends of its range.
      return exactCell(
        column,
        sql`${field} = 0 or abs(${field}) between 2.2250738585072014e-308 and 9.99999999999999e307`,
        numberCell(plainText(column)),
      );
    case 'DATE':
      return exactCell(
        column,
        exactDays(field),
        numberCell(sql`(${field} - date '1899-12-30')`, cellStyles.date),
      );
    case 'TIME':
      return exactCell(
        column,
        sql`${wholeMs(field)} and ${field} < time '24:00:00'`,
        numberCell(sql`(epoch_ms(${field}) / ${integer(msOfDay)})`, cellStyles.time),
      );
    case 'TIMESTAMP':
      return exactCell(
        column,
        sql`${exactDays(field)} and ${wholeMs(field)}`,
        numberCell(
          sql`((epoch_ms(${field}) + ${integer(epochDay * msOfDay)}) / ${integer(msOfDay)})`,
          cellStyles.dateTime,
        ),
      );
    case 'TIMESTAMP_TZ':
      return plainTextCell(column);
    case 'STRING':
    case 'JSON':
      throw new TypeError(`${column.type} is a text`);
  }
}

/** Digits that survive as a double and back (IEEE 754), and that spreadsheets show. */
const maxDigits = 15;

/** SQL: whether a number has so few digits, beside zeros at its ends; undefined where all have. */
function exactDigits(column: ExportColumn): Sql | undefined {
  const { precision, scale } =
    column.type === 'BIGINT'
      ? { precision: 19, scale: 0 }
      : (column.decimal ?? { precision: 38, scale: 0 });
  if (precision <= maxDigits) return undefined;
  const field = fieldOf(column);
  const digits = sql`strlen(trim(replace(replace(cast(${field} as varchar), '-', ''), '.', ''), '0')) <= ${integer(maxDigits)}`;
  if (scale > maxDigits) return digits;
  // Most numbers are small, and a comparison says so.
  const largest = `${'9'.repeat(maxDigits - scale)}.${'9'.repeat(scale)}`;
  const bound = (sign: string) =>
    sql`cast(${literal(sign + largest)} as decimal(${integer(precision)}, ${integer(scale)}))`;
  return sql`${field} between ${bound('-')} and ${bound('')} or ${digits}`;
}
