import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLFloat,
  GraphQLID,
  GraphQLInputObjectType,
  GraphQLInt,
  GraphQLList,
  GraphQLNonNull,
  GraphQLObjectType,
  GraphQLString,
  type GraphQLInputFieldConfig,
  type GraphQLScalarType,
} from 'graphql';
import type { ColumnType } from '../../columns.js';
import { timeUnits, type Direction, type OperatorName, type TimeUnit } from '../../query/query.js';
import {
  GraphQLBigInt,
  GraphQLDate,
  GraphQLDateTime,
  GraphQLDecimal,
  GraphQLJSON,
  GraphQLLocalDateTime,
  GraphQLTime,
} from '../scalars.js';

/** The types that the generated fields of all datasets have in common. */
export interface SharedTypes {
  /** The scalar of each column type. */
  readonly scalars: Readonly<Record<ColumnType, GraphQLScalarType>>;
  /** The filter of each column type. */
  readonly filters: Readonly<Record<ColumnType, GraphQLInputObjectType>>;
  readonly sortDirection: GraphQLEnumType;
  readonly timeUnit: GraphQLEnumType;
  readonly pageInfo: GraphQLObjectType;
  readonly freshness: GraphQLObjectType;
  readonly timeBucket: GraphQLObjectType;
  readonly destinationInput: GraphQLInputObjectType;
  readonly writebackRun: GraphQLObjectType;
}

/** The scalar of each column type. */
export const columnScalars: Readonly<Record<ColumnType, GraphQLScalarType>> = {
  BOOLEAN: GraphQLBoolean,
  INTEGER: GraphQLInt,
  BIGINT: GraphQLBigInt,
  DECIMAL: GraphQLDecimal,
  DOUBLE: GraphQLFloat,
  STRING: GraphQLString,
  DATE: GraphQLDate,
  TIME: GraphQLTime,
  TIMESTAMP: GraphQLLocalDateTime,
  TIMESTAMP_TZ: GraphQLDateTime,
  JSON: GraphQLJSON,
};

/** Makes the shared types around the two that come from the management schema. */
export function sharedTypes(management: {
  readonly destinationInput: GraphQLInputObjectType;
  readonly writebackRun: GraphQLObjectType;
}): SharedTypes {
  return { ...ownTypes, ...management };
}

const operatorDescriptions: Readonly<Record<OperatorName, string>> = {
  eq: 'Equal.',
  ne: 'Not equal; leaves nulls out, as SQL does.',
  in: 'Equal to one of these.',
  notIn: 'Equal to none of these; leaves nulls out, as SQL does.',
  isNull: 'true: only nulls; false: no nulls.',
  lt: 'Less than.',
  lte: 'Less than or equal.',
  gt: 'Greater than.',
  gte: 'Greater than or equal.',
  contains: 'Contains this text.',
  startsWith: 'Begins with this text.',
  endsWith: 'Ends with this text.',
  icontains: 'Contains this text, upper and lower case being the same.',
  like: 'SQL pattern: % is any text, _ any one character.',
  ilike: 'SQL pattern, upper and lower case being the same.',
  regex: 'Regular expression (RE2) that matches anywhere in the text.',
};

const compared = ['eq', 'ne', 'in', 'notIn', 'isNull', 'lt', 'lte', 'gt', 'gte'] as const;
const searched = [
  'contains',
  'startsWith',
  'endsWith',
  'icontains',
  'like',
  'ilike',
  'regex',
] as const;

function filterOf(type: ColumnType): GraphQLInputObjectType {
  const scalar = columnScalars[type];
  return new GraphQLInputObjectType({
    name: `${scalar.name}Filter`,
    description: `Conditions on a ${scalar.name}; all that are given must hold.`,
    fields: Object.fromEntries(
      operatorsOf(type).map((operator): [string, GraphQLInputFieldConfig] => [
        operator,
        { type: operandOf(operator, scalar), description: operatorDescriptions[operator] },
      ]),
    ),
  });
}

function operatorsOf(type: ColumnType): readonly OperatorName[] {
  switch (type) {
    case 'STRING':
      return [...compared, ...searched];
    case 'BOOLEAN':
      return ['eq', 'ne', 'isNull'];
    case 'JSON':
      return ['isNull'];
    default:
      return compared;
  }
}

function operandOf(operator: OperatorName, scalar: GraphQLScalarType) {
  if (operator === 'isNull') return GraphQLBoolean;
  if (operator === 'in' || operator === 'notIn') return new GraphQLList(new GraphQLNonNull(scalar));
  return scalar;
}

const directions: Readonly<Record<string, Direction & { readonly description: string }>> = {
  ASC: { descending: false, nulls: 'last', description: 'Smallest first, nulls last.' },
  ASC_NULLS_FIRST: {
    descending: false,
    nulls: 'first',
    description: 'Nulls, then smallest first.',
  },
  ASC_NULLS_LAST: { descending: false, nulls: 'last', description: 'Smallest first, nulls last.' },
  DESC: { descending: true, nulls: 'last', description: 'Greatest first, nulls last.' },
  DESC_NULLS_FIRST: {
    descending: true,
    nulls: 'first',
    description: 'Nulls, then greatest first.',
  },
  DESC_NULLS_LAST: { descending: true, nulls: 'last', description: 'Greatest first, nulls last.' },
};

const unitDescriptions: Readonly<Record<TimeUnit, string>> = {
  YEAR: 'From 1 January.',
  QUARTER: 'Three months, from January, April, July or October.',
  MONTH: 'From the first day.',
  WEEK: 'Seven days, from Monday.',
  DAY: 'From midnight; 23 or 25 hours where clocks change.',
  HOUR: 'From minute 0.',
  MINUTE: 'From second 0.',
};

const timeUnit = new GraphQLEnumType({
  name: 'TimeUnit',
  description: 'The width of a time bucket. Weeks begin on Monday.',
  values: Object.fromEntries(
    timeUnits.map((unit) => [unit, { value: unit, description: unitDescriptions[unit] }]),
  ),
});

const ownTypes: Omit<SharedTypes, 'destinationInput' | 'writebackRun'> = {
  scalars: columnScalars,
  filters: Object.fromEntries(
    Object.keys(columnScalars).map((type) => [type, filterOf(type as ColumnType)]),
  ) as Record<ColumnType, GraphQLInputObjectType>,
  sortDirection: new GraphQLEnumType({
    name: 'SortDirection',
    description: 'A direction and the place of nulls.',
    values: Object.fromEntries(
      Object.entries(directions).map(([name, { description, ...value }]) => [
        name,
        { value, description },
      ]),
    ),
  }),
  timeUnit,
  pageInfo: new GraphQLObjectType({
    name: 'PageInfo',
    description: 'Where a page of a connection lies (Relay Cursor Connections Specification).',
    fields: {
      hasNextPage: {
        type: new GraphQLNonNull(GraphQLBoolean),
        description: 'Whether rows follow. Paging backwards: whether `before` was given.',
      },
      hasPreviousPage: {
        type: new GraphQLNonNull(GraphQLBoolean),
        description: 'Whether rows come before. Paging forwards: whether `after` was given.',
      },
      startCursor: {
        type: GraphQLString,
        description: 'Cursor of the first row; null without rows.',
      },
      endCursor: { type: GraphQLString, description: 'Cursor of the last row; null without rows.' },
    },
  }),
  freshness: new GraphQLObjectType({
    name: 'Freshness',
    description: 'Which state of the table an answer was read from.',
    fields: {
      generation: {
        type: new GraphQLNonNull(GraphQLID),
        description: 'Changes with every import that changes rows.',
      },
      importedAt: {
        type: new GraphQLNonNull(GraphQLDateTime),
        description: 'When the import that made this state ended.',
      },
      fileCount: {
        type: new GraphQLNonNull(GraphQLInt),
        description: 'Objects the rows come from.',
      },
      rowCount: { type: new GraphQLNonNull(GraphQLBigInt), description: 'Rows of the table.' },
      rejectedRowCount: {
        type: new GraphQLNonNull(GraphQLBigInt),
        description: 'Rows the import has set aside.',
      },
      stale: {
        type: new GraphQLNonNull(GraphQLBoolean),
        description: 'Whether the last scheduled import failed or is overdue.',
      },
    },
  }),
  timeBucket: new GraphQLObjectType({
    name: 'TimeBucket',
    description: 'A span of time that the rows of a group fall into.',
    fields: {
      column: { type: new GraphQLNonNull(GraphQLString), description: 'The column it is made of.' },
      unit: { type: new GraphQLNonNull(timeUnit), description: 'Its width.' },
      start: {
        type: new GraphQLNonNull(GraphQLLocalDateTime),
        description: "Its first moment, in the bucket's time zone.",
      },
      end: {
        type: new GraphQLNonNull(GraphQLLocalDateTime),
        description: "The first moment after it, in the bucket's time zone.",
      },
    },
  }),
};
