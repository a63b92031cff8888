import { AppError, type ErrorCode } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import { LineText } from './line.js';
import type { JsonRecords } from './records.js';
import { scalarEscaped, scalarNull, scalarPlain, scalarUnkept } from './roles.js';
import { kindOf, type JsonShape, type SeenShape } from './shape.js';
import { beginsNumber, endOfNumber, endOfNumeric } from './numbers.js';
import { JsonStrings, plainBytes, type TokenFaults } from './strings.js';
import { printed } from './text.js';
import type { JsonWindow } from './window.js';
import type { RowSink, RowSource } from '../rows.js';

/** What may come next. Constants, because enums cost a look-up for each token. */
type State = number;
const stateTop = 0;
const stateValue = 1;
const stateValueOrClose = 2;
const stateKey = 3;
const stateKeyOrClose = 4;
const stateColon = 5;
const stateAfter = 6;

const expected: Readonly<Record<number, string>> = {
  [stateTop]: 'a value',
  [stateValue]: 'a value',
  [stateValueOrClose]: 'a value or "]"',
  [stateKey]: 'a key in double quotes',
  [stateKeyOrClose]: 'a key in double quotes or "}"',
  [stateColon]: '":" after the key',
  [stateAfter]: '"," or the end of the list or object',
};

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openList = 0x5b;
const closeList = 0x5d;
const openObject = 0x7b;
const closeObject = 0x7d;
const lineFeed = 0x0a;
const letterA = 0x61;
const recordSeparator = 0x1e;

const literals = new Map(['true', 'false', 'null'].map((word) => [word.charCodeAt(0), word]));

/** How a file's text is to be read. */
export interface ScannerOptions {
  readonly shape: SeenShape;
  readonly escapeBackslash: boolean;
}

/**
 * Reads the tokens of RFC 8259 out of bytes, strictly and in one pass, and tells {@link JsonRecords} what they are.
 * A token that a piece cuts is gone on with where it was left, so a piece may be one byte.
 */
export class JsonScanner implements TokenFaults {
  private readonly window: JsonWindow;
  private state: State = stateTop;
  private line = 1;
  private lineStart = 0;
  private readonly lineText = new LineText();
  private shape: JsonShape;
  private open: boolean;
  private lines: boolean;
  private lineHasValue = false;
  private values = 0;
  private firstLine = 0;
  private lastLine = 0;
  /** Of the value at the top, see {@link kindOf}. */
  private kind = 0;
  /** How far the token at the window's beginning was read, as an offset in the file; 0: not at all. */
  private scanned = 0;
  private readonly strings: JsonStrings;
  /** In a string that nobody wants: it need not stay in sight. */
  private inSkipped = false;
  private problem: string | null = null;

  constructor(
    private readonly source: RowSource,
    private readonly options: ScannerOptions,
    private readonly records: JsonRecords,
    private readonly sink: RowSink,
    private readonly limits: FormatLimits,
  ) {
    this.window = records.window;
    this.strings = new JsonStrings(this, options.escapeBackslash);
    this.shape = options.shape.shape;
    this.open = options.shape.open;
    this.lines = this.shape === 'lines';
  }

  push(piece: Buffer): void {
    if (this.records.done) return;
    this.window.append(piece);
    this.advance();
  }

  /** @returns the shape that the file turned out to have, undefined: it has no value */
  end(): JsonShape | undefined {
    this.finish();
    return this.values > 0 ? this.shape : undefined;
  }

  private finish(): void {
    if (this.records.done) return;
    if (this.source.partial) {
      if (this.lines && this.state === stateTop) this.guarded(() => this.endLine(this.window.at));
      return;
    }
    this.strings.last = true;
    this.window.appendCut();
    this.advance();
    if (this.records.done) return;
    // A number at the end is ended by what follows it.
    if (!this.cutInString()) {
      this.window.append(Buffer.from('\n'));
      this.advance();
    }
    if (this.records.done || (this.state === stateTop && this.window.at === this.window.end))
      return;
    this.guarded(() =>
      this.fail(
        this.window.end,
        'the file ends in the middle of a value: it is not complete, or a bracket or quote is missing',
      ),
    );
    this.skipLine(true);
  }

  private cutInString(): boolean {
    return this.inSkipped || (this.scanned > 0 && this.window.bytes[this.window.at] === quote);
  }

  private advance(): void {
    const { window, records } = this;
    while (!records.done) {
      if (this.problem !== null && !this.skipLine(false)) break;
      const limit = this.lines ? window.end : Math.min(window.end, window.invalidAt);
      this.guarded(() => this.run(limit));
      if (this.problem !== null || (this.lines && limit < window.end && !records.done)) continue;
      if (limit < window.end && !records.done)
        this.fail(limit, 'a byte that is no UTF-8 stands here', 'INVALID_ENCODING');
      break;
    }
    if (records.done) return;
    if (this.lines) this.lineText.capture(window);
    const keep = this.problem === null ? records.keepFrom(window.at) : window.end;
    if (window.end - keep > this.limits.maxDocumentBytes) throw records.tooLarge(this.line);
    window.release(keep);
  }

  /** What is wrong in a line ends only the line. */
  private guarded(read: () => void): void {
    try {
      read();
    } catch (error) {
      if (!this.lines || this.problem === null) throw error;
      this.records.abandon();
      this.state = stateTop;
      this.scanned = 0;
      this.inSkipped = false;
    }
  }

  /** Passes over what is left of a line that was wrong. False: its end is not in sight. */
  private skipLine(atEnd: boolean): boolean {
    const { window } = this;
    if (this.problem === null) return true;
    const found = window.bytes.subarray(0, window.end).indexOf(lineFeed, window.at);
    if (found === -1 && !atEnd) {
      window.at = window.end;
      return false;
    }
    const stop = found === -1 ? window.end : found;
    const reason = this.problem;
    this.problem = null;
    this.lineHasValue = false;
    window.at = stop;
    if (window.invalidAt < stop) window.findInvalid(stop);
    this.sink.reject({
      record: this.line,
      column: null,
      value: null,
      reason,
      raw: this.lineText.text(window, stop),
    });
    return true;
  }

  private endLine(at: number): void {
    const { window } = this;
    if (window.invalidAt < at)
      this.fail(window.invalidAt, 'a byte that is no UTF-8 stands here', 'INVALID_ENCODING');
    this.lineHasValue = false;
    this.records.endLine();
    this.lineText.begin(window.offset + at + 1);
  }

  private run(end: number): void {
    const { window, records } = this;
    const { bytes } = window;
    const { maxCellBytes } = this.limits;
    let at = window.at;
    let state = this.state;
    if (this.inSkipped) {
      const close = this.skipString(at, end);
      if (close === -1) return;
      this.inSkipped = false;
      at = close + 1;
      if (state === stateKey || state === stateKeyOrClose) state = stateColon;
      else {
        records.scalar(at, at, scalarUnkept);
        state = this.afterValue();
      }
    }
    while (at < end) {
      const byte = bytes[at]!;
      if (byte <= 0x20) {
        if (byte === lineFeed) {
          if (this.lines) {
            if (state !== stateTop)
              this.fail(at, `the line ends where ${expected[state]} must stand`);
            this.endLine(at);
            if (records.done) break;
          }
          this.line++;
          this.lineStart = window.offset + at + 1;
        } else if (
          byte !== 0x20 &&
          byte !== 0x0d &&
          byte !== 0x09 &&
          (byte !== recordSeparator || state !== stateTop)
        )
          this.unexpected(at, state);
        at++;
        continue;
      }
      switch (state) {
        case stateAfter:
          if (byte === comma) {
            state = records.inObject ? stateKey : stateValue;
            at++;
            continue;
          }
          if (byte !== (records.inObject ? closeObject : closeList)) this.unexpected(at, state);
          at++;
          state = this.close(at);
          if (records.done) break;
          continue;
        case stateKeyOrClose:
        case stateKey: {
          if (byte === closeObject && state === stateKeyOrClose) {
            at++;
            state = this.close(at);
            if (records.done) break;
            continue;
          }
          if (byte !== quote) this.unexpected(at, state);
          let close = this.scanned === 0 ? records.knownKey(at, end) : -1;
          if (close === -1) {
            close = this.string(at + 1, end);
            if (close === -1) {
              if (records.skipsKeys) at = this.leaveSkipped();
              break;
            }
            records.key(at + 1, close, this.strings.escaped);
          }
          at = close + 1;
          if (at < end && bytes[at] === colon) {
            at++;
            state = stateValue;
          } else state = stateColon;
          continue;
        }
        case stateColon:
          if (byte !== colon) this.unexpected(at, state);
          at++;
          state = stateValue;
          continue;
        case stateTop:
          if (this.values > 0) this.another(at, byte);
          this.values++;
          this.kind = kindOf(byte);
          this.firstLine ||= this.line;
          this.lineHasValue = true;
          records.beginTop(this.lines ? this.line : 0, this.lines);
          state = stateValue;
          continue;
        case stateValueOrClose:
        case stateValue: {
          if (state === stateValueOrClose) {
            if (byte === closeList) {
              at++;
              state = this.close(at);
              if (records.done) break;
              continue;
            }
            records.beginList(byte === openObject);
          }
          let close: number;
          if (byte === quote) {
            // Most strings are in sight and have no escapes: those cost no call.
            let plainEnd = at + 1;
            if (this.scanned === 0)
              while (plainEnd < end && plainBytes[bytes[plainEnd]!] === 1) plainEnd++;
            if (plainEnd < end && bytes[plainEnd] === quote && this.scanned === 0) {
              close = plainEnd;
              this.strings.escaped = false;
            } else close = this.string(plainEnd, end);
            if (close === -1) {
              if (records.skipsValues) at = this.leaveSkipped();
              else if (this.scanned - window.offset - at > maxCellBytes) {
                records.poisonCell(at, maxCellBytes);
                at = this.leaveSkipped();
              }
              break;
            }
            if (close - at > maxCellBytes) records.poisonCell(at, maxCellBytes);
            records.scalar(at + 1, close, this.strings.escaped ? scalarEscaped : scalarPlain);
            at = close + 1;
          } else if (byte === openObject || byte === openList) {
            records.open(byte === openObject, at, this.line);
            at++;
            state = byte === openObject ? stateKeyOrClose : stateValueOrClose;
            continue;
          } else {
            const word = byte < letterA ? undefined : literals.get(byte);
            close = word === undefined ? this.number(at, end, state) : this.literal(at, end, word);
            if (close === -1) break;
            records.scalar(at, close, word === 'null' ? scalarNull : scalarPlain);
            at = close;
          }
          if (records.depth === 0 || records.done) {
            state = this.afterValue();
            if (records.done) break;
          } else if (at < end && bytes[at] === comma) {
            at++;
            state = records.inObject ? stateKey : stateValue;
          } else state = stateAfter;
          continue;
        }
      }
      // Only what cannot go on comes here.
      break;
    }
    this.state = state;
    window.at = at;
  }

  private close(at: number): State {
    this.records.close(at);
    return this.afterValue();
  }

  private afterValue(): State {
    if (this.records.depth > 0) return stateAfter;
    this.lastLine = this.line;
    return stateTop;
  }

  /** One more value at the top: tells lines from values in a row where the beginning did not. */
  private another(at: number, byte: number): void {
    if (this.lines) {
      if (this.lineHasValue) this.fail(at, 'the line has more behind its value');
      return;
    }
    const kind = kindOf(byte);
    const sameLine = this.line === this.lastLine;
    if (this.shape === 'concatenated' && (!sameLine || kind === this.kind)) return;
    if (!this.open || kind === 0 || (sameLine && kind !== this.kind))
      this.fail(
        at,
        `there is more behind the end of the ${this.shape === 'array' ? 'list' : 'document'}: ${printed(byte)}`,
      );
    this.open = false;
    this.lines = this.firstLine === this.lastLine && this.line > this.lastLine;
    this.shape = this.lines ? 'lines' : 'concatenated';
    this.lineHasValue = false;
    this.lineText.begin(this.window.offset + at);
  }

  /** Where a string ends that is plain up to `from`, or was read before; -1: not in sight. */
  private string(from: number, end: number): number {
    let next = from;
    if (this.scanned > 0) next = this.scanned - this.window.offset;
    else this.strings.escaped = false;
    this.scanned = 0;
    return this.skipString(next, end);
  }

  private skipString(from: number, end: number): number {
    const close = this.strings.end(this.window.bytes, from, end);
    if (close !== -1) return close;
    this.scanned = this.window.offset + this.strings.stopped;
    if (this.inSkipped) this.leaveSkipped();
    return -1;
  }

  /** Lets a string that is not wanted go as far as it was read. */
  private leaveSkipped(): number {
    this.inSkipped = true;
    this.window.at = this.scanned - this.window.offset;
    this.scanned = 0;
    return this.window.at;
  }

  /** Where a number ends; -1: not in sight. */
  private number(at: number, end: number, state: State): number {
    const { bytes, offset } = this.window;
    let close: number;
    if (this.scanned > 0) {
      // Only looked at from the beginning when all of it is there.
      close = endOfNumeric(bytes, this.scanned - offset, end);
      if (close < end) close = endOfNumber(bytes, at, end, this);
    } else {
      if (!beginsNumber(bytes[at]!)) this.unexpected(at, state);
      close = endOfNumber(bytes, at, end, this);
    }
    this.scanned = close < end ? 0 : offset + end;
    return close < end ? close : -1;
  }

  private literal(at: number, end: number, word: string): number {
    const { bytes } = this.window;
    for (let index = 1; index < word.length; index++) {
      if (at + index >= end) return -1;
      if (bytes[at + index] !== word.charCodeAt(index))
        this.fail(at, `expected ${word} or another value`);
    }
    return at + word.length;
  }

  private unexpected(at: number, state: State): never {
    this.fail(at, `expected ${expected[state]}, found ${printed(this.window.bytes[at]!)}`);
  }

  /** See {@link TokenFaults}. */
  poison(reason: string): void {
    this.records.poison(reason);
  }

  /** See {@link TokenFaults}. */
  fail(at: number, what: string, code: ErrorCode = 'MALFORMED_FILE'): never {
    const { window } = this;
    window.at = Math.min(at, window.end);
    const column = window.offset + at - this.lineStart + 1;
    const problem = `${what} (byte ${column} of the line)`;
    if (this.lines) this.problem = problem.charAt(0).toUpperCase() + problem.slice(1);
    throw new AppError(
      code,
      `${this.source.origin} is no valid JSON: line ${this.line}, byte ${column}: ${what}. Correct the file, or set lines if each line is a record`,
      { details: { file: this.source.origin, line: this.line, column } },
    );
  }
}
