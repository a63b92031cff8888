import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { compile } from '../../src/query/compile.js';
import { startImporter, type Importer } from '../support/importer.js';

describe('rows that are copied', () => {
  let importer: Importer;
  beforeAll(async () => {
    importer = await startImporter();
  });
  afterAll(() => importer.close());

  const rowsOf = async (name: string) => {
    const { current } = await importer.dataset(name);
    const from = { segments: current?.segments ?? [], columns: current?.columns ?? [] };
    const columns = from.columns.map((column) => column.name);
    const select = compile({ kind: 'rows', from, columns, orderBy: [] }, duckdbDialect);
    return importer.engine.read((session) => session.rows(select));
  };

  it.each([false, true])(
    'keep a column of their files that is called like ours, which they have or not (%s)',
    async (addFileNameColumn) => {
      const name = `again_${addFileNameColumn}`;
      await importer.define(name, { updateMode: 'APPEND', addFileNameColumn });
      await importer.put(`${name}/1.csv`, '_BATCH_FILE_NAME_,v\nold.csv,a\n');
      await importer.import(name);
      await importer.put(`${name}/2.csv`, '_BATCH_FILE_NAME_,v,w\nnew.csv,b,1\n');
      await importer.import(name);
      const theirs = addFileNameColumn ? '_BATCH_FILE_NAME__2' : '_BATCH_FILE_NAME_';
      const ours = (key: string) => (addFileNameColumn ? { _BATCH_FILE_NAME_: key } : {});
      expect(await rowsOf(name)).toEqual([
        { [theirs]: 'old.csv', v: 'a', w: null, ...ours(`${name}/1.csv`) },
        { [theirs]: 'new.csv', v: 'b', w: 1, ...ours(`${name}/2.csv`) },
      ]);
    },
  );
});
