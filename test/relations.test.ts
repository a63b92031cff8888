import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

const files = {
  'customers/a.csv': 'id,name,country code\n1,Zoë,FR\n2,Ann,DE\n3,Eve,FR\n',
  'orders/a.csv': 'id,customer id,amount\n10,1,5.00\n11,2,7.50\n12,,1.00\n13,1,2.00\n',
};

describe('relations between datasets', () => {
  let service: TestService;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService();
    connection = await service.connect('acme');
    for (const [key, text] of Object.entries(files)) {
      await service.sandbox.putObject(service.bucket, key, text);
    }
  });
  afterAll(() => service.close());

  const definition = (name: string, more: Record<string, unknown> = {}) => ({
    name,
    connection,
    selection: { prefix: `${name}/` },
    ...more,
  });
  // Columns by header or by name, as primaryKey and sortBy take them.
  const customer = {
    name: 'customer',
    columns: ['customer id'],
    dataset: 'customers',
    references: ['id'],
  };
  const itsOrders = {
    name: 'orders',
    columns: ['id'],
    dataset: 'orders',
    references: ['customer_id'],
    many: true,
  };
  const update = async (name: string, more: Record<string, unknown>, newName = name) =>
    service.ask<{ updateDataset: { definition: { relations?: unknown } } }>(
      `mutation ($name: String!, $input: DatasetInput!) { updateDataset(name: $name, input: $input) { definition } }`,
      {
        name,
        input: {
          format: { type: 'CSV' },
          ...definition(name, { ...more, name: newName }),
        },
      },
    );
  const fields = async (type: string): Promise<string[]> => {
    const { __type } = await service.data<{ __type: { fields: { name: string }[] } | null }>(
      `{ __type(name: "${type}") { fields { name } } }`,
    );
    return (__type?.fields ?? []).map(({ name }) => name);
  };
  const code = (answer: { errors?: readonly { extensions: { code: string } }[] }) =>
    answer.errors?.[0]?.extensions.code;

  it('wait for the other dataset, and need no new import of the first', async () => {
    const run = await importCsv(service, definition('orders', { relations: [customer] }));
    expect(run).toMatchObject({ status: 'SUCCEEDED', warnings: [] });
    expect(await fields('Orders')).toEqual(['id', 'customer_id', 'amount']);

    await importCsv(service, definition('customers', { relations: [itsOrders] }));
    expect(await fields('Orders')).toEqual(['id', 'customer_id', 'amount', 'customer']);
    expect(await fields('Customers')).toEqual(['id', 'name', 'country_code', 'orders']);
  });

  it('are followed in rows, filters and aggregates', async () => {
    expect(
      await service.data(`{
        orders(where: { customer: { country_code: { eq: "FR" } } }) { id customer { name } }
        customers { name orders(orderBy: [{ amount: ASC }], limit: 1) { amount customer { id } } }
        ordersAggregate(where: { _not: { customer: {} } }) { count }
      }`),
    ).toEqual({
      orders: [
        { id: 10, customer: { name: 'Zoë' } },
        { id: 13, customer: { name: 'Zoë' } },
      ],
      customers: [
        { name: 'Zoë', orders: [{ amount: '2.00', customer: { id: 1 } }] },
        { name: 'Ann', orders: [{ amount: '7.50', customer: { id: 2 } }] },
        { name: 'Eve', orders: [] },
      ],
      ordersAggregate: { count: '1' },
    });
  });

  it('filter what a writeback writes', async () => {
    const { writebackOrders } = await service.data<{ writebackOrders: { status: string } }>(
      `mutation ($destination: DestinationInput!) {
        writebackOrders(
          columns: [id], where: { customer: { country_code: { eq: "FR" } } }, destination: $destination, wait: true
        ) { status rows error { message } }
      }`,
      { destination: { connection, path: 'out', fileName: 'french', format: 'CSV' } },
    );
    expect(writebackOrders).toEqual({ status: 'SUCCEEDED', rows: '2', error: null });
    const written = await service.sandbox.readObject(service.bucket, 'out/french.csv');
    expect(written?.toString()).toBe('id\n10\n13\n');
  });

  it('change with the definition, without reading anything again', async () => {
    const before = await service.data(`{ dataset(name: "orders") { generation } }`);
    const answer = await update('orders', {
      relations: [{ ...customer, name: 'buyer', many: null }],
    });
    expect(answer.data?.updateDataset.definition.relations).toEqual([
      { ...customer, name: 'buyer', many: false },
    ]);
    expect(await fields('Orders')).toEqual(['id', 'customer_id', 'amount', 'buyer']);
    expect(await importAgain(service, 'orders')).toMatchObject({ rowsAdded: '0', warnings: [] });
    expect(await service.data(`{ dataset(name: "orders") { generation } }`)).toEqual(before);
    await update('orders', { relations: [customer] });
  });

  it.each([
    ['a name twice', [customer, customer], 'INVALID_INPUT'],
    ['a name that GraphQL keeps', [{ ...customer, name: '__customer' }], 'INVALID_INPUT'],
    ['the name of a combinator', [{ ...customer, name: '_not' }], 'INVALID_INPUT'],
    ['the name of a column', [{ ...customer, name: 'amount' }], 'INVALID_INPUT'],
    ['no columns', [{ ...customer, columns: [], references: [] }], 'INVALID_INPUT'],
    ['more columns than references', [{ ...customer, references: [] }], 'INVALID_INPUT'],
    ['a column that is not there', [{ ...customer, columns: ['nothing'] }], 'COLUMN_NOT_FOUND'],
    ['a reference that is not there', [{ ...customer, references: ['x'] }], 'COLUMN_NOT_FOUND'],
    ['types that cannot be compared', [{ ...customer, references: ['name'] }], 'INVALID_INPUT'],
  ])('are refused with %s', async (_, relations, expected) => {
    expect(code(await update('orders', { relations }))).toBe(expected);
    expect(await fields('Orders')).toContain('customer');
  });

  it('are not held against columns that the next import may bring', async () => {
    const columns = [{ source: 'amount', name: 'price' }];
    const relations = [customer, { ...customer, name: 'amount' }];
    expect((await update('orders', { columns, relations })).errors).toBeUndefined();
    // The column is there until the import.
    expect(await fields('Orders')).toEqual(['id', 'customer_id', 'amount', 'customer']);
    expect(await importAgain(service, 'orders')).toMatchObject({
      status: 'SUCCEEDED',
      rowsAdded: '4',
    });
    expect(await fields('Orders')).toEqual(['id', 'customer_id', 'price', 'customer', 'amount']);
    await update('orders', { relations: [customer] });
    await importAgain(service, 'orders');
  });

  it('lose their field, with a warning, when an import takes or changes what they need', async () => {
    await service.sandbox.putObject(
      service.bucket,
      'customers/a.csv',
      'number,name,country code,orders\n1,Zoë,FR,5\n',
    );
    const run = await importAgain(service, 'customers');
    expect(run.status).toBe('SUCCEEDED');
    expect(run.warnings.filter((warning) => warning.startsWith('Relation'))).toEqual([
      'Relation orders of customers has no field: Relation orders has the name of a column; give one of them another name',
      'Relation customer of orders has no field: There is no column "id" for the relation customer in dataset customers; the files have "number", "name", "country code", "orders"',
    ]);
    expect(await fields('Orders')).toEqual(['id', 'customer_id', 'amount']);
    expect(await fields('Customers')).toEqual(['number', 'name', 'country_code', 'orders']);

    await service.sandbox.putObject(service.bucket, 'customers/a.csv', files['customers/a.csv']);
    expect((await importAgain(service, 'customers')).warnings).not.toContainEqual(
      expect.stringContaining('Relation'),
    );
    expect(await fields('Orders')).toContain('customer');
  });

  it('follow a dataset that is renamed or deleted, also over a restart', async () => {
    await update(
      'customers',
      { relations: [itsOrders], selection: { prefix: 'customers/' } },
      'clients',
    );
    expect(await fields('Orders')).toEqual(['id', 'customer_id', 'amount']);
    await update('orders', { relations: [{ ...customer, dataset: 'clients' }] });
    expect(await fields('Orders')).toContain('customer');
    await service.restart();
    expect(await service.data('{ orders(limit: 1) { customer { name } } }')).toEqual({
      orders: [{ customer: { name: 'Zoë' } }],
    });

    await service.data('mutation { deleteDataset(name: "clients") }');
    expect(await fields('Orders')).toEqual(['id', 'customer_id', 'amount']);
    const gone = await service.ask('{ orders { customer { name } } }');
    expect(code(gone)).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  it('may lead to their own dataset from the first import on', async () => {
    await service.sandbox.putObject(service.bucket, 'people/a.csv', 'id,boss\n1,\n2,1\n3,2\n');
    const boss = { name: 'bossOf', columns: ['boss'], dataset: 'people', references: ['id'] };
    await importCsv(service, definition('people', { relations: [boss] }));
    expect(
      await service.data(
        '{ people(where: { bossOf: { bossOf: {} } }) { id bossOf { id bossOf { id bossOf { id } } } } }',
      ),
    ).toEqual({ people: [{ id: 3, bossOf: { id: 2, bossOf: { id: 1, bossOf: null } } }] });
  });
});
