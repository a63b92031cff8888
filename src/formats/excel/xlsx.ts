import { open } from 'node:fs/promises';
import { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import { chooseSheet, type ExcelOptions } from './options.js';
import { SheetRows } from './rows.js';
import { looksLike } from './kinds.js';
import type { RowSink, RowSource } from '../rows.js';
import {
  broken,
  defaultInflateLimits,
  WorkbookPackage,
  type InflateLimits,
} from './xlsx-package.js';
import { SheetCells, sheetElements } from './xlsx-sheet.js';
import { noStrings, readStrings } from './xlsx-strings.js';
import { readStyles } from './xlsx-styles.js';
import { readWorkbook } from './xlsx-workbook.js';

/**
 * Reads a sheet of an XLSX workbook (ECMA-376, transitional and strict), streaming; only the table of texts is held in
 * memory.
 * @throws MALFORMED_FILE, ENCRYPTED_FILE, SHEET_NOT_FOUND, INVALID_OPTIONS, OBJECT_TOO_LARGE, DOCUMENT_TOO_LARGE,
 * CELL_TOO_LONG, TOO_MANY_COLUMNS
 */
export async function readXlsx(
  path: string,
  source: RowSource,
  options: ExcelOptions,
  sink: RowSink,
  limits: FormatLimits,
  inflate: InflateLimits = defaultInflateLimits,
): Promise<void> {
  const rows = new SheetRows(options, source, sink, limits);
  const other = await refusalOf(path, source.origin);
  const parts = await WorkbookPackage.open(path, source.origin, inflate, limits.maxNesting).catch(
    (error: unknown) => {
      throw other ?? error;
    },
  );
  try {
    const workbook = await readWorkbook(parts);
    const sheet = chooseSheet(workbook.sheets, options.sheet, source, sink);
    const { part } = sheet;
    if (part === undefined)
      throw broken(source.origin, `does not say where its sheet ${sheet.name} is`);
    const { styles, strings, date1904 } = workbook;
    const scanner = parts.scanner(part, sheetElements);
    const cells = new SheetCells(scanner, rows, {
      styles: styles === undefined ? [] : await readStyles(parts, styles),
      strings: strings === undefined ? noStrings : await readStrings(parts, strings, limits),
      date1904,
      warn: (message) => sink.warn(`${message} (${source.origin})`),
    });
    for await (const piece of parts.read(part)) {
      scanner.push(piece);
      cells.drain();
      if (rows.full) break;
    }
    if (!rows.full) {
      scanner.finish();
      cells.drain();
    }
    rows.end();
  } finally {
    await parts.close();
  }
}

/**
 * Says what the file is when it does not begin as a zip. (It may be one all the same, with something in front.)
 * @throws ENCRYPTED_FILE, MALFORMED_FILE for an XLS workbook
 */
async function refusalOf(path: string, origin: string): Promise<AppError | undefined> {
  const file = await open(path);
  try {
    const start = Buffer.alloc(4096);
    const { bytesRead } = await file.read(start, 0, start.length, 0);
    const kind = looksLike(start.subarray(0, bytesRead));
    if (kind === 'zip') return undefined;
    if (kind !== 'ole') return broken(origin, `is no XLSX workbook: it looks like ${kind}`);
    // An encrypted workbook stands in the container of the older formats, in a stream of this name.
    const name = Buffer.from('EncryptedPackage', 'utf16le');
    for await (const piece of file.createReadStream({ start: 0, autoClose: false }))
      if ((piece as Buffer).includes(name))
        throw new AppError('ENCRYPTED_FILE', `${origin} is encrypted; save it without password`, {
          details: { file: origin },
        });
    throw broken(origin, 'is an XLS workbook; set format.type to XLS');
  } finally {
    await file.close();
  }
}
