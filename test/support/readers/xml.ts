import { XMLParser, XMLValidator } from 'fast-xml-parser';
import { fromText, type ReadColumn, type ReadTable } from './shown.js';
import { strictUtf8 } from './text.js';

type Children = Record<string, unknown>[];

/** `<root><row><column>…` by fast-xml-parser. An element that is missing is NULL, an empty one an empty text; one
 * that cannot be called as its column says so (`name`). */
export function readXml(
  bytes: Buffer,
  columns: readonly ReadColumn[],
  names = { root: 'rows', row: 'row' },
): ReadTable {
  const text = strictUtf8(bytes);
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(JSON.stringify(valid));
  const document = new XMLParser({
    preserveOrder: true,
    trimValues: false,
    parseTagValue: false,
    ignoreAttributes: false,
    processEntities: { enabled: true, maxTotalExpansions: Infinity, maxExpandedLength: Infinity },
    htmlEntities: true,
  }).parse(text) as Children;
  const root = document.find((node) => names.root in node)?.[names.root] as Children | undefined;
  if (!root) throw new Error(`There is no element ${names.root}`);
  const rows = root.filter((node) => names.row in node).map((node) => node[names.row] as Children);
  const sources = new Map<string, string>();
  const cells = rows.map((row) => {
    const found = new Map<string, string>();
    for (const node of row.filter((one) => !('#text' in one))) {
      const [element, inside] = Object.entries(node)[0] as [string, Children];
      const name = (node[':@'] as Record<string, string> | undefined)?.['@_name'] ?? element;
      if (found.has(name)) throw new Error(`A row has <${element}> twice`);
      found.set(name, inside.map((part) => String(part['#text'])).join(''));
      sources.set(name, element);
    }
    return columns.map(({ name, type }) => {
      const cell = found.get(name);
      return cell === undefined ? null : fromText(cell, type);
    });
  });
  for (const [name, element] of sources) {
    if (!columns.some((column) => column.name === name)) throw new Error(`What is <${element}>?`);
  }
  return { columns: undefined, sources, rows: cells };
}
