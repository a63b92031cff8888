import { describe, expect, it } from '@jest/globals';
import { utils, write } from 'xlsx';
import { readXlsx } from '../../../src/formats/excel/xlsx.js';
import { defaultFormatLimits, type FormatLimits } from '../../../src/limits.js';
import { collectRows } from '../../support/rows.js';
import { containerOf, withFile, workbookOf } from '../../support/xlsx.js';
import type { ZipEntry } from '../../support/zip.js';

async function read(
  bytes: Buffer,
  limits: Partial<FormatLimits> = {},
  inflate?: { maxInflatedBytes: number; maxInflationRatio: number },
  sheetName?: string,
) {
  const collected = collectRows();
  await withFile(bytes, (path) =>
    readXlsx(
      path,
      { origin: 'a.xlsx', partial: false },
      sheetName === undefined ? {} : { sheet: sheetName },
      collected.sink,
      { ...defaultFormatLimits, ...limits },
      inflate,
    ),
  );
  return collected;
}

const sheet = 'xl/worksheets/sheet1.xml';
const rows = '<row r="1"><c r="A1" t="s"><v>0</v></c></row><row r="2"><c r="A2"><v>1</v></c></row>';
const whole = { rows, strings: '<si><t>n</t></si>' };
const xml = (inside: string) => `<worksheet><sheetData>${inside}</sheetData></worksheet>`;
const withSheet = (text: string | Buffer) => workbookOf({ ...whole, parts: { [sheet]: text } });
const entryOf = (part: string, change: (entry: ZipEntry) => ZipEntry) =>
  workbookOf({
    ...whole,
    entries: (entries) => entries.map((entry) => (entry.name === part ? change(entry) : entry)),
  });
const malformed = (bytes: Buffer, message: RegExp | string = '') =>
  expect(read(bytes)).rejects.toMatchObject({
    code: 'MALFORMED_FILE',
    message: expect.stringMatching(message),
  });

describe('XML that is not well-formed', () => {
  it.each([
    ['text in front', 'foo<worksheet/>'],
    ['text behind', '<worksheet/>foo'],
    ['a second root', '<worksheet/><worksheet/>'],
    ['nothing', ''],
    ['no root', '<?xml version="1.0"?>'],
    ['a tag that is not closed', '<worksheet><sheetData>'],
    ['tags that cross', '<worksheet><sheetData></worksheet></sheetData>'],
    ['a tag that is closed twice', '<worksheet></worksheet></worksheet>'],
    ['a bare &', xml('<row><c><v>a & b</v></c></row>')],
    ['an unknown entity', xml('<row><c><v>&nbsp;</v></c></row>')],
    ['a reference to no character', xml('<row><c><v>&#0;</v></c></row>')],
    ['an entity without end', xml('<row><c><v>&amp</v></c></row>')],
    ['an attribute without quotes', xml('<row r=1/>')],
    ['an attribute without value', xml('<row r/>')],
    ['an attribute twice', xml('<row r="1" r="1"/>')],
    ['attributes without space', xml('<row r="1"s="1"/>')],
    ['a < in an attribute', xml('<row r="<"/>')],
    ['an & in an attribute', xml('<row r="&"/>')],
    ['a control character', xml('<row><c t="str"><v>\u0001</v></c></row>')],
    [']]> in a text', xml('<row><c t="str"><v>a]]>b</v></c></row>')],
    ['a space before the name', xml('< row/>')],
    ['-- in a comment', xml('<!-- a -- b -->')],
    ['a comment without end', '<worksheet/><!-- a'],
    ['a late XML declaration', '<worksheet><?xml version="1.0"?></worksheet>'],
    ['a document type', '<!DOCTYPE worksheet [<!ENTITY a "b">]><worksheet/>'],
    ['an unknown tag', '<workbook/>'],
    ['cut text', xml(rows).slice(0, -40)],
  ])('is refused: %s', async (_, text) => {
    await malformed(withSheet(text), /sheet1\.xml of a\.xlsx .*\(byte \d+\)/);
  });

  it.each(['xl/workbook.xml', 'xl/styles.xml', 'xl/sharedStrings.xml', '_rels/.rels'])(
    'is refused in %s',
    async (part) => {
      await malformed(
        entryOf(part, (e) => ({ ...e, bytes: Buffer.concat([e.bytes, Buffer.from('x')]) })),
      );
      await malformed(entryOf(part, (e) => ({ ...e, bytes: e.bytes.subarray(0, -3) })));
    },
  );

  it('is refused in UTF-8 that is none', async () => {
    const bytes = Buffer.from(xml('<row><c t="str"><v>ab</v></c></row>'));
    bytes[bytes.indexOf('ab')] = 0xff;
    await malformed(withSheet(bytes), 'UTF-8');
  });

  it('is found whatever the pieces', async () => {
    const long = `<!--${'-x'.repeat(400_000)}--><worksheet><sheetData>${rows}</sheetData></worksheet>`;
    expect((await read(withSheet(long))).rows).toEqual([['1']]);
    await malformed(withSheet(long.slice(0, -1)));
  });

  it('is refused when it nests without end', async () => {
    await expect(read(withSheet('<worksheet>'.repeat(100_000)))).rejects.toMatchObject({
      code: 'NESTED_TOO_DEEP',
      message: expect.stringContaining('BUCKETQL_MAX_NESTING'),
    });
  });
});

describe('a sheet that cannot be', () => {
  it.each([
    '<row><c r="XFE1"><v>1</v></c></row>',
    '<row><c r="AAAA1"><v>1</v></c></row>',
    '<row><c r="A1048577"><v>1</v></c></row>',
    '<row><c r="1"><v>1</v></c></row>',
    '<row><c r="A"><v>1</v></c></row>',
    '<row><c r="A0"><v>1</v></c></row>',
    '<row r="0"/>',
    '<row r="1048577"/>',
    '<row r="x"/>',
    '<row><c t="q"><v>1</v></c></row>',
    '<row><c s="x"><v>1</v></c></row>',
  ])('is refused: %s', async (inside) => {
    await malformed(workbookOf({ ...whole, rows: inside }));
  });

  it.each(['1', '-1', 'x', '&#48;', '99999999999999999999'])(
    'reports a cell with a text that is not there: %s',
    async (number) => {
      const { rows: kept, rejected } = await read(
        workbookOf({
          ...whole,
          rows: `${rows}<row><c t="s"><v>${number}</v></c><c><v>2</v></c></row>`,
        }),
      );
      expect(kept).toEqual([['1'], [null, '2']]);
      expect(rejected).toMatchObject([
        { record: 3, column: 'n', reason: expect.stringContaining('text') },
      ]);
    },
  );

  it('is read whatever its dimension says', async () => {
    const lie = `<worksheet><dimension ref="A1:XFD1048576"/><sheetData>${rows}</sheetData></worksheet>`;
    expect((await read(withSheet(lie))).rows).toEqual([['1']]);
  });
});

describe('a zip that is broken', () => {
  const good = workbookOf(whole);

  it('is read when it is not', async () => {
    expect((await read(good)).rows).toEqual([['1']]);
  });

  it('is refused when it is cut anywhere', async () => {
    for (let part = 0; part < 20; part++)
      await malformed(good.subarray(0, Math.floor((good.length * part) / 20)));
  });

  it.each<[string, (entry: ZipEntry) => ZipEntry]>([
    ['a wrong checksum', (e) => ({ ...e, crc: 1 })],
    ['a size that is too small', (e) => ({ ...e, size: e.bytes.length - 1 })],
    ['a size that is too large', (e) => ({ ...e, size: e.bytes.length + 1 })],
    ['a compressed size that is too small', (e) => ({ ...e, compressedSize: 5 })],
    ['data that are none', (e) => ({ ...e, compressed: Buffer.from('nothing') })],
    ['an unknown method', (e) => ({ ...e, method: 14 })],
  ])('is refused: %s', async (_, change) => {
    await malformed(entryOf(sheet, change));
  });

  it('is refused with parts twice, parts in parts, or parts that are not there', async () => {
    const twice = (name: string): ZipEntry => ({ name, bytes: Buffer.from('<a/>') });
    await malformed(workbookOf({ ...whole, entries: (e) => [...e, twice(sheet)] }), 'twice');
    await malformed(workbookOf({ ...whole, entries: (e) => [...e, twice(sheet.toUpperCase())] }));
    await malformed(
      workbookOf({ ...whole, entries: (e) => [...e, { ...twice('x.xml'), sameDataAs: 0 }] }),
      'overlaps',
    );
    for (const part of ['xl/workbook.xml', 'xl/_rels/workbook.xml.rels', sheet])
      await malformed(workbookOf({ ...whole, parts: { [part]: undefined } }));
  });

  it('is read where what is missing or in the way does not matter', async () => {
    const numbers = '<row><c t="str"><v>n</v></c></row><row><c><v>1</v></c></row>';
    const without = (...names: string[]) =>
      workbookOf({
        rows: numbers,
        parts: Object.fromEntries(names.map((name) => [name, undefined])),
      });
    for (const bytes of [
      without('xl/sharedStrings.xml', 'xl/styles.xml'),
      without('_rels/.rels'),
      Buffer.concat([Buffer.from('From: somebody\r\n\r\n'), workbookOf({ rows: numbers })]),
      Buffer.concat([workbookOf({ rows: numbers }), Buffer.alloc(100)]),
      workbookOf({ rows: numbers, entries: (e) => [...e, ...e.map((entry) => ({ ...entry }))] }),
    ])
      expect((await read(bytes)).rows).toEqual([['1']]);
    const lost = workbookOf({
      rows: numbers,
      parts: {
        'xl/workbook.xml':
          '<workbook xmlns:r="urn:r"><sheets><sheet name="a" r:id="s0"/><sheet name="b" r:id="s9"/></sheets></workbook>',
      },
    });
    expect((await read(lost)).rows).toEqual([['1']]);
    await expect(read(lost, {}, undefined, 'b')).rejects.toMatchObject({
      code: 'MALFORMED_FILE',
      message: expect.stringContaining('where its sheet b is'),
    });
  });

  it('is told from other files', async () => {
    const book = { SheetNames: ['a'], Sheets: { a: utils.aoa_to_sheet([['n'], [1]]) } };
    const as = (bookType: 'biff8' | 'xlsb') =>
      Buffer.from(write(book, { type: 'buffer', bookType }) as Buffer);
    await malformed(as('biff8'), 'set format.type to XLS');
    await malformed(as('xlsb'), 'XLSB');
    await malformed(Buffer.from('a,b\n1,2\n'), 'text');
    await malformed(Buffer.from('<html><table>'), 'HTML');
    await malformed(Buffer.alloc(0), 'empty');
  });

  it('that is encrypted is said to be', async () => {
    const encrypted = { code: 'ENCRYPTED_FILE' };
    await expect(read(containerOf('/EncryptedPackage', Buffer.alloc(5000)))).rejects.toMatchObject(
      encrypted,
    );
    await expect(read(entryOf(sheet, (e) => ({ ...e, flags: 1 })))).rejects.toMatchObject(
      encrypted,
    );
  });
});

describe('limits', () => {
  const refusal = (code: string, setting: string) => ({
    code,
    message: expect.stringContaining(setting),
  });
  const large = workbookOf({ ...whole, rows: rows + ' '.repeat(3 * 2 ** 20) });

  it('hold for what parts inflate to', async () => {
    await expect(
      read(large, {}, { maxInflatedBytes: 2 ** 20, maxInflationRatio: 1100 }),
    ).rejects.toMatchObject(refusal('OBJECT_TOO_LARGE', 'BUCKETQL_MAX_INFLATED_BYTES'));
    await expect(
      read(large, {}, { maxInflatedBytes: 2 ** 30, maxInflationRatio: 50 }),
    ).rejects.toMatchObject(refusal('OBJECT_TOO_LARGE', 'BUCKETQL_MAX_INFLATION_RATIO'));
  });

  it('hold for the table of texts', async () => {
    const strings = `<si><t>${'x'.repeat(100)}</t></si>`.repeat(50_000);
    await expect(
      read(workbookOf({ rows, strings }), { maxDocumentBytes: 2 ** 20 }),
    ).rejects.toMatchObject(refusal('DOCUMENT_TOO_LARGE', 'BUCKETQL_MAX_DOCUMENT_BYTES'));
    await expect(
      read(workbookOf({ rows, strings: '<si/>'.repeat(500_000) }), { maxDocumentBytes: 2 ** 20 }),
    ).rejects.toMatchObject({ code: 'DOCUMENT_TOO_LARGE' });
  });

  it('hold for a cell, however it is written', async () => {
    const text = 'x'.repeat(2 ** 21);
    const tooLong = { code: 'CELL_TOO_LONG' };
    await expect(
      read(workbookOf({ rows, strings: `<si><t>${text}</t></si>` })),
    ).rejects.toMatchObject(tooLong);
    for (const cell of [`t="str"><v>${text}</v>`, `t="inlineStr"><is><r><t>${text}</t></r></is>`])
      await expect(
        read(workbookOf({ ...whole, rows: `${rows}<row><c ${cell}</c></row>` })),
      ).rejects.toMatchObject(tooLong);
    await expect(
      read(workbookOf({ ...whole, rows: `<row><c t="str"><v>123456789</v></c></row>` }), {
        maxCellBytes: 8,
      }),
    ).rejects.toMatchObject(refusal('CELL_TOO_LONG', 'BUCKETQL_MAX_CELL_BYTES'));
  });
});
