import { AppError } from '../../errors.js';
import { TagAttributes } from './xlsx-attributes.js';
import { inName, kinds, nameStart, space, stop } from './xlsx-characters.js';
import { ElementNames, writtenName, type ElementName } from './xlsx-names.js';
import { decoded, endOfReference } from './xlsx-references.js';
import { PartWindow } from './xlsx-window.js';

/** What {@link XmlScanner.next} found. */
export const Token = { more: 0, open: 1, close: 2, text: 3 } as const;

const LT = 0x3c;
const GT = 0x3e;
const SLASH = 0x2f;
const AMP = 0x26;
const CR = 0x0d;
const BRACKET = 0x5d;
const UNDERSCORE = 0x5f;

/**
 * Reads the XML of a workbook's part, given piece by piece, into tokens without making strings. Strict: whatever is not
 * well-formed is refused, and so are document types, which workbooks must not have. Prefixes of names do not matter.
 *
 * @throws MALFORMED_FILE with the part and the byte, NESTED_TOO_DEEP
 */
export class XmlScanner {
  /** The text of {@link Token.text}. */
  start = 0;
  end = 0;
  /** The text is what stands between `start` and `end`, without entities, returns or _xHHHH_. */
  plain = true;
  /** The number of the element of {@link Token.open} and {@link Token.close}, 0: none that was asked for. */
  id = 0;
  /** Elements that are open; the one of {@link Token.open} counts, that of {@link Token.close} does not. */
  depth = 0;
  /** Those of {@link Token.open}. */
  readonly attributes: TagAttributes;

  #rootSeen = false;
  #selfClosing = false;
  /** The text is CDATA, where & is no entity. */
  #literal = false;
  readonly #stack: ElementName[] = [];
  readonly #names: ElementNames;
  readonly #maxNesting: number;
  readonly #window: PartWindow;

  /** `known` are local names; an element's number is its position among them, counted from 1. */
  constructor(part: string, known: readonly string[], maxNesting: number) {
    this.#names = new ElementNames(known);
    this.#maxNesting = maxNesting;
    this.#window = new PartWindow(part);
    this.attributes = new TagAttributes(this.#window);
  }

  /** Takes the next piece of the part; afterwards {@link XmlScanner.next} until there are no more tokens. */
  push(piece: Buffer): void {
    this.#window.push(piece);
  }

  /** There are no more pieces; {@link XmlScanner.next} gives what is left. */
  finish(): void {
    this.#window.finish();
  }

  /** The buffer that the positions of the last token refer to; it is never written to again. */
  get bytes(): Buffer {
    return this.#window.bytes;
  }

  /** Where the next token begins in `bytes`, for who reads elements of that depth by himself; -1: nobody may. */
  position(levels: number): number {
    const { stalled, at } = this.#window;
    const deep = this.depth + levels > this.#maxNesting;
    return this.#selfClosing || stalled || deep ? -1 : at;
  }

  /** Goes on behind tokens that were read elsewhere, which must be whole elements of the one that is open. */
  skipTo(position: number): void {
    this.#window.at = position;
  }

  /** The next token, or that there is no whole one. */
  next(): number {
    if (this.#selfClosing) {
      this.#selfClosing = false;
      return this.#close();
    }
    const window = this.#window;
    if (window.stalled) return Token.more;
    const { bytes } = window;
    for (;;) {
      const at = window.at;
      if (at >= bytes.length) return this.#more();
      let found: number;
      if (bytes[at] !== LT) found = this.#text(at);
      else {
        const second = bytes[at + 1];
        if (second === SLASH) found = this.#closeTag(at);
        else if (second === undefined) found = -1;
        else if (second === 0x21 || second === 0x3f) found = this.#other(at);
        else found = this.#openTag(at);
      }
      if (found > 0) return found;
      if (found === -1) return this.#more();
    }
  }

  #more(): number {
    const window = this.#window;
    window.stall();
    if (window.ended) {
      const open = this.#stack[this.depth - 1];
      if (open) window.fail(`ends before </${writtenName(open)}>`);
      if (!this.#rootSeen) window.fail('has no element');
    }
    return Token.more;
  }

  #text(from: number): number {
    const window = this.#window;
    const { bytes } = window;
    const { length } = bytes;
    let at = from;
    let plain = true;
    for (;;) {
      while (at < length && (kinds[bytes[at]!]! & stop) === 0) at++;
      if (at >= length) break;
      const byte = bytes[at]!;
      if (byte === LT) break;
      if (byte === UNDERSCORE) {
        if (bytes[at + 1] === 0x78) plain = false;
      } else if (byte === CR) plain = false;
      else if (byte === AMP) {
        plain = false;
        const end = endOfReference(window, at);
        if (end === -1) return window.cut();
        at = end;
      } else if (byte === BRACKET) {
        if (bytes[at + 1] === BRACKET && bytes[at + 2] === GT)
          window.fail('holds ]]> in a text', at);
        if (at + 2 >= length && !window.ended) return -1;
      } else window.fail(`holds the character ${byte}, which XML does not have`, at);
      at++;
    }
    if (at >= length && !window.ended) return -1;
    if (this.depth === 0) {
      for (let n = from; n < at; n++)
        if ((kinds[bytes[n]!]! & space) === 0)
          window.fail('holds text outside of the root element', n);
      window.at = at;
      return 0;
    }
    this.start = from;
    this.end = at;
    this.plain = plain;
    this.#literal = false;
    window.at = at;
    return Token.text;
  }

  #openTag(from: number): number {
    const window = this.#window;
    const { bytes } = window;
    const { length } = bytes;
    let at = from + 1;
    if ((kinds[bytes[at]!]! & nameStart) === 0) window.fail('holds a < that begins no tag', from);
    let hash = 0;
    while (at < length && (kinds[bytes[at]!]! & inName) !== 0)
      hash = (hash * 31 + bytes[at++]!) | 0;
    if (at >= length) return window.cut();
    const name = this.#names.at(bytes, from + 1, at, hash);
    at = this.attributes.read(at, name);
    if (at === -1) return -1;
    if (bytes[at] === SLASH) {
      if (at + 1 >= length) return window.cut();
      if (bytes[++at] !== GT) window.fail(`holds a broken tag <${writtenName(name)}>`, at);
      this.#selfClosing = true;
    }
    if (this.depth === 0 && this.#rootSeen) window.fail('has a second root element', from);
    if (this.depth >= this.#maxNesting)
      throw new AppError(
        'NESTED_TOO_DEEP',
        `${window.part} nests elements over ${this.#maxNesting} deep; raise BUCKETQL_MAX_NESTING`,
        { details: { limit: this.#maxNesting } },
      );
    this.#rootSeen = true;
    this.#stack[this.depth++] = name;
    window.at = at + 1;
    this.id = name.id;
    return Token.open;
  }

  #closeTag(from: number): number {
    const window = this.#window;
    const { bytes } = window;
    const open = this.#stack[this.depth - 1];
    if (this.depth === 0 || !open) return window.fail('closes a tag that is not open', from);
    let at = from + 2;
    for (const byte of open.bytes) {
      if (at >= bytes.length) return window.cut();
      if (bytes[at++] !== byte) window.fail(`closes another tag than <${writtenName(open)}>`, from);
    }
    while ((kinds[bytes[at]!]! & space) !== 0) at++;
    if (at >= bytes.length) return window.cut();
    if (bytes[at] !== GT) window.fail(`closes another tag than <${writtenName(open)}>`, from);
    window.at = at + 1;
    return this.#close();
  }

  #close(): number {
    this.id = this.#stack[--this.depth]!.id;
    return Token.close;
  }

  /** Comments, CDATA, processing instructions and the XML declaration. */
  #other(from: number): number {
    const window = this.#window;
    const { bytes } = window;
    const head = bytes.toString('latin1', from, from + 9);
    if (head.startsWith('<?')) return this.#instruction(from);
    if (head.startsWith('<!--')) {
      const end = bytes.indexOf('--', from + 4);
      if (end === -1 || end + 2 >= bytes.length) return window.cut();
      if (bytes[end + 2] !== GT) window.fail('holds -- in a comment', end);
      window.at = end + 3;
      return 0;
    }
    if (head === '<![CDATA[') {
      if (this.depth === 0) window.fail('holds text outside of the root element', from);
      const end = bytes.indexOf(']]>', from);
      if (end === -1) return window.cut();
      this.start = from + 9;
      this.end = end;
      this.plain = false;
      this.#literal = true;
      window.at = end + 3;
      return Token.text;
    }
    if ('<!--'.startsWith(head) || '<![CDATA['.startsWith(head)) return window.cut();
    if (head.startsWith('<!D')) window.fail('holds a document type, which no workbook has', from);
    return window.fail('holds a < that begins no tag', from);
  }

  #instruction(from: number): number {
    const window = this.#window;
    const { bytes } = window;
    const end = bytes.indexOf('?>', from);
    if (end === -1) return window.cut();
    const target = /^[^\s?]*/u.exec(
      bytes.toString('utf8', from + 2, Math.min(end, from + 100)),
    )![0];
    if (target === '') window.fail('holds a processing instruction without a name', from);
    if (target.toLowerCase() === 'xml' && !window.isBeginning(from))
      window.fail('holds an XML declaration that is not at its beginning', from);
    window.at = end + 2;
    return 0;
  }

  /** The text of {@link Token.text} as XML means it. */
  text(): string {
    if (!this.#literal) return decoded(this.bytes, this.start, this.end);
    return this.bytes.toString('utf8', this.start, this.end).replace(/\r\n?/gu, '\n');
  }

  /** @throws MALFORMED_FILE always: `problem` goes on from the part's name */
  fail(problem: string): never {
    return this.#window.fail(problem);
  }
}
