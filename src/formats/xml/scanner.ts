import {
  AMPERSAND,
  APOSTROPHE,
  BANG,
  CLOSE_BRACKET,
  controls,
  CR,
  DASH,
  EQUALS,
  GREATER,
  isXmlName,
  LESS,
  nameBytes,
  QUESTION,
  QUOTE,
  SEMICOLON,
  SLASH,
  spaces,
  textStops,
  valueStops,
} from './bytes.js';
import { doctypeEnd } from './doctype.js';
import type { Complain } from './text.js';
import { decodeContent, decodeValue } from './text.js';

/** What stands at a place of a document. */
export const Token = {
  /** The window ends inside a token, see {@link XmlScanner.unfinished}. */
  Unfinished: 0,
  Start: 1,
  /** `<a/>` */
  Empty: 2,
  End: 3,
  Text: 4,
  Cdata: 5,
  Comment: 6,
  Instruction: 7,
  Doctype: 8,
} as const;
export type Token = (typeof Token)[keyof typeof Token];

const comment = Buffer.from('<!--');
const cdata = Buffer.from('<![CDATA[');
const doctype = Buffer.from('<!DOCTYPE');

/** A reference is longer than this only when it is none, or somebody plays with zeros. */
const longestReference = 1000;

/** The limits a scanner keeps, as errors. */
export interface ScannerErrors {
  readonly complain: Complain;
  /** For a text or a value of more bytes than `maxBytes`. */
  readonly tooLong: (at: number) => Error;
  readonly maxBytes: number;
}

/**
 * Reads a token after the other out of a window and checks that they are well-formed (XML 1.0, fifth edition). What
 * fits together (tags, one root) is for the caller to check.
 */
export class XmlScanner {
  /** Behind the token; for an unfinished one, up to where it was looked at and may be forgotten. */
  after = 0;
  /** The token that does not end in the window. */
  unfinished: Token = Token.Text;
  nameFrom = 0;
  nameTo = 0;
  /** Of the value of text and CDATA. */
  from = 0;
  to = 0;
  /** Text of white space only. */
  blank = true;
  /** name from, name to, value from, value to, 1 if to be decoded: five numbers for each attribute. */
  readonly attributes: number[] = [];

  constructor(private readonly errors: ScannerErrors) {}

  /** The value of the text or CDATA just read. */
  text(bytes: Buffer): string {
    return decodeContent(bytes, this.from, this.to, this.errors.complain);
  }

  /** Name of the tag just read. */
  name(bytes: Buffer): string {
    return bytes.toString('utf8', this.nameFrom, this.nameTo);
  }

  get attributeCount(): number {
    return this.attributes.length / 5;
  }

  attributeName(bytes: Buffer, index: number): string {
    return bytes.toString('utf8', this.attributes[index * 5], this.attributes[index * 5 + 1]);
  }

  attributeValue(bytes: Buffer, index: number): string {
    const from = this.attributes[index * 5 + 2]!;
    const to = this.attributes[index * 5 + 3]!;
    return this.attributes[index * 5 + 4] === 1
      ? decodeValue(bytes, from, to, this.errors.complain)
      : bytes.toString('utf8', from, to);
  }

  /** Reads the token at a position before `end`. `held`: text that the caller keeps, which must not be too long. */
  next(bytes: Buffer, at: number, end: number, held: boolean): Token {
    if (bytes[at] !== LESS) return this.content(bytes, at, end, held);
    if (at + 1 >= end) return this.wait(Token.Start, at);
    const second = bytes[at + 1]!;
    if (second === SLASH) return this.endTag(bytes, at, end);
    if (second === QUESTION) return this.instruction(bytes, at, end);
    if (second === BANG) return this.declaration(bytes, at, end, held);
    return this.startTag(bytes, at, end);
  }

  /** Goes on with a token that was unfinished at the last window's end. */
  resume(kind: Token, bytes: Buffer, at: number, end: number): Token {
    if (kind === Token.Comment) return this.insideComment(bytes, at, end);
    if (kind === Token.Cdata) return this.insideCdata(bytes, at, end, at, false);
    return this.insideInstruction(bytes, at, end);
  }

  private wait(kind: Token, safe: number): Token {
    this.unfinished = kind;
    this.after = safe;
    return Token.Unfinished;
  }

  private content(bytes: Buffer, start: number, end: number, held: boolean): Token {
    const { complain } = this.errors;
    let at = start;
    let blank = true;
    while (at < end && spaces[bytes[at]!] === 1) at++;
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (textStops[byte] === 0) {
        blank = false;
        continue;
      }
      if (byte === LESS) break;
      if (byte === AMPERSAND) {
        blank = false;
        const closed = this.reference(bytes, at, end);
        if (closed < 0) return this.cut(start, at, end, held);
        at = closed;
      } else if (byte === CLOSE_BRACKET) {
        blank = false;
        if (at + 2 >= end && (at + 1 >= end || bytes[at + 1] === CLOSE_BRACKET))
          return this.cut(start, at, end, held);
        if (bytes[at + 1] === CLOSE_BRACKET && bytes[at + 2] === GREATER)
          throw complain(at, ']]> outside a CDATA section; write ]]&gt;');
      } else if (byte !== CR) throw this.control(bytes, at);
    }
    if (at >= end) return this.cut(start, end, end, held);
    this.checkLength(start, at, held);
    this.blank = blank;
    this.from = start;
    this.to = at;
    this.after = at;
    return Token.Text;
  }

  private cut(start: number, safe: number, end: number, held: boolean): Token {
    this.checkLength(start, end, held);
    this.blank = false;
    return this.wait(Token.Text, safe);
  }

  private checkLength(from: number, to: number, held: boolean): void {
    if (held && to - from > this.errors.maxBytes) throw this.errors.tooLong(from);
  }

  /** Position of the reference's `;`, -1 if the window ends before it. It is checked when text is decoded and here. */
  private reference(bytes: Buffer, at: number, end: number): number {
    let to = at + 1;
    while (to < end && bytes[to] !== SEMICOLON && bytes[to] !== LESS && bytes[to] !== AMPERSAND) {
      if (to - at > longestReference) break;
      to++;
    }
    if (to >= end) return -1;
    // Decoding throws what is to be said of it.
    decodeContent(bytes, at, bytes[to] === SEMICOLON ? to + 1 : to, this.errors.complain);
    return to;
  }

  private startTag(bytes: Buffer, start: number, end: number): Token {
    const { complain } = this.errors;
    const { attributes } = this;
    attributes.length = 0;
    let at = this.nameEnd(bytes, start + 1, end, 'an element');
    if (at >= end) return this.wait(Token.Start, start);
    const nameTo = at;
    for (;;) {
      const before = at;
      while (at < end && spaces[bytes[at]!] === 1) at++;
      if (at >= end) return this.wait(Token.Start, start);
      const byte = bytes[at]!;
      if (byte === GREATER || byte === SLASH) {
        if (byte === SLASH && at + 1 >= end) return this.wait(Token.Start, start);
        if (byte === SLASH && bytes[at + 1] !== GREATER) throw complain(at, 'a / inside a tag');
        if (attributes.length > 5) this.checkDuplicates(bytes);
        this.nameFrom = start + 1;
        this.nameTo = nameTo;
        this.after = at + (byte === SLASH ? 2 : 1);
        return byte === SLASH ? Token.Empty : Token.Start;
      }
      if (at === before) throw complain(at, 'white space is missing before an attribute');
      const nameFrom = at;
      at = this.nameEnd(bytes, at, end, 'an attribute');
      const attributeTo = at;
      while (at < end && spaces[bytes[at]!] === 1) at++;
      if (at >= end) return this.wait(Token.Start, start);
      if (bytes[at] !== EQUALS) throw complain(at, 'an attribute without a value (= is missing)');
      at++;
      while (at < end && spaces[bytes[at]!] === 1) at++;
      if (at >= end) return this.wait(Token.Start, start);
      const quote = bytes[at]!;
      if (quote !== QUOTE && quote !== APOSTROPHE)
        throw complain(at, "an attribute's value without quotes");
      const valueFrom = ++at;
      let decode = 0;
      for (; at < end; at++) {
        const c = bytes[at]!;
        if (valueStops[c] === 0) continue;
        if (c === quote) break;
        if (c === LESS) throw complain(at, "< in an attribute's value; write &lt;");
        if (c === AMPERSAND) {
          decode = 1;
          const closed = this.reference(bytes, at, end);
          if (closed < 0) at = end;
          else at = closed;
        } else if (controls[c] === 1) throw this.control(bytes, at);
        else if (spaces[c] === 1) decode = 1;
      }
      this.checkLength(valueFrom, Math.min(at, end), true);
      if (at >= end) return this.wait(Token.Start, start);
      attributes.push(nameFrom, attributeTo, valueFrom, at, decode);
      at++;
    }
  }

  private checkDuplicates(bytes: Buffer): void {
    const names = new Set<string>();
    for (let index = 0; index < this.attributes.length; index += 5) {
      const from = this.attributes[index]!;
      const name = bytes.toString('latin1', from, this.attributes[index + 1]);
      if (names.has(name))
        throw this.errors.complain(
          from,
          `the attribute ${this.attributeName(bytes, index / 5)} twice`,
        );
      names.add(name);
    }
  }

  private endTag(bytes: Buffer, start: number, end: number): Token {
    let at = this.nameEnd(bytes, start + 2, end, 'an element');
    if (at >= end) return this.wait(Token.End, start);
    const nameTo = at;
    while (at < end && spaces[bytes[at]!] === 1) at++;
    if (at >= end) return this.wait(Token.End, start);
    if (bytes[at] !== GREATER)
      throw this.errors.complain(at, 'an end tag that does not end with >');
    this.nameFrom = start + 2;
    this.nameTo = nameTo;
    this.after = at + 1;
    return Token.End;
  }

  /** Behind a name, `end` if it may go on. */
  private nameEnd(bytes: Buffer, from: number, end: number, whose: string): number {
    let at = from;
    let ascii = true;
    while (at < end && nameBytes[bytes[at]!] !== 0) {
      if (bytes[at]! >= 0x80) ascii = false;
      at++;
    }
    if (at >= end) {
      this.checkLength(from, at, true);
      return end;
    }
    if (at === from || nameBytes[bytes[from]!] !== 1 || !ascii) {
      const name = bytes.toString('utf8', from, at);
      if (!isXmlName(name))
        throw this.errors.complain(
          from,
          `${JSON.stringify(name || String.fromCharCode(bytes[from]!))} is no name of ${whose}; a < of the text itself is written &lt;`,
        );
    }
    return at;
  }

  private instruction(bytes: Buffer, start: number, end: number): Token {
    const at = this.nameEnd(bytes, start + 2, end, 'a processing instruction');
    if (at >= end) return this.wait(Token.Doctype, start);
    if (bytes.toString('latin1', start + 2, at).toLowerCase() === 'xml')
      throw this.errors.complain(start, '<?xml is only allowed at the very beginning');
    const space = spaces[bytes[at]!] === 1;
    if (!space && bytes[at] !== QUESTION)
      throw this.errors.complain(at, 'white space is missing in a processing instruction');
    if (!space && at + 1 >= end) return this.wait(Token.Doctype, start);
    if (!space && bytes[at + 1] !== GREATER)
      throw this.errors.complain(at, 'white space is missing in a processing instruction');
    return this.insideInstruction(bytes, at, end);
  }

  private insideInstruction(bytes: Buffer, from: number, end: number): Token {
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === QUESTION) {
        if (at + 1 >= end) return this.wait(Token.Instruction, at);
        if (bytes[at + 1] === GREATER) {
          this.after = at + 2;
          return Token.Instruction;
        }
      } else if (controls[byte] === 1) throw this.control(bytes, at);
    }
    return this.wait(Token.Instruction, end);
  }

  private declaration(bytes: Buffer, start: number, end: number, held: boolean): Token {
    const left = end - start;
    const begins = (word: Buffer) =>
      bytes.compare(
        word,
        0,
        Math.min(left, word.length),
        start,
        Math.min(end, start + word.length),
      ) === 0;
    if (begins(comment))
      return left < comment.length
        ? this.wait(Token.Start, start)
        : this.insideComment(bytes, start + comment.length, end);
    if (begins(cdata)) {
      if (left < cdata.length) return this.wait(Token.Start, start);
      return this.insideCdata(bytes, start + cdata.length, end, start + cdata.length, held);
    }
    if (!begins(doctype))
      throw this.errors.complain(start, '<! that begins no comment, CDATA section or DOCTYPE');
    const after = left < doctype.length ? -1 : doctypeEnd(bytes, start, end, this.errors.complain);
    if (after < 0) {
      if (left > this.errors.maxBytes) throw this.errors.tooLong(start);
      return this.wait(Token.Doctype, start);
    }
    this.after = after;
    return Token.Doctype;
  }

  private insideComment(bytes: Buffer, from: number, end: number): Token {
    for (let at = from; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === DASH) {
        if (at + 2 >= end && (at + 1 >= end || bytes[at + 1] === DASH))
          return this.wait(Token.Comment, at);
        if (bytes[at + 1] === DASH) {
          if (bytes[at + 2] !== GREATER) throw this.errors.complain(at, '-- inside a comment');
          this.after = at + 3;
          return Token.Comment;
        }
      } else if (controls[byte] === 1) throw this.control(bytes, at);
    }
    return this.wait(Token.Comment, end);
  }

  private insideCdata(bytes: Buffer, at: number, end: number, from: number, held: boolean): Token {
    for (; at < end; at++) {
      const byte = bytes[at]!;
      if (byte === CLOSE_BRACKET) {
        if (at + 2 >= end && (at + 1 >= end || bytes[at + 1] === CLOSE_BRACKET)) break;
        if (bytes[at + 1] === CLOSE_BRACKET && bytes[at + 2] === GREATER) {
          this.checkLength(from, at, held);
          this.from = from;
          this.to = at;
          this.after = at + 3;
          return Token.Cdata;
        }
      } else if (controls[byte] === 1) throw this.control(bytes, at);
    }
    this.checkLength(from, end, held);
    return this.wait(Token.Cdata, at);
  }

  private control(bytes: Buffer, at: number): Error {
    const code = bytes[at]!.toString(16).toUpperCase().padStart(4, '0');
    return this.errors.complain(at, `the control character U+${code} has no place in XML`);
  }
}
