import { describe, expect, it } from '@jest/globals';
import { read, utils } from 'xlsx';
import {
  sheetNames,
  sheetPartName,
  workbookParts,
} from '../../../src/formats/excel/workbook-parts.js';
import { readXlsx } from '../../../src/formats/excel/xlsx.js';
import { defaultFormatLimits } from '../../../src/limits.js';
import { collectRows } from '../../support/rows.js';
import { withFile } from '../../support/xlsx.js';
import { zipOf } from '../../support/zip.js';

const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main';

/** A workbook whose sheets have one number each, their own. */
function workbook(names: readonly string[]): Buffer {
  const sheets = names.map((_, index) => ({
    name: sheetPartName(index),
    text: `<worksheet xmlns="${main}"><sheetData><row><c><v>${index}</v></c><c s="1"><v>45351</v></c><c s="2"><v>45351.5</v></c><c s="3"><v>0.25</v></c></row></sheetData></worksheet>`,
  }));
  const entries = [...workbookParts(names), ...sheets];
  return zipOf(entries.map(({ name, text }) => ({ name, bytes: Buffer.from(text) })));
}

describe('the parts of a workbook', () => {
  const names = ['Orders', 'Orders', 'a & "b" <c>', 'größe'];

  it('are read by SheetJS, with every sheet and style', () => {
    const book = read(workbook(names), { type: 'buffer', cellNF: true });
    expect(book.SheetNames).toEqual(['Orders', 'Orders (2)', 'a & "b" <c>', 'größe']);
    const rows = book.SheetNames.map((name) =>
      utils.sheet_to_json(book.Sheets[name] ?? {}, { header: 1, raw: false }),
    );
    expect(rows).toEqual(
      names.map((_, index) => [
        [String(index), '2024-02-29', '2024-02-29 12:00:00.000', '06:00:00.000'],
      ]),
    );
  });

  it('are read by our import, sheet by sheet', async () => {
    await withFile(workbook(names), async (path) => {
      for (const [index, sheet] of sheetNames(names).entries()) {
        const found = collectRows();
        const source = { origin: 'a.xlsx', partial: false };
        const options = { sheet, headers: false };
        await readXlsx(path, source, options, found.sink, defaultFormatLimits);
        expect(found.rows).toEqual([
          [String(index), '2024-02-29', '2024-02-29T12:00:00', '06:00:00'],
        ]);
        expect(found.warnings).toEqual([]);
      }
    });
  });

  it('come without those of the sheets', () => {
    expect(workbookParts(['one', 'two']).map(({ name }) => name)).toEqual([
      '[Content_Types].xml',
      '_rels/.rels',
      'xl/workbook.xml',
      'xl/_rels/workbook.xml.rels',
      'xl/styles.xml',
    ]);
    expect([0, 1, 9].map(sheetPartName)).toEqual([
      'xl/worksheets/sheet1.xml',
      'xl/worksheets/sheet2.xml',
      'xl/worksheets/sheet10.xml',
    ]);
  });
});

describe('the names of sheets', () => {
  it('have what Excel allows, and 31 characters at most', () => {
    expect(
      sheetNames([
        'a[b]c:d*e?f/g\\h',
        "'quoted'",
        '',
        ' ',
        'History',
        'x\u0001y\tz',
        'n'.repeat(40),
      ]),
    ).toEqual([
      'a_b_c_d_e_f_g_h',
      '_quoted_',
      'Sheet',
      'Sheet (2)',
      'History_',
      'x_y_z',
      'n'.repeat(31),
    ]);
  });

  it('differ, whatever their case and length', () => {
    const long = `${'n'.repeat(30)}😀`;
    expect(sheetNames(['Orders', 'orders', 'ORDERS', 'Orders (2)', long, long])).toEqual([
      'Orders',
      'orders (2)',
      'ORDERS (3)',
      'Orders (2) (2)',
      'n'.repeat(30),
      `${'n'.repeat(27)} (2)`,
    ]);
  });

  it('are made fast for very many sheets of one name', () => {
    const many = sheetNames(Array.from({ length: 20_000 }, () => 'Orders'));
    expect(new Set(many.map((name) => name.toLowerCase())).size).toBe(20_000);
    expect(many.at(-1)).toBe('Orders (20000)');
  });
});
