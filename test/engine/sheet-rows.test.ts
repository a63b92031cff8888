import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { read, utils, type CellObject } from 'xlsx';
import { columnTypes } from '../../src/columns.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { streamText } from '../../src/engine/export.js';
import type { ExportColumn } from '../../src/engine/row-text.js';
import type { SheetText } from '../../src/engine/sheet-rows.js';
import { sheetPartName, workbookParts } from '../../src/formats/excel/workbook-parts.js';
import { readXlsx } from '../../src/formats/excel/xlsx.js';
import { defaultFormatLimits } from '../../src/limits.js';
import { ident, join, literal, sql, value, type Sql } from '../../src/sql.js';
import { collectRows } from '../support/rows.js';
import { withFile } from '../support/xlsx.js';
import { zipOf } from '../support/zip.js';

let engine: Engine;
beforeAll(async () => {
  engine = await openDuckDB();
});
afterAll(() => engine.close());

async function sheet(
  select: Sql,
  columns: readonly ExportColumn[],
  options: SheetText = { escapeFormulas: true },
): Promise<string> {
  return engine.session(async (session) => {
    const pieces: Buffer[] = [];
    const format = { kind: 'sheet', ...options } as const;
    for await (const piece of streamText(session, select, columns, format)) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  });
}

/** A whole workbook with one sheet. */
async function workbook(select: Sql, columns: readonly ExportColumn[]): Promise<Buffer> {
  const parts = [
    ...workbookParts(['Rows']),
    { name: sheetPartName(0), text: await sheet(select, columns) },
  ];
  return zipOf(parts.map(({ name, text }) => ({ name, bytes: Buffer.from(text) })));
}

async function imported(bytes: Buffer) {
  const found = collectRows();
  await withFile(bytes, (path) =>
    readXlsx(path, { origin: 'a.xlsx', partial: false }, {}, found.sink, defaultFormatLimits),
  );
  expect(found.rejected).toEqual([]);
  expect(found.warnings).toEqual([]);
  return found;
}

/** The cells of the first column, without the header, as SheetJS reads them. */
function cellsOf(bytes: Buffer): (CellObject | undefined)[] {
  const book = read(bytes, { type: 'buffer', cellNF: true, cellStyles: true });
  const first = book.Sheets[book.SheetNames[0] ?? ''] ?? {};
  const range = utils.decode_range(first['!ref'] ?? 'A1');
  return Array.from(
    { length: range.e.r },
    (_, row) => first[utils.encode_cell({ r: row + 1, c: 0 })] as CellObject | undefined,
  );
}

const text = (name: string): ExportColumn => ({ name, type: 'STRING' });

/** The cell of each value, given as SQL text, as it stands in the sheet. */
async function cellsFor(column: Omit<ExportColumn, 'name'>, type: Sql, values: readonly string[]) {
  const rows = join(values.map((one) => sql`(cast(${literal(one)} as ${type}))`));
  const select = sql`select * from (values ${rows}) as v(${ident('a')})`;
  const columns = [{ name: 'a', ...column }];
  const xml = await sheet(select, columns, { header: false, escapeFormulas: true });
  const cells = [...xml.matchAll(/<row>(.*?)<\/row>/g)].map(([, cell]) => cell);
  return { cells, bytes: await workbook(select, columns) };
}

const textCell = (content: string) =>
  `<c t="inlineStr"><is><t xml:space="preserve">${content}</t></is></c>`;

describe('cells of a sheet', () => {
  it('are numbers while these have up to 15 digits, then texts', async () => {
    const values = [
      '0',
      '-1',
      '999999999999999',
      '-999999999999999',
      '1000000000000000',
      '1234567890123456',
      '9223372036854775807',
      '-9223372036854775808',
      '9000000000000000000',
    ];
    const { cells, bytes } = await cellsFor({ type: 'BIGINT' }, sql`bigint`, values);
    expect(cells).toEqual(
      values.map((one) =>
        one.replace(/^-/, '').replace(/0+$/, '').length <= 15
          ? `<c><v>${one}</v></c>`
          : textCell(one),
      ),
    );
    expect((await imported(bytes)).rows).toEqual(values.map((one) => [one]));
  });

  it('are decimals likewise, whatever their scale', async () => {
    const decimal = { precision: 38, scale: 4 };
    const values = [
      '0.0000',
      '-0.5000',
      '99999999999.9999',
      '123456789012.3456',
      '1234567890123456789012345678901234.5678',
      '1200000000000000000000000.0000',
    ];
    const { cells } = await cellsFor({ type: 'DECIMAL', decimal }, sql`decimal(38, 4)`, values);
    expect(cells).toEqual([
      ...['0.0000', '-0.5000', '99999999999.9999'].map((one) => `<c><v>${one}</v></c>`),
      ...values.slice(3, 5).map(textCell),
      `<c><v>${values[5]}</v></c>`,
    ]);
    const small = await cellsFor(
      { type: 'DECIMAL', decimal: { precision: 2, scale: 2 } },
      sql`decimal(2, 2)`,
      ['-0.25'],
    );
    expect(small.cells).toEqual(['<c><v>-0.25</v></c>']);
    const fine = await cellsFor(
      { type: 'DECIMAL', decimal: { precision: 20, scale: 18 } },
      sql`decimal(20, 18)`,
      ['0.000000000000000123', '1.000000000000000123'],
    );
    expect(fine.cells).toEqual([
      '<c><v>0.000000000000000123</v></c>',
      textCell('1.000000000000000123'),
    ]);
  });

  it('are doubles as they are, and nothing for NaN and infinity', async () => {
    const values = [
      '0.1',
      '0.30000000000000004',
      '1e300',
      '-1e-300',
      'nan',
      'inf',
      '5e-324',
      '1.7976931348623157e308',
    ];
    const { cells, bytes } = await cellsFor({ type: 'DOUBLE' }, sql`double`, values);
    expect(cells).toEqual([
      ...['0.1', '0.30000000000000004', '1e+300', '-1e-300'].map((one) => `<c><v>${one}</v></c>`),
      '<c/>',
      '<c/>',
      ...['5e-324', '1.7976931348623157e+308'].map(textCell),
    ]);
    expect(
      cellsOf(bytes)
        .slice(0, 4)
        .map((cell) => cell?.v),
    ).toEqual([0.1, 0.1 + 0.2, 1e300, -1e-300]);
  });

  it('are dates where the calendar of spreadsheets is right', async () => {
    const values = [
      '1900-03-01',
      '2024-02-29',
      '9999-12-31',
      '1900-02-28',
      '0001-01-01',
      '10000-01-01',
      'infinity',
    ];
    const { cells, bytes } = await cellsFor({ type: 'DATE' }, sql`date`, values);
    expect(cells).toEqual([
      ...[61, 45351, 2958465].map((serial) => `<c s="1"><v>${serial}</v></c>`),
      ...values.slice(3).map(textCell),
    ]);
    expect(
      cellsOf(bytes)
        .slice(0, 3)
        .map((cell) => cell?.w),
    ).toEqual(values.slice(0, 3));
    expect((await imported(bytes)).rows).toEqual(values.map((one) => [one]));
  });

  it('are instants to the millisecond', async () => {
    const values = [
      '1900-03-01T00:00:00',
      '2024-02-29T23:59:59.999',
      '9999-12-31T23:59:59.999',
      '1970-01-01T00:00:00.001',
      '2024-02-29T12:00:00',
    ];
    const finer = ['2024-02-29T23:59:59.9999', '1900-02-28T23:59:59', '0001-01-01T00:00:00'];
    const { cells, bytes } = await cellsFor({ type: 'TIMESTAMP' }, sql`timestamp`, [
      ...values,
      ...finer,
    ]);
    expect(cells.slice(0, 5).every((cell) => cell?.startsWith('<c s="2"><v>'))).toBe(true);
    expect(cells.slice(5)).toEqual(finer.map(textCell));
    expect((await imported(bytes)).rows).toEqual([...values, ...finer].map((one) => [one]));
    expect(cellsOf(bytes)[4]).toMatchObject({ t: 'n', v: 45351.5, w: '2024-02-29 12:00:00.000' });
  });

  it('are every millisecond of some days exactly', async () => {
    const select = sql`select timestamp '2199-12-31 00:00:00' + to_milliseconds(i * 7919) as t from range(2000) as r(i)`;
    const columns: ExportColumn[] = [{ name: 't', type: 'TIMESTAMP' }];
    const found = await imported(await workbook(select, columns));
    const start = Date.UTC(2199, 11, 31);
    expect(found.rows.map(([t]) => Date.parse(`${t}Z`) - start)).toEqual(
      Array.from({ length: 2000 }, (_, i) => i * 7919),
    );
  });

  it('are times as parts of a day', async () => {
    const values = [
      '00:00:00',
      '00:00:00.001',
      '12:00:00',
      '23:59:59.999',
      '00:00:00.000001',
      '24:00:00',
    ];
    const { cells, bytes } = await cellsFor({ type: 'TIME' }, sql`time`, values);
    expect(cells[2]).toBe('<c s="3"><v>0.5</v></c>');
    expect(cells.slice(4)).toEqual(values.slice(4).map(textCell));
    expect((await imported(bytes)).rows).toEqual(values.map((one) => [one]));
  });

  it('are texts for what has a time zone or a structure, and truth values', async () => {
    const moment = await cellsFor({ type: 'TIMESTAMP_TZ' }, sql`timestamptz`, [
      '2024-02-29 01:02:03.5+02',
    ]);
    expect(moment.cells).toEqual([textCell('2024-02-28T23:02:03.5Z')]);
    const tree = await cellsFor({ type: 'JSON' }, sql`json`, ['{"a":"<_x0041_>"}']);
    expect(tree.cells).toEqual([textCell('{"a":"&lt;_x005F_x0041_&gt;"}')]);
    const flags = await cellsFor({ type: 'BOOLEAN' }, sql`boolean`, ['true', 'false']);
    expect(flags.cells).toEqual(['<c t="b"><v>1</v></c>', '<c t="b"><v>0</v></c>']);
    expect((await imported(flags.bytes)).rows).toEqual([['true'], ['false']]);
  });

  it('are empty for NULL, so that each value stays in its column', async () => {
    const columns = columnTypes.map((type) => ({ name: type, type }));
    const sqlTypes: Partial<Record<string, Sql>> = {
      STRING: sql`varchar`,
      TIMESTAMP_TZ: sql`timestamptz`,
    };
    const nulls = columnTypes.map(
      (type) => sql`cast(null as ${sqlTypes[type] ?? ident(type)}) as ${ident(type)}`,
    );
    const select = sql`select ${join(nulls)}, 'last' as z`;
    const xml = await sheet(select, [...columns, text('z')], {
      header: false,
      escapeFormulas: false,
    });
    expect(xml).toContain(`<row>${'<c/>'.repeat(columnTypes.length)}${textCell('last')}</row>`);
    const { rows } = await imported(await workbook(select, [...columns, text('z')]));
    expect(rows).toEqual([[...columnTypes.map(() => null), 'last']].map((row) => row));
  });
});

describe('texts in a sheet', () => {
  const texts = [
    'plain',
    ' lead',
    'trail ',
    '  ',
    '\t',
    '\n',
    '\r',
    '\r\n',
    'a\rb\nc',
    '<&>"\'',
    '&amp;',
    ']]>',
    '𝄞 漢字',
    '_x0041_',
    '_x0041_x0042_',
    '_x005F_',
    '_x',
    '__x0041__',
    'max_x',
    '_X0041_',
    '_x00g1_',
    'a\u0001b',
    '_x0041\u0001',
    '\u0000',
    '\u001f_x',
    '\u0008\u000b\u000c',
    '\ufffe\uffff',
    '_\u0001x0041_',
    '=1+1',
    '@x',
    '-5',
  ];

  it('are read as they were, by our import and by SheetJS', async () => {
    const bytes = await workbook(
      sql`select unnest(cast(json(${value(JSON.stringify(texts))}) as varchar[])) as t`,
      [text('t')],
    );
    expect((await imported(bytes)).rows).toEqual(texts.map((one) => [one]));
    // It makes a line feed of a return with one, whichever way they are written.
    const itsTexts = texts.map((one) => one.replaceAll('\r\n', '\n'));
    expect(cellsOf(bytes).map((cell) => cell?.v)).toEqual(itsTexts);
  });

  it('that look like formulas are marked as texts, and have no formula', async () => {
    const values = ['=1+1', '+a', '-a', '@a', '\ta', 'a', '-1', ''];
    const select = sql`select unnest(cast(json(${value(JSON.stringify(values))}) as varchar[])) as t`;
    const marked = (xml: string) =>
      [...xml.matchAll(/<c( s="4")? t=/g)].map(([, style]) => style !== undefined);
    expect(
      marked(
        await sheet(
          select,
          [text('=t')].map((column) => ({ ...column, name: 't' })),
        ),
      ),
    ).toEqual([...[false, true, true, true, true, true, false, false, false]]);
    expect(marked(await sheet(select, [text('t')], { escapeFormulas: false }))).not.toContain(true);
    const header = await sheet(sql`select 1 as "=n" where false`, [
      { name: '=n', type: 'INTEGER' },
    ]);
    expect(header).toContain(
      '<row><c s="4" t="inlineStr"><is><t xml:space="preserve">=n</t></is></c></row>',
    );
    expect(cellsOf(await workbook(select, [text('t')]))[0]).toMatchObject({ t: 's', v: '=1+1' });
    expect(cellsOf(await workbook(select, [text('t')]))[0]?.f).toBeUndefined();
  });

  it('are refused from 32,768 characters on, of which some count twice', async () => {
    const whole = sql`select concat(repeat('é', 32765), '𝄞') as t`;
    const { rows } = await imported(await workbook(whole, [text('t')]));
    expect(rows[0]?.[0]).toHaveLength(32_767);
    const longer = sql`select 'x' as a, case when i = 2500 then concat(repeat('é', 32766), '𝄞') end as t from range(5000) as r(i)`;
    await expect(sheet(longer, [text('a'), text('t')])).rejects.toMatchObject({
      code: 'UNWRITABLE_VALUE',
      details: { column: 't', row: 2501 },
    });
  });
});

describe('a sheet', () => {
  it('has names of columns as they are, whatever stands in them', async () => {
    const names = ['a\u0001_x0041_x0042_', ' <b> & "c"', 'line\nbreak', 'tab\t', '\ufffe', '_x'];
    const select = sql`select ${join(names.map((name) => sql`'v' as ${ident(name)}`))}`;
    const { columns } = await imported(await workbook(select, names.map(text)));
    expect(columns.map(({ source }) => source)).toEqual(names);
  });

  it('has its header and nothing else where there are no rows', async () => {
    const none = sql`select 1 as n, 'x' as "a<b" where false`;
    const columns: ExportColumn[] = [{ name: 'n', type: 'INTEGER' }, text('a<b')];
    const book = read(await workbook(none, columns), { type: 'buffer' });
    expect(book.SheetNames).toEqual(['Rows']);
    expect(utils.sheet_to_json(book.Sheets['Rows'] ?? {}, { header: 1 })).toEqual([['n', 'a<b']]);
    const bare = await sheet(none, columns, { header: false, escapeFormulas: true });
    expect(bare).toContain('<sheetData></sheetData>');
  });

  it('has wide columns for dates, which are shown as #### otherwise', async () => {
    const xml = await sheet(sql`select 1 as n, date '2024-02-29' as d`, [
      { name: 'n', type: 'INTEGER' },
      { name: 'd', type: 'DATE' },
    ]);
    expect(xml).toContain(
      '<cols><col min="2" max="2" width="11" customWidth="1"/></cols><sheetData>',
    );
  });

  it('is refused with more columns than sheets have', async () => {
    const columns = Array.from({ length: 16_385 }, (_, index) => text(`c${index}`));
    await expect(sheet(sql`select 1 as c0`, columns)).rejects.toMatchObject({
      code: 'UNWRITABLE_VALUE',
      details: { limit: 16_384 },
    });
  });
});
