import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listManifest } from '../../src/catalog/manifest.js';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { columnNames } from '../../src/engine/tables.js';
import { newRows } from '../../src/pipeline/new-rows.js';
import { compile } from '../../src/query/compile.js';
import { ident, sql, value } from '../../src/sql.js';
import { startImporter, type Importer } from '../support/importer.js';

describe('new rows', () => {
  let importer: Importer;
  beforeAll(async () => {
    importer = await startImporter();
  });
  afterAll(() => importer.close());

  /** The values of a column in the rows that came after an import; undefined: there are none. */
  const since = async (name: string, sequence: number, column = 'v') => {
    const dataset = await importer.dataset(name);
    return importer.engine.read(async (session) => {
      const from = await newRows(session, dataset, sequence);
      if (!from) return undefined;
      expect(from.columns).toBe(dataset.current?.columns);
      const query = { kind: 'rows', from, columns: [column], orderBy: [] } as const;
      const rows = await session.rows(compile(query, duckdbDialect));
      return rows.map((row) => String(row[column])).join('');
    });
  };
  const sequenceOf = async (name: string) => (await importer.dataset(name)).current?.sequence;

  it('are none before the first import, and none after the last', async () => {
    await importer.define('none', { updateMode: 'APPEND' });
    expect(await since('none', -1)).toBeUndefined();
    await importer.put('none/1.csv', 'v\na\nb\n');
    await importer.import('none');
    expect(await since('none', 0)).toBe('ab');
    expect(await since('none', 1)).toBeUndefined();
    // An import with nothing to do makes no generation.
    await importer.import('none');
    expect(await sequenceOf('none')).toBe(1);
  });

  it('are those of the objects that were read since, wherever they are copied', async () => {
    await importer.define('copied', { updateMode: 'APPEND' });
    const letters = 'abcdefghijklmn';
    for (const [index, letter] of [...letters].entries()) {
      await importer.put(`copied/${letter}.csv`, `v\n${letter}\n`);
      await importer.import('copied');
      for (let before = -1; before <= index; before++) {
        const expected = letters.slice(Math.max(0, before), index + 1);
        expect(await since('copied', before)).toBe(expected);
      }
    }
    // Another column, and all rows are copied.
    await importer.put('copied/z.csv', 'w,v\n1,z\n');
    await importer.import('copied');
    for (let before = 0; before <= letters.length; before++) {
      expect(await since('copied', before)).toBe(`${letters}z`.slice(before));
    }
    const manifest = await importer.engine.read((session) => listManifest(session, 'copied'));
    expect(manifest.map(({ loaded }) => loaded)).toEqual(manifest.map((_, index) => index + 1));
  });

  it('are not what an import only took away', async () => {
    await importer.define('fewer', { updateMode: 'INCREMENTAL', sortBy: ['v'] });
    await importer.put('fewer/1.csv', 'v\na\nc\n');
    await importer.put('fewer/2.csv', 'v\nb\n');
    await importer.import('fewer');
    await importer.remove('fewer/2.csv');
    await importer.import('fewer');
    expect(await sequenceOf('fewer')).toBe(2);
    expect(await since('fewer', 1)).toBeUndefined();
    expect(await since('fewer', 0)).toBe('ac');
    await importer.put('fewer/3.csv', 'v\n');
    await importer.import('fewer');
    expect(await sequenceOf('fewer')).toBe(3);
    expect(await since('fewer', 1)).toBeUndefined();
  });

  it('are all rows where objects had to be read anew', async () => {
    await importer.define('anew', { updateMode: 'INCREMENTAL' });
    await importer.put('anew/1.csv', 'v,flag\na,true\n');
    await importer.import('anew');
    await importer.put('anew/2.csv', 'v,flag\nb,maybe\n');
    await importer.import('anew');
    expect(await since('anew', 1)).toBe('ab');
  });

  it('are found beside columns that are called like those of the engine and our own', async () => {
    await importer.define('named', { updateMode: 'UPSERT', primaryKey: ['rowid'] });
    await importer.put('named/1.csv', 'rowid,part,place,loaded by,v\n1,9,9,9,a\n2,9,9,9,b\n');
    await importer.import('named');
    await importer.put('named/2.csv', 'rowid,part,place,loaded by,v\n2,0,0,0,c\n3,0,0,0,d\n');
    await importer.import('named');
    expect(await since('named', 0)).toBe('acd');
    expect(await since('named', 1)).toBe('cd');
    expect(await since('named', 1, 'rowid')).toBe('23');
    expect(await since('named', 1, 'loaded_by')).toBe('00');
    expect(await since('named', 2)).toBeUndefined();
  });

  it('of a leased generation are right though a later one is there', async () => {
    await importer.define('leased', { updateMode: 'UPSERT', primaryKey: ['id'] });
    const load = async (id: number, v: string) => {
      await importer.put(`leased/${v}.csv`, `id,v\n${id},${v}\n`);
      await importer.import('leased');
    };
    await load(1, 'a');
    await load(2, 'b');
    const { current } = await importer.dataset('leased');
    await load(2, 'c');
    expect(await importer.engine.read((session) => newRows(session, { current }, 1))).toEqual({
      columns: current?.columns,
      segments: [{ ...current?.segments[0], above: { column: 'loaded by', number: 1 } }],
    });
    expect(await since('leased', 1)).toBe('c');
  });

  it('of a table that is sorted anew each time need no column for it', async () => {
    await importer.define('sorted', { sortBy: ['v'] });
    for (const text of ['v\nb\na\n', 'v\nd\nc\n']) {
      await importer.put('sorted/1.csv', text);
      await importer.import('sorted');
    }
    const { current } = await importer.dataset('sorted');
    const table = current?.segments[0]?.table ?? '';
    expect(await importer.engine.read((session) => columnNames(session, table))).toEqual(['v']);
    expect(await since('sorted', 1)).toBe('cd');
    // Now they stay, and others come.
    await importer.define('sorted', { sortBy: ['v'], updateMode: 'APPEND' });
    await importer.put('sorted/2.csv', 'v\nca\n');
    await importer.import('sorted');
    expect(await since('sorted', 1)).toBe('ccad');
    expect(await since('sorted', 2)).toBe('ca');
  });

  it.each([
    ['old_upsert', { updateMode: 'UPSERT', primaryKey: ['id'] }],
    ['old_append', { updateMode: 'APPEND' }],
    ['old_incremental', { updateMode: 'INCREMENTAL', sortBy: ['id'] }],
  ])('of a dataset from before imports were counted (%s) are those since', async (name, more) => {
    await importer.define(name, more);
    for (const id of [1, 2]) {
      await importer.put(`${name}/${id}.csv`, `id,v\n${id},${id}\n`);
      await importer.import(name);
    }
    const { current } = await importer.dataset(name);
    await importer.engine.transaction(async (session) => {
      for (const { table } of current?.segments ?? []) {
        await session.run(sql`alter table ${ident(table)} drop column if exists "loaded by"`);
      }
      const segments = current?.segments.map(({ loaded: _, ...segment }) => segment);
      await session.run(
        sql`update catalog.datasets set sequence = 0, segments = ${value(JSON.stringify(segments))} where name = ${value(name)}`,
      );
      await session.run(
        sql`update catalog.manifest set loaded = 0 where dataset_id = ${value(name)}`,
      );
    });
    expect(await since(name, -1)).toBe('12');
    expect(await since(name, 0)).toBeUndefined();
    for (const id of [3, 4]) {
      await importer.put(`${name}/${id}.csv`, `id,v\n${id},${id}\n`);
      await importer.import(name);
    }
    expect(await since(name, -1)).toBe('1234');
    expect(await since(name, 0)).toBe('34');
    expect(await since(name, 1)).toBe('4');
  });
});
