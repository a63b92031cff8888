import { nameRest, nameStart } from '../../xml-text.js';

/*
 * What a byte of XML in UTF-8 may stand for. Bytes of 0x80 and above belong to characters that are looked at when a
 * name is first met; everywhere else they are ordinary text.
 */

export const TAB = 0x09;
export const LF = 0x0a;
export const CR = 0x0d;
export const SPACE = 0x20;
export const BANG = 0x21;
export const QUOTE = 0x22;
export const AMPERSAND = 0x26;
export const APOSTROPHE = 0x27;
export const DASH = 0x2d;
export const SLASH = 0x2f;
export const SEMICOLON = 0x3b;
export const LESS = 0x3c;
export const EQUALS = 0x3d;
export const GREATER = 0x3e;
export const QUESTION = 0x3f;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;

function table(mark: (byte: number) => number): Uint8Array {
  return Uint8Array.from({ length: 256 }, (_, byte) => mark(byte));
}

const isSpace = (byte: number) => byte === SPACE || byte === TAB || byte === LF || byte === CR;
const isControl = (byte: number) => byte < SPACE && !isSpace(byte);

/** 1: white space (XML 1.0, S). */
export const spaces = table((byte) => (isSpace(byte) ? 1 : 0));

/** 1: a control character, which XML 1.0 has no place for (Char). */
export const controls = table((byte) => (isControl(byte) ? 1 : 0));

/** 0: text that stands for itself. What stops there: `<`, `&`, `]` (of `]]>`), CR and control characters. */
export const textStops = table((byte) =>
  byte === LESS || byte === AMPERSAND || byte === CLOSE_BRACKET || byte === CR || isControl(byte)
    ? 1
    : 0,
);

/** 0: an attribute's value that stands for itself. */
export const valueStops = table((byte) =>
  byte === LESS ||
  byte === AMPERSAND ||
  byte === QUOTE ||
  byte === APOSTROPHE ||
  byte === TAB ||
  byte === LF ||
  byte === CR ||
  isControl(byte)
    ? 1
    : 0,
);

/** 1: begins a name or goes on with it, 2: only goes on with it, 0: ends it. */
export const nameBytes = table((byte) => {
  if (byte >= 0x80) return 1;
  const character = String.fromCharCode(byte);
  if (/[A-Za-z_:]/.test(character)) return 1;
  return /[-.0-9]/.test(character) ? 2 : 0;
});

const name = new RegExp(`^[${nameStart}][${nameRest}]*$`, 'u');
const nameToken = new RegExp(`^[${nameRest}]+$`, 'u');

/** Whether a text is a Name of XML 1.0. */
export function isXmlName(text: string): boolean {
  return name.test(text);
}

/** Whether a text is an Nmtoken of XML 1.0. */
export function isNameToken(text: string): boolean {
  return nameToken.test(text);
}

/** Whether a character may stand in XML 1.0 (production 2). */
export function isXmlCharacter(code: number): boolean {
  return (
    code === TAB ||
    code === LF ||
    code === CR ||
    (code >= 0x20 && code <= 0xd7ff) ||
    (code >= 0xe000 && code <= 0xfffd) ||
    (code >= 0x10000 && code <= 0x10ffff)
  );
}
