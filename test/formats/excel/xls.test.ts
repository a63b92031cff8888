import { describe, expect, it } from '@jest/globals';
import { utils, write, type BookType, type WorkBook } from 'xlsx';
import type { ExcelOptions } from '../../../src/formats/excel/options.js';
import { readXls } from '../../../src/formats/excel/xls.js';
import { defaultFormatLimits } from '../../../src/limits.js';
import { collectRows } from '../../support/rows.js';
import { containerOf, format, streamOf, withFile } from '../../support/xlsx.js';

async function read(
  bytes: Buffer,
  options: ExcelOptions = {},
  maxDocumentBytes = defaultFormatLimits.maxDocumentBytes,
) {
  const collected = collectRows();
  await withFile(bytes, (path) =>
    readXls(path, { origin: 'a.xls', partial: false }, options, collected.sink, {
      ...defaultFormatLimits,
      maxDocumentBytes,
    }),
  );
  return collected;
}

const as = (book: WorkBook, bookType: BookType = 'biff8') =>
  Buffer.from(write(book, { type: 'buffer', bookType }) as Buffer);

const sheet = utils.aoa_to_sheet([
  ['id', 'name', 'paid', 'day', 'at', 'lasting'],
  [1, 'Zoë', true, 43831, 43831.25, 1.5],
  [2, 'x'.repeat(255), false, 43831.5, 43832, 0.125],
  [0.1, ' y ', true, null, 1e20, null],
]);
for (const row of [2, 3]) {
  format(sheet, `D${row}`, 'yyyy-mm-dd');
  format(sheet, `E${row}`, 'd/m/yy h:mm');
  format(sheet, `F${row}`, '[h]:mm');
}
sheet.F4 = { t: 'e', v: 42 };
const book: WorkBook = {
  SheetNames: ['Data', 'Other'],
  Sheets: { Data: sheet, Other: utils.aoa_to_sheet([['n'], [5]]) },
};
const good = as(book);

describe('XLS workbooks', () => {
  it('give the rows of a sheet with dates as dates', async () => {
    const { columns, rows, rejected, detected } = await read(good);
    expect(columns.map(({ source }) => source)).toEqual([
      'id',
      'name',
      'paid',
      'day',
      'at',
      'lasting',
    ]);
    expect(rows).toEqual([
      ['1', 'Zoë', 'true', '2020-01-01', '2020-01-01T06:00:00', '36:00:00'],
      ['2', 'x'.repeat(255), 'false', '2020-01-01T12:00:00', '2020-01-02T00:00:00', '3:00:00'],
      ['0.1', ' y ', 'true', null, '100000000000000000000'],
    ]);
    expect(rejected).toMatchObject([{ record: 4, column: 'lasting', value: '#N/A' }]);
    expect(detected).toEqual({ sheet: 'Data', sheets: ['Data', 'Other'] });
  });

  it('give the sheet and the rows that the options name', async () => {
    expect((await read(good, { sheet: 'other' })).rows).toEqual([['5']]);
    expect((await read(good, { headers: false, footerRowsToSkip: 3 })).rows).toHaveLength(1);
    await expect(read(good, { sheet: 'None' })).rejects.toMatchObject({
      code: 'SHEET_NOT_FOUND',
      details: { sheets: ['Data', 'Other'] },
    });
  });

  it('count from 1904 when they say so', async () => {
    const dates = utils.aoa_to_sheet([['day'], [1]]);
    format(dates, 'A2', 'yyyy-mm-dd');
    const { rows } = await read(
      as({
        SheetNames: ['a'],
        Sheets: { a: dates },
        Workbook: { WBProps: { date1904: true } },
      }),
    );
    expect(rows).toEqual([['1904-01-02']]);
  });

  it.each(['biff5', 'biff4', 'biff3', 'biff2'])('of the version %s can be read', async (type) => {
    const old: WorkBook = {
      SheetNames: ['Sheet1'],
      Sheets: {
        Sheet1: utils.aoa_to_sheet([
          ['n', 't'],
          [1.5, 'x'],
        ]),
      },
    };
    expect((await read(as(old, type as BookType))).rows).toEqual([['1.5', 'x']]);
  });

  it('that are long can be read', async () => {
    const lines = Array.from({ length: 3000 }, (_, n) => [n, `text ${n}`]);
    const long = utils.aoa_to_sheet([['n', 't'], ...lines]);
    const { rows } = await read(as({ SheetNames: ['long'], Sheets: { long } }));
    expect(rows).toEqual(lines.map(([n, text]) => [String(n), text]));
  });
});

describe('XLS workbooks that are broken', () => {
  const malformed = (bytes: Buffer, message: RegExp | string = '') =>
    expect(read(bytes)).rejects.toMatchObject({
      code: 'MALFORMED_FILE',
      message: expect.stringMatching(message),
    });
  /** The workbook with its stream of records changed. */
  const changed = (change: (stream: Buffer) => Buffer, name = '/Workbook') =>
    containerOf(name, change(streamOf(good, '/Workbook')));

  it('are refused when they are cut', async () => {
    expect((await read(changed((stream) => stream))).rows).toHaveLength(3);
    const end = good.indexOf(streamOf(good, '/Workbook').subarray(-64)) + 64;
    for (let part = 0; part < 20; part++)
      await malformed(good.subarray(0, Math.floor((end * part) / 20)));
    for (const part of [0.1, 0.5, 0.9])
      await malformed(changed((stream) => stream.subarray(0, stream.length * part)));
  });

  it('are refused when their records are none', async () => {
    const at = (place: number, value: number) => (stream: Buffer) => {
      stream.writeUInt16LE(value, place);
      return stream;
    };
    await malformed(changed(at(0, 0x1234)), 'begin');
    await malformed(changed(at(2, 0xffff)));
    await malformed(changed(() => Buffer.alloc(9000, 1)));
    await malformed(
      changed((stream) => stream, '/WordDocument'),
      'no workbook',
    );
  });

  it('are refused when their sectors run in circles', async () => {
    const circle = Buffer.from(good);
    const table = (circle.readUInt32LE(76) + 1) * 512;
    for (let n = 0; n < 128; n++) circle.writeUInt32LE(n, table + 4 * n);
    await malformed(circle);
    const far = Buffer.from(good);
    far.writeUInt32LE(0x00ffffff, 48);
    await malformed(far);
    const many = Buffer.from(good);
    many.writeUInt32LE(0xffffffff, 44);
    await malformed(many);
  });

  it('are told from other files', async () => {
    await malformed(as(book, 'xlsx'), 'set format.type to XLSX');
    await malformed(Buffer.from('<html><body><table><tr><td>1</td></tr></table>'), 'HTML');
    await malformed(Buffer.from('a,b\n1,2\n'), 'text');
    await malformed(as(book, 'xlml'), 'Excel 2003');
    await malformed(Buffer.alloc(0), 'empty');
    await malformed(Buffer.alloc(5000, 0xab));
  });

  it('are refused when they are encrypted or too large', async () => {
    const filePass = Buffer.from([0x2f, 0, 6, 0, 1, 0, 1, 0, 1, 0]);
    const encrypted = changed((stream) => {
      const behind = 4 + stream.readUInt16LE(2);
      return Buffer.concat([stream.subarray(0, behind), filePass, stream.subarray(behind)]);
    });
    await expect(read(encrypted)).rejects.toMatchObject({ code: 'ENCRYPTED_FILE' });
    await expect(read(good, {}, 1000)).rejects.toMatchObject({
      code: 'DOCUMENT_TOO_LARGE',
      message: expect.stringContaining('BUCKETQL_MAX_DOCUMENT_BYTES'),
    });
  });
});
