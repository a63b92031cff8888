import type { Nesting } from './nesting.js';
import { beginsNumber } from './numbers.js';
import type { JsonPlace } from './place.js';
import type { Reading } from './reading.js';
import type { JsonRecords } from './records.js';
import { scalarEscaped, scalarNull, scalarPlain, scalarUnkept } from './roles.js';
import { plainBytes } from './strings.js';
import { printed } from './text.js';
import { JsonTokens } from './tokens.js';
import type { TopValues } from './top.js';
import type { JsonWindow } from './window.js';

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

/** Follows the grammar of RFC 8259, strictly and in one pass, and tells {@link JsonRecords} what stands in the file. */
export class JsonGrammar {
  readonly tokens: JsonTokens;
  private state: State = stateTop;
  private readonly window: JsonWindow;
  private readonly nesting: Nesting;
  private readonly maxCellBytes: number;

  constructor(
    { window, plan, limits }: Reading,
    private readonly place: JsonPlace,
    private readonly top: TopValues,
    private readonly records: JsonRecords,
  ) {
    this.window = window;
    this.nesting = records.nesting;
    this.maxCellBytes = limits.maxCellBytes;
    this.tokens = new JsonTokens(
      window,
      {
        fail: (at, what) => place.fail(at, what),
        poison: (reason) => records.poison(reason),
      },
      plan.escapeBackslash,
    );
  }

  /** No value is open. */
  get atTop(): boolean {
    return this.state === stateTop;
  }

  /** Reads what is in sight up to `end`. */
  run(end: number): void {
    const { window, records, nesting, tokens, place, maxCellBytes } = this;
    const { bytes } = window;
    const { keys } = records;
    const { strings } = tokens;
    let at = window.at;
    let state = this.state;
    if (tokens.inSkipped) {
      const close = tokens.skipped(at, end);
      if (close === -1) return;
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
          if (place.lines) {
            if (state !== stateTop)
              place.fail(at, `the line ends where ${expected[state]} must stand`);
            this.endLine(at);
            if (records.done) break;
          }
          place.nextLine(at);
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
            state = nesting.inObject ? stateKey : stateValue;
            at++;
            continue;
          }
          if (byte !== (nesting.inObject ? closeObject : closeList)) this.unexpected(at, state);
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
          let close = tokens.scanned === 0 ? keys.known(bytes, at, end) : -1;
          if (close === -1) {
            close = tokens.string(at + 1, end);
            if (close === -1) {
              if (records.skipsKeys) at = tokens.leaveSkipped();
              break;
            }
            records.key(at + 1, close, strings.escaped);
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
          this.top.begin(at, byte);
          records.beginTop(place.lines ? place.line : 0);
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
            if (tokens.scanned === 0)
              while (plainEnd < end && plainBytes[bytes[plainEnd]!] === 1) plainEnd++;
            if (plainEnd < end && bytes[plainEnd] === quote && tokens.scanned === 0) {
              close = plainEnd;
              strings.escaped = false;
            } else close = tokens.string(plainEnd, end);
            if (close === -1) {
              if (records.skipsValues) at = tokens.leaveSkipped();
              else if (tokens.scanned - window.offset - at > maxCellBytes) {
                records.poisonCell(at, maxCellBytes);
                at = tokens.leaveSkipped();
              }
              break;
            }
            if (close - at > maxCellBytes) records.poisonCell(at, maxCellBytes);
            records.scalar(at + 1, close, strings.escaped ? scalarEscaped : scalarPlain);
            at = close + 1;
          } else if (byte === openObject || byte === openList) {
            records.open(byte === openObject, at, place.line);
            at++;
            state = byte === openObject ? stateKeyOrClose : stateValueOrClose;
            continue;
          } else {
            const word = byte < letterA ? undefined : literals.get(byte);
            if (word === undefined && !beginsNumber(byte)) this.unexpected(at, state);
            close = word === undefined ? tokens.number(at, end) : tokens.literal(at, end, word);
            if (close === -1) break;
            records.scalar(at, close, word === 'null' ? scalarNull : scalarPlain);
            at = close;
          }
          if (nesting.depth === 0 || records.done) {
            state = this.afterValue();
            if (records.done) break;
          } else if (at < end && bytes[at] === comma) {
            at++;
            state = nesting.inObject ? stateKey : stateValue;
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
    if (this.nesting.depth > 0) return stateAfter;
    this.top.end();
    return stateTop;
  }

  /** The line that ends at `at` is a record, and right. */
  endLine(at: number): void {
    const { window, place } = this;
    if (window.invalidAt < at) place.failEncoding(window.invalidAt);
    this.top.lineHasValue = false;
    this.records.endLine();
    place.text.begin(window.offset + at + 1);
  }

  /** Forgets everything that is open: the line is wrong. */
  abandon(): void {
    this.state = stateTop;
    this.tokens.abandon();
    this.records.abandon();
  }

  private unexpected(at: number, state: State): never {
    this.place.fail(at, `expected ${expected[state]}, found ${printed(this.window.bytes[at]!)}`);
  }
}
