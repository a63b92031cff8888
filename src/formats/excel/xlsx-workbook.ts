import type { Sheet } from './options.js';
import { unescaped } from './values.js';
import { broken, type WorkbookPackage } from './xlsx-package.js';

/** What the reader needs to know of a workbook; names of parts. */
export interface Workbook {
  /** Without a part: the workbook does not say where the sheet is. */
  readonly sheets: readonly (Sheet & { readonly part: string | undefined })[];
  readonly date1904: boolean;
  readonly styles: string | undefined;
  readonly strings: string | undefined;
}

const maxSheets = 10_000;
/** Where nearly all writers put the workbook. */
const usualPart = 'xl/workbook.xml';

/** Reads the workbook's part and its relationships. @throws MALFORMED_FILE */
export async function readWorkbook(parts: WorkbookPackage): Promise<Workbook> {
  const part = await workbookPart(parts);
  const relationships = new Map(
    (await parts.relationships(part)).map((relationship) => [relationship.id, relationship]),
  );
  const found: { name: string; id: string; visible: boolean }[] = [];
  let date1904 = false;
  await parts.elements(part, ['workbook', 'workbookPr', 'sheet'], (scanner, element) => {
    if (scanner.depth === 1 && element !== 'workbook') scanner.fail('is no workbook');
    // Extensions have elements of the same name, but deeper.
    if (element === 'workbookPr' && scanner.depth === 2)
      date1904 = /^(?:1|true|on)$/iu.test(scanner.attributes.get('date1904') ?? '');
    if (element !== 'sheet' || scanner.depth !== 3) return;
    if (found.length >= maxSheets) scanner.fail(`has over ${maxSheets} sheets`);
    const name = scanner.attributes.get('name');
    const id = scanner.attributes.get('id', true);
    if (name === undefined || id === undefined) return scanner.fail('has a sheet without a name');
    found.push({
      name: unescaped(name),
      id,
      visible: (scanner.attributes.get('state') ?? 'visible') === 'visible',
    });
  });
  // What is not named, or not there, can do without: a workbook of nothing but numbers has no texts.
  const folder = part.slice(0, part.lastIndexOf('/') + 1);
  const partOf = (type: string) =>
    [
      [...relationships.values()].find((other) => other.type === type)?.target,
      `${folder}${type}.xml`,
    ].find((name) => name !== undefined && parts.has(name));
  return {
    // Charts and macro sheets are sheets too, but have no cells that are data.
    sheets: found.flatMap(({ name, id, visible }) => {
      const target = relationships.get(id);
      const hasCells = target === undefined || target.type === 'worksheet';
      return hasCells ? [{ name, visible, part: target?.target }] : [];
    }),
    date1904,
    styles: partOf('styles'),
    strings: partOf('sharedStrings'),
  };
}

async function workbookPart(parts: WorkbookPackage): Promise<string> {
  const named = (await parts.relationships('')).find(({ type }) => type === 'officeDocument');
  const types = named ? new Map<string, string>() : await contentTypes(parts);
  const part =
    named?.target ??
    [...types].find(([, type]) => /(?:spreadsheetml|ms-excel).*\.main/iu.test(type))?.[0] ??
    [usualPart].find((name) => parts.has(name));
  if (part === undefined) throw broken(parts.origin, 'is a zip, but no workbook is in it');
  if (part.toLowerCase().endsWith('.bin'))
    throw broken(parts.origin, 'is an XLSB workbook, which is not supported; save it as XLSX');
  if (/(?:^|\/)word\/|(?:^|\/)ppt\//iu.test(part))
    throw broken(parts.origin, `is another Office document (${part}), no workbook`);
  return part;
}

async function contentTypes(parts: WorkbookPackage): Promise<ReadonlyMap<string, string>> {
  const types = new Map<string, string>();
  const name = '[Content_Types].xml';
  if (!parts.has(name)) return types;
  await parts.elements(name, ['Override'], (scanner, element) => {
    const type = scanner.attributes.get('ContentType');
    if (element && type)
      types.set(scanner.attributes.get('PartName')?.replace(/^\//u, '') ?? '', type);
  });
  return types;
}
