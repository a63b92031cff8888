import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

describe('introspection of a service', () => {
  let service: TestService;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService();
    connection = await service.connect('acme');
  });
  afterAll(() => service.close());

  const put = (key: string, text: string) => service.sandbox.putObject(service.bucket, key, text);
  const state = async (name: string) => {
    const { dataset } = await service.data<{
      dataset: { generation: string; importedAt: string; definition: { expose: unknown } };
    }>(`{ dataset(name: "${name}") { generation importedAt definition } }`);
    return dataset;
  };
  const seconds = (moment: string) => moment.replace(/\.\d+Z$/, 'Z');

  describe('of a dataset with switches', () => {
    const input = (more: Record<string, unknown> = {}) => ({
      name: 'nodes',
      connection,
      selection: { prefix: 'nodes/' },
      relations: [{ name: 'above', columns: ['parent'], dataset: 'nodes', references: ['id'] }],
      ...more,
    });
    const update = (expose: unknown) =>
      service.data(
        `mutation ($input: DatasetInput!) { updateDataset(name: "nodes", input: $input) { name } }`,
        { input: { ...input({ expose }), format: { type: 'CSV' } } },
      );
    const names = async () => {
      const { __schema, row } = await service.data<{
        __schema: Record<'queryType' | 'mutationType', { fields: { name: string }[] }> & {
          types: { name: string }[];
        };
        row: { fields: { name: string }[] };
      }>(`{
        __schema {
          queryType { fields { name } } mutationType { fields { name } } types { name }
        }
        row: __type(name: "Nodes") { fields { name } }
      }`);
      const { queryType, mutationType, types } = __schema;
      const all = [...queryType.fields, ...mutationType.fields, ...types];
      return {
        api: all.map(({ name }) => name).filter((name) => /^(writeback)?nodes/i.test(name)),
        row: row.fields.map(({ name }) => name),
      };
    };

    it('has everything where nobody says, and stores that', async () => {
      await put('nodes/a.csv', 'id,parent\n1,\n2,1\n');
      await importCsv(service, input());
      expect((await state('nodes')).definition.expose).toEqual({
        aggregates: true,
        groups: true,
        relations: true,
      });
      const { api, row } = await names();
      expect(api).toEqual(
        expect.arrayContaining(['nodesAggregate', 'nodesGroups', 'writebackNodesGroups']),
      );
      expect(row).toEqual(['id', 'parent', 'above']);
    });

    it('follows updateDataset at once, and reads nothing again', async () => {
      const before = await state('nodes');
      await update({ aggregates: false, groups: false, relations: false });
      expect((await names()).row).toEqual(['id', 'parent']);
      expect((await names()).api.sort()).toEqual([
        'Nodes',
        'NodesColumn',
        'NodesConnection',
        'NodesEdge',
        'NodesFilter',
        'NodesOrder',
        'nodes',
        'nodesConnection',
        'writebackNodes',
      ]);
      const refused = await service.ask('{ nodesAggregate { count } }');
      expect(refused.errors?.[0]?.message).toContain('Cannot query field "nodesAggregate"');
      const filtered = await service.ask('{ nodes(where: { above: {} }) { id } }');
      expect(filtered.errors?.[0]?.message).toContain('"above" is not defined');
      expect(await importAgain(service, 'nodes')).toMatchObject({
        status: 'SUCCEEDED',
        filesTotal: 0,
      });
      expect((await state('nodes')).generation).toBe(before.generation);
    });

    it('answers with quantiles where there are groups alone', async () => {
      await update({ aggregates: false });
      expect((await state('nodes')).definition.expose).toEqual({
        aggregates: false,
        groups: true,
        relations: true,
      });
      expect(
        await service.data(`{
          nodesGroups(by: [{ column: parent }]) { groups { key { parent } quantile(q: 1) { id } } }
        }`),
      ).toEqual({
        nodesGroups: {
          groups: [
            { key: { parent: 1 }, quantile: { id: 2 } },
            { key: { parent: null }, quantile: { id: 1 } },
          ],
        },
      });
    });
  });

  it('says where rows come from, since when, and how dates are written', async () => {
    await put('days/a.csv', 'the day,n\n28-01-2018,1\n');
    await importCsv(service, {
      name: 'days',
      connection,
      selection: { prefix: 'days/' },
      title: 'Days',
      columns: [{ source: 'the day', description: 'Paid' }],
      dateColumns: [{ column: 'the day', format: 'dd-MM-yyyy' }],
    });
    const { __type } = await service.data<{
      __type: { description: string; fields: unknown };
    }>('{ __type(name: "Days") { description fields { name description } } }');
    const { importedAt } = await state('days');
    expect(__type.description.split('\n\n')).toEqual([
      'Dataset `days`: s3://acme/days/* over connection acme',
      `Imported ${seconds(importedAt)}: 1 row of 1 CSV file`,
      'Days',
    ]);
    expect(__type.fields).toEqual([
      { name: 'the_day', description: 'Source header `the day`, dd-MM-yyyy. Paid' },
      { name: 'n', description: 'Source header `n`' },
    ]);
  });

  describe('of columns that files do not have any more', () => {
    const deprecations = async (type: string, members: 'fields' | 'inputFields' = 'fields') => {
      const { __type } = await service.data<{
        __type: Record<string, { name: string; deprecationReason: string | null }[]>;
      }>(
        `{ __type(name: "${type}") { ${members}(includeDeprecated: true) { name deprecationReason } } }`,
      );
      return Object.fromEntries(
        __type[members]!.map(({ name, deprecationReason }) => [name, deprecationReason]),
      );
    };
    const reason = (importedAt: string) =>
      `No file of the import of ${seconds(importedAt)} or of later ones has it`;

    it.each([
      ['INCREMENTAL', {}],
      ['APPEND', {}],
      ['INCREMENTAL', { sortBy: ['id'], addFileNameColumn: true }],
      ['UPSERT', { primaryKey: ['id'] }],
    ])('deprecates them until a file has them again: %s %j', async (updateMode, more) => {
      const name = `gone_${updateMode.toLowerCase()}${'sortBy' in more ? '_sorted' : ''}`;
      const type = name
        .split('_')
        .map((word) => word.charAt(0).toUpperCase() + word.slice(1))
        .join('');
      await put(`${name}/1.csv`, 'id,city,fax\n1,Bern,7\n');
      await importCsv(service, {
        name,
        connection,
        selection: { prefix: `${name}/` },
        updateMode,
        ...more,
      });
      const fileName = 'addFileNameColumn' in more ? { _BATCH_FILE_NAME_: null } : {};
      const none = { id: null, city: null, fax: null, ...fileName };
      expect(await deprecations(type)).toEqual(none);

      await put(`${name}/2.csv`, 'id,city\n2,Rome\n');
      await importAgain(service, name);
      const gone = reason((await state(name)).importedAt);
      expect(await deprecations(type)).toEqual({ ...none, fax: gone });
      expect(await deprecations(`${type}Filter`, 'inputFields')).toMatchObject({ fax: gone });
      expect(await deprecations(`${type}Order`, 'inputFields')).toMatchObject({ fax: gone });
      expect(
        await service.data(
          `{ ${name}(where: { fax: { eq: 7 } }, orderBy: [{ fax: ASC }]) { fax } }`,
        ),
      ).toEqual({ [name]: [{ fax: 7 }] });

      // What an import says that found nothing new, or files without columns, is nothing.
      await importAgain(service, name);
      await put(`${name}/3.csv`, '');
      await importAgain(service, name);
      expect(await deprecations(type)).toEqual({ ...none, fax: gone });

      await put(`${name}/4.csv`, 'id\n4\n');
      await importAgain(service, name);
      const later = reason((await state(name)).importedAt);
      expect(await deprecations(type)).toEqual({ ...none, city: later, fax: gone });

      await put(`${name}/5.csv`, 'fax,id\n9,5\n');
      await importAgain(service, name);
      expect(await deprecations(type)).toEqual({ ...none, city: later });
    });

    it('drops them with REPLACE, which keeps no rows', async () => {
      await put('dropped/1.csv', 'id,fax\n1,7\n');
      await importCsv(service, { name: 'dropped', connection, selection: { prefix: 'dropped/' } });
      await put('dropped/1.csv', 'id\n1\n');
      await importAgain(service, 'dropped');
      expect(await deprecations('Dropped')).toEqual({ id: null });
    });
  });
});
