import { inName, kinds, nameStart, space, valueStop } from './xlsx-characters.js';
import { writtenName, type ElementName } from './xlsx-names.js';
import { decoded, endOfReference } from './xlsx-references.js';
import type { PartWindow } from './xlsx-window.js';

const LT = 0x3c;
const GT = 0x3e;
const SLASH = 0x2f;
const AMP = 0x26;
const EQUALS = 0x3d;

const maxAttributes = 256;

/** The attributes of one tag, as places in the window. */
export class TagAttributes {
  count = 0;
  /** For each attribute: where its name begins and ends, and where its value does. */
  readonly places = new Int32Array(4 * maxAttributes);
  readonly #window: PartWindow;

  constructor(window: PartWindow) {
    this.#window = window;
  }

  /** Reads what stands behind a tag's name, up to its > or />. @returns where that begins; -1: the tag is cut */
  read(from: number, tag: ElementName): number {
    const window = this.#window;
    const { places } = this;
    const { bytes } = window;
    const { length } = bytes;
    let at = from;
    let count = 0;
    for (;;) {
      const gap = at;
      while ((kinds[bytes[at]!]! & space) !== 0) at++;
      if (at >= length) return window.cut();
      const byte = bytes[at]!;
      if (byte === GT || byte === SLASH) break;
      if (gap === at || (kinds[byte]! & nameStart) === 0)
        window.fail(`holds a broken tag <${writtenName(tag)}>`, at);
      const nameAt = at;
      while (at < length && (kinds[bytes[at]!]! & inName) !== 0) at++;
      const nameEnd = at;
      if (bytes[at] !== EQUALS) {
        while ((kinds[bytes[at]!]! & space) !== 0) at++;
        if (at < length && bytes[at] !== EQUALS)
          window.fail(`holds an attribute without a value in <${writtenName(tag)}>`, at);
      }
      at++;
      while ((kinds[bytes[at]!]! & space) !== 0) at++;
      if (at >= length) return window.cut();
      const quote = bytes[at]!;
      if (quote !== 0x22 && quote !== 0x27)
        window.fail(`holds an attribute without quotes in <${writtenName(tag)}>`, at);
      const valueAt = at + 1;
      at = this.#endOfValue(valueAt, quote);
      if (at === -1) return window.cut();
      if (count >= maxAttributes)
        window.fail(`holds a tag with over ${maxAttributes} attributes`, at);
      for (let other = 0; other < 4 * count; other += 4)
        if (isSame(bytes, places[other]!, places[other + 1]!, nameAt, nameEnd))
          window.fail(`repeats the attribute ${bytes.toString('utf8', nameAt, nameEnd)}`, nameAt);
      const place = 4 * count++;
      places[place] = nameAt;
      places[place + 1] = nameEnd;
      places[place + 2] = valueAt;
      places[place + 3] = at++;
    }
    this.count = count;
    return at;
  }

  #endOfValue(from: number, quote: number): number {
    const window = this.#window;
    const { bytes } = window;
    const { length } = bytes;
    let at = from;
    for (;;) {
      while (at < length && (kinds[bytes[at]!]! & valueStop) === 0) at++;
      if (at >= length) return -1;
      const byte = bytes[at]!;
      if (byte === quote) return at;
      if (byte === LT) window.fail('holds a < in an attribute', at);
      if (byte === AMP) {
        at = endOfReference(window, at);
        if (at === -1) return -1;
      } else if (byte < 0x20)
        window.fail(`holds the character ${byte}, which XML does not have`, at);
      at++;
    }
  }

  /** The value of an attribute by its local name. `prefixed`: of one in a namespace. */
  get(name: string, prefixed = false): string | undefined {
    const { places } = this;
    const { bytes } = this.#window;
    for (let place = 0; place < 4 * this.count; place += 4) {
      const written = bytes.toString('utf8', places[place], places[place + 1]);
      if (prefixed ? written.endsWith(`:${name}`) : written === name)
        return decoded(bytes, places[place + 2]!, places[place + 3]!);
    }
    return undefined;
  }
}

function isSame(bytes: Buffer, a: number, aEnd: number, b: number, bEnd: number): boolean {
  if (bytes[a] !== bytes[b] || aEnd - a !== bEnd - b) return false;
  while (a < aEnd && bytes[a] === bytes[b]) {
    a++;
    b++;
  }
  return a === aEnd;
}
