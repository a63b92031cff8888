import { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import type { RowSink, RowSource } from '../rows.js';

/** How a sheet of XLS or XLSX becomes a table. */
export interface ExcelOptions {
  /** Name of the sheet. (Default: the first that is visible) */
  readonly sheet?: string;
  /** false: the columns are column0, column1, … (Default: true) */
  readonly headers?: boolean;
  /** 1-based row of the sheet with the names of the columns. (Default: 1, or the first row that has a cell) */
  readonly headerStartRow?: number;
  /** 1-based row of the sheet where the data begin. (Default: the row behind the header) */
  readonly dataStartRow?: number;
  /** How many of the last rows that have a cell are no data. (Default: 0) */
  readonly footerRowsToSkip?: number;
}

/** A sheet of a workbook that has cells. */
export interface Sheet {
  readonly name: string;
  readonly visible: boolean;
}

/** The last row and column that a sheet can have. */
export const lastRow = 1_048_576;
export const lastColumn = 16_384;

// Excel's own limit is 32,767 characters, so what is far beyond was not made to be read.
const longestCell = 2 ** 20;

/** Bytes that a cell may have. */
export function maxCellBytesOf(limits: FormatLimits): number {
  return Math.min(limits.maxCellBytes, longestCell);
}

/** A cell, or what it refers to, is too long. */
export function cellTooLong(origin: string, place: string, limit: number): AppError {
  const hint = limit < longestCell ? '; raise BUCKETQL_MAX_CELL_BYTES' : '';
  return new AppError('CELL_TOO_LONG', `${place} of ${origin} has over ${limit} bytes${hint}`, {
    details: { file: origin, limit },
  });
}

/**
 * Finds the sheet that was asked for: by its name, else by its name without regard to case and spaces (which is
 * reported). Says in the sink which sheets there are.
 * @throws SHEET_NOT_FOUND with the sheets
 */
export function chooseSheet<S extends Sheet>(
  sheets: readonly S[],
  wanted: string | undefined,
  { origin }: RowSource,
  sink: RowSink,
): S {
  const names = sheets.map(({ name }) => name);
  sink.detected('sheets', names);
  const list =
    names.length === 0 ? 'it has no sheet with cells' : `its sheets are ${quoted(names)}`;
  const notFound = (what: string) =>
    new AppError('SHEET_NOT_FOUND', `${origin} has ${what}; ${list}`, {
      details: { file: origin, sheet: wanted ?? null, sheets: names },
    });
  if (wanted === undefined || wanted.trim() === '') {
    const first = sheets.find(({ visible }) => visible) ?? sheets[0];
    if (!first) throw notFound('no sheet');
    sink.detected('sheet', first.name);
    return first;
  }
  const exact = sheets.find(({ name }) => name === wanted);
  if (exact) return exact;
  const alike = sheets.filter(({ name }) => plainName(name) === plainName(wanted));
  const [found] = alike;
  if (!found || alike.length > 1)
    throw notFound(
      found ? `several sheets like "${wanted}"` : `no sheet named ${JSON.stringify(wanted)}`,
    );
  sink.warn(
    `${origin} has no sheet named ${JSON.stringify(wanted)}, so ${JSON.stringify(found.name)} was read`,
  );
  sink.detected('sheet', found.name);
  return found;
}

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, 50).map((name) => JSON.stringify(name));
  return shown.join(', ') + (names.length > shown.length ? ` and ${names.length - 50} more` : '');
}

function plainName(name: string): string {
  return name.normalize('NFKC').replace(/\s+/gu, '').toLowerCase();
}
