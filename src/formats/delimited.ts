import { isUtf8 } from 'node:buffer';
import { fieldsOf, hasMark, RecordScanner, unclosedQuote } from '../delimited-text.js';
import { AppError } from '../errors.js';
import type { DelimitedDialect, DelimitedRelation, LocalFile } from '../relation.js';
import { detectDelimiter } from './detect-delimiter.js';
import { decodeText, encodingOf } from './encoding.js';
import { kindOfBytes } from './magic.js';

/** What a user may say about delimited text; what is left out is detected or has the contract's default. */
export interface DelimitedOptions {
  /** (Default: detected; TSV: tab) */
  readonly delimiter?: string | null;
  /** "" for none. (Default: ") */
  readonly quote?: string;
  /** "" for none. (Default: the same as quote) */
  readonly escape?: string | null;
  /** (Default: true) */
  readonly headers?: boolean;
  /** 1-based physical line. (Default: 1) */
  readonly headerStartRow?: number;
  /** 1-based physical line. (Default: the line after the header) */
  readonly dataStartRow?: number | null;
  /** Physical lines. (Default: 0) */
  readonly footerRowsToSkip?: number;
  /** Any WHATWG label, and "latin-1". (Default: byte order mark, else utf-8) */
  readonly encoding?: string | null;
  /** (Default: [""]) */
  readonly nullValues?: readonly string[];
}

/** The file types that are delimited text. */
export type DelimitedType = 'CSV' | 'TSV' | 'TXT';

/** How one file is to be read. */
export interface DelimitedLayout {
  readonly dialect: DelimitedDialect;
  readonly headers: readonly string[];
  /** Physical lines before the first record. */
  readonly skipLines: number;
  /** WHATWG name; a file with another one than utf-8 must be written in utf-8 before it is read. */
  readonly encoding: string;
  readonly warnings: readonly string[];
  /** Options that were not given and what was found. */
  readonly detected: Readonly<Record<string, unknown>>;
}

/** Where a sample comes from and whether it is the whole file. */
export interface SampleSource {
  /** Object key, or `archive.zip!member`. */
  readonly origin: string;
  readonly complete: boolean;
  readonly type: DelimitedType;
  /** More columns than that are refused. (Default: 2,000) */
  readonly maxColumns?: number;
}

/**
 * Looks at the beginning of one file, as it is after decompression (up to 1 MiB serve).
 * @returns undefined for a file without a header (or, without headers, without a record)
 * @throws NOT_DELIMITED_TEXT, INVALID_ENCODING, INVALID_OPTIONS, MALFORMED_ROW (the header's quote), TOO_MANY_COLUMNS
 */
export function layoutDelimited(
  sample: Buffer,
  file: SampleSource,
  options: DelimitedOptions = {},
): DelimitedLayout | undefined {
  checkOptions(options);
  const kind = kindOfBytes(sample);
  if (kind) throw notText(file.origin, `it is ${kind}`);
  const encoding = encodingOf(sample, options.encoding ?? undefined);
  const bytes = encoding === 'utf-8' ? checkUtf8(sample, file) : decodeText(sample, encoding);
  const text = hasMark(bytes) ? bytes.subarray(3) : bytes;
  if (text.length === 0) return undefined;
  checkText(text, file);

  const quote = options.quote ?? '"';
  const escape = options.escape ?? quote;
  const start = startOf(options);
  const delimiter =
    (options.delimiter === '\\t' ? '\t' : options.delimiter) ??
    (file.type === 'TSV' ? '\t' : detectDelimiter(text, { quote, escape }, start, file.complete));
  const dialect = { delimiter, quote, escape: quote === '' ? '' : escape };
  const found = readStart(text, dialect, start, file, options.headers ?? true);
  if (!found) return undefined;
  const limit = file.maxColumns ?? 2000;
  if (found.headers.length > limit) throw tooManyColumns(file.origin, found.headers.length, limit);

  const skipLines = options.dataStartRow ? options.dataStartRow - 1 : found.skipLines;
  if (skipLines < found.skipLines) {
    throw invalidOption(
      'dataStartRow',
      `is ${options.dataStartRow}, but the header of ${file.origin} ends on line ${found.skipLines}`,
    );
  }
  const detected: Record<string, unknown> = {};
  if (options.delimiter == null) detected.delimiter = delimiter;
  if (options.encoding == null) detected.encoding = encoding;
  return {
    dialect,
    headers: found.headers,
    skipLines,
    encoding,
    warnings: found.warnings,
    detected,
  };
}

/** Local files of one layout as a relation. */
export function delimitedRelation(
  layout: DelimitedLayout,
  files: readonly LocalFile[],
  options: DelimitedOptions = {},
): DelimitedRelation {
  return {
    kind: 'delimited',
    files,
    dialect: layout.dialect,
    headers: layout.headers,
    skipLines: layout.skipLines,
    footerLines: options.footerRowsToSkip ?? 0,
    nullValues: options.nullValues ?? [''],
  };
}

/** Physical lines before the header, or before the data when there is none. */
function startOf(options: DelimitedOptions): number {
  const first = options.headers === false ? (options.dataStartRow ?? 1) : options.headerStartRow;
  return (first ?? 1) - 1;
}

interface Start {
  readonly headers: readonly string[];
  readonly skipLines: number;
  readonly warnings: readonly string[];
}

function readStart(
  text: Buffer,
  dialect: DelimitedDialect,
  start: number,
  file: SampleSource,
  withHeaders: boolean,
): Start | undefined {
  const scanner = new RecordScanner(dialect, 0);
  const { at, passed } = scanner.skipLines(text, 0, start, file.complete);
  if (passed < start) {
    if (file.complete) return undefined;
    throw notText(file.origin, `its first ${text.length} bytes have only ${passed} line ends`);
  }
  let first: { fields: string[]; skipLines: number } | undefined;
  let unclosed: number | undefined;
  const widths = new Map<number, number>();
  scanner.scan(text, at, file.complete, (record) => {
    if (record.fault === 'UNCLOSED_QUOTE') {
      if (!first) unclosed = record.quoteLine;
      return;
    }
    first ??= {
      fields: fieldsOf(text.toString('utf8', record.start, record.end), dialect),
      skipLines: scanner.line - 1,
    };
    widths.set(record.fields, (widths.get(record.fields) ?? 0) + 1);
  });
  if (!first) {
    const open = unclosed ?? scanner.openQuote;
    if (open !== null) throw unclosedQuote(file.origin, open);
    if (file.complete) return undefined;
    throw notText(file.origin, `its first ${text.length} bytes hold no whole line`);
  }
  if (withHeaders) return { headers: first.fields, skipLines: first.skipLines, warnings: [] };
  // One odd row must not decide how many columns there are.
  const [[width] = [0]] = [...widths].sort((a, b) => b[1] - a[1] || b[0] - a[0]);
  const headers = Array.from({ length: width }, (_, position) => `column${position}`);
  return { headers, skipLines: start, warnings: [] };
}

function checkUtf8(sample: Buffer, file: SampleSource): Buffer {
  const whole = file.complete ? sample : withoutCutCharacter(sample);
  if (isUtf8(whole)) return whole;
  let line = 1;
  for (let at = 0; at < whole.length; line++) {
    const end = whole.indexOf(10, at);
    const next = end === -1 ? whole.length : end + 1;
    if (!isUtf8(whole.subarray(at, next))) break;
    at = next;
  }
  throw new AppError(
    'INVALID_ENCODING',
    `${file.origin}, line ${line}: the bytes are not valid UTF-8; set encoding, for example to windows-1252`,
    { details: { file: file.origin, line } },
  );
}

/** A sample may end in the middle of a character. */
function withoutCutCharacter(sample: Buffer): Buffer {
  for (let cut = 0; cut < Math.min(4, sample.length); cut++) {
    const byte = sample[sample.length - 1 - cut] ?? 0;
    if (byte < 0x80) return sample;
    if (byte >= 0xc0) return sample.subarray(0, sample.length - 1 - cut);
  }
  return sample;
}

function checkText(text: Buffer, { origin, complete }: SampleSource): void {
  let nuls = 0;
  for (let at = text.indexOf(0); at !== -1; at = text.indexOf(0, at + 1)) nuls++;
  // A few are damage in single rows, which the load sets aside with their lines.
  if (nuls > 3 && nuls * 1000 > text.length)
    throw notText(origin, 'it has NUL bytes, as binary files have');
  const beginning = text.toString('utf8', 0, 100).trimStart().toLowerCase();
  if (/^<(\?xml|!doctype|html)/.test(beginning))
    throw notText(origin, 'it begins like XML or HTML');
  if (/^(\{\s*"|\[\s*[{[])/.test(beginning)) throw notText(origin, 'it begins like JSON');
  if (!complete && !text.includes(10) && !text.includes(13)) {
    throw notText(origin, `its first ${text.length} bytes have no line end`);
  }
}

function notText(origin: string, why: string): AppError {
  return new AppError(
    'NOT_DELIMITED_TEXT',
    `${origin} is not delimited text: ${why}; choose another type or compression, or narrow the selection`,
    { details: { file: origin } },
  );
}

function tooManyColumns(origin: string, found: number, limit: number): AppError {
  return new AppError(
    'TOO_MANY_COLUMNS',
    `${origin} has ${found} columns, more than ${limit}; check the delimiter`,
    { details: { file: origin, columns: found, limit } },
  );
}

function checkOptions(options: DelimitedOptions): void {
  const { delimiter, quote = '"', escape } = options;
  if (delimiter != null && (delimiter === '' || /[\r\n\0]/.test(delimiter))) {
    throw invalidOption('delimiter', 'must be one character or more, and no line end');
  }
  // The engine's reader takes no more.
  if (delimiter != null && Buffer.byteLength(delimiter) > 4) {
    throw invalidOption('delimiter', 'must be no longer than 4 bytes');
  }
  for (const [name, value] of Object.entries({ quote, escape: escape ?? quote })) {
    if (value !== '' && !/^[\x01-\x09\x0b\x0c\x0e-\x7f]$/.test(value)) {
      throw invalidOption(name, 'must be one ASCII character, or "" for none');
    }
    if (value !== '' && delimiter?.includes(value)) {
      throw invalidOption(name, 'must not be part of the delimiter');
    }
  }
  const rows = {
    headerStartRow: options.headerStartRow ?? 1,
    dataStartRow: options.dataStartRow ?? 1,
    footerRowsToSkip: (options.footerRowsToSkip ?? 0) + 1,
  };
  for (const [name, value] of Object.entries(rows)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw invalidOption(
        name,
        name === 'footerRowsToSkip' ? 'must be 0 or more' : 'must be 1 or more',
      );
    }
  }
}

function invalidOption(option: string, why: string): AppError {
  return new AppError('INVALID_OPTIONS', `The option ${option} ${why}`, { details: { option } });
}
