import { open, readFile, stat } from 'node:fs/promises';
import { read, type WorkBook } from 'xlsx';
import { AppError, isAppError, messageOf } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import { kindOfFormat, type NumberKind } from './dates.js';
import { looksLike } from './kinds.js';
import { SheetRows } from './rows.js';
import { dateText, errorTexts, numberText } from './values.js';
import { chooseSheet, type ExcelOptions } from './options.js';
import type { RowSink, RowSource } from '../rows.js';
import { streamsOf } from './xls-container.js';
import { beginsWithRecord, checkRecords } from './xls-records.js';

/** Columns of a sheet of this format; a row that has more is damaged. */
const maxColumns = 256;

/** A cell as the library gives it. */
interface LibraryCell {
  readonly t?: string;
  readonly v?: unknown;
  /** The number format's code. */
  readonly z?: unknown;
}

/**
 * Reads a sheet of an XLS workbook (Excel 2 to 2003). The whole file is held in memory, so its size is limited.
 * @throws MALFORMED_FILE, ENCRYPTED_FILE, SHEET_NOT_FOUND, INVALID_OPTIONS, DOCUMENT_TOO_LARGE, CELL_TOO_LONG,
 * TOO_MANY_COLUMNS
 */
export async function readXls(
  path: string,
  source: RowSource,
  options: ExcelOptions,
  sink: RowSink,
  limits: FormatLimits,
): Promise<void> {
  const { origin } = source;
  const rows = new SheetRows(options, source, sink, limits);
  await refuseOthers(path, origin);
  const { size } = await stat(path);
  if (size > limits.maxDocumentBytes)
    throw new AppError(
      'DOCUMENT_TOO_LARGE',
      `${origin} has ${size} bytes; XLS workbooks may have ${limits.maxDocumentBytes}, as they are read as a ` +
        'whole. Save it as XLSX or raise BUCKETQL_MAX_DOCUMENT_BYTES',
      { details: { file: origin, limit: limits.maxDocumentBytes } },
    );
  const workbook = parsed(await readFile(path), origin);
  const sheets = workbook.SheetNames.map((name, position) => ({
    name,
    visible: (workbook.Workbook?.Sheets?.[position]?.Hidden ?? 0) === 0,
    sheet: workbook.Sheets[name],
  })).filter(({ sheet }) => sheet?.['!type'] === undefined || sheet['!type'] === 'sheet');
  const { sheet, name } = chooseSheet(sheets, options.sheet, source, sink);
  const data = sheet?.['!data'] as readonly (readonly LibraryCell[] | undefined)[] | undefined;
  if (!sheet || !data) throw malformed(origin, `has no cells for its sheet ${name}`);

  const give = cellReader(rows, workbook.Workbook?.WBProps?.date1904 === true, (message) =>
    sink.warn(`${message} (${origin})`),
  );
  for (let row = 0; row < data.length && !rows.full; row++) {
    const cells = data[row];
    if (!cells) continue;
    if (cells.length > maxColumns)
      throw malformed(origin, `has ${cells.length} columns in row ${row + 1}, over ${maxColumns}`);
    rows.beginRow(row + 1);
    cells.forEach((cell, column) => give(cell, column));
    rows.endRow();
  }
  rows.end();
}

/** Gives a cell to the rows by the same rules as XLSX. */
function cellReader(rows: SheetRows, date1904: boolean, warn: (message: string) => void) {
  const kinds = new Map<unknown, NumberKind>();
  const kindOf = (format: unknown): NumberKind => {
    let kind = kinds.get(format);
    if (kind === undefined) {
      kind = typeof format === 'string' ? kindOfFormat(format) : 'number';
      kinds.set(format, kind);
    }
    return kind;
  };
  return ({ t, v, z }: LibraryCell, column: number): void => {
    if (t === 'e') {
      const error = errorTexts[Number(v)] ?? `error ${String(v)}`;
      rows.fault(column, error, 'is an error of the spreadsheet');
    } else if (typeof v === 'boolean') rows.text(column, String(v));
    else if (typeof v === 'string') rows.text(column, v);
    else if (typeof v !== 'number') return;
    else if (!Number.isFinite(v)) rows.fault(column, String(v), 'is no number');
    else {
      const kind = kindOf(z);
      const text = kind === 'number' ? numberText(v) : dateText(v, kind, { date1904, warn });
      rows.text(column, text);
    }
  };
}

function parsed(file: Buffer, origin: string): WorkBook {
  try {
    if (checkRecords(workbookStream(file)) === 'encrypted') throw encrypted(origin);
    return read(file, {
      type: 'buffer',
      dense: true,
      cellNF: true,
      cellDates: false,
      cellText: false,
      cellFormula: false,
      cellHTML: false,
    });
  } catch (error) {
    throw isAppError(error)
      ? error
      : malformed(origin, `is no XLS workbook that can be read: ${messageOf(error)}`, error);
  }

  function workbookStream(bytes: Buffer): Buffer {
    if (beginsWithRecord(bytes)) return bytes;
    const streams = streamsOf(bytes);
    if (streams.some(({ name }) => name === 'EncryptedPackage')) throw encrypted(origin);
    const byName = (wanted: string) =>
      streams.find(({ name }) => name.toLowerCase() === wanted)?.read();
    const stream = byName('workbook') ?? byName('book');
    if (!stream) throw malformed(origin, 'is another Office document, no workbook');
    return stream;
  }
}

/** Says what the file is when it is no XLS workbook. */
async function refuseOthers(path: string, origin: string): Promise<void> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(4096);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    const bytes = start.subarray(0, bytesRead);
    const kind = looksLike(bytes);
    if (kind === 'ole' || beginsWithRecord(bytes)) return;
    if (kind === 'zip')
      throw malformed(origin, 'is a zip, as XLSX workbooks are; set format.type to XLSX');
    throw malformed(origin, `is no XLS workbook: it looks like ${kind}`);
  } finally {
    await file.close();
  }
}

function encrypted(origin: string): AppError {
  return new AppError('ENCRYPTED_FILE', `${origin} is encrypted; save it without password`, {
    details: { file: origin },
  });
}

function malformed(origin: string, problem: string, cause?: unknown): AppError {
  return new AppError('MALFORMED_FILE', `${origin} ${problem}`, {
    details: { file: origin },
    cause,
  });
}
