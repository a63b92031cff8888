/** A token of an XPath expression (XPath 1.0, 3.7). */
export interface XPathToken {
  readonly kind: 'name' | 'literal' | 'number' | 'symbol';
  /** Of a name: what its place makes of it. */
  readonly role: 'test' | 'axis' | 'function' | 'operator' | 'variable' | null;
  readonly text: string;
  /** Position in the expression. */
  readonly at: number;
}

const ncName = '[\\p{L}_][\\p{L}\\p{M}\\p{N}\\-._\\u{B7}]*';
const pattern = new RegExp(
  `\\s*(?:(?<literal>"[^"]*"|'[^']*')|(?<number>[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)` +
    `|(?<name>\\*:${ncName}|${ncName}(?::(?!:)(?:${ncName}|\\*))?)` +
    `|(?<symbol>::|//|\\.\\.|!=|<=|>=|[^\\s]))`,
  'uy',
);

/** Splits an XPath into tokens; what is wrong with it is for the parser to say. */
export function tokenizeXPath(xpath: string): XPathToken[] {
  const tokens: XPathToken[] = [];
  pattern.lastIndex = 0;
  const text = xpath.trimEnd();
  while (pattern.lastIndex < text.length) {
    const groups = pattern.exec(text)?.groups;
    if (!groups) break;
    const kind = (['literal', 'number', 'name', 'symbol'] as const).find(
      (k) => groups[k] !== undefined,
    )!;
    const found = groups[kind]!;
    const at = pattern.lastIndex - found.length;
    tokens.push({
      kind,
      role: kind === 'name' || found === '*' ? role(tokens.at(-1), text, pattern.lastIndex) : null,
      text: found,
      at,
    });
  }
  return tokens;
}

/** A name after an operand is an operator; before `(` a function, before `::` an axis; else it tests a name. */
function role(before: XPathToken | undefined, text: string, to: number): XPathToken['role'] {
  if (before?.text === '$') return 'variable';
  if (before && isOperand(before)) return 'operator';
  const rest = text.slice(to).trimStart();
  if (rest.startsWith('::')) return 'axis';
  if (rest.startsWith('(')) return 'function';
  // for $x in …, some $x in …: words of XPath 3.1 that come before a variable
  return rest.startsWith('$') ? 'operator' : 'test';
}

function isOperand(token: XPathToken): boolean {
  if (token.kind === 'literal' || token.kind === 'number') return true;
  if (token.kind === 'name' || token.text === '*')
    return token.role === 'test' || token.role === 'variable';
  return [')', ']', '.', '..'].includes(token.text);
}
