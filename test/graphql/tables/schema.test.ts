import { describe, expect, it } from '@jest/globals';
import {
  buildSchema,
  isEnumType,
  isInputObjectType,
  isObjectType,
  isScalarType,
  printSchema,
  validateSchema,
  type GraphQLNamedType,
  type GraphQLSchema,
} from 'graphql';
import { sharedTypeNames, typeNames } from '../../../src/graphql/names.js';
import { tableFields } from '../../../src/graphql/tables/fields.js';
import { awkward, column, everything, orders, shared, testApi } from './support.js';

const contract = buildSchema(/* GraphQL */ `
  scalar BigInt
  scalar Decimal
  scalar Date
  scalar Time
  scalar DateTime
  scalar LocalDateTime
  scalar JSON

  enum SortDirection {
    ASC
    ASC_NULLS_FIRST
    ASC_NULLS_LAST
    DESC
    DESC_NULLS_FIRST
    DESC_NULLS_LAST
  }
  enum TimeUnit {
    YEAR
    QUARTER
    MONTH
    WEEK
    DAY
    HOUR
    MINUTE
  }

  input StringFilter {
    eq: String
    ne: String
    in: [String!]
    notIn: [String!]
    isNull: Boolean
    lt: String
    lte: String
    gt: String
    gte: String
    contains: String
    startsWith: String
    endsWith: String
    icontains: String
    like: String
    ilike: String
    regex: String
  }
  input BigIntFilter {
    eq: BigInt
    ne: BigInt
    in: [BigInt!]
    notIn: [BigInt!]
    isNull: Boolean
    lt: BigInt
    lte: BigInt
    gt: BigInt
    gte: BigInt
  }
  input DecimalFilter {
    eq: Decimal
    ne: Decimal
    in: [Decimal!]
    notIn: [Decimal!]
    isNull: Boolean
    lt: Decimal
    lte: Decimal
    gt: Decimal
    gte: Decimal
  }
  input FloatFilter {
    eq: Float
    ne: Float
    in: [Float!]
    notIn: [Float!]
    isNull: Boolean
    lt: Float
    lte: Float
    gt: Float
    gte: Float
  }
  input DateFilter {
    eq: Date
    ne: Date
    in: [Date!]
    notIn: [Date!]
    isNull: Boolean
    lt: Date
    lte: Date
    gt: Date
    gte: Date
  }
  input DateTimeFilter {
    eq: DateTime
    ne: DateTime
    in: [DateTime!]
    notIn: [DateTime!]
    isNull: Boolean
    lt: DateTime
    lte: DateTime
    gt: DateTime
    gte: DateTime
  }

  type PageInfo {
    hasNextPage: Boolean!
    hasPreviousPage: Boolean!
    startCursor: String
    endCursor: String
  }
  type Freshness {
    generation: ID!
    importedAt: DateTime!
    fileCount: Int!
    rowCount: BigInt!
    rejectedRowCount: BigInt!
    stale: Boolean!
  }

  type Orders {
    order_id: BigInt!
    amount: Decimal
    region: String
    order_date: Date
    created_at: DateTime
    _BATCH_FILE_NAME_: String!
  }
  input OrdersFilter {
    _and: [OrdersFilter!]
    _or: [OrdersFilter!]
    _not: OrdersFilter
    order_id: BigIntFilter
    amount: DecimalFilter
    region: StringFilter
    order_date: DateFilter
    created_at: DateTimeFilter
    _BATCH_FILE_NAME_: StringFilter
  }
  input OrdersOrder @oneOf {
    order_id: SortDirection
    amount: SortDirection
    region: SortDirection
    order_date: SortDirection
    created_at: SortDirection
    _BATCH_FILE_NAME_: SortDirection
  }
  enum OrdersColumn {
    order_id
    amount
    region
    order_date
    created_at
    _BATCH_FILE_NAME_
  }
  enum OrdersTimeColumn {
    order_date
    created_at
  }
  type OrdersEdge {
    cursor: String!
    node: Orders!
  }
  type OrdersConnection {
    edges: [OrdersEdge!]!
    nodes: [Orders!]!
    pageInfo: PageInfo!
    totalCount: BigInt!
    freshness: Freshness!
  }
  type OrdersCounts {
    order_id: BigInt!
    amount: BigInt!
    region: BigInt!
    order_date: BigInt!
    created_at: BigInt!
    _BATCH_FILE_NAME_: BigInt!
  }
  type OrdersSums {
    order_id: Decimal
    amount: Decimal
  }
  type OrdersNumbers {
    order_id: Float
    amount: Float
  }
  type OrdersValues {
    order_id: BigInt
    amount: Decimal
    region: String
    order_date: Date
    created_at: DateTime
    _BATCH_FILE_NAME_: String
  }
  type OrdersAggregate {
    count: BigInt!
    countNonNull: OrdersCounts!
    countDistinct: OrdersCounts!
    approxCountDistinct: OrdersCounts!
    sum: OrdersSums!
    avg: OrdersNumbers!
    min: OrdersValues!
    max: OrdersValues!
    stddev: OrdersNumbers!
    median: OrdersNumbers!
    quantile(q: Float!): OrdersNumbers!
    freshness: Freshness!
  }
  input OrdersBucket {
    column: OrdersTimeColumn!
    unit: TimeUnit!
    timezone: String = "UTC"
    fillGaps: Boolean = false
  }
  input OrdersGroupBy @oneOf {
    column: OrdersColumn
    bucket: OrdersBucket
  }
  type TimeBucket {
    column: String!
    unit: TimeUnit!
    start: LocalDateTime!
    end: LocalDateTime!
  }
  type OrdersGroup {
    key: OrdersValues!
    buckets: [TimeBucket!]!
    count: BigInt!
    countNonNull: OrdersCounts!
    countDistinct: OrdersCounts!
    approxCountDistinct: OrdersCounts!
    sum: OrdersSums!
    avg: OrdersNumbers!
    min: OrdersValues!
    max: OrdersValues!
    stddev: OrdersNumbers!
    median: OrdersNumbers!
    quantile(q: Float!): OrdersNumbers!
  }
  type OrdersGroups {
    groups: [OrdersGroup!]!
    totalGroups: BigInt!
    truncated: Boolean!
    freshness: Freshness!
  }
  input OrdersSumFilter {
    order_id: DecimalFilter
    amount: DecimalFilter
  }
  input OrdersNumberFilter {
    order_id: FloatFilter
    amount: FloatFilter
  }
  input OrdersHaving {
    _and: [OrdersHaving!]
    _or: [OrdersHaving!]
    _not: OrdersHaving
    count: BigIntFilter
    sum: OrdersSumFilter
    avg: OrdersNumberFilter
    min: OrdersFilter
    max: OrdersFilter
  }
  input OrdersNumberOrder @oneOf {
    order_id: SortDirection
    amount: SortDirection
  }
  input OrdersGroupOrder @oneOf {
    key: OrdersOrder
    bucket: SortDirection
    count: SortDirection
    sum: OrdersNumberOrder
    avg: OrdersNumberOrder
    min: OrdersOrder
    max: OrdersOrder
  }
  input DestinationInput {
    fileName: String!
  }
  type WritebackRun {
    id: ID!
  }

  type Query {
    orders(
      where: OrdersFilter
      orderBy: [OrdersOrder!]
      distinctOn: [OrdersColumn!]
      limit: Int = 100
      offset: Int = 0
    ): [Orders!]!
    ordersConnection(
      where: OrdersFilter
      orderBy: [OrdersOrder!]
      first: Int
      after: String
      last: Int
      before: String
    ): OrdersConnection!
    ordersAggregate(where: OrdersFilter): OrdersAggregate!
    ordersGroups(
      by: [OrdersGroupBy!]!
      where: OrdersFilter
      having: OrdersHaving
      orderBy: [OrdersGroupOrder!]
      limit: Int = 1000
      offset: Int = 0
    ): OrdersGroups!
    ordersByKey(order_id: BigInt!): Orders
  }
  type Mutation {
    writebackOrders(
      columns: [OrdersColumn!]
      where: OrdersFilter
      orderBy: [OrdersOrder!]
      limit: Int
      destination: DestinationInput!
      wait: Boolean = false
    ): WritebackRun!
    writebackOrdersGroups(
      by: [OrdersGroupBy!]!
      aggregates: JSON!
      where: OrdersFilter
      having: OrdersHaving
      orderBy: [OrdersGroupOrder!]
      limit: Int
      destination: DestinationInput!
      wait: Boolean = false
    ): WritebackRun!
  }
`);

/** A type's members with arguments, defaults and nullability, without descriptions: what clients rely on. */
function outline(type: GraphQLNamedType | undefined): unknown {
  if (isScalarType(type)) return 'scalar';
  if (isEnumType(type)) return type.getValues().map(({ name }) => name);
  if (isInputObjectType(type)) {
    const fields = Object.values(type.getFields());
    return { oneOf: type.isOneOf, fields: fields.map(argumentText) };
  }
  if (isObjectType(type)) {
    return Object.values(type.getFields()).map(
      ({ name, args, type: of }) =>
        `${name}(${args.map(argumentText).sort().join(', ')}): ${of.toString()}`,
    );
  }
  throw new Error(`no type ${type?.name}`);
}

function argumentText(field: { name: string; type: unknown; defaultValue?: unknown }): string {
  return `${field.name}: ${String(field.type)} = ${JSON.stringify(field.defaultValue)}`;
}

function ownNames(schema: GraphQLSchema): string[] {
  return Object.keys(schema.getTypeMap()).filter((name) => !name.startsWith('__'));
}

function fieldNames(type: GraphQLNamedType | undefined): string[] {
  if (isObjectType(type) || isInputObjectType(type)) return Object.keys(type.getFields());
  throw new Error('not a type with fields');
}

describe('the generated schema', () => {
  const { schema } = testApi(null, [orders]);

  it.each(ownNames(contract).filter((name) => !['Query', 'Mutation', 'Time'].includes(name)))(
    'has %s as the contract has it',
    (name) => {
      expect(outline(schema.getType(name))).toEqual(outline(contract.getType(name)));
    },
  );

  it.each(['Query', 'Mutation'])('has the root fields of %s as the contract has them', (name) => {
    expect(outline(schema.getType(name))).toEqual(
      expect.arrayContaining(outline(contract.getType(name)) as string[]),
    );
  });

  it('has nothing of the dataset beyond the contract', () => {
    const more = ownNames(schema).filter((name) => !contract.getType(name));
    expect(more).toEqual(['Dataset']);
  });

  it('prints @oneOf, defaults and descriptions', () => {
    const sdl = printSchema(schema);
    expect(sdl).toContain('input OrdersGroupOrder @oneOf {');
    expect(sdl).toContain('  timezone: String = "UTC"');
    expect(sdl).toContain('"""Source header `order date`. dd-MM-yyyy"""\n  order_date: Date');
    expect(sdl).toContain(
      '"""\nDataset `orders`: s3://acme/orders/*.csv over connection acme-prod\n\nOrders of the shop\n"""\ntype Orders {',
    );
  });

  it('describes every type, field, argument and enum value of a dataset', () => {
    const silent = (types: readonly GraphQLNamedType[]) =>
      types.flatMap((type) => {
        const fields = isObjectType(type) ? Object.values(type.getFields()) : [];
        const inputs = isInputObjectType(type) ? Object.values(type.getFields()) : [];
        const values = isEnumType(type) && type.name !== 'TimeUnit' ? type.getValues() : [];
        const args = fields.flatMap((field) => field.args);
        return [type, ...fields, ...inputs, ...args, ...values]
          .filter(({ description }) => !description)
          .map(({ name }) => `${type.name}.${name}`);
      });
    const own = [...Object.values(typeNames('orders')), ...sharedTypeNames].flatMap(
      (name) => schema.getType(name) ?? [],
    );
    expect(silent(own)).toEqual([]);
    const roots = [schema.getQueryType(), schema.getMutationType()].flatMap((type) =>
      Object.values(type?.getFields() ?? {}).filter(({ name }) => /orders/i.test(name)),
    );
    expect(roots).toHaveLength(7);
    expect(roots[0]?.description).toContain('s3://acme/orders/*.csv');
    for (const root of roots) {
      expect(root.description).toContain('orders');
      for (const { description } of root.args) expect(description).toBeTruthy();
    }
  });

  it('is valid for columns of every type and for awkward names', () => {
    const all = testApi(null, [orders, everything, awkward]).schema;
    expect(validateSchema(all)).toEqual([]);
    expect(outline(all.getType('EveryType'))).toEqual([
      'flag(): Boolean',
      'small(): Int',
      'big(): BigInt',
      'exact(): Decimal',
      'rough(): Float',
      'words(): String',
      'day(): Date',
      'clock(): Time',
      'local(): LocalDateTime',
      'moment(): DateTime',
      'tree(): JSON',
    ]);
    expect(outline(all.getType('EveryTypeSums'))).toEqual([
      'small(): Decimal',
      'big(): Decimal',
      'exact(): Decimal',
      'rough(): Float',
    ]);
    expect(outline(all.getType('EveryTypeTimeColumn'))).toEqual(['day', 'local', 'moment']);
    expect(fieldNames(all.getType('JSONFilter'))).toEqual(['isNull']);
    expect(fieldNames(all.getType('BooleanFilter'))).toEqual(['eq', 'ne', 'isNull']);
    const compared = fieldNames(all.getType('IntFilter'));
    for (const name of ['TimeFilter', 'LocalDateTimeFilter']) {
      expect(fieldNames(all.getType(name))).toEqual(compared);
    }
    const byKey = all.getQueryType()?.getFields().every_typeByKey;
    expect(byKey?.args.map(argumentText)).toEqual([
      'small: Int! = undefined',
      'words: String! = undefined',
    ]);
  });

  it('leaves out what a dataset without numbers and dates cannot have', () => {
    const { schema: plain } = testApi(null, [awkward]);
    const parts = ['TimeColumn', 'Bucket', 'Sums', 'Numbers', 'SumFilter', 'NumberFilter'];
    for (const part of [...parts, 'NumberOrder']) {
      expect(plain.getType(`Select2${part}`)).toBeUndefined();
    }
    expect(plain.getType('TimeBucket')).toBeUndefined();
    const counts = ['count', 'countNonNull', 'countDistinct', 'approxCountDistinct'];
    expect(fieldNames(plain.getType('Select2Aggregate'))).toEqual([
      ...counts,
      'min',
      'max',
      'freshness',
    ]);
    expect(fieldNames(plain.getType('Select2Group'))).toEqual(['key', ...counts, 'min', 'max']);
    expect(fieldNames(plain.getType('Select2GroupBy'))).toEqual(['column']);
    expect(fieldNames(plain.getType('Select2GroupOrder'))).toEqual(['key', 'count', 'min', 'max']);
    expect(fieldNames(plain.getType('Select2Having'))).toEqual([
      '_and',
      '_or',
      '_not',
      'count',
      'min',
      'max',
    ]);
  });

  it('has no fields for a dataset without columns and no byKey for one without a key', () => {
    const empty = { ...orders, columns: [] };
    expect(tableFields(empty, shared)).toEqual({ query: {}, mutation: {} });
    expect(tableFields({ ...orders, primaryKey: [] }, shared).query).not.toHaveProperty(
      'ordersByKey',
    );
    const lost = { ...orders, primaryKey: ['order_id', 'gone'] };
    expect(tableFields(lost, shared).query).not.toHaveProperty('ordersByKey');
  });

  it('counts numbers that are not whole in Float sums', () => {
    const { schema: rough } = testApi(null, [
      { ...orders, primaryKey: [], columns: [column('weight', 'DOUBLE')] },
    ]);
    expect(outline(rough.getType('OrdersSums'))).toEqual(['weight(): Float']);
    expect(outline(rough.getType('OrdersSumFilter'))).toEqual({
      oneOf: false,
      fields: ['weight: FloatFilter = undefined'],
    });
  });
});
