import { CR, isXmlCharacter, LF, SPACE, TAB } from './bytes.js';

/** Makes the error of a place: what is wrong at a position of the window. */
export type Complain = (at: number, what: string) => Error;

const predefined = new Map([
  ['amp', '&'],
  ['lt', '<'],
  ['gt', '>'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** What a reference (without `&` and `;`) stands for. Entities that a DTD declares are not looked up. */
function expand(reference: string, fail: (what: string) => Error): string {
  const known = predefined.get(reference);
  if (known !== undefined) return known;
  const digits = /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/.exec(reference);
  if (digits) {
    const code = digits[1] === undefined ? parseInt(digits[2]!, 10) : parseInt(digits[1], 16);
    if (isXmlCharacter(code)) return String.fromCodePoint(code);
    throw fail(`&${shown(reference)}; is no character of XML`);
  }
  if (reference === '' || /[\s<&#]/.test(reference))
    throw fail('a & that begins no reference; write &amp; for the character itself');
  throw fail(
    `the entity &${shown(reference)}; is not expanded: only &amp; &lt; &gt; &quot; &apos; and numbers (&#8364;) are, entities of a DTD never`,
  );
}

function shown(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

function references(text: string, at: number, complain: Complain): string {
  if (!text.includes('&')) return text;
  const fail = (what: string) => complain(at, what);
  return text.replace(/&([^&;]*)(;?)/g, (_, reference: string, closed: string) => {
    if (closed === '' && !reference.startsWith('#'))
      throw fail('a & that begins no reference; write &amp; for the character itself');
    if (closed === '') throw fail(`the reference &${shown(reference)} has no ; at its end`);
    return expand(reference, fail);
  });
}

/** Text between tags: line ends become LF (XML 1.0, 2.11), references what they stand for. */
export function decodeContent(bytes: Buffer, from: number, to: number, complain: Complain): string {
  return references(decodeCdata(bytes, from, to), from, complain);
}

/** Text in a CDATA section: only line ends change. */
export function decodeCdata(bytes: Buffer, from: number, to: number): string {
  const text = bytes.toString('utf8', from, to);
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

/** An attribute's value, normalised as CDATA (XML 1.0, 3.3.3): white space as written becomes spaces. */
export function decodeValue(bytes: Buffer, from: number, to: number, complain: Complain): string {
  const text = bytes.toString('utf8', from, to).replace(/\r\n|[\t\n\r]/g, ' ');
  return references(text, from, complain);
}

function isSpaceCode(code: number): boolean {
  return code === SPACE || code === LF || code === CR || code === TAB;
}

/** The text without XML's white space at its ends (a no-break space stays). */
export function trimSpace(text: string): string {
  let from = 0;
  let to = text.length;
  while (from < to && isSpaceCode(text.charCodeAt(from))) from++;
  while (to > from && isSpaceCode(text.charCodeAt(to - 1))) to--;
  return text.slice(from, to);
}
