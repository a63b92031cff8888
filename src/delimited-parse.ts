import { open } from 'node:fs/promises';
import { parse, type CsvError, type Options } from 'csv-parse';
import { parse as parseSync } from 'csv-parse/sync';
import { bodyEnd, recordTooLong, stopIfAsked, type ScanOptions } from './delimited-file.js';
import { hasMark, RecordScanner, UnclosedQuote } from './delimited-text.js';
import { defaultFormatLimits } from './limits.js';
import type { DelimitedDialect } from './relation.js';

/**
 * Delimited text in dialects that the engine's reader and its bytewise twin cannot express: delimiters of more than
 * four bytes, quotes and escapes that are not one ASCII character. csv-parse tells the fields apart; lines, offsets
 * and faults are those of {@link RecordScanner}, with one difference: spaces beside quotes are not forgiven. A quote
 * behind spaces and text behind a closing quote are faults, so such a row is set aside and never read wrongly.
 */

/** What is wrong with a record's own shape. */
export type ParseFault = 'TEXT_AFTER_QUOTE' | 'SPACE_BEFORE_QUOTE';

/** One record as csv-parse reads it. */
export interface ParsedRecord {
  /** 1-based physical lines of its first and last byte. */
  readonly line: number;
  readonly lastLine: number;
  /** Offset of its first byte in the file. */
  readonly offset: number;
  /** As it stands in the file, without the line's end. */
  readonly bytes: Buffer;
  readonly fields: readonly string[];
  readonly fault: ParseFault | null;
}

const LF = 10;
const CR = 13;
const pieceBytes = 1 << 20;

/**
 * The records of a file's beginning, for its header and the number of its columns.
 * @param from first byte, `line` its physical line
 * @returns `openQuote` is the line of a record that the text ends inside of
 */
export function parseSample(
  text: Buffer,
  dialect: DelimitedDialect,
  place: { readonly from: number; readonly line: number },
  complete: boolean,
): { records: ParsedRecord[]; openQuote: number | null } {
  const crLines = endsWithCr(text);
  // The last line of a sample is cut somewhere.
  const end = complete ? text.length : text.lastIndexOf(crLines ? CR : LF) + 1;
  const body = withoutLastCr(text.subarray(place.from, end), crLines);
  const cutter = new RecordCutter(dialect, crLines, place.from, place.line);
  const records: ParsedRecord[] = [];
  cutter.add(body);
  try {
    parseSync(
      body,
      optionsOf(dialect, crLines, 0, cutter, (record) => records.push(record)),
    );
  } catch (error) {
    if (codeOf(error) !== 'CSV_QUOTE_NOT_CLOSED') throw error;
    return { records, openQuote: cutter.line };
  }
  return { records, openQuote: null };
}

/**
 * Reads a file piece by piece, as `scanFile` does for the dialects of the engine.
 * @throws MALFORMED_ROW when a quote is never closed, CELL_TOO_LONG
 */
export async function parseFile(
  path: string,
  options: ScanOptions,
  visit: (record: ParsedRecord) => void,
  between: () => Promise<void> | void = () => undefined,
): Promise<void> {
  const { dialect, origin } = options;
  const limit = options.maxRecordBytes ?? defaultFormatLimits.maxCellBytes;
  const scanner = new RecordScanner(dialect, 0);
  const file = await open(path);
  let parser: ReturnType<typeof parse> | undefined;
  let cutter: RecordCutter | undefined;
  try {
    const size = await bodyEnd(file, options.footerLines ?? 0);
    let toSkip = options.skipLines;
    let held: Buffer = Buffer.alloc(0);
    let offset = 0; // of `held` in the file
    for (let position = 0; position < size;) {
      stopIfAsked(options.signal);
      const read = Buffer.allocUnsafe(Math.min(Math.max(pieceBytes, held.length), size - position));
      const { bytesRead } = await file.read(read, 0, read.length, position);
      if (bytesRead === 0) break;
      position += bytesRead;
      const final = position >= size;
      let piece: Buffer = Buffer.concat([held, read.subarray(0, bytesRead)]);
      let from = offset === 0 && hasMark(piece) ? 3 : 0;
      if (toSkip > 0) {
        const skipped = scanner.skipLines(piece, from, toSkip, final);
        toSkip -= skipped.passed;
        from = skipped.at;
        if (toSkip > 0) {
          held = piece.subarray(from);
          offset += from;
          continue;
        }
      }
      if (!parser || !cutter) {
        const crLines = endsWithCr(piece);
        cutter = new RecordCutter(dialect, crLines, offset + from, scanner.line);
        parser = parse(optionsOf(dialect, crLines, limit, cutter, visit));
        parser.resume();
        // What goes wrong is told by `write`, and once more as an event.
        parser.on('error', () => undefined);
      }
      piece = piece.subarray(from);
      offset += from + piece.length;
      held = Buffer.alloc(0);
      if (final) piece = withoutLastCr(piece, cutter.crLines);
      cutter.add(piece);
      await write(parser, piece);
      cutter.forget();
      await between();
    }
    if (parser) await write(parser, undefined);
    await between();
  } catch (error) {
    const line = cutter?.line ?? 1;
    if (codeOf(error) === 'CSV_QUOTE_NOT_CLOSED') throw new UnclosedQuote(origin, line, line);
    if (codeOf(error) === 'CSV_MAX_RECORD_SIZE') throw recordTooLong(origin, line, limit);
    throw error;
  } finally {
    parser?.destroy();
    await file.close();
  }
}

/** Hands a piece over, or says that there is none any more; settles when its records have been visited. */
function write(parser: ReturnType<typeof parse>, piece: Buffer | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const done = (error?: Error | null) => {
      parser.off('error', done);
      if (error) reject(error);
      else resolve();
    };
    parser.on('error', done);
    if (piece === undefined) {
      parser.once('end', done);
      parser.end();
    } else {
      parser.write(piece, done);
    }
  });
}

function optionsOf(
  dialect: DelimitedDialect,
  crLines: boolean,
  maxRecordBytes: number,
  cutter: RecordCutter,
  visit: (record: ParsedRecord) => void,
): Options {
  return {
    ...marksOf(dialect),
    record_delimiter: lineEndsOf(crLines),
    relax_column_count: true,
    // Else a quote inside a plain field would be an error; the other faults are looked for record by record.
    relax_quotes: true,
    max_record_size: maxRecordBytes,
    on_record: (fields: string[], { bytes }) => {
      const record = cutter.take(bytes, fields);
      if (record) visit(record);
      return null;
    },
  };
}

const marksOf = ({ delimiter, quote, escape }: DelimitedDialect) => ({
  delimiter,
  quote: quote === '' ? null : quote,
  escape: escape === '' ? null : escape,
});

/** Cuts records out of the pieces that csv-parse was given, which knows only where each of them ends. */
class RecordCutter {
  /** The physical line behind the last record. */
  line: number;
  readonly crLines: boolean;
  readonly #dialect: DelimitedDialect;
  /** Offset in the file of the first byte handed over. */
  readonly #origin: number;
  /** Bytes of the file from `#start` on. */
  #held: Buffer = Buffer.alloc(0);
  #pieces: Buffer[] = [];
  #start: number;
  #next: number;

  constructor(dialect: DelimitedDialect, crLines: boolean, origin: number, line: number) {
    this.#dialect = dialect;
    this.crLines = crLines;
    this.#origin = origin;
    this.#start = origin;
    this.#next = origin;
    this.line = line;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
  }

  /** Lets go of the bytes of records that were taken. */
  forget(): void {
    if (this.#next === this.#start) return;
    this.#held = Buffer.from(this.#whole().subarray(this.#next - this.#start));
    this.#start = this.#next;
  }

  // Put together only when a record ends, so that a long one is not copied with every piece.
  #whole(): Buffer {
    if (this.#pieces.length > 0) {
      this.#held = Buffer.concat([this.#held, ...this.#pieces]);
      this.#pieces = [];
    }
    return this.#held;
  }

  /** @returns undefined for an empty line */
  take(end: number, fields: readonly string[]): ParsedRecord | undefined {
    const offset = this.#next;
    const whole = this.#whole().subarray(offset - this.#start, this.#origin + end - this.#start);
    this.#next = this.#origin + end;
    const { line } = this;
    this.line += lineEnds(whole, this.crLines);
    const bytes = withoutLineEnd(whole, this.crLines);
    if (bytes.length === 0) return undefined;
    const lastLine = line + lineEnds(bytes, this.crLines);
    return { line, lastLine, offset, bytes, fields, fault: this.#faultOf(bytes, fields) };
  }

  // With relaxed quotes a field keeps its quotes when text stands behind them; or they were escaped.
  #faultOf(bytes: Buffer, fields: readonly string[]): ParseFault | null {
    const { quote } = this.#dialect;
    if (quote === '') return null;
    const suspicious = fields.some((field) => field.trimStart().startsWith(quote));
    return suspicious ? strictFault(bytes, this.#dialect, this.crLines) : null;
  }
}

/** Asks csv-parse in its strict way, which takes nothing behind a closing quote and no quote inside a plain field. */
function strictFault(
  record: Buffer,
  dialect: DelimitedDialect,
  crLines: boolean,
): ParseFault | null {
  let fault: ParseFault | null = null;
  parseSync(record, {
    ...marksOf(dialect),
    record_delimiter: lineEndsOf(crLines),
    relax_column_count: true,
    skip_records_with_error: true,
    on_skip: (error) => {
      if (error?.code === 'CSV_INVALID_CLOSING_QUOTE') fault = 'TEXT_AFTER_QUOTE';
      // A quote behind other text is text.
      const before: unknown = error?.code === 'INVALID_OPENING_QUOTE' ? error.field : undefined;
      const spaces = typeof before === 'string' && /^ +$/.test(before);
      if (spaces && !dialect.delimiter.startsWith(' ')) fault ??= 'SPACE_BEFORE_QUOTE';
      return undefined;
    },
  });
  return fault;
}

const lineEndsOf = (crLines: boolean) => (crLines ? ['\r\n', '\n', '\r'] : ['\r\n', '\n']);

/** CR alone ends lines only in a text whose first line ends so. */
function endsWithCr(text: Buffer): boolean {
  const first = text.findIndex((byte) => byte === LF || byte === CR);
  return first !== -1 && text[first] === CR && text[first + 1] !== LF;
}

// At the end of a file CR is what is left of CRLF.
function withoutLastCr(text: Buffer, crLines: boolean): Buffer {
  return !crLines && text.at(-1) === CR ? text.subarray(0, -1) : text;
}

function withoutLineEnd(record: Buffer, crLines: boolean): Buffer {
  const last = record.at(-1);
  if (last === LF) return record.subarray(0, record.at(-2) === CR ? -2 : -1);
  return crLines && last === CR ? record.subarray(0, -1) : record;
}

function lineEnds(bytes: Buffer, crLines: boolean): number {
  let count = 0;
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) count++;
  if (!crLines) return count;
  for (let at = bytes.indexOf(CR); at !== -1; at = bytes.indexOf(CR, at + 1)) {
    if (bytes[at + 1] !== LF) count++;
  }
  return count;
}

function codeOf(error: unknown): string | undefined {
  const known = typeof error === 'object' && error !== null && 'code' in error;
  return known ? (error as CsvError).code : undefined;
}
