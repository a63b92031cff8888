import { endOfNumber, endOfNumeric } from './numbers.js';
import { JsonStrings, type TokenFaults } from './strings.js';
import type { JsonWindow } from './window.js';

const quote = 0x22;

/**
 * Finds where tokens end. One that is not whole in sight is gone on with where it was left, so a piece may be one byte.
 */
export class JsonTokens {
  /** How far the token at the window's beginning was read, as an offset in the file; 0: not at all. */
  scanned = 0;
  /** In a string that nobody wants: it need not stay in sight. */
  inSkipped = false;
  readonly strings: JsonStrings;

  constructor(
    private readonly window: JsonWindow,
    private readonly faults: TokenFaults,
    stray: boolean,
  ) {
    this.strings = new JsonStrings(faults, stray);
  }

  /** A string was begun, and its end is not in sight. */
  get cutInString(): boolean {
    return this.inSkipped || (this.scanned > 0 && this.window.bytes[this.window.at] === quote);
  }

  /** Where a string ends that is plain up to `from`, or was read before; -1: not in sight. */
  string(from: number, end: number): number {
    let next = from;
    if (this.scanned > 0) next = this.scanned - this.window.offset;
    else this.strings.escaped = false;
    this.scanned = 0;
    return this.goOn(next, end);
  }

  /** Where the string ends that nobody wants, of which `from` is the next byte; -1: not in sight. */
  skipped(from: number, end: number): number {
    const close = this.goOn(from, end);
    if (close === -1) this.leaveSkipped();
    else this.inSkipped = false;
    return close;
  }

  private goOn(from: number, end: number): number {
    const close = this.strings.end(this.window.bytes, from, end);
    if (close === -1) this.scanned = this.window.offset + this.strings.stopped;
    return close;
  }

  /** Lets the string that was cut go as far as it was read: nobody wants it. @returns its next byte */
  leaveSkipped(): number {
    this.inSkipped = true;
    this.window.at = this.scanned - this.window.offset;
    this.scanned = 0;
    return this.window.at;
  }

  /** Where the number ends that begins at `at`; -1: not in sight. */
  number(at: number, end: number): number {
    const { bytes, offset } = this.window;
    let close = end;
    // Only looked at from the beginning when all of it is there.
    if (this.scanned === 0 || endOfNumeric(bytes, this.scanned - offset, end) < end)
      close = endOfNumber(bytes, at, end, this.faults);
    this.scanned = close < end ? 0 : offset + end;
    return close < end ? close : -1;
  }

  /** Where the literal ends that begins at `at`; -1: not in sight. */
  literal(at: number, end: number, word: string): number {
    const { bytes } = this.window;
    for (let index = 1; index < word.length; index++) {
      if (at + index >= end) return -1;
      if (bytes[at + index] !== word.charCodeAt(index))
        this.faults.fail(at, `expected ${word} or another value`);
    }
    return at + word.length;
  }

  /** Forgets the token that was begun. */
  abandon(): void {
    this.scanned = 0;
    this.inSkipped = false;
  }
}
