import { describe, expect, it } from '@jest/globals';
import { compile, outputColumns } from '../../../src/query/compile.js';
import { duckdbDialect } from '../../../src/engine/dialect.js';
import { everything, orders, testApi } from './support.js';

const destination = 'destination: { fileName: "x" }';

async function written(field: string, variables?: Record<string, unknown>) {
  const api = testApi(null, [orders, everything]);
  const head = variables ? `($a: JSON!)` : '';
  const { data, errors } = await api.query(`mutation ${head}{ run: ${field} { id } }`, variables);
  expect(errors).toBeUndefined();
  expect(data.run).toEqual({ id: 'run-1' });
  const [only] = api.written;
  if (!only) throw new Error('nothing was written');
  // What is handed on must be a query that compiles.
  compile(only.query, duckdbDialect);
  return only;
}

async function failure(field: string): Promise<string | undefined> {
  const api = testApi(null, [orders, everything]);
  const { errors } = await api.query(`mutation { ${field} { id } }`);
  expect(api.written).toEqual([]);
  return errors?.[0]?.message;
}

describe('the writeback of rows', () => {
  it('hands on the query, the destination and whether to wait', async () => {
    const run = await written(
      `writebackOrders(columns: [region, order_id], where: { amount: { gt: 1 } }, orderBy: { amount: DESC }, limit: 200000, ${destination}, wait: true)`,
    );
    expect(run).toEqual({
      dataset: 'orders',
      query: {
        kind: 'rows',
        from: { segments: [{ table: 'orders' }], columns: orders.columns },
        columns: ['region', 'order_id'],
        where: { kind: 'compare', column: 'amount', operator: 'gt', value: '1' },
        orderBy: [{ column: 'amount', descending: true, nulls: 'last' }],
        limit: 200000,
      },
      destination: { fileName: 'x' },
      wait: true,
    });
  });

  it('takes all columns and all rows unless told otherwise', async () => {
    const { query, wait } = await written(`writebackOrders(${destination})`);
    expect(query).toEqual({
      kind: 'rows',
      from: { segments: [{ table: 'orders' }], columns: orders.columns },
      columns: orders.columns.map(({ name }) => name),
      orderBy: [],
    });
    expect(wait).toBe(false);
  });

  it('refuses columns that are none or repeated', async () => {
    expect(await failure(`writebackOrders(columns: [], ${destination})`)).toContain('is empty');
    expect(await failure(`writebackOrders(columns: [region, region], ${destination})`)).toContain(
      'region twice',
    );
    expect(await failure(`writebackOrders(limit: -1, ${destination})`)).toContain('`limit` is -1');
  });
});

describe('the writeback of groups', () => {
  it('has headers for keys and aggregates, in the order asked for', async () => {
    const { query } = await written(
      `writebackOrdersGroups(by: [{ column: region }, { bucket: { column: order_date, unit: MONTH } }], aggregates: $a, having: { count: { gt: 1 } }, orderBy: { sum: { amount: DESC } }, limit: 5, ${destination})`,
      {
        a: {
          sum: { amount: 'revenue' },
          count: true,
          max: ['order_date', 'amount'],
          quantile: [{ q: 0.9, columns: ['amount'] }],
        },
      },
    );
    expect(outputColumns(query).map(({ name, type }) => `${name} ${type}`)).toEqual([
      'region STRING',
      'order_date_month TIMESTAMP',
      'revenue DECIMAL',
      'count BIGINT',
      'max_order_date DATE',
      'max_amount DECIMAL',
      'quantile_0_9_amount DOUBLE',
    ]);
    expect(query).toMatchObject({
      kind: 'groups',
      having: { kind: 'compare', measure: { kind: 'count' }, operator: 'gt', value: 1n },
      orderBy: [{ by: 'measure', measure: { kind: 'sum', column: 'amount' }, descending: true }],
      limit: 5,
    });
  });

  it('reads aggregates from literals too, and may have none', async () => {
    const by = 'by: { column: region }';
    const one = await written(
      `writebackOrdersGroups(${by}, aggregates: { count: "orders", avg: ["amount"] }, ${destination})`,
    );
    expect(outputColumns(one.query).map(({ name }) => name)).toEqual([
      'region',
      'orders',
      'avg_amount',
    ]);
    const none = await written(
      `writebackOrdersGroups(${by}, aggregates: { count: false }, ${destination})`,
    );
    expect(outputColumns(none.query).map(({ name }) => name)).toEqual(['region']);
  });

  it.each([
    ['[]', 'takes a JSON object'],
    ['{ total: true }', 'total, which is none of count, countNonNull'],
    ['{ count: 5 }', '`count` of `aggregates` takes true or a header'],
    ['{ sum: ["nothing"] }', 'names nothing; orders has order_id, amount'],
    ['{ sum: ["region"] }', 'names region; orders has order_id, amount'],
    ['{ sum: true }', '`sum` takes a JSON object'],
    ['{ sum: [1] }', '`sum` of `aggregates` takes a list of columns'],
    ['{ quantile: ["amount"] }', '`quantile` takes a JSON object'],
    ['{ quantile: [{ columns: ["amount"] }] }', 'takes a list such as'],
    ['{ quantile: [{ q: 2, columns: ["amount"] }] }', 'it goes from 0 to 1'],
    ['{ min: { amount: "Region" } }', 'would be called Region'],
    ['{ count: "x", min: { amount: "X" } }', 'would be called X'],
  ])('refuses the aggregates %s', async (aggregates, message) => {
    const field = `writebackOrdersGroups(by: { column: region }, aggregates: ${aggregates}, ${destination})`;
    expect(await failure(field)).toContain(message);
  });
});
