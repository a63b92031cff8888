import { AppError } from '../../errors.js';
import type { XmlNode } from './xpath-nodes.js';
import { textOf } from './xpath-nodes.js';
import type { XPathValue } from './xpath-values.js';
import { toBoolean, toNumber, toText } from './xpath-values.js';

/** What an expression gives, whatever it is evaluated on. */
export type ValueType = 'text' | 'number' | 'boolean' | 'nodes';

/** A function of XPath 1.0, 4. */
export interface XPathFunction {
  readonly least: number;
  readonly most: number;
  readonly type: ValueType;
  /** Its arguments must be nodes. */
  readonly ofNodes?: true;
  /** Without an argument it takes the node that the condition is about; 'name' looks at no more than its name. */
  readonly ofContext?: 'name' | 'content';
  readonly evaluate: (...values: readonly XPathValue[]) => XPathValue;
}

/** Texts that an XPath builds of a record; JavaScript has no texts beyond twice that. */
const maxTextLength = 2 ** 28;

/** The functions by name; position() is not among them, and id(), lang(), last() and namespace-uri() are not known. */
export const xpathFunctions: ReadonlyMap<string, XPathFunction> = new Map(
  Object.entries<XPathFunction>({
    boolean: { least: 1, most: 1, type: 'boolean', evaluate: (value) => toBoolean(value) },
    not: { least: 1, most: 1, type: 'boolean', evaluate: (value) => !toBoolean(value) },
    true: { least: 0, most: 0, type: 'boolean', evaluate: () => true },
    false: { least: 0, most: 0, type: 'boolean', evaluate: () => false },

    number: ofOne('number', toNumber),
    floor: { least: 1, most: 1, type: 'number', evaluate: (value) => Math.floor(toNumber(value)) },
    ceiling: {
      least: 1,
      most: 1,
      type: 'number',
      evaluate: (value) => Math.ceil(toNumber(value)),
    },
    // Halves go up, as XPath wants it too.
    round: { least: 1, most: 1, type: 'number', evaluate: (value) => Math.round(toNumber(value)) },
    count: ofNodes('number', (nodes) => nodes.length),
    sum: ofNodes('number', (nodes) => nodes.reduce((sum, node) => sum + toNumber(textOf(node)), 0)),

    name: ofName('written'),
    'local-name': ofName('local'),

    string: ofOne('text', toText),
    'string-length': ofOne('number', (value) => lengthOf(toText(value))),
    'normalize-space': ofOne('text', (value) =>
      toText(value)
        .replace(/[ \t\r\n]+/g, ' ')
        .replace(/^ | $/g, ''),
    ),
    concat: ofTexts('text', 2, Infinity, concat),
    'starts-with': ofTexts('boolean', 2, 2, (text, start) => text.startsWith(start)),
    contains: ofTexts('boolean', 2, 2, (text, part) => text.includes(part)),
    'substring-before': ofTexts('text', 2, 2, (text, part) =>
      text.slice(0, Math.max(0, text.indexOf(part))),
    ),
    'substring-after': ofTexts('text', 2, 2, (text, part) => {
      const at = text.indexOf(part);
      return at < 0 ? '' : text.slice(at + part.length);
    }),
    substring: {
      least: 2,
      most: 3,
      type: 'text',
      evaluate: (text, from, length) =>
        substring(toText(text), toNumber(from), length === undefined ? null : toNumber(length)),
    },
    translate: ofTexts('text', 3, 3, (text, from, to) => translate(text, from, to)),
  }),
);

function ofOne(type: ValueType, evaluate: (value: XPathValue) => XPathValue): XPathFunction {
  return { least: 0, most: 1, type, ofContext: 'content', evaluate: (value) => evaluate(value) };
}

function ofNodes(
  type: ValueType,
  evaluate: (nodes: readonly XmlNode[]) => XPathValue,
): XPathFunction {
  return {
    least: 1,
    most: 1,
    type,
    ofNodes: true,
    evaluate: (nodes) => evaluate(nodes as readonly XmlNode[]),
  };
}

function ofTexts(
  type: ValueType,
  least: number,
  most: number,
  evaluate: (...texts: readonly string[]) => XPathValue,
): XPathFunction {
  return { least, most, type, evaluate: (...values) => evaluate(...values.map(toText)) };
}

function ofName(part: 'written' | 'local'): XPathFunction {
  const nameOf = (node: XmlNode | undefined) =>
    node?.nodeType === 1 || node?.nodeType === 2 ? node.naming[part] : '';
  return { ...ofNodes('text', (nodes) => nameOf(nodes[0])), least: 0, ofContext: 'name' };
}

function concat(...texts: readonly string[]): string {
  if (texts.reduce((sum, text) => sum + text.length, 0) > maxTextLength)
    throw new AppError(
      'CELL_TOO_LONG',
      `The function concat() of the option xpath builds a text of more than ${maxTextLength} characters; compare its parts one by one`,
      { details: { option: 'xpath', limit: maxTextLength } },
    );
  return texts.join('');
}

/** Characters, of which some are two units of a JavaScript text. */
function lengthOf(text: string): number {
  let length = 0;
  for (let at = 0; at < text.length; at += text.codePointAt(at)! > 0xffff ? 2 : 1) length++;
  return length;
}

/** The characters whose position, from 1, is at least `from` and less than `from` + `length`, both rounded. */
function substring(text: string, from: number, length: number | null): string {
  const first = Math.round(from);
  const behind = length === null ? Infinity : first + Math.round(length);
  let position = 0;
  let start = -1;
  let at = 0;
  for (const character of text) {
    position++;
    // Written so that nothing is true of NaN.
    const within = position >= first && position < behind;
    if (within && start < 0) start = at;
    if (!within && start >= 0) return text.slice(start, at);
    at += character.length;
  }
  return start < 0 ? '' : text.slice(start);
}

function translate(text: string, from: string, to: string): string {
  const targets = [...to];
  const map = new Map<string, string>();
  // The first of equal characters counts; those without a counterpart go.
  [...from].forEach((character, index) => {
    if (!map.has(character)) map.set(character, targets[index] ?? '');
  });
  let translated = '';
  for (const character of text) translated += map.get(character) ?? character;
  return translated;
}
