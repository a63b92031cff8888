import { describe, expect, it } from '@jest/globals';
import { utils, write, type WorkBook } from 'xlsx';
import type { ExcelOptions } from '../../../src/formats/excel/options.js';
import { readXlsx } from '../../../src/formats/excel/xlsx.js';
import { defaultFormatLimits, type FormatLimits } from '../../../src/limits.js';
import { collectRows } from '../../support/rows.js';
import { format, withFile, workbookOf, type WorkbookParts } from '../../support/xlsx.js';

async function read(
  workbook: WorkbookParts | Buffer,
  options: ExcelOptions = {},
  limits: Partial<FormatLimits> = {},
  enough?: number,
) {
  const collected = collectRows(enough);
  const bytes = Buffer.isBuffer(workbook) ? workbook : workbookOf(workbook);
  await withFile(bytes, (path) =>
    readXlsx(path, { origin: 'a.xlsx', partial: false }, options, collected.sink, {
      ...defaultFormatLimits,
      ...limits,
    }),
  );
  return collected;
}

/** Rows of inline texts and numbers, beginning in row 1; null and undefined: no cell, a list: an empty row. */
function rowsOf(rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  const letters = 'ABCDEFGHIJ';
  return rows
    .map((cells, row) => {
      const written = cells.map((cell, column) => {
        const r = `${letters[column]}${row + 1}`;
        if (cell === null || cell === undefined) return '';
        if (typeof cell === 'number') return `<c r="${r}"><v>${cell}</v></c>`;
        return `<c r="${r}" t="inlineStr"><is><t>${cell}</t></is></c>`;
      });
      return `<row r="${row + 1}">${written.join('')}</row>`;
    })
    .join('');
}

const sources = (collected: Awaited<ReturnType<typeof read>>) =>
  collected.columns.map(({ source }) => source);

describe('a workbook that a library wrote', () => {
  const sheet = utils.aoa_to_sheet([
    ['id', 'name', 'paid', 'day', 'share'],
    [1, 'Ann & Bob', true, 43831, 0.125],
    [2, ' <spaced> ', false, 43832.5, 1e-7],
    [9007199254740991, 'Zoë 😀', true, null, -3],
  ]);
  format(sheet, 'D2', 'yyyy-mm-dd');
  format(sheet, 'D3', 'm/d/yy h:mm');
  format(sheet, 'E2', '0.00%');
  const workbook: WorkBook = { SheetNames: ['Data'], Sheets: { Data: sheet } };

  it.each([true, false])('gives its rows (table of texts: %s)', async (bookSST) => {
    const bytes = write(workbook, { type: 'buffer', bookType: 'xlsx', bookSST }) as Buffer;
    const { columns, rows, records, detected } = await read(Buffer.from(bytes));
    expect(columns.map(({ source }) => source)).toEqual(['id', 'name', 'paid', 'day', 'share']);
    expect(rows).toEqual([
      ['1', 'Ann & Bob', 'true', '2020-01-01', '0.125'],
      ['2', ' <spaced> ', 'false', '2020-01-02T12:00:00', '0.0000001'],
      ['9007199254740991', 'Zoë 😀', 'true', null, '-3'],
    ]);
    expect(records).toEqual([2, 3, 4]);
    expect(detected).toEqual({ sheet: 'Data', sheets: ['Data'] });
  });
});

describe('cells', () => {
  it('have values of every type', async () => {
    const { rows, rejected, warnings } = await read({
      formats: ['General', 'yyyy-mm-dd hh:mm', '[h]:mm', '0.0%'],
      strings:
        '<si><t>plain</t></si><si><r><t>ri</t></r><r><rPr><b/></rPr><t xml:space="preserve">ch </t></r>' +
        '<rPh sb="0" eb="1"><t>aloud</t></rPh></si><si><t>a&#10;b_x0041_&lt;</t></si><si/>',
      rows:
        '<row r="1"><c r="A1" t="inlineStr"><is><t>k</t></is></c><c r="B1" t="inlineStr"><is><t>v</t></is></c></row>' +
        [
          't="s"><v>0</v>',
          't="s"><v>1</v>',
          't="s"><v>2</v>',
          't="s"><v>3</v>',
          't="str"><f>"x"&amp;"y"</f><v>x&amp;y</v>',
          't="b"><v>1</v>',
          't="b"><v>0</v>',
          't="e"><v>#DIV/0!</v>',
          't="d"><v>2020-02-03T04:05:06.000</v>',
          's="1"><v>43831</v>',
          's="2"><v>1.5</v>',
          's="3"><v>0.5</v>',
          '><v>0.30000000000000004</v>',
          '><v>1.1000000000000001</v>',
          '><v>1E+20</v>',
          '><v>9007199254740993</v>',
          '><f>A1</f>',
          't="inlineStr"><is><r><t>one </t></r><r><t>two</t></r></is>',
          't="inlineStr"><is><t><![CDATA[a < b & c]]></t></is>',
          't="inlineStr"><is><t>a\r\nb</t></is>',
          't="n"><v>nan</v>',
        ]
          .map((cell, n) => `<row><c><v>${n}</v></c><c ${cell}</c></row>`)
          .join(''),
    });
    expect(rows.map(([, value = null]) => value)).toEqual([
      'plain',
      'rich ',
      'a\nbA<',
      null,
      'x&y',
      'true',
      'false',
      null,
      '2020-02-03T04:05:06',
      '2020-01-01T00:00:00',
      '36:00:00',
      '0.5',
      '0.30000000000000004',
      '1.1',
      '100000000000000000000',
      '9007199254740993',
      null,
      'one two',
      'a < b & c',
      'a\nb',
      null,
    ]);
    expect(rejected).toEqual([
      { record: 9, column: 'v', value: '#DIV/0!', reason: expect.any(String), raw: null },
      { record: 22, column: 'v', value: 'nan', reason: 'is no number', raw: null },
    ]);
    expect(warnings).toEqual([expect.stringMatching(/^1 formulas .* no value/)]);
  });

  it('count from 1904, and merged ones have a value in the first only', async () => {
    const sheet = utils.aoa_to_sheet([
      ['period', null, 'n'],
      [1, 2, 3],
    ]);
    sheet['!merges'] = [utils.decode_range('A1:B1')];
    format(sheet, 'A2', 'yyyy-mm-dd');
    const workbook: WorkBook = {
      SheetNames: ['x'],
      Sheets: { x: sheet },
      Workbook: { WBProps: { date1904: true } },
    };
    const { columns, rows } = await read(
      Buffer.from(write(workbook, { type: 'buffer', bookType: 'xlsx' }) as Buffer),
    );
    expect(columns).toEqual([
      { source: 'period', occurrence: 0 },
      { source: '', occurrence: 0 },
      { source: 'n', occurrence: 0 },
    ]);
    expect(rows).toEqual([['1904-01-02', '2', '3']]);
  });

  it('without references follow each other, and may come in any order', async () => {
    const { rows, warnings } = await read({
      rows:
        '<row><c t="str"><v>a</v></c><c t="str"><v>b</v></c></row>' +
        '<row r="5"><c r="B5"><v>2</v></c><c r="A5"><v>1</v></c></row>' +
        '<row r="3"><c><v>3</v></c><c><v>4</v></c></row>',
    });
    expect(rows).toEqual([
      ['1', '2'],
      ['3', '4'],
    ]);
    expect(warnings).toEqual([expect.stringContaining('out of order')]);
  });
});

describe('the table of a sheet', () => {
  it('takes empty and equal headers, and keeps what stands beside them', async () => {
    const collected = await read({
      rows: rowsOf([[null, 'a', null, 'a'], [0, 1, 2, 3], [], [null, 4, null, null, 5]]),
    });
    expect(collected.columns).toEqual([
      { source: '', occurrence: 0 },
      { source: 'a', occurrence: 0 },
      { source: '', occurrence: 1 },
      { source: 'a', occurrence: 1 },
      { source: '', occurrence: 2 },
    ]);
    expect(collected.rows).toEqual([
      ['0', '1', '2', '3'],
      [null, '4', null, null, '5'],
    ]);
    expect(collected.records).toEqual([2, 4]);
  });

  it('finds a column that begins late', async () => {
    const late = [...Array.from({ length: 200 }, (_, n) => [n]), [200, null, 'late']];
    const collected = await read({ rows: rowsOf([['n'], ...late]) });
    expect(sources(collected)).toEqual(['n', '']);
    expect(collected.rows.at(-1)).toEqual(['200', 'late']);
    expect(collected.rows).toHaveLength(201);
  });

  it('begins and ends where the options say', async () => {
    const rows = rowsOf([
      ['Report'],
      [],
      ['n', 'text'],
      ['units', 'of'],
      [1, 'a'],
      [2, 'b'],
      [],
      [3, 'sum'],
      [null, 'end'],
    ]);
    const collected = await read(
      { rows },
      { headerStartRow: 3, dataStartRow: 5, footerRowsToSkip: 2 },
    );
    expect(sources(collected)).toEqual(['n', 'text']);
    expect(collected.rows).toEqual([
      ['1', 'a'],
      ['2', 'b'],
    ]);
    expect((await read({ rows }, { headerStartRow: 3, footerRowsToSkip: 50 })).rows).toEqual([]);
  });

  it('skips footers of long sheets', async () => {
    const lines = Array.from({ length: 5000 }, (_, n) => [n]);
    const { rows } = await read({ rows: rowsOf([['n'], ...lines]) }, { footerRowsToSkip: 100 });
    expect(rows).toHaveLength(4900);
    expect(rows.at(-1)).toEqual(['4899']);
  });

  it('has numbered columns without headers', async () => {
    const collected = await read(
      {
        rows: rowsOf([
          [null, 1, null, 2],
          [null, 3],
          [null, null, null, null, 4],
        ]),
      },
      { headers: false },
    );
    expect(sources(collected)).toEqual(['column0', 'column1', 'column2', 'column3']);
    expect(collected.rows).toEqual([['1', null, '2'], ['3'], [null, null, null, '4']]);
  });

  it('reports a header that is lower than asked, and refuses others', async () => {
    const rows = rowsOf([[], [], ['n'], [1]]);
    const collected = await read({ rows });
    expect(collected.rows).toEqual([['1']]);
    expect(collected.warnings).toEqual([expect.stringContaining('row 3')]);
    for (const options of [
      { headerStartRow: 2 },
      { headerStartRow: 9 },
      { headerStartRow: 3, dataStartRow: 3 },
      { dataStartRow: 2 },
      { headerStartRow: 0 },
      { footerRowsToSkip: -1 },
      { headerStartRow: 1.5 },
    ])
      await expect(read({ rows }, options)).rejects.toMatchObject({ code: 'INVALID_OPTIONS' });
  });

  it('has no rows when the sheet has none, and stops when there are enough', async () => {
    const empty = await read({ rows: '' });
    expect([empty.columns, empty.rows, empty.warnings.length]).toEqual([[], [], 1]);
    const many = rowsOf([['n'], ...Array.from({ length: 9000 }, (_, n) => [n])]);
    expect((await read({ rows: many }, {}, {}, 20)).rows).toHaveLength(20);
  });

  it('does not make columns for one cell far away', async () => {
    const far = await read({
      rows: '<row><c r="A1" t="str"><v>a</v></c><c r="XFD1" t="str"><v>z</v></c></row>',
    });
    expect(sources(far)).toEqual(['a', 'z']);
  });
});

describe('the sheet', () => {
  const workbook: WorkbookParts = {
    rows: rowsOf([['first']]),
    more: { ' Q1  Sales ': rowsOf([['second']]), 'a&b': rowsOf([['third']]) },
  };

  it('is the first, or the one that is named', async () => {
    expect(sources(await read(workbook))).toEqual(['first']);
    expect((await read(workbook)).detected).toEqual({
      sheet: 'Sheet1',
      sheets: ['Sheet1', ' Q1  Sales ', 'a&b'],
    });
    const named = await read({ ...workbook, more: { x: rowsOf([['h'], [1]]) } }, { sheet: 'x' });
    expect(named.rows).toEqual([['1']]);
  });

  it('may be named with other case and spaces, which is reported', async () => {
    const { warnings, detected } = await read(workbook, { sheet: 'q1 sales' });
    expect(warnings[0]).toContain('" Q1  Sales "');
    expect(detected.sheet).toBe(' Q1  Sales ');
  });

  it('that is not there is an error that lists the others', async () => {
    await expect(read(workbook, { sheet: 'Q2' })).rejects.toMatchObject({
      code: 'SHEET_NOT_FOUND',
      message: expect.stringContaining('"Sheet1", " Q1  Sales ", "a&b"'),
      details: { sheets: ['Sheet1', ' Q1  Sales ', 'a&b'] },
    });
  });

  it('is never a chart, and not a hidden one unless named', async () => {
    const office = 'http://purl.oclc.org/ooxml/officeDocument/relationships';
    const relation = (id: string, type: string, target: string) =>
      `<Relationship Id="${id}" Type="${office}/${type}" Target="${target}"/>`;
    const strict = workbookOf({
      rows: rowsOf([['hidden'], [1]]),
      more: { Shown: rowsOf([['shown'], [2]]) },
      parts: {
        '_rels/.rels': `<p:Relationships xmlns:p="urn:p"><p:Relationship Id="a" Type="${office}/officeDocument" Target="/XL/Book.xml"/></p:Relationships>`,
        'xl/workbook.xml': undefined,
        'xl\\book.xml':
          '<x:workbook xmlns:x="http://purl.oclc.org/ooxml/spreadsheetml/main" xmlns:rel="urn:r"><x:sheets>' +
          '<x:sheet name="Chart" rel:id="c"/><x:sheet name="Hid" state="hidden" rel:id="h"/>' +
          '<x:sheet name="Shown" rel:id="s"/></x:sheets></x:workbook>',
        'xl/_rels/book.xml.rels': `<Relationships xmlns="urn:p">${relation('c', 'chartsheet', 'x.xml')}${relation(
          'h',
          'worksheet',
          'worksheets/sheet1.xml',
        )}${relation('s', 'worksheet', '../xl/worksheets/./sheet2.xml')}</Relationships>`,
        'xl/worksheets/sheet2.xml': Buffer.from(
          '\uFEFF<x:worksheet xmlns:x="urn:x"><x:sheetData><x:row><x:c t="str"><x:v>shown</x:v></x:c></x:row>' +
            '<x:row><x:c><x:v>2</x:v></x:c></x:row></x:sheetData></x:worksheet>',
          'utf16le',
        ),
      },
    });
    const shown = await read(strict);
    expect([shown.rows, shown.detected.sheets]).toEqual([[['2']], ['Hid', 'Shown']]);
    expect((await read(strict, { sheet: 'Hid' })).rows).toEqual([['1']]);
    await expect(read(strict, { sheet: 'Chart' })).rejects.toMatchObject({
      code: 'SHEET_NOT_FOUND',
    });
  });
});
