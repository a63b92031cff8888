import { isUtf8 } from 'node:buffer';
import { AppError } from '../../errors.js';

/** No part of a workbook holds tags, comments or texts of this size, so what does is an attack. */
const maxToken = 8 * 2 ** 20;

/** What is in memory of a workbook's part, which comes piece by piece: from the next token to the end of what came. */
export class PartWindow {
  /** Never written to again, so that what was found in it may be kept. */
  bytes: Buffer = Buffer.alloc(0);
  /** Where the next token begins. */
  at = 0;
  /** There are no more pieces. */
  ended = false;
  /** There was no whole token, and nothing came since. */
  stalled = false;

  #pieces: Buffer[] = [];
  #waiting = 0;
  #enough = 0;
  /** Bytes of the part in front of `bytes`. */
  #before = 0;
  #checked = 0;

  /** `part` names it in messages. */
  constructor(readonly part: string) {}

  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#waiting += piece.length;
    // A token that is cut is read again from its beginning, so wait until there is twice as much of it.
    if (this.#waiting < this.#enough) return;
    this.#join();
  }

  finish(): void {
    this.ended = true;
    this.#join();
  }

  #join(): void {
    const rest = this.bytes.subarray(this.at);
    this.#before += this.at;
    this.bytes =
      rest.length === 0 && this.#pieces.length === 1
        ? this.#pieces[0]!
        : Buffer.concat([rest, ...this.#pieces]);
    this.stalled = false;
    this.#pieces = [];
    this.#waiting = 0;
    this.at = 0;
    this.#checked = 0;
  }

  /** There is no whole token at `at`. */
  stall(): void {
    const { bytes, at } = this;
    const rest = bytes.length - at;
    if (!isUtf8(bytes.subarray(this.#checked, at))) this.fail('is not UTF-8', this.#checked);
    this.#checked = at;
    if (rest > maxToken) this.fail(`holds a tag or a text of more than ${maxToken} bytes`);
    this.#enough = rest < 4096 ? 0 : rest;
    this.stalled = true;
    if (rest > 0) this.cut();
  }

  /** The token at `at` goes on in the next piece; when none comes any more, that is an error. @returns -1 */
  cut(): -1 {
    if (this.ended) this.fail('ends in the middle of a tag');
    return -1;
  }

  /** Whether the bytes in front of a position are none of the part. */
  isBeginning(at: number): boolean {
    return this.#before + at === 0;
  }

  /** @throws MALFORMED_FILE always: `problem` goes on from the part's name */
  fail(problem: string, at = this.at): never {
    const place = this.#before + at;
    throw new AppError('MALFORMED_FILE', `${this.part} ${problem} (byte ${place + 1})`, {
      details: { byte: place + 1 },
    });
  }
}
