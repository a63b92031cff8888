import { controls, isXmlName, spaces } from './bytes.js';
import type { Complain } from './text.js';

/*
 * A document type declaration is passed over: nothing it declares is used, nothing it names is fetched. Its grammar is
 * checked (XML 1.0, 2.8 and 3.2 to 4.7), because a document with a broken one is no XML.
 */

const name = '[^\\s<>&\'"()|,;%#=?*+!/\\[\\]]+';
const space = '[ \\t\\r\\n]';
const literal = `(?:"[^"]*"|'[^']*')`;
const publicLiteral = `(?:"[-\\s\\w'()+,./:=?;!*#@$%]*"|'[-\\s\\w()+,./:=?;!*#@$%]*')`;
const externalId = `(?:SYSTEM${space}+${literal}|PUBLIC${space}+${publicLiteral}${space}+${literal})`;

const head = new RegExp(`^${space}+(${name})(?:${space}+${externalId})?${space}*$`);
const entity = new RegExp(
  `^(?:${space}+(${name})${space}+(?:(${literal})|${externalId}(?:${space}+NDATA${space}+${name})?)` +
    `|${space}+%${space}+(${name})${space}+(?:(${literal})|${externalId}))${space}*$`,
);
const notation = new RegExp(
  `^${space}+(${name})${space}+(?:${externalId}|PUBLIC${space}+${publicLiteral})${space}*$`,
);
const elementHead = new RegExp(`^${space}+(${name})${space}+([^]*)$`);
const attributeListHead = new RegExp(`^${space}+(${name})([^]*)$`);
const list = (item: string) => `\\(${space}*${item}(?:${space}*\\|${space}*${item})*${space}*\\)`;
const attributeDefinition = new RegExp(
  `${space}+(${name})${space}+` +
    `(?:CDATA|IDREFS|IDREF|ID|ENTITIES|ENTITY|NMTOKENS|NMTOKEN|NOTATION${space}+${list(name)}|${list(name)})` +
    `${space}+(?:#REQUIRED|#IMPLIED|(?:#FIXED${space}+)?(${literal}))`,
  'y',
);
const mixed = new RegExp(
  `^\\(${space}*#PCDATA(?:${space}*\\)\\*?|(?:${space}*\\|${space}*${name})*${space}*\\)\\*)$`,
);

/** Behind the `>` of the DOCTYPE at `start`, -1 if it does not end before `end`. @throws what `complain` makes */
export function doctypeEnd(bytes: Buffer, start: number, end: number, complain: Complain): number {
  const text = bytes.toString('latin1', start, end);
  const fail = (at: number, what: string) => complain(start + at, `${what} in the DOCTYPE`);
  let at = '<!DOCTYPE'.length;
  const headEnd = scan(text, at, '[>', fail);
  if (headEnd < 0) return -1;
  let headText = text.slice(at, headEnd);
  at = headEnd;
  if (text[at] === '[') {
    at = internalSubset(text, at + 1, fail);
    if (at < 0) return -1;
    while (at < text.length && spaces[text.charCodeAt(at)] === 1) at++;
    if (at >= text.length) return -1;
    if (text[at] !== '>') throw fail(at, 'something other than > after the ]');
    headText = headText.trimEnd();
  }
  if (!head.test(headText))
    throw fail(0, 'something other than a name and SYSTEM "…" or PUBLIC "…" "…"');
  return start + at + 1;
}

/** Where one of the characters stands outside of quotes, -1 if nowhere. */
function scan(text: string, from: number, stops: string, fail: Complain): number {
  let quote = '';
  for (let at = from; at < text.length; at++) {
    const character = text[at]!;
    if (controls[text.charCodeAt(at)] === 1) throw fail(at, 'a control character');
    if (quote !== '') {
      if (character === quote) quote = '';
    } else if (character === '"' || character === "'") quote = character;
    else if (stops.includes(character)) return at;
    else if (character === '<') throw fail(at, 'a < inside a declaration');
  }
  return -1;
}

/** Behind the `]`, -1 if the text ends before. */
function internalSubset(text: string, from: number, fail: Complain): number {
  let at = from;
  for (;;) {
    while (at < text.length && spaces[text.charCodeAt(at)] === 1) at++;
    const left = text.length - at;
    if (left <= 0) return -1;
    if (text[at] === ']') return at + 1;
    if (text[at] === '%') {
      const close = text.indexOf(';', at);
      const parameter = text.slice(at + 1, close < 0 ? undefined : close);
      if (close < 0 && parameter.length < 1000) return -1;
      if (!latin1Name(parameter)) throw fail(at, 'a % that begins no reference');
      at = close + 1;
      continue;
    }
    if (text.startsWith('<!--', at)) {
      const close = text.indexOf('--', at + 4);
      if (close < 0 || close + 2 >= text.length) return -1;
      if (text[close + 2] !== '>') throw fail(close, '-- inside a comment');
      checkCharacters(text, at, close, fail);
      at = close + 3;
      continue;
    }
    if (text.startsWith('<?', at)) {
      const close = text.indexOf('?>', at + 2);
      if (close < 0) return -1;
      const target = /^[^\s?]*/.exec(text.slice(at + 2, close))![0];
      if (!latin1Name(target) || target.toLowerCase() === 'xml')
        throw fail(at, 'a processing instruction without a proper name');
      checkCharacters(text, at, close, fail);
      at = close + 2;
      continue;
    }
    const word = /^<!(ELEMENT|ATTLIST|ENTITY|NOTATION)/.exec(text.slice(at, at + 10))?.[1];
    if (word === undefined) {
      if (left < 10 && '<!--<!ELEMENT<!ATTLIST<!ENTITY<!NOTATION<?'.includes(text.slice(at)))
        return -1;
      throw fail(at, 'something that is no declaration');
    }
    const body = at + 2 + word.length;
    const close = scan(text, body, '>', fail);
    if (close < 0) return -1;
    if (!declares[word]!(text.slice(body, close))) throw fail(at, `a broken <!${word}`);
    at = close + 1;
  }
}

function checkCharacters(text: string, from: number, to: number, fail: Complain): void {
  for (let at = from; at < to; at++)
    if (controls[text.charCodeAt(at)] === 1) throw fail(at, 'a control character');
}

/** Whether bytes read as latin1 are a name. */
function latin1Name(text: string): boolean {
  return isXmlName(Buffer.from(text, 'latin1').toString());
}

const declares: Readonly<Record<string, (body: string) => boolean>> = {
  ENTITY(body) {
    const found = entity.exec(body);
    if (!found || !latin1Name((found[1] ?? found[3])!)) return false;
    return wellFormedValue(found[2] ?? found[4] ?? '""', true);
  },
  NOTATION(body) {
    const found = notation.exec(body);
    return found !== null && latin1Name(found[1]!);
  },
  ELEMENT(body) {
    const found = elementHead.exec(body);
    return found !== null && latin1Name(found[1]!) && contentModel(found[2]!.trimEnd());
  },
  ATTLIST(body) {
    const found = attributeListHead.exec(body);
    if (!found || !latin1Name(found[1]!)) return false;
    const definitions = found[2]!.trimEnd();
    attributeDefinition.lastIndex = 0;
    while (attributeDefinition.lastIndex < definitions.length) {
      const definition = attributeDefinition.exec(definitions);
      if (!definition || !latin1Name(definition[1]!)) return false;
      if (definition[2]?.includes('<') || !wellFormedValue(definition[2] ?? '""', false))
        return false;
    }
    return true;
  },
};

/** Whether every & (and, in an entity's value, no %) of a literal begins a reference. */
function wellFormedValue(quoted: string, entityValue: boolean): boolean {
  const rest = quoted.replace(/&(?:#[0-9]+|#x[0-9a-fA-F]+|[^\s&;#<>"']+);/g, '');
  return !rest.includes('&') && !(entityValue && rest.includes('%'));
}

/** Whether a text is a contentspec: EMPTY, ANY, mixed, or groups in which all separators are the same. */
function contentModel(model: string): boolean {
  if (model === 'EMPTY' || model === 'ANY' || mixed.test(model)) return true;
  const separators: string[] = [];
  // Between two particles stands a separator; before a particle none.
  let particle = true;
  let at = 0;
  if (!model.startsWith('(')) return false;
  const occurrence = () => {
    if (at < model.length && '?*+'.includes(model[at]!)) at++;
  };
  while (at < model.length) {
    const character = model[at]!;
    if (spaces[model.charCodeAt(at)] === 1) at++;
    else if (character === '(') {
      if (!particle) return false;
      separators.push('');
      at++;
    } else if (character === ')') {
      if (particle || separators.pop() === undefined) return false;
      at++;
      occurrence();
      if (separators.length === 0) return at === model.length;
    } else if (character === '|' || character === ',') {
      const used = separators.at(-1);
      if (particle || used === undefined || (used !== '' && used !== character)) return false;
      separators[separators.length - 1] = character;
      particle = true;
      at++;
    } else {
      const from = at;
      while (at < model.length && !/[\s|,()?*+#]/.test(model[at]!)) at++;
      if (!particle || !latin1Name(model.slice(from, at))) return false;
      particle = false;
      occurrence();
    }
  }
  return false;
}
