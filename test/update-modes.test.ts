import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../src/engine/duckdb.js';
import { literal, sql, type Sql } from '../src/sql.js';
import { randomFrom } from './support/random.js';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

describe('update modes', () => {
  let service: TestService;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService();
    connection = await service.connect('acme');
  });
  afterAll(() => service.close());

  const put = (key: string, text: string) => service.sandbox.putObject(service.bucket, key, text);
  const rowsOf = async (name: string, fields: string, rest = '') => {
    const data = await service.data<Record<string, Record<string, unknown>[]>>(
      `{ ${name}(limit: 100000${rest}) { ${fields} } }`,
    );
    return data[name] ?? [];
  };
  const generationOf = async (name: string) => {
    const { dataset } = await service.data<{
      dataset: { generation: string; fileCount: number; rowCount: string };
    }>(`{ dataset(name: "${name}") { generation fileCount rowCount } }`);
    return dataset;
  };

  describe('INCREMENTAL', () => {
    const random = randomFrom(20261122);
    const files = new Map<string, string>();
    const file = (rows: number) => {
      const wide = random.oneIn(4);
      const lines = Array.from({ length: rows }, () => {
        const id = wide ? 3_000_000_000 + random(1000) : random(1000);
        return `${id},x${random(9)}${wide ? `,${random(100)}` : ''}`;
      });
      return `id,name${wide ? ',extra' : ''}\n${lines.join('\n')}\n`;
    };
    const model = () =>
      [...files]
        .sort(([a], [b]) => (a < b ? -1 : 1))
        .flatMap(([key, text]) => {
          const [head = '', ...lines] = text.trimEnd().split('\n');
          const names = head.split(',');
          return lines.map((line) => {
            const cells = line.split(',');
            const cell = (name: string) => cells[names.indexOf(name)] ?? null;
            const extra = cell('extra');
            return {
              id: String(cell('id')),
              name: cell('name'),
              extra: extra === null ? null : Number(extra),
              _BATCH_FILE_NAME_: key,
            };
          });
        });
    const change = async () => {
      const keys = [...files.keys()];
      const some = keys[random(Math.max(1, keys.length))] ?? '';
      const store = async (key: string, text: string) => {
        files.set(key, text);
        await put(key, text);
      };
      const remove = async (key: string) => {
        files.delete(key);
        await service.remove(key);
      };
      switch (keys.length < 3 ? 0 : random(6)) {
        case 0:
        case 1:
          return store(`inc/${String(random(1000)).padStart(3, '0')}.csv`, file(1 + random(30)));
        case 2:
          return store(some, file(1 + random(30)));
        case 3:
          return remove(some);
        case 4: {
          const text = files.get(some) ?? '';
          await remove(some);
          return store(`inc/${String(random(1000)).padStart(3, '0')}.csv`, text);
        }
        default:
          return store(some, (files.get(some) ?? '').split('\n').slice(0, 2).join('\n') + '\n');
      }
    };

    it('keeps the table equal to the objects, in their order, whatever happens to them', async () => {
      await put('inc/000.csv', 'id,name,extra\n3000000000,first,1\n');
      files.set('inc/000.csv', 'id,name,extra\n3000000000,first,1\n');
      const input = {
        connection,
        selection: { prefix: 'inc/' },
        addFileNameColumn: true,
        updateMode: 'INCREMENTAL',
      };
      await importCsv(service, { ...input, name: 'inc' });
      await importCsv(service, { ...input, name: 'inc_sorted', sortBy: ['name'] });
      const fields = 'id name extra _BATCH_FILE_NAME_';
      for (let step = 0; step < 25; step++) {
        for (let changes = 1 + random(3); changes > 0; changes--) await change();
        const before = await generationOf('inc');
        const run = await importAgain(service, 'inc');
        expect(run).toMatchObject({ status: 'SUCCEEDED', error: null });
        const rows = await rowsOf('inc', fields);
        const expected = model();
        expect(rows).toEqual(expected);
        const after = await generationOf('inc');
        expect(after).toMatchObject({ fileCount: files.size, rowCount: String(expected.length) });
        expect(Number(before.rowCount) + Number(run.rowsAdded) - Number(run.rowsRemoved)).toBe(
          expected.length,
        );
        await importAgain(service, 'inc_sorted');
        const byName = expected
          .map((row, place) => ({ row, place }))
          .sort(
            (a, b) =>
              Number(a.row.name! > b.row.name!) - Number(a.row.name! < b.row.name!) ||
              a.place - b.place,
          );
        expect(await rowsOf('inc_sorted', fields)).toEqual(byName.map(({ row }) => row));
      }
    });

    it('does nothing when nothing changed: a listing, and the generation stays', async () => {
      const before = await generationOf('inc');
      expect(await importAgain(service, 'inc')).toMatchObject({
        status: 'SUCCEEDED',
        filesTotal: 0,
        rowsAdded: '0',
        rowsRemoved: '0',
      });
      expect(await generationOf('inc')).toEqual(before);
    });
  });

  it('INCREMENTAL widens what stays, and reads it again where its texts are needed', async () => {
    await put('wide/1.csv', 'a,b,c,d\n1,1.50,true,\n2,2.25,false,\n');
    const input = { connection, selection: { prefix: 'wide/' }, updateMode: 'INCREMENTAL' };
    await importCsv(service, { ...input, name: 'wide' });
    const columns = async () => {
      const { dataset } = await service.data<{
        dataset: { columns: { name: string; type: string }[] };
      }>('{ dataset(name: "wide") { columns { name type } } }');
      return dataset.columns.map(({ name, type }) => `${name} ${type}`);
    };
    expect(await columns()).toEqual(['a INTEGER', 'b DECIMAL', 'c BOOLEAN', 'd STRING']);
    // Whole numbers become larger ones, an empty column becomes what its first values are, and a column comes.
    await put('wide/2.csv', 'a,b,c,d,e\n3000000000,3,true,7,x\n');
    expect(await importAgain(service, 'wide')).toMatchObject({ rowsAdded: '1', filesTotal: 1 });
    expect(await columns()).toEqual([
      'a BIGINT',
      'b DECIMAL',
      'c BOOLEAN',
      'd INTEGER',
      'e STRING',
    ]);
    expect(await rowsOf('wide', 'a b c d e')).toEqual([
      { a: '1', b: '1.50', c: true, d: null, e: null },
      { a: '2', b: '2.25', c: false, d: null, e: null },
      { a: '3000000000', b: '3.00', c: true, d: 7, e: 'x' },
    ]);
    // What the engine writes for a decimal or a boolean may be another text than the file's.
    await put('wide/3.csv', 'a,b,c,d,e\n1,n/a,TRUE or so,8,y\n');
    expect(await importAgain(service, 'wide')).toMatchObject({ rowsAdded: '4', rowsRemoved: '3' });
    expect(await rowsOf('wide', 'a b c d e')).toEqual([
      { a: '1', b: '1.50', c: 'true', d: null, e: null },
      { a: '2', b: '2.25', c: 'false', d: null, e: null },
      { a: '3000000000', b: '3', c: 'true', d: 7, e: 'x' },
      { a: '1', b: 'n/a', c: 'TRUE or so', d: 8, e: 'y' },
    ]);
  });

  it('INCREMENTAL widens what Parquet files say themselves, and JSON of objects', async () => {
    const writer = await openDuckDB();
    const dir = await mkdtemp(join(tmpdir(), 'bucketql-parquet-'));
    const parquet = async (key: string, select: Sql) => {
      const path = join(dir, 'file.parquet');
      await writer.session((session) =>
        session.run(sql`copy (${select}) to ${literal(path)} (format parquet)`),
      );
      await service.sandbox.putObject(service.bucket, key, await readFile(path));
    };
    await parquet('pq/1.parquet', sql`select 1::integer as a, [1, 2] as list`);
    await importCsv(service, {
      name: 'pq',
      connection,
      selection: { prefix: 'pq/' },
      format: { type: 'PARQUET' },
      updateMode: 'INCREMENTAL',
    });
    await parquet('pq/2.parquet', sql`select 3000000000::bigint as a, [3] as list, 'x' as b`);
    expect(await importAgain(service, 'pq')).toMatchObject({ error: null, rowsAdded: '1' });
    expect(await rowsOf('pq', 'a list b')).toEqual([
      { a: '1', list: [1, 2], b: null },
      { a: '3000000000', list: [3], b: 'x' },
    ]);
    await parquet('pq/3.parquet', sql`select 'text' as a, [4] as list, 'y' as b`);
    expect(await importAgain(service, 'pq')).toMatchObject({ error: null });
    expect(await rowsOf('pq', 'a list b')).toEqual([
      { a: '1', list: [1, 2], b: null },
      { a: '3000000000', list: [3], b: 'x' },
      { a: 'text', list: [4], b: 'y' },
    ]);
    await writer.close();
    await rm(dir, { recursive: true });

    await put('js/1.json', '[{"a": {"x": 1}}]');
    await importCsv(service, {
      name: 'js',
      connection,
      selection: { prefix: 'js/' },
      format: { type: 'JSON' },
      updateMode: 'INCREMENTAL',
    });
    await put('js/2.json', '[{"a": {"x": 2.5, "y": [1]}}]');
    expect(await importAgain(service, 'js')).toMatchObject({ error: null, rowsRemoved: '0' });
    expect(await rowsOf('js', 'a_x a_y')).toEqual([
      { a_x: '1.0', a_y: null },
      { a_x: '2.5', a_y: [1] },
    ]);
  });

  it('INCREMENTAL keeps the rejected rows of objects that stay, and forgets those of others', async () => {
    await put('rej/1.csv', 'day\n2024-01-01\nno day\n');
    await put('rej/2.csv', 'day\n2024-01-02\nnone either\n');
    await importCsv(service, {
      name: 'rej',
      connection,
      selection: { prefix: 'rej/' },
      updateMode: 'INCREMENTAL',
      dateColumns: [{ column: 'day', format: 'yyyy-MM-dd' }],
    });
    await put('rej/1.csv', 'day\n2024-01-03\n2024-01-04\n');
    await put('rej/3.csv', 'day\n2024-01-05\nthird\n');
    const run = await importAgain(service, 'rej');
    expect(run).toMatchObject({ rowsAdded: '3', rowsRemoved: '1', rowsRejected: '1' });
    const { dataset, rejAggregate } = await service.data<{
      dataset: { rejectedRows: { file: string; value: string }[] };
      rejAggregate: { freshness: { rejectedRowCount: string } };
    }>(`{ dataset(name: "rej") { rejectedRows { file value } }
      rejAggregate { freshness { rejectedRowCount } } }`);
    expect(dataset.rejectedRows).toEqual([
      { file: 'rej/2.csv', value: 'none either' },
      { file: 'rej/3.csv', value: 'third' },
    ]);
    expect(rejAggregate.freshness.rejectedRowCount).toBe('2');
    expect(await rowsOf('rej', 'day')).toEqual(
      ['2024-01-03', '2024-01-04', '2024-01-02', '2024-01-05'].map((day) => ({ day })),
    );
  });

  it('INCREMENTAL reads all again by another definition, and refuses drift when it is told to', async () => {
    await put('drift/1.csv', 'a\n1\n');
    const input = {
      name: 'drift',
      connection,
      selection: { prefix: 'drift/' },
      format: { type: 'CSV' },
      updateMode: 'INCREMENTAL',
      schemaDrift: 'FAIL',
    };
    await importCsv(service, input);
    await put('drift/2.csv', 'a,b\n1,2\n');
    expect(await importAgain(service, 'drift')).toMatchObject({
      status: 'FAILED',
      error: { code: 'SCHEMA_DRIFT', details: { file: 'drift/2.csv', column: 'b' } },
    });
    expect(await rowsOf('drift', 'a')).toEqual([{ a: 1 }]);
    await service.data(
      'mutation ($input: DatasetInput!) { updateDataset(name: "drift", input: $input) { id } }',
      { input: { ...input, schemaDrift: 'WIDEN', inferTypes: false } },
    );
    expect(await importAgain(service, 'drift')).toMatchObject({ rowsAdded: '2', rowsRemoved: '1' });
    expect(await rowsOf('drift', 'a b')).toEqual([
      { a: '1', b: null },
      { a: '1', b: '2' },
    ]);
  });

  it('REPLACE that finds the same objects changes nothing', async () => {
    await put('same/1.csv', 'a\n1\n');
    await importCsv(service, { name: 'same', connection, selection: { prefix: 'same/' } });
    const before = await generationOf('same');
    expect(await importAgain(service, 'same')).toMatchObject({ rowsAdded: '0', rowsRemoved: '0' });
    expect(await generationOf('same')).toEqual(before);
    await put('same/1.csv', 'b\n2\n');
    expect(await importAgain(service, 'same')).toMatchObject({
      rowsAdded: '1',
      rowsRemoved: '1',
      warnings: ['Column a is gone: queries that name it will fail'],
    });
    expect((await generationOf('same')).generation).not.toBe(before.generation);
  });

  it('APPEND adds what it has not seen, and never takes anything away', async () => {
    await put('app/2.csv', 'a,b\n1,x\n');
    await importCsv(service, {
      name: 'app',
      connection,
      selection: { prefix: 'app/' },
      updateMode: 'APPEND',
    });
    await put('app/1.csv', 'a,c\n2.5,true\n');
    await service.remove('app/2.csv');
    expect(await importAgain(service, 'app')).toMatchObject({ rowsAdded: '1', rowsRemoved: '0' });
    await put('app/1.csv', 'a,b\nz,y\n');
    const run = await importAgain(service, 'app');
    expect(run).toMatchObject({ rowsAdded: '1', rowsRemoved: '0' });
    expect(run.warnings).toEqual([
      expect.stringContaining('Values of column a that were DECIMAL became'),
      expect.stringContaining('app/1.csv line 2: "z" in column a is no DECIMAL'),
      expect.stringContaining('1 objects were written again since they were read'),
      expect.stringContaining('Column a was DECIMAL and is STRING now'),
    ]);
    expect(await rowsOf('app', 'a b c')).toEqual([
      { a: '1.0', b: 'x', c: null },
      { a: '2.5', b: null, c: true },
      { a: 'z', b: 'y', c: null },
    ]);
    await service.remove('app/1.csv');
    expect(await importAgain(service, 'app')).toMatchObject({
      status: 'SUCCEEDED',
      rowsAdded: '0',
    });
    expect(await rowsOf('app', 'a')).toHaveLength(3);
  });

  it('UPSERT has one row for each key: the one that came last', async () => {
    await put('up/1.csv', 'id,v\n1,a\n2,b\n1,c\n');
    const input = {
      name: 'up',
      connection,
      selection: { prefix: 'up/' },
      format: { type: 'CSV' },
      updateMode: 'UPSERT',
    };
    const { errors } = await service.ask(
      'mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }',
      { input },
    );
    expect(errors?.[0]?.message).toContain('primaryKey must name the columns');
    expect(await importCsv(service, { ...input, primaryKey: ['id'] })).toMatchObject({
      rowsAdded: '2',
    });
    expect(await rowsOf('up', 'id v')).toEqual([
      { id: 2, v: 'b' },
      { id: 1, v: 'c' },
    ]);
    await put('up/1.csv', 'id,v,w\n2,B,1\n4000000000,d,2\n');
    expect(await importAgain(service, 'up')).toMatchObject({ rowsAdded: '2', rowsRemoved: '1' });
    expect(await rowsOf('up', 'id v w')).toEqual([
      { id: '1', v: 'c', w: null },
      { id: '2', v: 'B', w: 1 },
      { id: '4000000000', v: 'd', w: 2 },
    ]);
  });

  it('sorts the rows by the columns it is told, and refuses one that no file has', async () => {
    await put('sort/1.csv', 'k,n\nb,1\na,2\n,3\n');
    await put('sort/2.csv', 'k,n\nb,4\na,5\n');
    const input = { connection, selection: { prefix: 'sort/' }, addFileNameColumn: true };
    await importCsv(service, { ...input, name: 'sorted', sortBy: ['k'] });
    expect((await rowsOf('sorted', 'k n')).map(({ n }) => n)).toEqual([2, 5, 1, 4, 3]);
    expect(await importCsv(service, { ...input, name: 'unsorted', sortBy: ['z'] })).toMatchObject({
      error: { code: 'COLUMN_NOT_FOUND', details: { column: 'z' } },
    });
  });

  it('never shows readers anything but a whole generation', async () => {
    const lines = (n: number) =>
      `g,i\n${Array.from({ length: 3000 }, (_, i) => `${n},${i}`).join('\n')}\n`;
    await put('whole/0.csv', lines(0));
    await importCsv(service, {
      name: 'whole',
      connection,
      selection: { prefix: 'whole/' },
      updateMode: 'INCREMENTAL',
    });
    let stop = false;
    const counts = new Set<number>();
    const read = async () => {
      while (!stop) {
        const { wholeAggregate } = await service.data<{ wholeAggregate: { count: string } }>(
          '{ wholeAggregate { count } }',
        );
        counts.add(Number(wholeAggregate.count));
      }
    };
    const readers = [read(), read()];
    for (let n = 1; n <= 6; n++) {
      await put(`whole/${n % 4}.csv`, lines(n));
      await Promise.all(Array.from({ length: 20 }, () => importAgain(service, 'whole')));
    }
    stop = true;
    await Promise.all(readers);
    expect([...counts].every((count) => count > 0 && count % 3000 === 0)).toBe(true);
    expect(await rowsOf('whole', 'g', ', distinctOn: [g], orderBy: [{ g: ASC }]')).toEqual([
      { g: 3 },
      { g: 4 },
      { g: 5 },
      { g: 6 },
    ]);
  });
});
