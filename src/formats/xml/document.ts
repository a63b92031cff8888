import type fontoxpath from 'fontoxpath';
import type { Attr, Element, IDomFacade, Node } from 'fontoxpath';
import { createRequire } from 'node:module';
import { AppError, messageOf } from '../../errors.js';
import type { XmlElement, XmlText } from './tree.js';
import { XmlDocument } from './tree.js';
import { parseExpression } from './xpath-expression.js';
import type { XmlNode } from './xpath-nodes.js';
import { tokenizeXPath } from './xpath-tokens.js';

type XPathEngine = typeof fontoxpath;

const require = createRequire(import.meta.url);
let engine: XPathEngine | undefined;

/** Loaded when an XPath wants it: most do not, and it takes as long as reading some 10 MB. */
function xpathEngine(): XPathEngine {
  return (engine ??= require('fontoxpath') as XPathEngine);
}

function childrenOf(node: Node): readonly (XmlElement | XmlText)[] {
  return 'children' in node ? (node as XmlElement | XmlDocument).children : [];
}

function sibling(node: Node, offset: number): XmlElement | XmlText | null {
  const { parent, index } = node as XmlElement;
  return parent?.children[index + offset] ?? null;
}

/** Our trees as the XPath engine wants to walk them. */
const facade: IDomFacade = {
  getAllAttributes: (node) => (node as unknown as XmlElement).attributes as unknown as Attr[],
  getAttribute: (node, name) =>
    (node as unknown as XmlElement).attributes.find((attribute) => attribute.name === name)
      ?.value ?? null,
  getChildNodes: (node) => childrenOf(node) as unknown as Element[],
  getData: (node) => ('value' in node ? node.value : node.data),
  getFirstChild: (node) => childrenOf(node)[0] ?? null,
  getLastChild: (node) => childrenOf(node).at(-1) ?? null,
  getNextSibling: (node) => sibling(node, 1),
  getParentNode: (node) => (node as unknown as XmlElement).parent,
  getPreviousSibling: (node) => sibling(node, -1),
};

/**
 * The XPath with our meaning of names: one without a prefix means elements of that local name in any namespace. (In
 * our trees the prefix stands for the namespace, so a name with one means the name as written.)
 */
export function anyNamespace(xpath: string): string {
  const tokens = tokenizeXPath(xpath);
  // Of each open bracket, whether it holds the arguments of a function of single values.
  const open: boolean[] = [];
  let written = '';
  let end = 0;
  const insert = (at: number, text: string) => {
    written += xpath.slice(end, at) + text;
    end = at;
  };
  tokens.forEach((token, index) => {
    const before = tokens[index - 1];
    if (token.kind === 'symbol' && '(['.includes(token.text)) {
      const single = before?.role === 'function' && ofSingleValues.has(before.text);
      open.push(single && tokens[index + 1]?.text !== ')');
      if (open.at(-1) === true) insert(token.at + 1, '(');
    } else if (token.kind === 'symbol' && ')]'.includes(token.text)) {
      if (open.pop() === true) insert(token.at, ')[1]');
    } else if (token.text === ',' && open.at(-1) === true) {
      insert(token.at, ')[1]');
      insert(token.at + 1, '(');
    }
    if (token.kind !== 'name' || token.role !== 'test' || token.text.includes(':')) return;
    if (before?.text === '@' || (before?.text === '::' && tokens[index - 2]?.text === 'attribute'))
      return;
    insert(token.at, '*:');
  });
  return written + xpath.slice(end);
}

// XPath 1.0 takes the first of several nodes where these expect one value (4.2); XPath 3.1 refuses them.
const ofSingleValues = new Set([
  'string',
  'number',
  'string-length',
  'normalize-space',
  'concat',
  'contains',
  'starts-with',
  'substring',
  'substring-before',
  'substring-after',
  'translate',
  'floor',
  'ceiling',
  'round',
]);

/** The XPath without its outer conditions: what it looks for, wherever the conditions hold. */
export function withoutConditions(xpath: string): string {
  let depth = 0;
  let kept = '';
  let from = 0;
  for (const { kind, text, at } of tokenizeXPath(xpath)) {
    if (kind !== 'symbol') continue;
    if (text === '[' && depth++ === 0) kept += xpath.slice(from, at);
    if (text === ']' && --depth === 0) from = at + 1;
  }
  return depth > 0 ? xpath : kept + xpath.slice(from);
}

/**
 * The nodes that an XPath picks, in document order. What looks downwards only is evaluated as XPath 1.0, the rest by an
 * engine of XPath 3.1.
 * @throws INVALID_OPTIONS
 */
export function pickNodes(xpath: string, document: XmlDocument): readonly XmlNode[] {
  const expression = parseExpression(xpath);
  if (expression) {
    if (expression.type !== 'nodes')
      throw invalidXPath(xpath, `it gives a ${expression.type}, not elements, attributes or text`);
    return expression.evaluate({ node: document, position: 1 }) as readonly XmlNode[];
  }
  const { evaluateXPath } = xpathEngine();
  let found: unknown[];
  try {
    found = evaluateXPath(
      anyNamespace(xpath),
      document,
      facade,
      null,
      evaluateXPath.ALL_RESULTS_TYPE,
      {
        namespaceResolver: (prefix) => (prefix === '' ? null : prefix),
      },
    );
  } catch (error) {
    throw invalidXPath(
      xpath,
      messageOf(error).split('\n').slice(0, 3).join(' ').trim().slice(0, 300),
      error,
    );
  }
  for (const item of found)
    if (typeof item !== 'object' || item === null || !('nodeType' in item))
      throw invalidXPath(xpath, `it gives a ${typeof item}, not elements, attributes or text`);
  return found as XmlNode[];
}

/** Parsers call themselves for each bracket. */
const maxBrackets = 100;
/** An engine takes more than a second for some of 64 KiB. */
const maxLength = 16_384;

/** @throws INVALID_OPTIONS for an XPath that is larger than any that people write */
export function checkSize(xpath: string): void {
  if (xpath.length > maxLength)
    throw invalidXPath(xpath, `it is longer than ${maxLength} characters`);
  let depth = 0;
  for (const { kind, text } of tokenizeXPath(xpath)) {
    if (kind !== 'symbol') continue;
    if ('(['.includes(text) && ++depth > maxBrackets)
      throw invalidXPath(xpath, `its brackets lie more than ${maxBrackets} deep in each other`);
    if (')]'.includes(text)) depth--;
  }
}

/** @throws INVALID_OPTIONS for an XPath that is none, or that gives no nodes */
export function checkDocumentXPath(xpath: string): void {
  try {
    pickNodes(xpath, new XmlDocument());
  } catch (error) {
    // What goes wrong only because there is nothing yet (FORG, FOAR …) is no fault of the XPath.
    if (/\bFO[A-Z]{2}[0-9]{4}/.test(messageOf(error))) return;
    throw error;
  }
}

function invalidXPath(xpath: string, what: string, cause?: unknown): AppError {
  const shown = xpath.length > 200 ? `${xpath.slice(0, 200)}…` : xpath;
  return new AppError(
    'INVALID_OPTIONS',
    `The option xpath is "${shown}", which picks no records: ${what}. /rows/row and //row[@id] do`,
    { details: { option: 'xpath' }, cause },
  );
}
