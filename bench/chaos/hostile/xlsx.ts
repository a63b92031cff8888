import { writeFile } from 'node:fs/promises';
import { imported, refused, rejected, type HostileCase, type Outcome } from './hostile-case.js';
import { numbered } from './writing.js';
import { member, repeatedMember, zip, type Member } from './zip-tricks.js';

const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';
const documentRelations = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
const packageRelations = 'http://schemas.openxmlformats.org/package/2006/relationships';
const sheetPath = 'xl/worksheets/sheet1.xml';
const stringsPath = 'xl/sharedStrings.xml';
const megabyte = 2 ** 20;
const opening = `<worksheet xmlns="${main}"><sheetData>`;
const closing = '</sheetData></worksheet>';
const rowsOfSheet = 1_048_576;

const head = row(1, cell('A1', 'id') + cell('B1', 'name'));
const good = head + row(2, number('A2', 1) + cell('B2', 'a'));
const broken: readonly Outcome[] = [refused('MALFORMED_FILE', 'CORRUPT_COMPRESSION')];
const tooLarge: readonly Outcome[] = [
  refused('OBJECT_TOO_LARGE', 'DOCUMENT_TOO_LARGE', 'CELL_TOO_LONG', 'MALFORMED_FILE'),
];

/** Workbooks: archives of XML, with the tricks of both. */
export const xlsx: readonly HostileCase[] = [
  workbook('xlsx-bad-dimensions', { sheet: [dimension('A1:XFD1048576'), good] }, [imported(1)]),
  workbook('xlsx-dimension-of-nonsense', { sheet: [dimension('ZZZZZ9:A0'), good] }, [imported(1)]),
  workbook(
    'xlsx-bomb-of-shared-strings',
    {
      sheet: [head, row(2, '<c r="A2" t="s"><v>0</v></c>')],
      parts: () => [
        repeatedMember(
          stringsPath,
          [`<sst xmlns="${main}">`, 1],
          [`<si><t>${'x'.repeat(100)}</t></si>`.repeat(100_000), 40],
          ['</sst>', 1],
        ),
      ],
    },
    tooLarge,
  ),
  workbook(
    'xlsx-million-different-shared-strings',
    {
      sheet: [head, row(2, '<c r="A2" t="s"><v>999999</v></c>')],
      parts: () => [
        member(
          stringsPath,
          `<sst xmlns="${main}">${many(1_000_000, (n) => `<si><t>${n}${'x'.repeat(90)}</t></si>`)}</sst>`,
        ),
      ],
    },
    [imported(1), refused('DOCUMENT_TOO_LARGE')],
  ),
  workbook(
    'xlsx-huge-inline-string',
    {
      whole: () =>
        repeatedMember(
          sheetPath,
          [`${opening}${head}<row r="2"><c r="A2" t="inlineStr"><is><t>`, 1],
          [Buffer.alloc(megabyte, 'x'), 512],
          [`</t></is></c></row>${closing}`, 1],
        ),
    },
    tooLarge,
  ),
  workbook(
    'xlsx-empty-rows',
    { sheet: () => [good, many(rowsOfSheet - 2, (n) => `<row r="${n + 3}"/>`)] },
    [imported(1)],
  ),
  workbook(
    'xlsx-cell-at-the-far-corner',
    { sheet: [good, row(rowsOfSheet, number('XFD1048576', 1))] },
    [imported(2), imported(1), rejected(1, 1), refused('TOO_MANY_COLUMNS')],
  ),
  workbook(
    'xlsx-cell-beyond-the-corner',
    { sheet: [good, row(9_999_999, number('ZZZZ9999999', 1))] },
    [refused('MALFORMED_FILE', 'TOO_MANY_COLUMNS'), rejected(1, 1), imported(2), imported(1)],
  ),
  workbook(
    'xlsx-sheet-of-4-gb-zeros',
    { whole: () => repeatedMember(sheetPath, [Buffer.alloc(64 * megabyte), 64]) },
    [refused('OBJECT_TOO_LARGE', 'MALFORMED_FILE')],
  ),
  workbook(
    'xlsx-billion-laughs',
    {
      whole: () => {
        const levels = many(
          9,
          (n) => `<!ENTITY l${n} "${n === 0 ? 'ha' : `&l${n - 1};`.repeat(10)}">`,
        );
        return member(
          sheetPath,
          `<!DOCTYPE worksheet [${levels}]>${opening}${head}${row(2, cell('A2', '&l8;'))}${closing}`,
        );
      },
    },
    [refused('MALFORMED_FILE')],
  ),
  workbook(
    'xlsx-external-entity',
    {
      whole: (trap) =>
        member(
          sheetPath,
          `<!DOCTYPE worksheet [<!ENTITY x SYSTEM "file:///etc/passwd"><!ENTITY y SYSTEM "${trap}/x">]>${opening}${head}${row(2, cell('A2', '&x;&y;'))}${closing}`,
        ),
    },
    [refused('MALFORMED_FILE')],
  ),
  ...['http', '../../../../../../etc/passwd', '/etc/passwd', 'file:///etc/passwd'].map(
    (target, n) =>
      workbook(
        `xlsx-relationship-out-${n}`,
        { sheet: [good], target: (trap) => (target === 'http' ? `${trap}/sheet1.xml` : target) },
        broken,
      ),
  ),
  workbook(
    'xlsx-relationship-external',
    { sheet: [good], target: (trap) => `${trap}/sheet1.xml" TargetMode="External` },
    broken,
  ),
  workbook(
    'xlsx-16384-header-columns',
    {
      sheet: () => [
        row(
          1,
          many(16_384, (n) => `<c t="inlineStr"><is><t>c${n}</t></is></c>`),
        ),
      ],
    },
    [refused('TOO_MANY_COLUMNS')],
  ),
  workbook(
    'xlsx-deep-elements',
    {
      sheet: () => [
        head,
        '<row r="2">',
        '<a>'.repeat(1_000_000),
        '</a>'.repeat(1_000_000),
        '</row>',
      ],
    },
    [imported(0), imported(1), refused('NESTED_TOO_DEEP', 'MALFORMED_FILE')],
  ),
  workbook(
    'xlsx-million-sheets',
    {
      sheet: [good],
      sheets: () => many(1_000_000, (n) => `<sheet name="s${n}" sheetId="${n + 2}" r:id="rId1"/>`),
    },
    [imported(1), ...tooLarge],
  ),
  workbook(
    'xlsx-merges-without-end',
    {
      sheet: [good],
      after: () =>
        `<mergeCells>${many(500_000, () => '<mergeCell ref="A1:XFD1048576"/>')}</mergeCells>`,
    },
    [imported(1), refused('MALFORMED_FILE')],
  ),
  file('xlsx-truncated', () => packed({ sheet: [good] }, '').subarray(0, -30), broken),
  file(
    'xlsx-overlapping',
    () => {
      const members = parts({ sheet: [good] }, '');
      return zip([...members, { ...members.at(-1)!, name: 'xl/x.xml', over: members.length - 1 }]);
    },
    [imported(1), ...broken],
  ),
  file(
    'xlsx-wrong-crc',
    () => zip(parts({ sheet: [good] }, '').map((part) => ({ ...part, checksum: 1 }))),
    broken,
  ),
  file(
    'xlsx-says-less',
    () =>
      zip(
        parts({ sheet: () => [good, many(100_000, (n) => `<row r="${n + 3}"/>`)] }, '').map(
          (part) => (part.name === sheetPath ? { ...part, size: 100 } : part),
        ),
      ),
    broken,
  ),
  file(
    'xlsx-100000-members',
    () =>
      zip([
        ...parts({ sheet: [good] }, ''),
        ...Array.from({ length: 100_000 }, (_, n) => member(`xl/${n}.xml`, '')),
      ]),
    [imported(1), refused('TOO_MANY_MEMBERS', 'MEMBER_NOT_FOUND')],
  ),
  file(
    'xlsx-that-is-html',
    () => Buffer.from('<html><table><tr><td>1</td></tr></table></html>'),
    broken,
  ),
  file('xlsx-empty-archive', () => zip([]), [refused('MALFORMED_FILE', 'MEMBER_NOT_FOUND')]),
];

interface Workbook {
  /** Rows of the sheet. */
  readonly sheet?: readonly string[] | (() => readonly string[]);
  /** What stands behind the rows. */
  readonly after?: () => string;
  /** The sheet's part as it is. */
  readonly whole?: (trap: string) => Member;
  readonly parts?: () => readonly Member[];
  /** Where the workbook says that the sheet is. */
  readonly target?: (trap: string) => string;
  /** More sheets. */
  readonly sheets?: () => string;
}

function workbook(name: string, made: Workbook, outcomes: readonly Outcome[]): HostileCase {
  return { ...file(name, (trap) => packed(made, trap), outcomes) };
}

function file(
  name: string,
  made: (trap: string) => Buffer,
  outcomes: readonly Outcome[],
): HostileCase {
  return {
    name,
    file: 'a.xlsx',
    make: (path, trap) => writeFile(path, made(trap)),
    format: { type: 'XLSX' },
    outcomes,
  };
}

function packed(made: Workbook, trap: string): Buffer {
  return zip(parts(made, trap));
}

function parts(made: Workbook, trap: string): Member[] {
  const target = made.target?.(trap) ?? 'worksheets/sheet1.xml';
  const rows = typeof made.sheet === 'function' ? made.sheet() : (made.sheet ?? []);
  const types = [
    ['/xl/workbook.xml', 'sheet.main'],
    [`/${sheetPath}`, 'worksheet'],
    [`/${stringsPath}`, 'sharedStrings'],
  ].map(
    ([name, type]) =>
      `<Override PartName="${name}" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.${type}+xml"/>`,
  );
  return [
    member(
      '[Content_Types].xml',
      `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>${types.join('')}</Types>`,
    ),
    member('_rels/.rels', relations(['officeDocument', 'xl/workbook.xml'])),
    member(
      'xl/workbook.xml',
      `<workbook xmlns="${main}" xmlns:r="${documentRelations}"><sheets><sheet name="one" sheetId="1" r:id="rId1"/>${made.sheets?.() ?? ''}</sheets></workbook>`,
    ),
    member(
      'xl/_rels/workbook.xml.rels',
      relations(
        ['worksheet', target],
        ...(made.parts ? [['sharedStrings', 'sharedStrings.xml']] : []),
      ),
    ),
    ...(made.parts?.() ?? []),
    made.whole?.(trap) ?? member(sheetPath, `${sheetOf(rows)}${made.after?.() ?? ''}</worksheet>`),
  ];
}

function relations(...targets: readonly (readonly string[])[]): string {
  const all = targets.map(
    ([type, target], n) =>
      `<Relationship Id="rId${n + 1}" Type="${documentRelations}/${type}" Target="${target}"/>`,
  );
  return `<Relationships xmlns="${packageRelations}">${all.join('')}</Relationships>`;
}

function sheetOf(rows: readonly string[]): string {
  const [first = '', ...others] = rows;
  return first.startsWith('<dimension')
    ? `<worksheet xmlns="${main}">${first}<sheetData>${others.join('')}</sheetData>`
    : `${opening}${rows.join('')}</sheetData>`;
}

function dimension(ref: string): string {
  return `<dimension ref="${ref}"/>`;
}

function row(number: number, cells: string): string {
  return `<row r="${number}">${cells}</row>`;
}

function cell(ref: string, text: string): string {
  return `<c r="${ref}" t="inlineStr"><is><t>${text}</t></is></c>`;
}

function number(ref: string, value: number): string {
  return `<c r="${ref}"><v>${value}</v></c>`;
}

function many(count: number, text: (n: number) => string): string {
  return [...numbered(count, text)].join('');
}
