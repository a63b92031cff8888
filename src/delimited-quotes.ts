import { open, type FileHandle } from 'node:fs/promises';
import { shown } from './delimited-file.js';
import type { DelimitedDialect, Quotes } from './relation.js';

const LF = 10;
const CR = 13;
const SPACE = 32;

/** Finds out, while a text comes in pieces, how a quote stands in it. The quote is one ASCII character. */
export class QuoteCheck {
  readonly #quote: number;
  readonly #spacesBefore: Buffer;
  readonly #spaceBehind: Buffer;
  #quotes: Quotes = 'NONE';
  /** The last bytes of what has come, as many as may belong to what goes on. */
  #end: Buffer = Buffer.alloc(0);
  /** A quote and only spaces were the last that came. */
  #open: 'quote' | 'spaces' | undefined;

  constructor(quote: string) {
    this.#quote = quote.charCodeAt(0);
    this.#spacesBefore = Buffer.of(SPACE, SPACE, this.#quote);
    this.#spaceBehind = Buffer.of(this.#quote, SPACE);
  }

  /** Of all pieces so far. */
  get quotes(): Quotes {
    return this.#quotes;
  }

  add(piece: Buffer): void {
    if (this.#quotes === 'SPACED' || piece.length === 0) return;
    if (this.#open) this.#lookBehind(piece, 0, this.#open === 'spaces');
    const joint = Buffer.concat([this.#end, piece.subarray(0, 2)]);
    this.#end = Buffer.concat([this.#end, piece.subarray(-2)]).subarray(-2);
    if (joint.includes(this.#spacesBefore)) this.#quotes = 'SPACED';
    // All searches run natively, at several gigabytes a second.
    if (this.#quotes === 'SPACED' || !piece.includes(this.#quote)) return;
    this.#quotes = piece.includes(this.#spacesBefore) ? 'SPACED' : 'PLAIN';
    const gap = this.#spaceBehind;
    for (let at = piece.indexOf(gap); at !== -1; at = piece.indexOf(gap, at + 2)) {
      this.#lookBehind(piece, at + 2, true);
    }
    if (piece[piece.length - 1] === this.#quote) this.#open = 'quote';
  }

  /** Looks at what stands behind a quote. `spaced`: there was a space already. */
  #lookBehind(piece: Buffer, from: number, spaced: boolean): void {
    let at = from;
    while (piece[at] === SPACE) at++;
    const isSpaced = spaced || at > from;
    this.#open = undefined;
    if (at === piece.length) this.#open = isSpaced ? 'spaces' : 'quote';
    else if (isSpaced && piece[at] === this.#quote) this.#quotes = 'SPACED';
  }
}

/** How a quote stands in a file; see {@link QuoteCheck}. */
export async function quotesIn(path: string, quote: string): Promise<Quotes> {
  return (await shown(path, new QuoteCheck(quote))).quotes;
}

const firstWindow = 1 << 14;
const nextWindows = 1 << 20;
/** What is looked at on both sides of a quote. */
const marginBytes = 64;
/** So many quotes that decide nothing are passed over: a tenth of a second. */
const mostPassed = 1_000_000;

/**
 * Whether it is sure that a file ends outside of quotes. Goes from its end backwards, and takes it that it does: mostly the
 * last quote that is not one of a pair says so, as it closes. One that stands behind a delimiter or a line's end opens, one
 * in front of such closes; where it could do both, it does what fits, and the one before it must fit, too.
 * @returns false when a quote stays open, or too little is known
 */
export async function endsOutsideQuotes(path: string, dialect: DelimitedDialect): Promise<boolean> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const look = new LookBack(dialect);
    let end = size;
    for (let bytes = firstWindow; end > 0; bytes = nextWindows) {
      const start = Math.max(0, end - bytes);
      const found = look.at(await windowOf(file, start, end, size));
      if (found !== undefined) return found;
      end = start;
    }
    return look.begunOutside();
  } finally {
    await file.close();
  }
}

/** Part of a file, from `from` to `to` in its bytes, with what stands around it. */
interface Window {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
  /** The file begins, or ends, with these bytes. */
  readonly first: boolean;
  readonly last: boolean;
}

async function windowOf(
  file: FileHandle,
  start: number,
  end: number,
  size: number,
): Promise<Window> {
  const begin = Math.max(0, start - marginBytes);
  const stop = Math.min(size, end + marginBytes);
  const bytes = Buffer.alloc(stop - begin);
  await file.read(bytes, 0, bytes.length, begin);
  const parts = { from: start - begin, to: end - begin };
  return { bytes, ...parts, first: begin === 0, last: stop === size };
}

/** Where a field ends or begins, or not; undefined: it lies outside of the window. */
type Edge = boolean | undefined;

class LookBack {
  readonly #delimiter: Buffer;
  readonly #quote: number;
  /** Another character than the quote, or -1. */
  readonly #escape: number;
  /** Escaped by one of its own. */
  readonly #doubled: boolean;
  readonly #spaces: boolean;
  #passed = 0;
  /** What was passed says that it began inside of quotes. */
  #inside = false;

  constructor({ delimiter, quote, escape }: DelimitedDialect) {
    this.#delimiter = Buffer.from(delimiter);
    this.#quote = quote.charCodeAt(0);
    this.#doubled = escape === quote;
    this.#escape = escape === '' || escape === quote ? -1 : escape.charCodeAt(0);
    this.#spaces = !delimiter.startsWith(' ');
  }

  /** @returns whether the text ends outside of quotes; undefined when what stands before says it */
  at(window: Window): boolean | undefined {
    const { bytes, from, to, first } = window;
    for (let at = bytes.lastIndexOf(this.#quote, to - 1); at >= from;) {
      let start = at;
      while (start > 0 && bytes[start - 1] === this.#quote) start--;
      if ((start === 0 && !first) || ++this.#passed > mostPassed) return false;
      const found = this.#quotes(window, start, at + 1);
      if (found !== undefined) return found;
      at = start === 0 ? -1 : bytes.lastIndexOf(this.#quote, start - 1);
    }
    return undefined;
  }

  /** At the beginning of the text, where no quote is open. */
  begunOutside(): boolean {
    return !this.#inside;
  }

  /** Quotes side by side. */
  #quotes(window: Window, start: number, end: number): boolean | undefined {
    const escapes = this.#escapesBefore(window, start);
    if (escapes === undefined) return false;
    const count = end - start;
    // One that is escaped is text, inside of quotes and outside of them.
    if (escapes % 2 === 1) return count === 1 ? undefined : false;
    const opens = escapes === 0 && this.#opens(window, start);
    const closes = this.#closes(window, end);
    if (opens === undefined || closes === undefined) return false;
    if (count > 1 && !this.#doubled) {
      // Nothing but an empty field looks so.
      return count === 2 && opens && closes && !this.#inside ? undefined : false;
    }
    // Pairs are an escaped quote each, or the first one opens and the last one closes.
    if (count % 2 === 0) return this.#inside || closes || !opens ? undefined : false;
    if (opens) {
      if (!closes && !this.#inside) return false;
      this.#inside = !this.#inside;
      return undefined;
    }
    if (closes) return !this.#inside;
    // Inside of quotes it would be wrong.
    return this.#inside ? false : undefined;
  }

  #escapesBefore({ bytes, first }: Window, end: number): number | undefined {
    let at = end;
    while (at > 0 && bytes[at - 1] === this.#escape) at--;
    return at === 0 && !first ? undefined : end - at;
  }

  #opens({ bytes, first }: Window, start: number): Edge {
    let at = start;
    while (this.#spaces && at > 0 && bytes[at - 1] === SPACE) at--;
    if (at < this.#delimiter.length && !first) return undefined;
    return (
      at === 0 || isLineEnd(bytes[at - 1]) || this.#isDelimiter(bytes, at - this.#delimiter.length)
    );
  }

  #closes({ bytes, last }: Window, end: number): Edge {
    let at = end;
    while (this.#spaces && bytes[at] === SPACE) at++;
    if (at + this.#delimiter.length > bytes.length && !last) return undefined;
    return at === bytes.length || isLineEnd(bytes[at]) || this.#isDelimiter(bytes, at);
  }

  #isDelimiter(bytes: Buffer, at: number): boolean {
    return at >= 0 && bytes.subarray(at, at + this.#delimiter.length).equals(this.#delimiter);
  }
}

function isLineEnd(byte: number | undefined): boolean {
  return byte === LF || byte === CR;
}
