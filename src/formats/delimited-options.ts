import { AppError } from '../errors.js';

/** What a user may say about delimited text; what is left out is detected or has the contract's default. */
export interface DelimitedOptions {
  /** Any text without a line's end. (Default: detected; TSV: tab) */
  readonly delimiter?: string | null;
  /** One character, "" for none. (Default: ") */
  readonly quote?: string;
  /** Any text without a line's end, "" for none. (Default: the same as quote) */
  readonly escape?: string | null;
  /** (Default: true) */
  readonly headers?: boolean;
  /** 1-based physical line. (Default: 1) */
  readonly headerStartRow?: number;
  /** 1-based physical line. (Default: the line after the header) */
  readonly dataStartRow?: number | null;
  /** Physical lines. (Default: 0) */
  readonly footerRowsToSkip?: number;
  /** Any WHATWG label, and "latin-1"; a byte order mark says more. (Default: byte order mark, else utf-8) */
  readonly encoding?: string | null;
  /** (Default: [""]) */
  readonly nullValues?: readonly string[];
}

const longestMark = 100;

/** @throws INVALID_OPTIONS for what cannot be meant */
export function checkOptions(options: DelimitedOptions): void {
  const delimiter = saidDelimiter(options);
  const { quote = '"' } = options;
  const marks = { delimiter: delimiter ?? ',', quote, escape: options.escape ?? quote };
  if (delimiter === '') throw invalidOption('delimiter', 'must be one character or more');
  if ([...quote].length > 1) throw invalidOption('quote', 'must be one character, or "" for none');
  for (const [name, mark] of Object.entries(marks)) {
    if (/[\r\n\0]/.test(mark)) throw invalidOption(name, 'must not hold a line end or NUL');
    if (mark.length > longestMark) {
      throw invalidOption(name, `must have at most ${longestMark} characters`);
    }
    if (name !== 'delimiter' && mark !== '' && delimiter?.includes(mark)) {
      throw invalidOption(name, 'must not be part of the delimiter');
    }
    if (name !== 'delimiter' && delimiter != null && mark.includes(delimiter)) {
      throw invalidOption(name, 'must not hold the delimiter');
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

/** The delimiter as the user said it; people write \t for a tab. */
export function saidDelimiter({ delimiter }: DelimitedOptions): string | undefined {
  return delimiter === '\\t' ? '\t' : (delimiter ?? undefined);
}

/** The error for an option that cannot be what is meant. */
export function invalidOption(option: string, why: string): AppError {
  return new AppError('INVALID_OPTIONS', `The option ${option} ${why}`, { details: { option } });
}
