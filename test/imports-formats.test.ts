import { gzipSync } from 'node:zlib';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { utils, write } from 'xlsx';
import { importCsv, startTestService, type TestService } from './support/service.js';
import { zipOf } from './support/zip.js';

describe('imports of other formats than CSV', () => {
  let service: TestService;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService({ BUCKETQL_MAX_SPOOL_BYTES: '50000000' });
    connection = await service.connect('formats');
  });
  afterAll(() => service.close());

  const put = (key: string, bytes: string | Buffer) =>
    service.sandbox.putObject(service.bucket, key, bytes);

  const importOf = (name: string, format: object, more: object = {}) =>
    importCsv(service, { name, connection, selection: { prefix: `${name}/` }, format, ...more });

  const previewOf = async (name: string, format: object, more: object = {}) => {
    const { previewDataset } = await service.data<{
      previewDataset: {
        columns: { source: string; type: string }[];
        rows: Record<string, unknown>[];
        detected: Record<string, unknown>;
        warnings: string[];
      };
    }>(
      `query ($input: DatasetInput!) {
        previewDataset(input: $input) { columns { source type } rows detected warnings }
      }`,
      { input: { name, connection, selection: { prefix: `${name}/` }, format, ...more } },
    );
    return previewDataset;
  };

  const workbook = () => {
    const book = utils.book_new();
    utils.book_append_sheet(book, utils.aoa_to_sheet([['a'], [1]]), 'First');
    utils.book_append_sheet(book, utils.aoa_to_sheet([['b'], [2], [3]]), 'Second one');
    return write(book, { bookType: 'xlsx', type: 'buffer' }) as Buffer;
  };

  it('says which value in which line widened a column', async () => {
    const rows = Array.from({ length: 30_000 }, (_, row) => `${row},${row}.5`);
    rows[25_000] = '25000,n/a';
    await put('widened/a.csv', `id,amount\n${rows.join('\n')}\n`);
    const run = await importOf('widened', { type: 'CSV' });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '30000' });
    expect(run.warnings).toEqual([
      'widened/a.csv line 25002: "n/a" in column amount is no DECIMAL, so the column is STRING',
    ]);
    const { widened } = await service.data(
      `{ widened(where: { id: { in: [0, 25000] } }) { id amount } }`,
    );
    expect(widened).toEqual([
      { id: 0, amount: '0.5' },
      { id: 25_000, amount: 'n/a' },
    ]);
  });

  it('spreads lists, keeps others as JSON, and follows columns that appear late', async () => {
    const records = [
      { id: 1, who: { name: 'Ada' }, tags: ['x', 'y'], lines: [{ sku: 'a', n: 1 }, { sku: 'b' }] },
      { id: 2, who: null, tags: [], lines: [] },
      { id: 3, late: true, lines: [{ sku: 'c', n: 3.5 }] },
    ];
    await put('orders/a.json', JSON.stringify({ data: { orders: records } }));
    const run = await importOf('orders', {
      type: 'JSON',
      json: { dataTag: 'data.orders', flatten: ['lines'] },
    });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '4', error: null });
    const { dataset, orders } = await service.data<Record<string, unknown>>(`{
      dataset(name: "orders") { columns { source name type } }
      orders { id who_name tags lines_sku lines_n late }
    }`);
    expect(dataset).toEqual({
      columns: [
        { source: 'id', name: 'id', type: 'INTEGER' },
        { source: 'who.name', name: 'who_name', type: 'STRING' },
        { source: 'tags', name: 'tags', type: 'JSON' },
        { source: 'lines.sku', name: 'lines_sku', type: 'STRING' },
        { source: 'lines.n', name: 'lines_n', type: 'DECIMAL' },
        { source: 'late', name: 'late', type: 'BOOLEAN' },
      ],
    });
    expect(orders).toEqual([
      { id: 1, who_name: 'Ada', tags: ['x', 'y'], lines_sku: 'a', lines_n: '1.0', late: null },
      { id: 1, who_name: 'Ada', tags: ['x', 'y'], lines_sku: 'b', lines_n: null, late: null },
      { id: 2, who_name: null, tags: [], lines_sku: null, lines_n: null, late: null },
      { id: 3, who_name: null, tags: null, lines_sku: 'c', lines_n: '3.5', late: true },
    ]);
  });

  it('sets lines of JSON aside that are none, and values that a declared type does not hold', async () => {
    await put('lines/a.jsonl', '{"id":1,"n":"5"}\n{"id":2,\n{"id":3,"n":"x"}\n{"id":4}\n');
    const run = await importOf(
      'lines',
      { type: 'JSON', json: { lines: true } },
      { columns: [{ source: 'n', type: 'INTEGER' }] },
    );
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '2', rowsRejected: '2' });
    const { dataset } = await service.data<{ dataset: { rejectedRows: unknown[] } }>(
      `{ dataset(name: "lines") { rejectedRows { file line column value raw } } }`,
    );
    expect(dataset.rejectedRows).toEqual([
      { file: 'lines/a.jsonl', line: '2', column: null, value: null, raw: '{"id":2,' },
      { file: 'lines/a.jsonl', line: '3', column: 'n', value: 'x', raw: null },
    ]);
  });

  it('reads many small files in few statements, in the order of their keys', async () => {
    for (let file = 0; file < 60; file++) {
      await put(`small/${String(file).padStart(3, '0')}.json`, `[{"n":${file}}]`);
    }
    const run = await importOf('small', { type: 'JSON' }, { addFileNameColumn: true });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '60', filesDone: 60 });
    const { small } = await service.data<{ small: { n: number; _BATCH_FILE_NAME_: string }[] }>(
      `{ small { n _BATCH_FILE_NAME_ } }`,
    );
    expect(small.map(({ n }) => n)).toEqual(Array.from({ length: 60 }, (_, n) => n));
    expect(small[7]?._BATCH_FILE_NAME_).toBe('small/007.json');
  });

  it('picks members by name, and reads what is compressed in an archive', async () => {
    const inner = zipOf([{ name: 'deep/c.csv', bytes: Buffer.from('n\n3\n') }]);
    await put(
      'members/a.zip',
      zipOf([
        { name: 'a-2024.csv', bytes: Buffer.from('n\n1\n') },
        { name: 'b-2024.csv.gz', bytes: gzipSync('n\n2\n') },
        { name: 'inner-2024.zip', bytes: inner },
        { name: 'd-2023.csv', bytes: Buffer.from('n\n4\n') },
        { name: '.hidden-2024.csv', bytes: Buffer.from('n\n5\n') },
      ]),
    );
    const run = await importOf(
      'members',
      { type: 'CSV' },
      {
        selection: { prefix: 'members/', subfileName: '2024' },
        addFileNameColumn: true,
      },
    );
    expect(run).toMatchObject({ status: 'SUCCEEDED', error: null });
    const { members } = await service.data(`{ members { n _BATCH_FILE_NAME_ } }`);
    expect(members).toEqual([
      { n: 1, _BATCH_FILE_NAME_: 'members/a.zip!a-2024.csv' },
      { n: 2, _BATCH_FILE_NAME_: 'members/a.zip!b-2024.csv.gz' },
      { n: 3, _BATCH_FILE_NAME_: 'members/a.zip!inner-2024.zip!deep/c.csv' },
    ]);
    const none = await importOf(
      'no_members',
      { type: 'CSV' },
      { selection: { prefix: 'members/', subfileName: '1999' } },
    );
    expect(none.error).toMatchObject({ code: 'MEMBER_NOT_FOUND' });
    expect(none.error?.message).toContain('d-2023.csv');
  });

  it('names the sheets there are, and forgives spaces with a warning', async () => {
    await put('book/a.xlsx', workbook());
    const wrong = await importOf('book', { type: 'XLSX', excel: { sheet: 'Third' } });
    expect(wrong.error?.code).toBe('SHEET_NOT_FOUND');
    expect(wrong.error?.message).toContain('Second one');
    await service.data(`mutation { deleteDataset(name: "book") }`);
    const right = await importOf('book', { type: 'XLSX', excel: { sheet: ' second  one' } });
    expect(right).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '2' });
    expect(right.warnings).toHaveLength(1);
  });

  it('ends at the space that an import may take, and leaves nothing on the disk', async () => {
    await put('space/a.csv', `n\n${'1234567890\n'.repeat(6_000_000)}`);
    const run = await importOf('space', { type: 'CSV' });
    expect(run.error).toMatchObject({ code: 'SPOOL_FULL', details: { file: 'space/a.csv' } });
    expect(await readdir(join(service.dataDir, 'spool'))).toEqual([]);
  });

  it('loads a large text in parts, with the lines of the whole in what it says', async () => {
    // The bad row lies behind the 64 MiB of the first part; the gzip'd object is small.
    const line = `${'x'.repeat(500)},1\n`;
    const lines = 150_000;
    const text = `text,n\n${line.repeat(lines)}late,oops,more\n${line.repeat(lines)}`;
    service = await raised(service);
    await put('parts/a.csv.gz', gzipSync(text, { level: 1 }));
    const run = await importOf('parts', { type: 'CSV' });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: String(2 * lines), filesDone: 1 });
    const { dataset } = await service.data<{ dataset: { rejectedRows: unknown[] } }>(
      `{ dataset(name: "parts") { rejectedRows { file line raw } } }`,
    );
    expect(dataset.rejectedRows).toEqual([
      { file: 'parts/a.csv.gz', line: String(lines + 2), raw: 'late,oops,more' },
    ]);
  });

  it.each([
    ['in the middle', (long: string) => `id,text\n1,a\n2,${long}\n3,b\n`, '3'],
    ['at the end', (long: string) => `id,text\n1,a\n2,b\n3,${long}\n`, '3'],
    ['quoted, over many lines', (long: string) => `id,text\n1,a\n2,"${long}\n"\n3,b\n`, '3'],
  ])(
    'keeps a line that is longer than the buffers of the engine, %s',
    async (place, text, rows) => {
      const name = `long_${place.replaceAll(/[^a-z]/g, '_')}`;
      await put(`${name}/a.csv`, text('y'.repeat(35_000_000)));
      const run = await importOf(name, { type: 'CSV' });
      expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: rows, error: null });
    },
  );

  it('says what broke when a file that is being followed does not go on', async () => {
    await put('broken/a.json', JSON.stringify(Array.from({ length: 50_000 }, (_, n) => ({ n }))));
    service.sandbox.fault = ({ operation, key, attempt }) =>
      operation === 'GetObject' && key === 'broken/a.json'
        ? { kind: 'cutBody', afterBytes: attempt === 1 ? 200_000 : 0 }
        : undefined;
    try {
      const run = await importOf('broken', { type: 'JSON' });
      expect(run.error).toMatchObject({ code: 'S3_UNAVAILABLE', retryable: true });
    } finally {
      service.sandbox.fault = undefined;
    }
    expect(await readdir(join(service.dataDir, 'spool'))).toEqual([]);
  });

  it('keeps values of JSON that are longer than the buffers of the engine', async () => {
    const lengths = [1_000_000, 3_000_000, 9_000_000, 40_000_000, 12_000_000];
    await put('long_json/a.json', JSON.stringify(lengths.map((n) => ({ n, t: 'y'.repeat(n) }))));
    const run = await importOf('long_json', { type: 'JSON' });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '5', error: null });
    const { long_json } = await service.data<{ long_json: { n: number; t: string }[] }>(
      `{ long_json { n t } }`,
    );
    expect(long_json.map(({ n, t }) => [n, t.length])).toEqual(lengths.map((n) => [n, n]));
  });

  it('refuses a record that is longer than a cell may be, by its line', async () => {
    const long = 'y'.repeat(70_000_000);
    await put('too_long/a.csv', `id,text\n1,a\n2,${long}\n3,b\n`);
    await put('too_long_quoted/a.csv', `id,text\n1,a\n2,"${long}\n"\n3,b\n`);
    for (const name of ['too_long', 'too_long_quoted']) {
      const run = await importOf(name, { type: 'CSV' });
      expect(run.error).toMatchObject({ code: 'CELL_TOO_LONG', details: { line: 3 } });
      expect(run.error?.message).toContain('BUCKETQL_MAX_CELL_BYTES');
    }
  });

  async function raised(old: TestService): Promise<TestService> {
    await old.restart({ BUCKETQL_MAX_SPOOL_BYTES: '1000000000' });
    return old;
  }

  it.each([
    ['JSON', 'a.json', '{"a":{"b":[{"x":1},{"x":2}]}}', { type: 'JSON' }, { shape: 'document' }],
    [
      'XML',
      'a.xml',
      '<r><i n="1"><x>1</x></i><i n="2"><x>2</x></i></r>',
      { type: 'XML', xml: { xpath: '//i' } },
      { recordPaths: ['/r/i'] },
    ],
  ])('previews %s with what it detected', async (name, file, text, format, detected) => {
    const dataset = `preview_${name.toLowerCase()}`;
    await put(`${dataset}/${file}`, text);
    const preview = await previewOf(dataset, format);
    expect(preview.detected).toMatchObject(detected);
    expect(preview.rows.length).toBeGreaterThan(0);
  });

  it('previews the beginning of large JSON, and workbooks with their sheets', async () => {
    const records = Array.from({ length: 100_000 }, (_, id) => ({ id, name: `name ${id}` }));
    await put('preview_large/a.json', JSON.stringify({ rows: records }));
    const large = await previewOf('preview_large', { type: 'JSON', json: { dataTag: 'rows' } });
    expect(large.rows).toHaveLength(20);
    expect(large.columns).toEqual([
      { source: 'id', type: 'INTEGER' },
      { source: 'name', type: 'STRING' },
    ]);
    await put('preview_book/a.xlsx', workbook());
    const book = await previewOf('preview_book', { type: 'XLSX' });
    expect(book.detected).toMatchObject({ sheets: ['First', 'Second one'] });
    expect(book.rows).toEqual([{ a: 1 }]);
  });
});
