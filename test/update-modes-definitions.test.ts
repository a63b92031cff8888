import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

describe('rows that stay while others are loaded', () => {
  let service: TestService;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService();
    connection = await service.connect('acme');
  });
  afterAll(() => service.close());

  const put = (key: string, text: string) => service.sandbox.putObject(service.bucket, key, text);
  const rowsOf = async (name: string, fields: string) => {
    const data = await service.data<Record<string, unknown[]>>(`{ ${name} { ${fields} } }`);
    return data[name];
  };
  const defined = (name: string, more: Record<string, unknown>) => ({
    name,
    connection,
    selection: { prefix: `${name}/` },
    ...more,
  });
  const redefine = (name: string, more: Record<string, unknown>) =>
    service.data(
      `mutation ($name: String!, $input: DatasetInput!) { updateDataset(name: $name, input: $input) { id } }`,
      { name, input: { format: { type: 'CSV' }, ...defined(name, more) } },
    );

  it.each([
    ['merged', { updateMode: 'UPSERT', primaryKey: ['id'] }],
    ['sorted', { updateMode: 'APPEND', sortBy: ['id'] }],
  ])('are those that an earlier definition %s, too', async (name, before) => {
    await put(`${name}/1.csv`, 'id,v\n1,a\n2,b\n');
    await importCsv(service, defined(name, before));
    await redefine(name, { updateMode: 'APPEND' });
    for (const id of [3, 4]) {
      await put(`${name}/${id}.csv`, `id,v\n${id},x\n`);
      expect(await importAgain(service, name)).toMatchObject({ rowsAdded: '1', rowsRemoved: '0' });
    }
    expect(await rowsOf(name, 'id v')).toEqual([
      { id: 1, v: 'a' },
      { id: 2, v: 'b' },
      { id: 3, v: 'x' },
      { id: 4, v: 'x' },
    ]);
  });

  it('are replaced by the last row of a key, whatever the columns are called', async () => {
    await put('upserted/1.csv', 'id,part,Place\n1,900,z\n2,901,y\n');
    await importCsv(service, defined('upserted', { updateMode: 'UPSERT', primaryKey: ['id'] }));
    await put('upserted/2.csv', 'id,part,Place\n1,7,a\n3,3,c\n1,5,b\n');
    await importAgain(service, 'upserted');
    expect(await rowsOf('upserted', 'id part Place')).toEqual([
      { id: 2, part: 901, Place: 'y' },
      { id: 3, part: 3, Place: 'c' },
      { id: 1, part: 5, Place: 'b' },
    ]);
  });

  it('are found though a column is called like the engine’s own row number', async () => {
    await put('numbered/1.csv', 'id,rowid\n1,900\n2,901\n');
    await put('numbered/2.csv', 'id,rowid\n3,902\n4,903\n');
    await importCsv(service, defined('numbered', { updateMode: 'INCREMENTAL' }));
    await service.remove('numbered/1.csv');
    await importAgain(service, 'numbered');
    await put('numbered/3.csv', 'id,rowid,more\n5,904.5,x\n');
    await importAgain(service, 'numbered');
    expect(await rowsOf('numbered', 'id rowid more')).toEqual([
      { id: 3, rowid: '902.0', more: null },
      { id: 4, rowid: '903.0', more: null },
      { id: 5, rowid: '904.5', more: 'x' },
    ]);
  });

  it.each(['APPEND', 'UPSERT'])(
    'have no file name where nobody asked for it when they were loaded (%s)',
    async (updateMode) => {
      const name = `named_${updateMode.toLowerCase()}`;
      const mode = { updateMode, primaryKey: ['id'] };
      await put(`${name}/1.csv`, 'id\n1\n');
      await importCsv(service, defined(name, mode));
      await redefine(name, { ...mode, addFileNameColumn: true });
      await put(`${name}/2.csv`, 'id\n2\n');
      expect(await importAgain(service, name)).toMatchObject({ status: 'SUCCEEDED', error: null });
      expect(await rowsOf(name, 'id _BATCH_FILE_NAME_')).toEqual([
        { id: 1, _BATCH_FILE_NAME_: '' },
        { id: 2, _BATCH_FILE_NAME_: `${name}/2.csv` },
      ]);
    },
  );
});
