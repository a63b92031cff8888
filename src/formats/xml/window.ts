import { isAscii, isUtf8 } from 'node:buffer';
import { AppError } from '../../errors.js';
import { LF } from './bytes.js';

const noncharacter = Buffer.from([0xef, 0xbf]); // U+FFFE and U+FFFF are EF BF BE and EF BF BF
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);
const NOTHING = Buffer.alloc(0);

/** Bytes of the character that a first byte announces. */
function characterLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

/** Where the last character begins, if the bytes end inside it; else their end. */
function cutCharacter(bytes: Buffer): number {
  for (let at = bytes.length - 1; at >= 0 && at >= bytes.length - 3; at--) {
    const byte = bytes[at]!;
    if (byte < 0x80) break;
    if (byte >= 0xc0) return at + characterLength(byte) > bytes.length ? at : bytes.length;
  }
  return bytes.length;
}

/**
 * The part of a file that is in memory: from what is not read to its end yet up to the last piece. It checks the
 * UTF-8, knows lines, and lies in one piece, so that who reads it never sees a seam.
 */
export class XmlWindow {
  bytes: Buffer = NOTHING;
  /** What is before has been read. */
  start = 0;
  end = 0;
  private linesBefore = 1;
  private started = false;
  /** Where `bytes` is memory of our own that has room behind `end`. */
  private own = false;
  private split = NOTHING;

  constructor(private readonly origin: string) {}

  /** Takes a piece of the file. @throws INVALID_ENCODING, MALFORMED_FILE */
  append(piece: Buffer): void {
    const whole = this.wholeCharacters(piece);
    if (whole.length === 0) return;
    const kept = this.end - this.start;
    if (kept === 0) {
      this.forget();
      this.bytes = whole;
      this.own = false;
      this.end = whole.length;
    } else {
      this.room(kept + whole.length);
      whole.copy(this.bytes, this.end);
      this.end += whole.length;
    }
    // Characters come whole, so the mark does too.
    if (!this.started && whole.subarray(0, 3).equals(byteOrderMark)) this.start += 3;
    this.started = true;
  }

  /** Copies what is not read yet: the piece it lies in belongs to the caller. */
  keep(): void {
    if (!this.own && this.start < this.end) this.room((this.end - this.start) * 2);
  }

  /** There is no more. @throws INVALID_ENCODING */
  finish(): void {
    if (this.split.length > 0) throw this.invalid(this.line(this.end));
  }

  /** The line (1-based) of a position. */
  line(at: number): number {
    return this.linesBefore + this.lineEnds(0, at);
  }

  /** A file that is no XML. */
  readonly complain = (at: number, what: string): AppError => {
    const line = this.line(Math.min(at, this.end));
    return new AppError(
      'MALFORMED_FILE',
      `${this.origin} is not well-formed XML: line ${line}: ${what}`,
      {
        details: { file: this.origin, line },
      },
    );
  };

  private lineEnds(from: number, to: number): number {
    const { bytes } = this;
    let lines = 0;
    for (let at = from; at < to; at++) if (bytes[at] === LF) lines++;
    return lines;
  }

  private forget(): void {
    this.linesBefore += this.lineEnds(0, this.start);
    this.start = 0;
    this.end = 0;
  }

  /** Makes room for so many bytes in memory of our own and moves what is not read yet to its beginning. */
  private room(length: number): void {
    const kept = this.end - this.start;
    if (this.own && this.start + length <= this.bytes.length) return;
    const unread = this.bytes.subarray(this.start, this.end);
    this.linesBefore += this.lineEnds(0, this.start);
    if (this.own && length <= this.bytes.length) this.bytes.copyWithin(0, this.start, this.end);
    else {
      // Twice as much as needed, so that many small pieces do not copy what is there each time.
      const larger = Buffer.allocUnsafe(Math.max(4096, length + Math.min(length, 16 * 2 ** 20)));
      unread.copy(larger);
      this.bytes = larger;
      this.own = true;
    }
    this.start = 0;
    this.end = kept;
  }

  /** The piece with the character that the last one ended in, and without the one that it ends in itself. */
  private wholeCharacters(piece: Buffer): Buffer {
    const all = this.split.length > 0 ? Buffer.concat([this.split, piece]) : piece;
    const cut = cutCharacter(all);
    // The rest is at most three bytes, copied because the piece belongs to the caller.
    this.split = cut < all.length ? Buffer.from(all.subarray(cut)) : NOTHING;
    const whole = cut < all.length ? all.subarray(0, cut) : all;
    if (isAscii(whole)) return whole;
    const lines = (to: number) =>
      this.line(this.end) +
      whole.subarray(0, to).reduce((sum, byte) => sum + (byte === LF ? 1 : 0), 0);
    if (!isUtf8(whole)) throw this.invalid(lines(firstInvalid(whole)));
    for (let at = whole.indexOf(noncharacter); at >= 0; at = whole.indexOf(noncharacter, at + 2)) {
      if (whole[at + 2]! < 0xbe) continue;
      const line = lines(at);
      throw new AppError(
        'MALFORMED_FILE',
        `${this.origin} is not well-formed XML: line ${line}: the character U+FFF${whole[at + 2] === 0xbe ? 'E' : 'F'} has no place in XML`,
        { details: { file: this.origin, line } },
      );
    }
    return whole;
  }

  private invalid(line: number): AppError {
    return new AppError(
      'INVALID_ENCODING',
      `${this.origin} is not valid UTF-8 in line ${line}; its <?xml encoding="…"?> or its byte order mark must say what it is`,
      { details: { file: this.origin, line } },
    );
  }
}

/** Where the first bytes are that are no UTF-8. */
function firstInvalid(bytes: Buffer): number {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 64) {
    const half = good + ((bad - good) >> 1);
    const whole = good + cutCharacter(bytes.subarray(good, half));
    if (isUtf8(bytes.subarray(good, whole))) good = whole;
    else bad = whole;
  }
  for (let to = good + 1; to <= bad; to++) {
    const begun = bytes.subarray(good, to);
    if (!isUtf8(begun.subarray(0, cutCharacter(begun)))) return to - 1;
  }
  return bad;
}
