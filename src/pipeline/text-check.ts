import { isUtf8 } from 'node:buffer';
import { LineLengths, shown } from '../delimited-file.js';
import { QuoteCheck } from '../delimited-quotes.js';
import type { LocalFile, TextFacts } from '../relation.js';

/** Finds out on the way what a text's reader then need not look for. */
export class TextCheck {
  readonly #lines = new LineLengths();
  readonly #quotes = new QuoteCheck('"');
  #plain = true;
  /** The beginning of a character whose end comes with the next piece. */
  #open: Buffer = Buffer.alloc(0);

  add(piece: Buffer): void {
    this.#lines.add(piece);
    this.#quotes.add(piece);
    if (!this.#plain) return;
    let rest = piece;
    if (this.#open.length > 0) {
      const missing = lengthOf(this.#open[0] ?? 0) - this.#open.length;
      const character = Buffer.concat([this.#open, piece.subarray(0, missing)]);
      rest = piece.subarray(missing);
      if (piece.length < missing) {
        this.#open = character;
        return;
      }
      this.#plain = isUtf8(character);
    }
    const end = wholeCharacters(rest);
    this.#open = Buffer.from(rest.subarray(end));
    // Both run natively, at several gigabytes a second.
    this.#plain &&= isUtf8(rest.subarray(0, end)) && !piece.includes(0);
  }

  /** After the last piece: what is known of its bytes. */
  get found(): TextFacts {
    return {
      plain: this.#plain && this.#open.length === 0,
      longestLine: this.#lines.longest,
      quotes: this.#quotes.quotes,
    };
  }
}

/** The same for a text that is in a file already; what was checked on its way there is not checked again. */
export async function checkedText(file: LocalFile): Promise<LocalFile> {
  const { plain, longestLine, quotes } = file;
  if (plain !== undefined && longestLine !== undefined && quotes !== undefined) return file;
  return { ...file, ...(await shown(file.path, new TextCheck())).found };
}

/** Bytes of the character that a byte begins. */
function lengthOf(lead: number): number {
  if (lead >= 0xf0) return 4;
  return lead >= 0xe0 ? 3 : 2;
}

/** The bytes before a character that is cut off at the end. */
function wholeCharacters(piece: Buffer): number {
  for (let back = 1; back <= Math.min(3, piece.length); back++) {
    const byte = piece[piece.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) return lengthOf(byte) > back ? piece.length - back : piece.length;
  }
  return piece.length;
}
