import { lastRow } from './options.js';
import { kinds, stop } from './xlsx-characters.js';

/** What a cell's attribute t can say. */
export type CellType = 'number' | 'shared' | 'text' | 'boolean' | 'error' | 'date';

const LT = 0x3c;
const GT = 0x3e;
const SLASH = 0x2f;
const SPACE = 0x20;
const EQUALS = 0x3d;
const QUOTE = 0x22;
const UNDERSCORE = 0x5f;
const C = 0x63;
const V = 0x76;

const bytesOf = (text: string): readonly number[] => [...Buffer.from(text)];
const endOfFormula = bytesOf('</f>');
const beginOfText = bytesOf('<is><t>');
const beginOfSpacedText = bytesOf('<is><t xml:space="preserve">');
const endOfText = bytesOf('</t></is></c>');
const inlineText = bytesOf('inlineStr"');
const formulaText = bytesOf('str"');

/**
 * Reads a whole cell in one go where it is written as nearly all writers do it: attributes r, s and t in this order,
 * then <f> and <v>, or <is> with one <t>, without entities. Whatever else there is, {@link PlainCell.read} says no, and
 * the cell is read token by token: it must never say yes to what that would refuse or understand otherwise.
 */
export class PlainCell {
  /** Counted from 0. */
  column = 0;
  style = 0;
  type: CellType = 'number';
  /** Where the value stands; nowhere when they are equal. */
  start = 0;
  end = 0;

  /** Where the bytes behind the cell begin; 0: it is no plain one. `previous` is the column of the cell in front. */
  read(bytes: Buffer, from: number, previous: number): number {
    if (bytes[from] !== LT || bytes[from + 1] !== C) return 0;
    let at = from + 2;
    this.column = previous + 1;
    this.style = 0;
    this.type = 'number';
    this.start = this.end = 0;
    if (hasAttribute(bytes, at, 0x72)) {
      at = this.#reference(bytes, at + 4);
      if (at === 0) return 0;
    }
    if (hasAttribute(bytes, at, 0x73)) {
      at = this.#style(bytes, at + 4);
      if (at === 0) return 0;
    }
    let inline = false;
    if (hasAttribute(bytes, at, 0x74)) {
      at += 4;
      inline = follows(bytes, at, inlineText);
      const end = inline ? at + inlineText.length : this.#type(bytes, at);
      if (end === 0) return 0;
      at = end;
    }
    if (bytes[at] === SLASH) return bytes[at + 1] === GT ? at + 2 : 0;
    if (bytes[at] !== GT) return 0;
    return inline ? this.#inline(bytes, at + 1) : this.#value(bytes, at + 1);
  }

  #reference(bytes: Buffer, from: number): number {
    let at = from;
    let column = 0;
    let byte = bytes[at]!;
    while (byte >= 0x41 && byte <= 0x5a) {
      column = column * 26 + byte - 0x40;
      byte = bytes[++at]!;
    }
    const digitsAt = at;
    let row = 0;
    while (byte >= 0x30 && byte <= 0x39) {
      row = row * 10 + byte - 0x30;
      byte = bytes[++at]!;
    }
    const letters = digitsAt - from;
    if (byte !== QUOTE || letters < 1 || letters > 3) return 0;
    if (at - digitsAt > 7 || row < 1 || row > lastRow) return 0;
    this.column = column - 1;
    return at + 1;
  }

  #style(bytes: Buffer, from: number): number {
    let at = from;
    let style = 0;
    let byte = bytes[at]!;
    while (byte >= 0x30 && byte <= 0x39) {
      style = style * 10 + byte - 0x30;
      byte = bytes[++at]!;
    }
    if (byte !== QUOTE || at === from || at - from > 7) return 0;
    this.style = style;
    return at + 1;
  }

  #type(bytes: Buffer, at: number): number {
    if (bytes[at + 1] === QUOTE) {
      const letter = bytes[at];
      if (letter === 0x73) this.type = 'shared';
      else if (letter === 0x62) this.type = 'boolean';
      else if (letter === 0x65) this.type = 'error';
      else if (letter === 0x64) this.type = 'date';
      else if (letter !== 0x6e) return 0;
      return at + 2;
    }
    if (!follows(bytes, at, formulaText)) return 0;
    this.type = 'text';
    return at + formulaText.length;
  }

  #value(bytes: Buffer, from: number): number {
    let at = from;
    const formula = bytes[at] === LT && bytes[at + 1] === 0x66;
    if (formula) {
      if (bytes[at + 2] !== GT) return 0;
      at = endOfPlainText(bytes, at + 3);
      if (!follows(bytes, at, endOfFormula)) return 0;
      at += endOfFormula.length;
    }
    if (bytes[at] !== LT || bytes[at + 1] !== V || bytes[at + 2] !== GT) return 0;
    const start = at + 3;
    const end = endOfPlainText(bytes, start);
    if (!isEndOfValue(bytes, end) || (formula && start === end)) return 0;
    this.start = start;
    this.end = end;
    return end + 8;
  }

  #inline(bytes: Buffer, at: number): number {
    this.type = 'text';
    let start = at;
    if (follows(bytes, at, beginOfText)) start += beginOfText.length;
    else if (follows(bytes, at, beginOfSpacedText)) start += beginOfSpacedText.length;
    else return 0;
    const end = endOfPlainText(bytes, start);
    if (!follows(bytes, end, endOfText)) return 0;
    this.start = start;
    this.end = end;
    return end + endOfText.length;
  }
}

/** Whether ` r="` stands there, with that letter. */
function hasAttribute(bytes: Buffer, at: number, letter: number): boolean {
  return (
    bytes[at + 1] === letter &&
    bytes[at] === SPACE &&
    bytes[at + 2] === EQUALS &&
    bytes[at + 3] === QUOTE
  );
}

function follows(bytes: Buffer, at: number, wanted: readonly number[]): boolean {
  for (let n = 0; n < wanted.length; n++) if (bytes[at + n] !== wanted[n]) return false;
  return true;
}

/** Whether `</v></c>` stands there. It is asked of every cell, so it is no loop. */
function isEndOfValue(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === LT &&
    bytes[at + 1] === SLASH &&
    bytes[at + 2] === V &&
    bytes[at + 3] === GT &&
    bytes[at + 4] === LT &&
    bytes[at + 5] === SLASH &&
    bytes[at + 6] === C &&
    bytes[at + 7] === GT
  );
}

/** Where something else than plain text begins. */
function endOfPlainText(bytes: Buffer, from: number): number {
  const { length } = bytes;
  let at = from;
  for (;;) {
    while (at < length && (kinds[bytes[at]!]! & stop) === 0) at++;
    // _xHHHH_ is a character; any other _ is itself.
    if (bytes[at] !== UNDERSCORE || bytes[at + 1] === 0x78) return at;
    at++;
  }
}
