const LF = 10;
const CR = 13;

/**
 * Says where a text can be cut between two records while it arrives. Without a look at every byte only one thing proves
 * that a line's end lies outside of quotes: no quote came before it. So from the first quote on there are no cuts.
 */
export class LineCutter {
  readonly #quote: number | undefined;
  #quoted = false;

  /** @param quote the dialect's quote, "" for none */
  constructor(quote: string) {
    this.#quote = quote === '' ? undefined : quote.charCodeAt(0);
  }

  /**
   * Looks at the next piece.
   * @returns where it can be cut: behind a line's end before the first quote; undefined when it cannot
   */
  cut(piece: Buffer): number | undefined {
    if (this.#quoted) return undefined;
    const quote = this.#quote === undefined ? -1 : piece.indexOf(this.#quote);
    this.#quoted = quote !== -1;
    const plain = this.#quoted ? piece.subarray(0, quote) : piece;
    // The last line's end that has a whole line behind it: how that one ends is how the next part's lines end.
    const last = plain.lastIndexOf(LF);
    const end = last <= 0 ? -1 : plain.lastIndexOf(LF, last - 1);
    if (end === -1) return undefined;
    const line = plain.subarray(end + 1, last);
    const carriage = line.indexOf(CR);
    return carriage === -1 || carriage === line.length - 1 ? end + 1 : undefined;
  }
}
