import type { PartWindow } from './xlsx-window.js';

/* References to characters and to the entities that XML 1.0 has by itself (sections 4.1 and 4.6). */

const entities: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
};

/** No reference is longer. */
const maxLength = 12;

/** Where the reference that begins with the & at a position ends (its semicolon); -1: it is cut. */
export function endOfReference(window: PartWindow, at: number): number {
  const { bytes } = window;
  const end = bytes.indexOf(0x3b, at);
  if (end === -1 || end - at > maxLength) {
    if (end === -1 && bytes.length - at <= maxLength && !window.ended) return -1;
    window.fail('holds an & that begins no entity', at);
  }
  if (meaning(bytes.toString('latin1', at + 1, end)) === undefined)
    window.fail(`refers to the entity ${bytes.toString('latin1', at, end + 1)}, which is none`, at);
  return end;
}

/** A text or a value with its references and ends of line in place. */
export function decoded(bytes: Buffer, start: number, end: number): string {
  return bytes
    .toString('utf8', start, end)
    .replace(/\r\n?/gu, '\n')
    .replace(/&([^;]+);/gu, (_, name: string) => meaning(name) ?? '');
}

/** The character that a reference means, without & and semicolon; undefined when it means none. */
function meaning(name: string): string | undefined {
  const number = /^#(?:(\d+)|x([0-9a-fA-F]+))$/u.exec(name);
  if (!number) return Object.hasOwn(entities, name) ? entities[name] : undefined;
  const code = number[1] ? Number(number[1]) : parseInt(number[2]!, 16);
  const allowed =
    code === 9 ||
    code === 10 ||
    code === 13 ||
    (code >= 0x20 && code < 0xd800) ||
    (code > 0xdfff && code <= 0x10ffff && code !== 0xfffe && code !== 0xffff);
  return allowed ? String.fromCodePoint(code) : undefined;
}
