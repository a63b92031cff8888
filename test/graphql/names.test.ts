import { describe, expect, it } from '@jest/globals';
import { buildSchema, type GraphQLNamedType } from 'graphql';
import {
  collisions,
  rootFieldNames,
  sharedTypeNames,
  takenNames,
  typeNames,
} from '../../src/graphql/names.js';
import { tableFields } from '../../src/graphql/tables/fields.js';
import { everything, shared, testApi } from './tables/support.js';

const management = buildSchema(`
  type Query { datasets: [Dataset!]!, connection(id: ID!): Connection }
  type Mutation { writebackAll: Boolean }
  type Dataset { name: String! }
  type Connection { id: ID! }
`);
const taken = takenNames(management);

function found(dataset: string, ...others: string[]): string[] {
  return collisions(dataset, others, taken).map(
    ({ kind, name, dataset: other }) => `${kind} ${name} of ${other ?? 'the API'}`,
  );
}

describe('rootFieldNames and typeNames', () => {
  it('keep the dataset name for fields and write types in PascalCase', () => {
    expect(rootFieldNames('order_items')).toEqual({
      rows: 'order_items',
      connection: 'order_itemsConnection',
      aggregate: 'order_itemsAggregate',
      groups: 'order_itemsGroups',
      byKey: 'order_itemsByKey',
      writeback: 'writebackOrderItems',
      writebackGroups: 'writebackOrderItemsGroups',
    });
    expect(typeNames('order_items')).toMatchObject({
      row: 'OrderItems',
      filter: 'OrderItemsFilter',
      timeColumn: 'OrderItemsTimeColumn',
    });
    expect(typeNames('t_2__x_').row).toBe('T2X');
  });

  it('name all that a dataset adds', () => {
    const { query, mutation } = tableFields(everything, shared);
    const { writeback, writebackGroups, ...queries } = rootFieldNames(everything.name);
    expect(Object.keys(query)).toEqual(Object.values(queries));
    expect(Object.keys(mutation)).toEqual([writeback, writebackGroups]);
    const { schema } = testApi(null, [everything]);
    const own = new Set<string>(Object.values(typeNames(everything.name)));
    const known = new Set<string>([...own, ...sharedTypeNames, 'Query', 'Mutation', 'Dataset']);
    const builtIn = ['ID', 'String', 'Int', 'Float', 'Boolean', 'WritebackRun', 'DestinationInput'];
    const strange = Object.values(schema.getTypeMap()).filter(
      ({ name }: GraphQLNamedType) =>
        !known.has(name) && !builtIn.includes(name) && !name.startsWith('__'),
    );
    expect(strange).toEqual([]);
    for (const name of own) expect(schema.getType(name)).toBeDefined();
    for (const name of sharedTypeNames) expect(schema.getType(name)).toBeDefined();
  });
});

describe('collisions', () => {
  it('finds none for names that only look alike', () => {
    expect(found('orders', 'order', 'orders_2', 'order_items')).toEqual([]);
    expect(found('orderitems', 'order_items')).toEqual([]);
  });

  it('finds fields and types of the API', () => {
    expect(found('datasets')).toEqual(['query field datasets of the API']);
    expect(found('dataset')).toEqual(['type Dataset of the API']);
    expect(found('connection')).toEqual([
      'query field connection of the API',
      'type Connection of the API',
    ]);
    expect(found('all')).toEqual(['mutation field writebackAll of the API']);
  });

  it("finds shared types and GraphQL's own, whether they are in use or not", () => {
    expect(found('string')).toEqual(['type String of the API', 'type StringFilter of the API']);
    expect(found('time')).toEqual([
      'type Time of the API',
      'type TimeFilter of the API',
      'type TimeBucket of the API',
    ]);
    expect(found('int')).toEqual(['type Int of the API', 'type IntFilter of the API']);
    expect(found('query')).toEqual(['type Query of the API']);
    expect(found('page_info')).toEqual(['type PageInfo of the API']);
  });

  it('finds types of other datasets, also such as their present columns do not need', () => {
    expect(found('orders_filter', 'items', 'orders')).toEqual(['type OrdersFilter of orders']);
    expect(found('orders_sums', 'orders')).toEqual(['type OrdersSums of orders']);
    expect(found('orders', 'orders_time_column')).toEqual([
      'type OrdersTimeColumn of orders_time_column',
    ]);
    expect(found('orders_groups', 'orders')).toEqual([
      'mutation field writebackOrdersGroups of orders',
      'type OrdersGroups of orders',
    ]);
  });

  it('finds datasets whose names differ in underscores only', () => {
    const all = found('order_1', 'order1');
    expect(all).toContain('type Order1 of order1');
    expect(all).toContain('mutation field writebackOrder1 of order1');
    expect(all).not.toContain('query field order_1 of order1');
  });
});
