import { AppError } from './errors.js';
import type { DelimitedDialect } from './relation.js';

/**
 * An exact, byte-wise reading of delimited text: where each record begins and ends and how many fields it has. It is
 * what says on which line something is wrong, and what reads what the engine's own reader refuses.
 *
 * The grammar is the engine's: a field is quoted when its first byte (spaces aside) is the quote; a quote later in a
 * field is text; inside quotes the escape takes the next character as it is; an empty line is no record. Lines end with
 * LF or CRLF; CR alone ends a line only in a file whose first line ends so, otherwise it is text.
 */

/** What is wrong with a record's own shape, whatever the number of its fields. */
export type RecordFault = 'TEXT_AFTER_QUOTE' | 'UNCLOSED_QUOTE';

/** One record inside the buffer under the scanner. The object is reused: copy what is to stay. */
export interface RecordView {
  /** 1-based physical line of its first byte. */
  line: number;
  /** The physical line of its last byte. */
  lastLine: number;
  /** First byte, and the byte behind the last; the line's end is not part of it. */
  start: number;
  end: number;
  fields: number;
  /** End of the last field that is wanted, when there are more than `width`. */
  cut: number;
  /** All fields past `width` are empty. */
  surplusEmpty: boolean;
  /** A lone CR stands outside quotes. */
  bareCr: boolean;
  fault: RecordFault | null;
  /** Line where the quote was opened that is not closed, or that has text behind it. */
  quoteLine: number;
}

const LF = 10;
const CR = 13;
const SPACE = 32;

/** Whether the engine's reader, and so the scanner here, can express a dialect; csv-parse reads the others. */
export function engineReads({ delimiter, quote, escape }: DelimitedDialect): boolean {
  const isMark = (text: string) => /^[\x01-\x09\x0b\x0c\x0e-\x7f]?$/.test(text);
  return Buffer.byteLength(delimiter) <= 4 && isMark(quote) && isMark(escape);
}

/** Finds records in consecutive pieces of one file. */
export class RecordScanner {
  readonly #delimiter: Buffer;
  readonly #quote: number;
  readonly #escape: number;
  readonly #width: number;
  /** CR alone ends lines. Undefined until the first line's end was seen. */
  #crLines: boolean | undefined;
  #line: number;
  #openQuote: number | null = null;
  #view: RecordView = {
    line: 1,
    lastLine: 1,
    start: 0,
    end: 0,
    fields: 0,
    cut: 0,
    surplusEmpty: true,
    bareCr: false,
    fault: null,
    quoteLine: 0,
  };

  /** @param firstLine the physical line that the text begins with */
  constructor(dialect: DelimitedDialect, width: number, firstLine = 1) {
    this.#line = firstLine;
    this.#delimiter = Buffer.from(dialect.delimiter);
    this.#quote = dialect.quote === '' ? -1 : dialect.quote.charCodeAt(0);
    this.#escape = dialect.escape === '' ? -1 : dialect.escape.charCodeAt(0);
    this.#width = width;
  }

  /** The physical line behind the last record; inside `visit`, behind that record. */
  get line(): number {
    return this.#line;
  }

  /** Line where the quote opened that was still open at the end of the last piece. */
  get openQuote(): number | null {
    return this.#openQuote;
  }

  /**
   * Passes over physical lines, quotes or not.
   * @returns bytes used and lines passed; fewer lines than asked for when the piece ended before
   */
  skipLines(buffer: Buffer, from: number, lines: number, final: boolean) {
    let at = from;
    let passed = 0;
    while (passed < lines) {
      const next = this.#lineEnd(buffer, at, final);
      if (next === -1) break;
      at = next;
      passed++;
      this.#line++;
    }
    return { at, passed };
  }

  #lineEnd(buffer: Buffer, from: number, final: boolean): number {
    for (let at = from; at < buffer.length; at++) {
      const byte = buffer[at];
      if (byte === LF) {
        this.#crLines ??= false;
        return at + 1;
      }
      if (byte === CR) {
        if (at + 1 === buffer.length && !final) return -1;
        if (buffer[at + 1] === LF) continue;
        this.#crLines ??= true;
        if (this.#crLines) return at + 1;
      }
    }
    return final && from < buffer.length ? buffer.length : -1;
  }

  /**
   * Calls `visit` for every record that ends in this piece, until it returns false.
   * @returns the first byte of the record that does not; hand it in again with more behind it
   */
  scan(
    buffer: Buffer,
    from: number,
    final: boolean,
    visit: (record: RecordView) => unknown,
  ): number {
    const view = this.#view;
    const length = buffer.length;
    const quote = this.#quote;
    const escape = this.#escape;
    const first = this.#delimiter[0] ?? -1;
    const delimiterLength = this.#delimiter.length;
    const width = this.#width;
    let begin = from;
    this.#openQuote = null;
    while (begin < length) {
      let at = begin;
      let line = this.#line;
      let fields = 0;
      let fieldStart = begin;
      view.cut = -1;
      view.surplusEmpty = true;
      view.bareCr = false;
      view.fault = null;
      let ended = false;
      let end = length;
      // One turn for each field.
      for (;;) {
        let lead = at;
        if (quote !== -1 && first !== SPACE) while (buffer[lead] === SPACE) lead++;
        if (quote !== -1 && buffer[lead] === quote) {
          const opened = line;
          at = lead + 1;
          let closed = false;
          while (at < length) {
            const byte = buffer[at];
            if (byte === escape && escape !== quote) {
              // The escaped character may be a line's end.
              if (buffer[at + 1] === LF) line++;
              at += 2;
            } else if (byte === quote) {
              if (escape === quote && buffer[at + 1] === quote) at += 2;
              else {
                // At the end of a piece the next byte may be the second half of an escaped quote.
                closed = at + 1 < length || final;
                at++;
                break;
              }
            } else {
              if (byte === LF) line++;
              else if (byte === CR && this.#crLines === true && buffer[at + 1] !== LF) line++;
              at++;
            }
          }
          if (!closed) {
            if (!final) {
              this.#openQuote = opened;
              return begin;
            }
            view.fault = 'UNCLOSED_QUOTE';
            view.quoteLine = opened;
            at = length;
          } else {
            while (first !== SPACE && buffer[at] === SPACE) at++;
            if (at < length && !this.#ends(buffer, at) && view.fault === null) {
              view.fault = 'TEXT_AFTER_QUOTE';
              view.quoteLine = opened;
            }
          }
        }
        let more = false;
        for (; at < length; at++) {
          const byte = buffer[at];
          if (byte === first && (delimiterLength === 1 || this.#isDelimiter(buffer, at))) {
            more = true;
            break;
          }
          if (byte === LF) {
            this.#crLines ??= false;
            ended = true;
            break;
          }
          if (byte === CR) {
            if (at + 1 === length && !final) return begin;
            if (buffer[at + 1] === LF) {
              this.#crLines ??= false;
              ended = true;
              break;
            }
            this.#crLines ??= true;
            // At the end of the file it is what is left of CRLF.
            if (this.#crLines || at + 1 === length) {
              ended = true;
              break;
            }
            view.bareCr = true;
          }
        }
        fields++;
        if (fields === width) view.cut = at;
        else if (fields > width && at > fieldStart && !emptyQuotes(buffer, fieldStart, at, quote)) {
          view.surplusEmpty = false;
        }
        if (more) {
          at += delimiterLength;
          fieldStart = at;
          continue;
        }
        end = at;
        break;
      }
      // A delimiter of several bytes may be cut by the piece's end, so only a line's end finishes a record.
      if (!ended && !final) return begin;
      view.line = this.#line;
      view.start = begin;
      view.end = end;
      view.fields = fields;
      view.lastLine = line;
      this.#line = line;
      if (ended) {
        this.#line++;
        begin = end + (buffer[end] === CR && buffer[end + 1] === LF ? 2 : 1);
      } else {
        begin = length;
      }
      if (view.end > view.start && visit(view) === false) return begin;
    }
    return begin;
  }

  #isDelimiter(buffer: Buffer, at: number): boolean {
    const delimiter = this.#delimiter;
    for (let i = 0; i < delimiter.length; i++) if (buffer[at + i] !== delimiter[i]) return false;
    return true;
  }

  #ends(buffer: Buffer, at: number): boolean {
    const byte = buffer[at];
    return byte === LF || byte === CR || this.#isDelimiter(buffer, at);
  }
}

function emptyQuotes(buffer: Buffer, start: number, end: number, quote: number): boolean {
  return end - start === 2 && buffer[start] === quote && buffer[start + 1] === quote;
}

/** The texts of one record's fields, quotes and escapes removed. */
export function fieldsOf(record: string, dialect: DelimitedDialect): string[] {
  const { delimiter, quote, escape } = dialect;
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    let lead = at;
    if (quote !== '' && delimiter[0] !== ' ') while (record[lead] === ' ') lead++;
    let text = '';
    if (quote !== '' && record[lead] === quote) {
      at = lead + 1;
      while (at < record.length) {
        const character = record[at];
        if (character === escape && escape !== quote) {
          text += record[at + 1] ?? '';
          at += 2;
        } else if (character === quote) {
          if (escape !== quote || record[at + 1] !== quote) break;
          text += quote;
          at += 2;
        } else {
          text += character;
          at++;
        }
      }
      at++;
      const next = record.indexOf(delimiter, at);
      const rest = record.slice(at, next === -1 ? record.length : next);
      text += delimiter[0] === ' ' ? rest : rest.replace(/^ +/, '');
      at = next === -1 ? record.length : next;
    } else {
      const next = record.indexOf(delimiter, at);
      const end = next === -1 ? record.length : next;
      text = record.slice(at, end);
      at = end;
    }
    fields.push(text);
    if (at >= record.length) return fields;
    at += delimiter.length;
  }
}

/** A quote that opens on `line` and is not closed before the file ends. */
export class UnclosedQuote extends AppError {
  constructor(
    origin: string,
    line: number,
    /** Physical line where the record begins. */
    readonly recordLine: number,
    /** The record as far as it is known, or its beginning. */
    readonly record: Buffer = Buffer.alloc(0),
  ) {
    super(
      'MALFORMED_ROW',
      `${origin}, line ${line}: the quote that opens here is never closed; correct the file, or set quote to "" if quotes are plain text`,
      { details: { file: origin, line } },
    );
  }
}

/** A UTF-8 byte order mark stands at the beginning. */
export function hasMark(buffer: Buffer): boolean {
  return buffer[0] === 0xef && buffer[1] === 0xbb && buffer[2] === 0xbf;
}
