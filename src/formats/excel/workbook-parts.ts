import { cellStyles } from '../../spreadsheet.js';
import { escapedXml, unwritable } from '../../xml-text.js';

/*
 * What a workbook has beside the parts with its sheets' rows (ECMA-376 part 1, transitional).
 */

/** A part of a workbook: an entry of its zip. */
export interface WorkbookPart {
  readonly name: string;
  readonly text: string;
}

const declaration = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n';
const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const packaged = 'http://schemas.openxmlformats.org/package/2006';
const contentType = 'application/vnd.openxmlformats-officedocument.spreadsheetml';

/** The name of the part with a sheet's rows; counted from 0. */
export function sheetPartName(index: number): string {
  return `xl/worksheets/sheet${index + 1}.xml`;
}

/** The most characters, in UTF-16, that a sheet's name can have. */
const maxNameCharacters = 31;

/**
 * Names that Excel takes for sheets: what it does not allow becomes _, and of equal ones (it knows no case) the second becomes
 * `Orders (2)`.
 */
export function sheetNames(wanted: readonly string[]): string[] {
  const taken = new Set<string>();
  // A name that is taken often, as by the sheets of one result, need not be counted through each time.
  const counts = new Map<string, number>();
  return wanted.map((text) => {
    const first = validName(text);
    let name = first;
    for (let n = counts.get(first) ?? 2; taken.has(name.toLowerCase()); n++) {
      const suffix = ` (${n})`;
      name = cut(first, maxNameCharacters - suffix.length) + suffix;
      counts.set(first, n + 1);
    }
    taken.add(name.toLowerCase());
    return name;
  });
}

/** The parts of a workbook, but for the sheets themselves; these come in the order of the names, which {@link sheetNames} makes valid. */
export function workbookParts(names: readonly string[]): WorkbookPart[] {
  const sheets = sheetNames(names);
  return [
    { name: '[Content_Types].xml', text: declaration + contentTypes(sheets.length) },
    {
      name: '_rels/.rels',
      text: declaration + relationships([{ type: 'officeDocument', target: 'xl/workbook.xml' }]),
    },
    { name: 'xl/workbook.xml', text: declaration + workbook(sheets) },
    {
      name: 'xl/_rels/workbook.xml.rels',
      text:
        declaration +
        relationships([
          ...sheets.map((_, index) => ({
            type: 'worksheet',
            target: sheetPartName(index).slice('xl/'.length),
          })),
          { type: 'styles', target: 'styles.xml' },
        ]),
    },
    { name: 'xl/styles.xml', text: declaration + styles },
  ];
}

function validName(text: string): string {
  const allowed = cut(
    text.replace(new RegExp(`${unwritable}|[\\t\\n\\r[\\]:*?/\\\\]`, 'g'), '_'),
    maxNameCharacters,
  ).replace(/^'|'$/g, '_');
  if (allowed.trim() === '') return 'Sheet';
  // Excel keeps this name for itself.
  return allowed.toLowerCase() === 'history' ? `${allowed}_` : allowed;
}

/** The first characters of a text; none of two code units is torn. */
function cut(text: string, characters: number): string {
  return text.slice(0, characters).replace(/[\ud800-\udbff]$/, '');
}

function contentTypes(sheets: number): string {
  const part = (name: string, type: string) =>
    `<Override PartName="/${name}" ContentType="${contentType}.${type}+xml"/>`;
  const worksheets = Array.from({ length: sheets }, (_, index) =>
    part(sheetPartName(index), 'worksheet'),
  );
  return (
    `<Types xmlns="${packaged}/content-types">` +
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>' +
    '<Default Extension="xml" ContentType="application/xml"/>' +
    part('xl/workbook.xml', 'sheet.main') +
    part('xl/styles.xml', 'styles') +
    `${worksheets.join('')}</Types>`
  );
}

/** Their ids are rId1, rId2 and so on. */
function relationships(to: readonly { readonly type: string; readonly target: string }[]): string {
  const written = to.map(
    ({ type, target }, index) =>
      `<Relationship Id="rId${index + 1}" Type="${office}/${type}" Target="${target}"/>`,
  );
  return `<Relationships xmlns="${packaged}/relationships">${written.join('')}</Relationships>`;
}

function workbook(sheets: readonly string[]): string {
  const written = sheets.map(
    (name, index) =>
      `<sheet name="${escapedXml(name)}" sheetId="${index + 1}" r:id="rId${index + 1}"/>`,
  );
  return `<workbook xmlns="${main}" xmlns:r="${office}"><sheets>${written.join('')}</sheets></workbook>`;
}

/** Number formats of ours have ids from 164 on (18.8.30); 0 is General, 14 would show dates as the reader's country does. */
const numberFormats = { date: 164, dateTime: 165, time: 166 } as const;

const cellFormats: Readonly<Record<keyof typeof cellStyles, string>> = {
  general: '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>',
  date: dated(numberFormats.date),
  dateTime: dated(numberFormats.dateTime),
  time: dated(numberFormats.time),
  quotedText: '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/>',
};

function dated(format: number): string {
  return `<xf numFmtId="${format}" fontId="0" fillId="0" borderId="0" xfId="0" applyNumberFormat="1"/>`;
}

const orderedStyles = (Object.keys(cellStyles) as (keyof typeof cellStyles)[]).sort(
  (one, other) => cellStyles[one] - cellStyles[other],
);

// Excel offers to repair a workbook without a font, two fills, a border and a named style.
const styles =
  `<styleSheet xmlns="${main}"><numFmts count="3">` +
  `<numFmt numFmtId="${numberFormats.date}" formatCode="yyyy\\-mm\\-dd"/>` +
  `<numFmt numFmtId="${numberFormats.dateTime}" formatCode="yyyy\\-mm\\-dd\\ hh:mm:ss.000"/>` +
  `<numFmt numFmtId="${numberFormats.time}" formatCode="hh:mm:ss.000"/></numFmts>` +
  '<fonts count="1"><font><sz val="11"/><name val="Calibri"/><family val="2"/></font></fonts>' +
  '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>' +
  '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>' +
  '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>' +
  `<cellXfs count="${orderedStyles.length}">${orderedStyles.map((name) => cellFormats[name]).join('')}</cellXfs>` +
  '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>';
