import { describe, expect, it } from '@jest/globals';
import { readXlsx } from '../../../src/formats/excel/xlsx.js';
import { defaultFormatLimits } from '../../../src/limits.js';
import { collectRows } from '../../support/rows.js';
import { withFile, workbookOf } from '../../support/xlsx.js';

const cells = [
  '<c r="B2"><v>12</v></c>',
  '<c r="B2" s="1"><v>44197</v></c>',
  '<c r="B2" s="1"><v>44197.25</v></c>',
  '<c r="B2" t="s"><v>1</v></c>',
  '<c r="B2" s="0" t="b"><v>1</v></c>',
  '<c r="B2" t="e"><v>#N/A</v></c>',
  '<c r="B2" t="d"><v>2021-01-01</v></c>',
  '<c r="B2" t="str"><f>A1</f><v>a_b</v></c>',
  '<c r="B2" t="str"><v>a_x0041_b</v></c>',
  '<c r="B2" t="str"><v>a&amp;b</v></c>',
  '<c r="B2" t="inlineStr"><is><t>in é</t></is></c>',
  '<c r="B2" t="inlineStr"><is><t xml:space="preserve"> in </t></is></c>',
  '<c r="B2" t="n"><v></v></c>',
  '<c r="B2"><f>A1</f><v></v></c>',
  '<c r="B2"><v>1.1000000000000001</v></c>',
  '<c r="B2"><v>-1.25</v></c>',
  '<c r="B2" s="1"/>',
  '<c><v>5</v></c>',
  '<c t="str"><v>]]</v></c>',
  '<c r="XFD2"><v>5</v></c>',
  // What must not be read:
  '<c r="XFE2"><v>5</v></c>',
  '<c r="B0"><v>5</v></c>',
  '<c r="B2" r="B2"><v>5</v></c>',
  '<c r="B2"s="1"><v>5</v></c>',
  '<c r="B2"><v>5</v></v></c>',
  '<c r="B2"><v>5</c>',
  '<c r="B2" t="x"><v>5</v></c>',
  '<c r="B2" s="x"><v>5</v></c>',
  '<c r="B2" t="str"><v>a]]>b</v></c>',
  '<c r="B2" t="str"><v>a\u0001b</v></c>',
  '<c r="B2" t="s"><v>9</v></c>',
];

async function outcome(cell: string) {
  const collected = collectRows();
  const file = workbookOf({
    formats: ['General', 'yyyy-mm-dd'],
    strings: '<si><t>zero</t></si><si><t>one</t></si>',
    rows: `<row r="2"><c r="A2" t="str"><v>first</v></c>${cell}</row>`,
  });
  try {
    await withFile(file, (path) =>
      readXlsx(path, { origin: 'a.xlsx', partial: false }, { headers: false }, collected.sink, {
        ...defaultFormatLimits,
      }),
    );
    const { rows, columns, rejected, warnings } = collected;
    return { rows, columns, rejected, warnings };
  } catch (error) {
    return { code: (error as { code?: string }).code };
  }
}

describe('a cell that is read in one go', () => {
  // With a space behind its name the same cell is read token by token.
  it.each(cells)('means the same as one that is read by its tokens: %s', async (cell) => {
    expect(await outcome(cell)).toEqual(await outcome(cell.replace('<c', '<c ')));
  });
});
