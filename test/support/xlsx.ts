import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CFB, type CellObject, type WorkSheet } from 'xlsx';
import { zipOf, type ZipEntry } from './zip.js';

const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const office = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const packaged = 'http://schemas.openxmlformats.org/package/2006/relationships';

/** What a test's workbook has; whole parts can be replaced under `parts` (undefined: left out). */
export interface WorkbookParts {
  /** What stands inside of <sheetData>. */
  readonly rows?: string;
  /** What stands inside of <sst>. */
  readonly strings?: string;
  /** Number formats of the cell styles 0, 1, … */
  readonly formats?: readonly string[];
  readonly date1904?: boolean;
  /** More sheets, by name, each with what stands inside of its <sheetData>. */
  readonly more?: Readonly<Record<string, string>>;
  readonly parts?: Readonly<Record<string, string | Buffer | undefined>>;
  /** The zip's entries, changed. */
  readonly entries?: (entries: ZipEntry[]) => ZipEntry[];
}

/** An XLSX workbook, whose first sheet is named Sheet1. */
export function workbookOf(workbook: WorkbookParts): Buffer {
  const formats = workbook.formats ?? ['General'];
  const sheets = { Sheet1: workbook.rows ?? '', ...workbook.more };
  const names = Object.keys(sheets);
  const relation = (id: string, type: string, target: string) =>
    `<Relationship Id="${id}" Type="${office}/${type}" Target="${target}"/>`;
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const parts: Record<string, string | Buffer | undefined> = {
    '_rels/.rels': `<Relationships xmlns="${packaged}">${relation('r', 'officeDocument', 'xl/workbook.xml')}</Relationships>`,
    'xl/workbook.xml':
      `<workbook xmlns="${main}" xmlns:r="${office}"><workbookPr date1904="${workbook.date1904 ?? false}"/><sheets>` +
      names
        .map((name, n) => `<sheet name="${escaped(name)}" sheetId="${n + 1}" r:id="s${n}"/>`)
        .join('') +
      '</sheets></workbook>',
    'xl/_rels/workbook.xml.rels':
      `<Relationships xmlns="${packaged}">` +
      names.map((_, n) => relation(`s${n}`, 'worksheet', `worksheets/sheet${n + 1}.xml`)).join('') +
      relation('styles', 'styles', 'styles.xml') +
      relation('strings', 'sharedStrings', 'sharedStrings.xml') +
      '</Relationships>',
    'xl/styles.xml':
      `<styleSheet xmlns="${main}"><numFmts>` +
      formats
        .map((code, n) => `<numFmt numFmtId="${200 + n}" formatCode="${escaped(code)}"/>`)
        .join('') +
      `</numFmts><cellXfs>${formats.map((_, n) => `<xf numFmtId="${200 + n}"/>`).join('')}</cellXfs></styleSheet>`,
    'xl/sharedStrings.xml': `<sst xmlns="${main}">${workbook.strings ?? ''}</sst>`,
    ...Object.fromEntries(
      Object.values(sheets).map((rows, n) => [
        `xl/worksheets/sheet${n + 1}.xml`,
        `<?xml version="1.0" encoding="UTF-8"?>\n<worksheet xmlns="${main}"><sheetData>${rows}</sheetData></worksheet>`,
      ]),
    ),
    ...workbook.parts,
  };
  const entries = Object.entries(parts).flatMap(([name, bytes]) =>
    bytes === undefined ? [] : [{ name, bytes: Buffer.from(bytes as string) }],
  );
  return zipOf(workbook.entries?.(entries) ?? entries);
}

/** Writes bytes into a file of its own for as long as `use` takes. */
export async function withFile<T>(bytes: Buffer, use: (path: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'bucketql-sheet-'));
  try {
    const path = join(folder, 'file');
    writeFileSync(path, bytes);
    return await use(path);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Gives a cell of the library's sheet a number format. */
export function format(sheet: WorkSheet, cell: string, code: string): void {
  (sheet[cell] as CellObject).z = code;
}

// The library has no types for its compound files.
const containers = CFB as {
  read(bytes: Buffer, options: { type: 'buffer' }): object;
  find(container: object, path: string): { content: Buffer };
  write(container: object, options: { type: 'buffer' }): Buffer;
  utils: { cfb_new(): object; cfb_add(container: object, path: string, bytes: Buffer): void };
};

/** A stream of a compound file. */
export function streamOf(file: Buffer, path: string): Buffer {
  return Buffer.from(containers.find(containers.read(file, { type: 'buffer' }), path).content);
}

/** A compound file with one stream. */
export function containerOf(path: string, stream: Buffer): Buffer {
  const container = containers.utils.cfb_new();
  containers.utils.cfb_add(container, path, stream);
  return Buffer.from(containers.write(container, { type: 'buffer' }));
}
