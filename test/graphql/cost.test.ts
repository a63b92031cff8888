import { describe, expect, it } from '@jest/globals';
import {
  buildSchema,
  getOperationAST,
  getVariableValues,
  Kind,
  parse,
  validate,
  type FragmentDefinitionNode,
  type GraphQLObjectType,
} from 'graphql';
import { costOf } from '../../src/graphql/cost.js';

// What a dataset becomes, and a relation to a list of rows.
const schema = buildSchema(`
  type Query {
    orders(where: Filter, limit: Int = 100, offset: Int = 0): [Order!]!
    ordersConnection(where: Filter, first: Int, after: String, last: Int): Orders!
    ordersAggregate(where: Filter): Aggregate!
    ordersGroups(by: [String!]!, where: Filter, limit: Int = 1000): Groups!
    ordersByKey(id: Int!): Order
    runs: [Run!]!
  }
  type Mutation { writebackOrders(where: Filter, limit: Int): Import! }
  input Filter { id: Int }
  type Order { id: Int a: Int b: Int customer: Customer items(where: Filter, limit: Int = 10): [Item!]! }
  type Customer { name: String orders(limit: Int): [Order!]! itemsAggregate(where: Filter): Aggregate! }
  type Item { sku: String }
  type Orders { nodes: [Order!]! edges: [Edge!]! totalCount: Int! }
  type Edge { cursor: String! node: Order! }
  type Aggregate { count: Int! sum: Sums! }
  type Sums { a: Int b: Int }
  type Groups { groups: [Group!]! totalGroups: Int! }
  type Group { count: Int! buckets: [Bucket!]! }
  type Bucket { start: String }
  interface Run { id: Int }
  type Import implements Run { id: Int objects: [Order!]! }
`);

function cost(text: string, variables: Record<string, unknown> = {}, maxLimit = 100_000) {
  const document = parse(text);
  expect(validate(schema, document)).toEqual([]);
  const operation = getOperationAST(document);
  if (!operation) throw new TypeError('no operation');
  const fragments = document.definitions.filter(
    (definition): definition is FragmentDefinitionNode =>
      definition.kind === Kind.FRAGMENT_DEFINITION,
  );
  const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], variables);
  return costOf({
    schema,
    operation,
    fragments: Object.fromEntries(fragments.map((f) => [f.name.value, f])),
    variableValues: coerced ?? {},
    maxLimit,
  });
}

const points = (...args: Parameters<typeof cost>) => cost(...args).points;

/** The same schema with a relation that is marked as generated ones are. */
function withRelation<T>(work: () => T): T {
  const { customer } = (schema.getType('Order') as GraphQLObjectType).getFields();
  if (!customer) throw new TypeError('no relation');
  const { extensions } = customer;
  customer.extensions = { readsTable: true };
  try {
    return work();
  } finally {
    customer.extensions = extensions;
  }
}

describe('the cost of an operation', () => {
  it.each([
    ['rows times columns', '{ orders(limit: 20) { id a b } }', 1 + 20 * 3],
    ['the default of a limit', '{ orders { id a } }', 1 + 100 * 2],
    ['a limit of null as its default', '{ orders(limit: null) { id } }', 1 + 100],
    ['one row', '{ ordersByKey(id: 1) { id a } }', 1 + 2],
    ['objects within rows', '{ orders(limit: 5) { customer { name } } }', 1 + 5 * 2],
    [
      'lists within rows',
      '{ orders(limit: 5) { id items(limit: 3) { sku } } }',
      1 + 5 * (1 + 1 + 3),
    ],
    ['their default', '{ orders(limit: 5) { items { sku } } }', 1 + 5 * (1 + 10)],
    [
      'a list whose limit has no default',
      '{ ordersByKey(id: 1) { customer { orders { id } } } }',
      1 + 1 + 1 + 100,
    ],
    ['a page', '{ ordersConnection(first: 7) { nodes { id a } } }', 1 + 1 + 7 * 2],
    [
      'a page from the end',
      '{ ordersConnection(last: 7) { edges { cursor node { id } } } }',
      1 + 1 + 7 * 3,
    ],
    ['a page of the default size', '{ ordersConnection { nodes { id } } }', 1 + 1 + 100],
    ['a total', '{ ordersConnection(first: 1) { totalCount } }', 1 + 1 + 10_000],
    ['an aggregate', '{ ordersAggregate { count sum { a b } } }', 1 + 1 + 3 + 10_000],
    [
      'groups',
      '{ ordersGroups(by: ["a"], limit: 50) { totalGroups groups { count } } }',
      1 + 1 + 1 + 50 + 10_000,
    ],
    [
      'lists that take no limit',
      '{ ordersGroups(by: ["a"], limit: 50) { groups { buckets { start } } } }',
      1 + 1 + 50 * 11 + 10_000,
    ],
    [
      'an aggregate for each row, read at once',
      '{ orders(limit: 20) { customer { itemsAggregate { count } } } }',
      1 + 20 * 3 + 10_000,
    ],
    [
      'the same field twice as once',
      '{ orders(limit: 2) { id id } orders(limit: 2) { a } }',
      1 + 2 * 2,
    ],
    [
      'the same field under other names',
      '{ x: orders(limit: 2) { id } y: orders(limit: 3) { id } }',
      2 + 5,
    ],
    [
      'fragments',
      '{ ...R } fragment R on Query { orders(limit: 4) { ...C ... { b } } } fragment C on Order { id a }',
      1 + 4 * 3,
    ],
    [
      'a field of one type behind an interface',
      '{ runs { ... on Import { objects { id } } } }',
      1 + 10 * (1 + 10),
    ],
    [
      'introspection as nothing',
      '{ __schema { types { name } } __type(name: "Order") { name } }',
      0,
    ],
    [
      'what a mutation writes as nothing',
      'mutation { writebackOrders(limit: 90000) { objects { id } } }',
      1 + 1 + 10,
    ],
  ])('counts %s', (_what, text, expected) => {
    expect(points(text)).toBe(expected);
  });

  it('knows the variables, their defaults and what they leave out', () => {
    const text = `query ($n: Int = 4, $m: Int, $more: Boolean!) {
      orders(limit: $n) { id a @include(if: $more) items(limit: $m) @skip(if: $more) { sku } }
    }`;
    expect(points(text, { more: true })).toBe(1 + 4 * 2);
    expect(points(text, { n: 30, m: 2, more: false })).toBe(1 + 30 * (1 + 1 + 2));
    expect(points(text, { n: 1, more: false })).toBe(1 + (1 + 1 + 10));
  });

  it('leaves a limit that its field refuses to the field', () => {
    expect(points('{ orders(limit: 1001) { id } }', {}, 1000)).toBe(1);
    expect(points('{ orders(limit: -1) { id } }')).toBe(1);
  });

  it('names the root field that costs most', () => {
    expect(cost('{ a: orders(limit: 9) { id } b: ordersAggregate { count } }').mostly).toBe('b');
  });

  it('stays a number however deep lists lie in lists', () => {
    const deep = `{ ordersByKey(id: 1) { ${'customer { orders(limit: 100000) { '.repeat(12)} id ${'} }'.repeat(12)} } }`;
    expect(points(deep)).toBeGreaterThan(1e59);
    expect(Number.isFinite(points(deep))).toBe(true);
  });

  it('counts a reading of the table that a relation leads to, once for all rows', () => {
    const query = '{ orders(limit: 7) { customer { name } } }';
    expect(withRelation(() => points(query)) - points(query)).toBe(10_000);
  });
});
