import { hasMark } from '../delimited-text.js';
import { AppError } from '../errors.js';
import { defaultFormatLimits } from '../limits.js';
import type { DelimitedDialect, DelimitedRelation, LocalFile } from '../relation.js';
import {
  checkOptions,
  invalidOption,
  saidDelimiter,
  type DelimitedOptions,
} from './delimited-options.js';
import { notText, readStart, type StartSource } from './delimited-start.js';
import { detectDelimiter } from './detect-delimiter.js';
import { encodingOf, refuseOtherThanUtf8 } from './detect-encoding.js';
import { decodeText } from './encoding.js';
import { kindOfBytes } from './magic.js';

export type { DelimitedOptions } from './delimited-options.js';

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
export interface SampleSource extends StartSource {
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
  const encoding = encodingOf(sample, options.encoding ?? undefined, file.origin);
  const bytes = encoding === 'utf-8' ? sample : decodeText(sample, encoding);
  const text = hasMark(bytes) ? bytes.subarray(3) : bytes;
  if (text.length === 0) return undefined;
  checkText(text, file);

  const separator = separatorLine(text, options);
  const linesBefore = separator ? 1 : linesBeforeStart(options);
  const quote = options.quote ?? '"';
  const escape = quote === '' ? '' : (options.escape ?? quote);
  const found = saidDelimiter(options) ?? separator ?? (file.type === 'TSV' ? '\t' : undefined);
  const { delimiter, single } =
    found === undefined
      ? detectDelimiter(text, { quote, escape }, linesBefore, file.complete)
      : { delimiter: found };
  const dialect = { delimiter, quote, escape };
  const start = readStart(text, dialect, linesBefore, file, options.headers ?? true);
  if (encoding === 'utf-8') refuseOtherThanUtf8(sample, file, start?.skipLines ?? 0);
  if (!start) return undefined;
  refuseTooWide(start.headers.length, file);

  const asked = options.dataStartRow ? options.dataStartRow - 1 : 0;
  const skipLines = asked === 0 ? start.skipLines : Math.max(asked, separator ? 1 : 0);
  if (skipLines < start.skipLines) {
    throw invalidOption(
      'dataStartRow',
      `is ${options.dataStartRow}, but the header of ${file.origin} ends on line ${start.skipLines}`,
    );
  }
  const detected: Record<string, unknown> = {};
  if (options.delimiter == null) detected.delimiter = delimiter;
  if (options.encoding == null) detected.encoding = encoding;
  if (separator) detected.headerStartRow = 2;
  const warnings = [...start.warnings];
  if (single) {
    warnings.push(`${file.origin}: no delimiter was found, so each line is one value`);
  }
  if (quote === '' && options.escape) {
    warnings.push(
      `${file.origin}: the escape counts only inside quotes, and quote is none, so it stays in the text`,
    );
  }
  return { dialect, headers: start.headers, skipLines, encoding, warnings, detected };
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
function linesBeforeStart(options: DelimitedOptions): number {
  const first = options.headers === false ? (options.dataStartRow ?? 1) : options.headerStartRow;
  return (first ?? 1) - 1;
}

/** The delimiter that a first line like `sep=;` names, as spreadsheets write it; the line is neither header nor row. */
function separatorLine(text: Buffer, options: DelimitedOptions): string | undefined {
  if (linesBeforeStart(options) > 0) return undefined;
  const line = /^[^\r\n]*/.exec(text.toString('utf8', 0, 40))?.[0] ?? '';
  return /^(["']?)sep=(.{1,4})\1$/i.exec(line)?.[2];
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

function refuseTooWide(found: number, file: SampleSource): void {
  const limit = file.maxColumns ?? defaultFormatLimits.maxColumns;
  if (found <= limit) return;
  throw new AppError(
    'TOO_MANY_COLUMNS',
    `${file.origin} has ${found} columns, more than ${limit}; check the delimiter, or raise BUCKETQL_MAX_COLUMNS`,
    { details: { file: file.origin, columns: found, limit } },
  );
}
