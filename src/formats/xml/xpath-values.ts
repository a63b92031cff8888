import type { XmlNode } from './xpath-nodes.js';
import { textOf } from './xpath-nodes.js';

/** What an expression of XPath 1.0 gives; nodes are in document order. */
export type XPathValue = string | number | boolean | readonly XmlNode[];

/** The function string() (XPath 1.0, 4.2). */
export function toText(value: XPathValue): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number') return decimal(value);
  if (typeof value === 'boolean') return String(value);
  return value.length === 0 ? '' : textOf(value[0]!);
}

/** The function number() (XPath 1.0, 4.4): of a text that is no decimal number NaN. */
export function toNumber(value: XPathValue): number {
  if (typeof value === 'number') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  const text = toText(value);
  return /^[ \t\r\n]*-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[ \t\r\n]*$/.test(text) ? Number(text) : NaN;
}

/** The function boolean() (XPath 1.0, 4.3). */
export function toBoolean(value: XPathValue): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0 && !Number.isNaN(value);
  return value.length > 0;
}

/** A number as text: never with an exponent, and zero without a sign. */
function decimal(value: number): string {
  const parts = /^(-?)([0-9])(?:\.([0-9]+))?e([+-][0-9]+)$/.exec(String(value));
  if (!parts) return String(value);
  const [, sign = '', first = '', rest = '', exponent = ''] = parts;
  const digits = first + rest;
  const shift = Number(exponent);
  return shift < 0
    ? `${sign}0.${'0'.repeat(-shift - 1)}${digits}`
    : sign + digits.padEnd(shift + 1, '0');
}

/** The operators of XPath 1.0, 3.4. */
export type Comparison = '=' | '!=' | '<' | '<=' | '>' | '>=';

/** Compares as XPath 1.0, 3.4 says: nodes compare if some of them do. */
export function compare(operator: Comparison, one: XPathValue, other: XPathValue): boolean {
  const oneIsSet = typeof one === 'object';
  const otherIsSet = typeof other === 'object';
  if ((!oneIsSet && !otherIsSet) || typeof one === 'boolean' || typeof other === 'boolean')
    return oneIsSet || otherIsSet
      ? compareSingle(operator, toBoolean(one), toBoolean(other))
      : compareSingle(operator, one, other);
  if (oneIsSet && otherIsSet) return compareSets(operator, one, other);
  if (oneIsSet)
    return one.some((node) => compareSingle(operator, textOf(node), other as string | number));
  return (other as readonly XmlNode[]).some((node) => compareSingle(operator, one, textOf(node)));
}

type Single = string | number | boolean;

function compareSingle(operator: Comparison, one: Single, other: Single): boolean {
  switch (operator) {
    case '=':
      return equal(one, other);
    case '!=':
      return !equal(one, other);
    case '<':
      return toNumber(one) < toNumber(other);
    case '<=':
      return toNumber(one) <= toNumber(other);
    case '>':
      return toNumber(one) > toNumber(other);
    case '>=':
      return toNumber(one) >= toNumber(other);
  }
}

function equal(one: Single, other: Single): boolean {
  if (typeof one === 'boolean' || typeof other === 'boolean')
    return toBoolean(one) === toBoolean(other);
  return typeof one === 'string' && typeof other === 'string'
    ? one === other
    : toNumber(one) === toNumber(other);
}

/** Two sets, without comparing each node of one with each of the other. */
function compareSets(
  operator: Comparison,
  ones: readonly XmlNode[],
  others: readonly XmlNode[],
): boolean {
  if (ones.length === 0 || others.length === 0) return false;
  if (operator === '=' || operator === '!=') {
    const texts = new Set(ones.map(textOf));
    if (operator === '=') return others.some((node) => texts.has(textOf(node)));
    // With two different texts on one side, any text of the other differs from one of them.
    return texts.size > 1 || others.some((node) => !texts.has(textOf(node)));
  }
  const up = operator === '<' || operator === '<=';
  return compareSingle(operator, extreme(ones, up), extreme(others, !up));
}

/** The least or greatest of the numbers, NaN if there is none. */
function extreme(nodes: readonly XmlNode[], least: boolean): number {
  let found = NaN;
  for (const node of nodes) {
    const value = toNumber(textOf(node));
    if (Number.isNaN(found) || (least ? value < found : value > found)) found = value;
  }
  return found;
}
