import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { CFB, read, utils } from 'xlsx';
import { sql } from '../../src/sql.js';
import { startWriter, type Writer } from '../support/writer.js';

const columns = [
  { name: 'id', type: 'INTEGER' as const },
  { name: 'text', type: 'STRING' as const },
];

/** What the reader has for zip files, without a type. */
interface Container {
  readonly read: (bytes: Buffer, options: { type: 'buffer' }) => unknown;
  readonly find: (parts: unknown, path: string) => { readonly content?: Uint8Array } | null;
}

describe('a workbook', () => {
  let writer: Writer;
  beforeAll(async () => {
    writer = await startWriter();
  });
  afterAll(() => writer.end());
  const sheetsOf = async (key: string) => {
    const book = read(await writer.read(key), { type: 'buffer', dense: true });
    return book.SheetNames.map((name) => ({
      name,
      rows: utils.sheet_to_json<unknown[]>(book.Sheets[name]!, { header: 1 }),
    }));
  };

  it('has the rows under their names in the sheet that was asked for', async () => {
    const query = await writer.table(
      'few',
      sql`select * from (values (1, '=1+1'), (2, null), (3, 'ü & <b>')) as v(id, text)`,
      columns,
    );
    const written = await writer.write(query, {
      format: 'XLSX',
      fileName: 'few',
      sheetName: "Müller's rows",
    });
    expect(written).toMatchObject({ rows: 3, objects: [{ key: 'out/few.xlsx', rows: 3 }] });
    expect(await sheetsOf('out/few.xlsx')).toEqual([
      {
        name: "Müller's rows",
        rows: [['id', 'text'], [1, '=1+1'], [2], [3, 'ü & <b>']],
      },
    ]);
    await writer.write(query, { format: 'XLSX', fileName: 'bare', header: false });
    expect(await sheetsOf('out/bare.xlsx')).toEqual([
      { name: 'Sheet1', rows: [[1, '=1+1'], [2], [3, 'ü & <b>']] },
    ]);
  });

  it('has a header alone where there are no rows', async () => {
    const none = await writer.table('none', sql`select 1 as id, 'x' as text where false`, columns);
    await writer.write(none, { format: 'XLSX', fileName: 'none' });
    expect(await sheetsOf('out/none.xlsx')).toEqual([{ name: 'Sheet1', rows: [['id', 'text']] }]);
  });

  it('goes on in another sheet where one is full', async () => {
    const query = await writer.table(
      'many',
      sql`select cast(i as integer) as id from range(1100000) as r(i)`,
      columns.slice(0, 1),
    );
    const { rows } = await writer.write(query, {
      format: 'XLSX',
      fileName: 'many',
      sheetName: 'A name of thirty-one characters',
    });
    expect(rows).toBe(1_100_000);
    // The reader would take half a minute for the cells.
    const { SheetNames } = read(await writer.read('out/many.xlsx'), {
      type: 'buffer',
      bookSheets: true,
    });
    expect(SheetNames).toEqual([
      'A name of thirty-one characters',
      'A name of thirty-one charac (2)',
    ]);
    const { read: unpack, find } = CFB as Container;
    const parts = unpack(await writer.read('out/many.xlsx'), { type: 'buffer' });
    const sheets = ['sheet1', 'sheet2'].map((name) =>
      Buffer.from(find(parts, `/xl/worksheets/${name}.xml`)?.content ?? []).toString(),
    );
    const ids = sheets.flatMap((text) => {
      const rows = text.split('<row>').slice(1);
      expect(rows.length).toBeLessThanOrEqual(2 ** 20);
      expect(rows[0]).toContain('>id<');
      return rows.slice(1).map((row) => Number(/<v>(\d+)</.exec(row)?.[1]));
    });
    expect(ids).toHaveLength(1_100_000);
    expect(ids.every((id, index) => id === index)).toBe(true);
  }, 60_000);
});
