import { isUtf8 } from 'node:buffer';
import { AppError } from '../../errors.js';
import { ElementNames, type ElementName } from './xlsx-names.js';
import { entity, inName, kinds, nameStart, space, stop, valueStop } from './xlsx-characters.js';

/** What {@link XmlScanner.next} found. */
export const Token = { more: 0, open: 1, close: 2, text: 3 } as const;

const LT = 0x3c;
const GT = 0x3e;
const SLASH = 0x2f;
const AMP = 0x26;
const CR = 0x0d;
const BRACKET = 0x5d;
const UNDERSCORE = 0x5f;

/** No part of a workbook holds tags, comments or texts of this size, so what does is an attack. */
const maxToken = 8 * 2 ** 20;
const maxAttributes = 256;

/**
 * Reads the XML of a workbook's part, given piece by piece, into tokens without making strings. Strict: whatever is not
 * well-formed is refused, and so are document types, which workbooks must not have. Prefixes of names do not matter.
 *
 * @throws MALFORMED_FILE with the part and the byte, NESTED_TOO_DEEP
 */
export class XmlScanner {
  /** The buffer that the positions of the last token refer to; it is never written to again. */
  bytes: Buffer = Buffer.alloc(0);
  /** The text of {@link Token.text}. */
  start = 0;
  end = 0;
  /** The text is what stands between `start` and `end`, without entities, returns or _xHHHH_. */
  plain = true;
  /** The number of the element of {@link Token.open} and {@link Token.close}, 0: none that was asked for. */
  id = 0;
  /** Elements that are open; the one of {@link Token.open} counts, that of {@link Token.close} does not. */
  depth = 0;
  attributeCount = 0;
  /** For each attribute of {@link Token.open}: where its name begins and ends, and where its value does. */
  readonly attributes = new Int32Array(4 * maxAttributes);

  #at = 0;
  #pieces: Buffer[] = [];
  #waiting = 0;
  #enough = 0;
  /** Bytes of the part in front of `bytes`. */
  #before = 0;
  #checked = 0;
  #ended = false;
  #rootSeen = false;
  #selfClosing = false;
  /** There was no whole token, and nothing came since. */
  #stalled = false;
  /** The text is CDATA, where & is no entity. */
  #literal = false;
  readonly #stack: ElementName[] = [];
  readonly #names: ElementNames;
  readonly #part: string;
  readonly #maxNesting: number;

  /** `known` are local names; an element's number is its position among them, counted from 1. */
  constructor(part: string, known: readonly string[], maxNesting: number) {
    this.#part = part;
    this.#names = new ElementNames(known);
    this.#maxNesting = maxNesting;
  }

  /** Takes the next piece of the part; afterwards {@link XmlScanner.next} until there are no more tokens. */
  push(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#waiting += piece.length;
    // A token that is cut is read again from its beginning, so wait until there is twice as much of it.
    if (this.#waiting < this.#enough) return;
    this.#join();
  }

  /** There are no more pieces; {@link XmlScanner.next} gives what is left. */
  finish(): void {
    this.#ended = true;
    this.#join();
  }

  #join(): void {
    const rest = this.bytes.subarray(this.#at);
    this.#before += this.#at;
    this.bytes =
      rest.length === 0 && this.#pieces.length === 1
        ? this.#pieces[0]!
        : Buffer.concat([rest, ...this.#pieces]);
    this.#stalled = false;
    this.#pieces = [];
    this.#waiting = 0;
    this.#at = 0;
    this.#checked = 0;
  }

  /** Where the next token begins in `bytes`, for who reads elements of that depth by himself; -1: nobody may. */
  position(levels: number): number {
    const deep = this.depth + levels > this.#maxNesting;
    return this.#selfClosing || this.#stalled || deep ? -1 : this.#at;
  }

  /** Goes on behind tokens that were read elsewhere, which must be whole elements of the one that is open. */
  skipTo(position: number): void {
    this.#at = position;
  }

  /** The next token, or that there is no whole one. */
  next(): number {
    if (this.#selfClosing) {
      this.#selfClosing = false;
      return this.#close();
    }
    if (this.#stalled) return Token.more;
    const { bytes } = this;
    for (;;) {
      const at = this.#at;
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
    const { bytes } = this;
    const rest = bytes.length - this.#at;
    if (!isUtf8(bytes.subarray(this.#checked, this.#at))) this.#fail('is not UTF-8', this.#checked);
    this.#checked = this.#at;
    if (rest > maxToken) this.#fail(`holds a tag or a text of more than ${maxToken} bytes`);
    this.#enough = rest < 4096 ? 0 : rest;
    this.#stalled = true;
    if (this.#ended) {
      if (rest > 0) this.#fail('ends in the middle of a tag');
      const open = this.#stack[this.depth - 1];
      if (open) this.#fail(`ends before </${text(open.bytes)}>`);
      if (!this.#rootSeen) this.#fail('has no element');
    }
    return Token.more;
  }

  #text(from: number): number {
    const { bytes } = this;
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
        const end = this.#reference(at);
        if (end === -1) return this.#cut();
        at = end;
      } else if (byte === BRACKET) {
        if (bytes[at + 1] === BRACKET && bytes[at + 2] === GT)
          this.#fail('holds ]]> in a text', at);
        if (at + 2 >= length && !this.#ended) return -1;
      } else this.#fail(`holds the character ${byte}, which XML does not have`, at);
      at++;
    }
    if (at >= length && !this.#ended) return -1;
    if (this.depth === 0) {
      for (let n = from; n < at; n++)
        if ((kinds[bytes[n]!]! & space) === 0)
          this.#fail('holds text outside of the root element', n);
      this.#at = at;
      return 0;
    }
    this.start = from;
    this.end = at;
    this.plain = plain;
    this.#literal = false;
    this.#at = at;
    return Token.text;
  }

  /** Where a character reference or one of the five entities ends (its semicolon); -1 if it is cut. */
  #reference(at: number): number {
    const end = this.bytes.indexOf(0x3b, at);
    if (end === -1 || end - at > 12) {
      if (end === -1 && this.bytes.length - at <= 12 && !this.#ended) return -1;
      this.#fail('holds an & that begins no entity', at);
    }
    if (entity(this.bytes.toString('latin1', at + 1, end)) === undefined)
      this.#fail(
        `refers to the entity ${this.bytes.toString('latin1', at, end + 1)}, which is none`,
        at,
      );
    return end;
  }

  #openTag(from: number): number {
    const { bytes, attributes } = this;
    const { length } = bytes;
    let at = from + 1;
    if ((kinds[bytes[at]!]! & nameStart) === 0) this.#fail('holds a < that begins no tag', from);
    let hash = 0;
    while (at < length && (kinds[bytes[at]!]! & inName) !== 0)
      hash = (hash * 31 + bytes[at++]!) | 0;
    if (at >= length) return this.#cut();
    const name = this.#names.at(bytes, from + 1, at, hash);
    let count = 0;
    for (;;) {
      const gap = at;
      while ((kinds[bytes[at]!]! & space) !== 0) at++;
      if (at >= length) return this.#cut();
      const byte = bytes[at]!;
      if (byte === GT || byte === SLASH) break;
      if (gap === at || (kinds[byte]! & nameStart) === 0)
        this.#fail(`holds a broken tag <${text(name.bytes)}>`, at);
      const nameAt = at;
      while (at < length && (kinds[bytes[at]!]! & inName) !== 0) at++;
      const nameEnd = at;
      if (bytes[at] !== 0x3d) {
        while ((kinds[bytes[at]!]! & space) !== 0) at++;
        if (at < length && bytes[at] !== 0x3d)
          this.#fail(`holds an attribute without a value in <${text(name.bytes)}>`, at);
      }
      at++;
      while ((kinds[bytes[at]!]! & space) !== 0) at++;
      if (at >= length) return this.#cut();
      const quote = bytes[at]!;
      if (quote !== 0x22 && quote !== 0x27)
        this.#fail(`holds an attribute without quotes in <${text(name.bytes)}>`, at);
      const valueAt = ++at;
      for (;;) {
        while (at < length && (kinds[bytes[at]!]! & valueStop) === 0) at++;
        if (at >= length) return this.#cut();
        const inside = bytes[at]!;
        if (inside === quote) break;
        if (inside === LT) this.#fail('holds a < in an attribute', at);
        if (inside === AMP) {
          const end = this.#reference(at);
          if (end === -1) return this.#cut();
          at = end;
        } else if (inside < 0x20)
          this.#fail(`holds the character ${inside}, which XML does not have`, at);
        at++;
      }
      if (count >= maxAttributes)
        this.#fail(`holds a tag with over ${maxAttributes} attributes`, at);
      for (let other = 0; other < 4 * count; other += 4)
        if (
          bytes[attributes[other]!] === bytes[nameAt] &&
          this.#same(attributes[other]!, attributes[other + 1]!, nameAt, nameEnd)
        )
          this.#fail(`repeats the attribute ${bytes.toString('utf8', nameAt, nameEnd)}`, nameAt);
      const place = 4 * count++;
      attributes[place] = nameAt;
      attributes[place + 1] = nameEnd;
      attributes[place + 2] = valueAt;
      attributes[place + 3] = at++;
    }
    if (bytes[at] === SLASH) {
      if (at + 1 >= length) return this.#cut();
      if (bytes[++at] !== GT) this.#fail(`holds a broken tag <${text(name.bytes)}>`, at);
      this.#selfClosing = true;
    }
    if (this.depth === 0 && this.#rootSeen) this.#fail('has a second root element', from);
    if (this.depth >= this.#maxNesting)
      throw new AppError(
        'NESTED_TOO_DEEP',
        `${this.#part} nests elements over ${this.#maxNesting} deep; raise BUCKETQL_MAX_NESTING`,
        { details: { limit: this.#maxNesting } },
      );
    this.#rootSeen = true;
    this.#stack[this.depth++] = name;
    this.#at = at + 1;
    this.attributeCount = count;
    this.id = name.id;
    return Token.open;
  }

  #closeTag(from: number): number {
    const { bytes } = this;
    const open = this.#stack[this.depth - 1];
    if (this.depth === 0 || !open) return this.#fail('closes a tag that is not open', from);
    let at = from + 2;
    for (const byte of open.bytes) {
      if (at >= bytes.length) return this.#cut();
      if (bytes[at++] !== byte) this.#fail(`closes another tag than <${text(open.bytes)}>`, from);
    }
    while ((kinds[bytes[at]!]! & space) !== 0) at++;
    if (at >= bytes.length) return this.#cut();
    if (bytes[at] !== GT) this.#fail(`closes another tag than <${text(open.bytes)}>`, from);
    this.#at = at + 1;
    return this.#close();
  }

  #close(): number {
    this.id = this.#stack[--this.depth]!.id;
    return Token.close;
  }

  /** Comments, CDATA, processing instructions and the XML declaration. */
  #other(from: number): number {
    const { bytes } = this;
    const head = bytes.toString('latin1', from, from + 9);
    if (head.startsWith('<?')) return this.#instruction(from);
    if (head.startsWith('<!--')) {
      const end = bytes.indexOf('--', from + 4);
      if (end === -1 || end + 2 >= bytes.length) return this.#cut();
      if (bytes[end + 2] !== GT) this.#fail('holds -- in a comment', end);
      this.#at = end + 3;
      return 0;
    }
    if (head === '<![CDATA[') {
      if (this.depth === 0) this.#fail('holds text outside of the root element', from);
      const end = bytes.indexOf(']]>', from);
      if (end === -1) return this.#cut();
      this.start = from + 9;
      this.end = end;
      this.plain = false;
      this.#literal = true;
      this.#at = end + 3;
      return Token.text;
    }
    if ('<!--'.startsWith(head) || '<![CDATA['.startsWith(head)) return this.#cut();
    if (head.startsWith('<!D')) this.#fail('holds a document type, which no workbook has', from);
    return this.#fail('holds a < that begins no tag', from);
  }

  #instruction(from: number): number {
    const end = this.bytes.indexOf('?>', from);
    if (end === -1) return this.#cut();
    const target = /^[^\s?]*/u.exec(
      this.bytes.toString('utf8', from + 2, Math.min(end, from + 100)),
    )![0];
    if (target === '') this.#fail('holds a processing instruction without a name', from);
    if (target.toLowerCase() === 'xml' && this.#before + from > 0)
      this.#fail('holds an XML declaration that is not at its beginning', from);
    this.#at = end + 2;
    return 0;
  }

  /** The token goes on in the next piece; none comes any more: an error. */
  #cut(): number {
    if (this.#ended) this.#fail('ends in the middle of a tag');
    return -1;
  }

  #same(a: number, aEnd: number, b: number, bEnd: number): boolean {
    if (aEnd - a !== bEnd - b) return false;
    while (a < aEnd && this.bytes[a] === this.bytes[b]) {
      a++;
      b++;
    }
    return a === aEnd;
  }

  /** The value of an attribute by its local name. `prefixed`: of one in a namespace. */
  attribute(name: string, prefixed = false): string | undefined {
    for (let n = 0; n < this.attributeCount; n++) {
      const place = 4 * n;
      const written = this.bytes.toString(
        'utf8',
        this.attributes[place],
        this.attributes[place + 1],
      );
      if (prefixed ? written.endsWith(`:${name}`) : written === name)
        return this.decode(this.attributes[place + 2]!, this.attributes[place + 3]!);
    }
    return undefined;
  }

  /** The text of {@link Token.text} as XML means it. */
  text(): string {
    if (!this.#literal) return this.decode(this.start, this.end);
    return this.bytes.toString('utf8', this.start, this.end).replace(/\r\n?/gu, '\n');
  }

  /** A piece of the buffer with its entities and ends of line in place. */
  decode(start: number, end: number): string {
    return this.bytes
      .toString('utf8', start, end)
      .replace(/\r\n?/gu, '\n')
      .replace(/&([^;]+);/gu, (_, name: string) => entity(name) ?? '');
  }

  /** @throws MALFORMED_FILE always: `problem` goes on from the part's name */
  fail(problem: string): never {
    return this.#fail(problem);
  }

  #fail(problem: string, at = this.#at): never {
    const place = this.#before + at;
    throw new AppError('MALFORMED_FILE', `${this.#part} ${problem} (byte ${place + 1})`, {
      details: { byte: place + 1 },
    });
  }
}

function text(name: Uint8Array): string {
  return Buffer.from(name).toString();
}
