/*
 * Names and texts of XML 1.0 (fifth edition), for those who read it and those who write it.
 */

/** What a name begins with (production 4), inside of a class of a regular expression with the flag u. */
export const nameStart =
  ':A-Z_a-z\\u{C0}-\\u{D6}\\u{D8}-\\u{F6}\\u{F8}-\\u{2FF}\\u{370}-\\u{37D}\\u{37F}-\\u{1FFF}\\u{200C}-\\u{200D}' +
  '\\u{2070}-\\u{218F}\\u{2C00}-\\u{2FEF}\\u{3001}-\\u{D7FF}\\u{F900}-\\u{FDCF}\\u{FDF0}-\\u{FFFD}\\u{10000}-\\u{EFFFF}';

/** What a name goes on with (production 4a), likewise. */
export const nameRest = `${nameStart}\\-.0-9\\u{B7}\\u{300}-\\u{36F}\\u{203F}-\\u{2040}`;

/** A character that stands in XML neither as such nor as a reference (production 2). RE2 and JavaScript both read it. */
export const unwritable = '[\\x00-\\x08\\x0b\\x0c\\x0e-\\x1f\uFFFE\uFFFF]';

const references: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\t': '&#9;',
  '\n': '&#10;',
  '\r': '&#13;',
};

/** A text as it stands between tags and in attributes, whatever a reader does with white space there. */
export function escapedXml(text: string): string {
  return text.replace(/[&<>"\t\n\r]/g, (character) => references[character] ?? character);
}
