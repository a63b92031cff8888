import { escapedXml, unwritable } from './xml-text.js';

/*
 * What the rows of a worksheet and the other parts of its workbook must agree on (ECMA-376 part 1).
 */

/** Positions of the cell styles among those of the workbook. */
export const cellStyles = { general: 0, date: 1, dateTime: 2, time: 3, quotedText: 4 } as const;

/** The most columns that a sheet can have. */
export const maxSheetColumns = 16_384;

/** The most characters, in UTF-16, that a cell can have. */
export const maxCellCharacters = 32_767;

/** The codes of the characters that stand as escapes in cells, because XML does not have them. */
export const escapedCodes: readonly number[] = [
  ...Array.from({ length: 0x20 }, (_, code) => code),
  0xfffe,
  0xffff,
].filter((code) => new RegExp(unwritable).test(String.fromCharCode(code)));

/**
 * What makes a cell's text need escapes, for RE2 and JavaScript: such a character, or what looks like an escape. Some readers
 * take `_X` for the beginning of one too.
 */
export const needsCellEscapes = `${unwritable}|_[xX][0-9A-Fa-f]{4}_`;

/** The escape that stands in a cell for a character (ST_Xstring, 22.9.2.19). */
export function escapedCharacter(code: number): string {
  return `_x${code.toString(16).toUpperCase().padStart(4, '0')}_`;
}

/** What every `_x` and `_X` becomes in a text that needs escapes: two of them can share an underscore, so none is left alone. */
export const escapedMarks: readonly (readonly [mark: string, escaped: string])[] = ['x', 'X'].map(
  (letter) => [`_${letter}`, escapedCharacter(0x5f) + letter],
);

/** A text as it stands in a cell. */
export function cellText(text: string): string {
  if (!new RegExp(needsCellEscapes).test(text)) return escapedXml(text);
  const escaped = escapedMarks
    .reduce((marked, [mark, replacement]) => marked.replaceAll(mark, replacement), text)
    .replace(new RegExp(unwritable, 'g'), (one) => escapedCharacter(one.charCodeAt(0)));
  return escapedXml(escaped);
}
