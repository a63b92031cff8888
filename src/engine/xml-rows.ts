import { AppError } from '../errors.js';
import { join, literal, sql, type Sql } from '../sql.js';
import { escapedXml, nameRest, nameStart, unwritable } from '../xml-text.js';
import { isText, numberText, plainText, type ExportColumn, type RowText } from './row-text.js';

/** How rows become XML: what the outermost element is called, and that of a row. See {@link isElementName}. */
export interface XmlNames {
  readonly root: string;
  readonly row: string;
}

// Without the colon: behind it readers look for a namespace.
const noColon = (characters: string) => characters.replace(':', '');
const elementName = new RegExp(`^[${noColon(nameStart)}][${noColon(nameRest)}]*$`, 'u');
const reserved = /^xml/i;

/** Whether an element can be called so (Namespaces in XML 1.0, NCName), and may be (XML 1.0, 2.3). */
export function isElementName(text: string): boolean {
  return elementName.test(text) && !reserved.test(text);
}

/** What {@link isElementName} asks for, behind "must be". */
export const elementNameRule =
  'a name that XML has for elements: letters, digits, "-", "." and "_", first a letter or "_", and not "xml" at its beginning';

/** What stands before and behind the rows. */
export function xmlFrame({ root }: XmlNames): { readonly head: string; readonly foot: string } {
  return {
    head: `<?xml version="1.0" encoding="UTF-8"?>\n<${root}>\n`,
    foot: `</${root}>\n`,
  };
}

/**
 * SQL of a row of `q` as an element on its own line, with one child for each column: none for NULL, an empty one for an empty text.
 * Texts with white space at an end, and empty ones, say that it is to be kept (xml:space).
 * @throws UNWRITABLE_VALUE for a column whose name cannot stand in XML
 */
export function xmlRow(columns: readonly ExportColumn[], { row }: XmlNames): RowText {
  const tags = elementTags(columns.map(({ name }) => name));
  const cells = columns.flatMap((column, index) => {
    const tag = tags[index] ?? { open: '', close: '' };
    return isText(column) ? textElement(column, tag) : [valueElement(column, tag)];
  });
  const line = sql`concat(${join([literal(`<${row}>`), ...cells, literal(`</${row}>\n`)])})`;
  const texts = columns.flatMap((column, index) => (isText(column) ? [{ column, index }] : []));
  if (texts.length === 0) return { line };
  // One look at all texts of a row is much cheaper than one at each.
  const found = (text: Sql) => sql`regexp_matches(${text}, ${literal(unwritable)})`;
  const any = found(sql`concat(${join(texts.map(({ column }) => plainText(column)))})`);
  const which = texts.map(
    ({ column, index }) => sql`when ${found(plainText(column))} then ${literal(String(index))}`,
  );
  return {
    line,
    unfit: {
      column: sql`case when ${any} then case ${join(which, sql` `)} end end`,
      reason: 'a control character (or U+FFFE, U+FFFF), which XML 1.0 has no way to write',
    },
  };
}

interface Tag {
  /** `<name`, or with the original name as an attribute. */
  readonly open: string;
  readonly close: string;
}

/** A valid name of its own for every column; those that need no change keep theirs. */
function elementTags(names: readonly string[]): Tag[] {
  const valid = names.map(validName);
  const taken = new Set(names.filter((name, index) => name === valid[index]));
  return names.map((name, index) => {
    const first = valid[index] ?? '_';
    if (first === name) return { open: `<${name}`, close: `</${name}>` };
    if (new RegExp(unwritable).test(name)) {
      throw new AppError(
        'UNWRITABLE_VALUE',
        `The name of the column ${JSON.stringify(name)} has a control character, which XML 1.0 has no way to write; write another format, or give the column another name`,
        { details: { column: name } },
      );
    }
    let unique = first;
    for (let n = 2; taken.has(unique); n++) unique = `${first}_${n}`;
    taken.add(unique);
    return { open: `<${unique} name="${escapedXml(name)}"`, close: `</${unique}>` };
  });
}

function validName(name: string): string {
  const kept = name.replace(new RegExp(`[^${noColon(nameRest)}]`, 'gu'), '_');
  return isElementName(kept) ? kept : `_${kept}`;
}

function valueElement(column: ExportColumn, { open, close }: Tag): Sql {
  return sql`${literal(`${open}>`)} || ${numberText(column)} || ${literal(close)}`;
}

const escapes = [
  ['&', '&amp;'],
  ['<', '&lt;'],
  ['>', '&gt;'],
  // Readers make a line feed of a return that stands there as such.
  ['\r', '&#13;'],
] as const;

/** SQL of a text with its special characters as references. */
export function escapedText(text: Sql): Sql {
  return escapes.reduce(
    (inner, [character, reference]) =>
      sql`replace(${inner}, ${literal(character)}, ${literal(reference)})`,
    text,
  );
}

/** The same for texts that mostly have none: to look is cheaper than to replace. */
export function mostlyPlainText(text: Sql): Sql {
  const special = escapes.map(([character]) => sql`contains(${text}, ${literal(character)})`);
  return sql`case when ${join(special, sql` or `)} then ${escapedText(text)} else ${text} end`;
}

function textElement(column: ExportColumn, { open, close }: Tag): Sql[] {
  const text = plainText(column);
  const ends = [' ', '\t', '\n', '\r'].map((space) => sql`ends_with(${text}, ${literal(space)})`);
  // What comes before ! is empty, or begins with white space or with what cannot be written.
  const spaced = sql`${text} < '!' or ${join(ends, sql` or `)}`;
  return [
    sql`case when ${text} is null then null when ${spaced} then ${literal(`${open} xml:space="preserve">`)} else ${literal(`${open}>`)} end`,
    mostlyPlainText(text),
    sql`case when ${text} is not null then ${literal(close)} end`,
  ];
}
