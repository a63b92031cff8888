import { isUtf8 } from 'node:buffer';

const nothing = Buffer.alloc(0);

/**
 * The part of a file that is looked at: the newest piece, and before it what must stay in sight (an unfinished token or
 * record). A piece is copied only where something before it has to stay. What a character's bytes are cut from by the
 * piece's end waits for the next one, so the window always ends between two characters.
 */
export class JsonWindow {
  bytes: Buffer = nothing;
  /** Where reading goes on, in {@link bytes}. */
  at = 0;
  end = 0;
  /** Offset in the file of the first of {@link bytes}. */
  offset = 0;
  /** Where the first byte stands that is no UTF-8, in {@link bytes}; Infinity: there is none. */
  invalidAt = Infinity;
  private own: Buffer = nothing;
  private from = 0;
  private cut: Buffer = nothing;

  /** Adds the next piece of the file. */
  append(piece: Buffer): void {
    const added = this.cut.length === 0 ? piece : Buffer.concat([this.cut, piece]);
    const whole = wholeCharacters(added);
    this.cut = whole === added.length ? nothing : Buffer.from(added.subarray(whole));
    this.show(whole === added.length ? added : added.subarray(0, whole));
  }

  /** Adds what is left of a character that the end of the file cut. */
  appendCut(): void {
    const rest = this.cut;
    this.cut = nothing;
    if (rest.length > 0) this.show(rest);
  }

  /** Lets go of everything before `keep`, and keeps a copy of what follows. */
  release(keep: number): void {
    if (keep >= this.end) {
      this.offset += this.end;
      this.bytes = nothing;
      this.at = this.end = this.from = 0;
      this.invalidAt = Infinity;
    } else if (this.bytes === this.own) {
      this.from = keep;
    } else {
      const kept = this.bytes.subarray(keep, this.end);
      if (this.own.length < kept.length * 2) this.own = Buffer.allocUnsafeSlow(kept.length * 2);
      kept.copy(this.own);
      this.bytes = this.own;
      this.from = 0;
      this.shift(keep);
    }
  }

  /** Looks for the next byte that is no UTF-8 from `from` on. */
  findInvalid(from: number): void {
    this.invalidAt = firstInvalid(this.bytes, from, this.end);
  }

  private show(piece: Buffer): void {
    const start = this.end;
    if (start === 0) {
      this.bytes = piece;
      this.end = piece.length;
    } else {
      this.makeRoom(piece.length);
      this.end += piece.copy(this.own, this.end);
    }
    if (this.invalidAt === Infinity && !isUtf8(piece))
      this.invalidAt = firstInvalid(this.bytes, this.end - piece.length, this.end);
  }

  // Twice what is needed at least, so that a record in pieces of one byte is not moved at each of them.
  private makeRoom(length: number): void {
    if (this.end + length <= this.own.length) return;
    const kept = this.own.subarray(this.from, this.end);
    const needed = kept.length + length;
    const room =
      needed * 2 <= this.own.length ? this.own : Buffer.allocUnsafeSlow(Math.ceil(needed * 2));
    kept.copy(room);
    this.own = this.bytes = room;
    const moved = this.from;
    this.from = 0;
    this.shift(moved);
  }

  private shift(by: number): void {
    this.offset += by;
    this.at -= by;
    this.end -= by;
    this.invalidAt -= by;
  }
}

/** The length of `bytes` without a character at its end that more bytes would complete. */
function wholeCharacters(bytes: Buffer): number {
  for (let back = 1; back <= 3 && back <= bytes.length; back++) {
    const byte = bytes[bytes.length - back]!;
    if (byte < 0x80) break;
    if (byte < 0xc0) continue;
    const length = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf8 ? 4 : 1;
    return length > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** Where the first byte stands that is no UTF-8 (RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF). */
function firstInvalid(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const lead = bytes[at]!;
    if (lead < 0x80) {
      at++;
      continue;
    }
    const length = lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
    if (length === 0 || at + length > end || !isUtf8(bytes.subarray(at, at + length))) return at;
    at += length;
  }
  return Infinity;
}
