import {
  GraphQLBoolean,
  GraphQLEnumType,
  GraphQLInputObjectType,
  GraphQLString,
  type GraphQLInputFieldConfig,
  type GraphQLInputFieldConfigMap,
  type GraphQLInputType,
} from 'graphql';
import type { Column } from '../../columns.js';
import { typeNames } from '../names.js';
import { briefNotes } from './descriptions.js';
import { relationConditions } from './relation-fields.js';
import type { SharedTypes } from './shared.js';
import type { TableRelation } from './table.js';
import { listOf, required } from './wrappers.js';
import { hasTime, isNumeric, type TableDataset } from './types.js';

/** The input types and enums that one dataset adds. */
export interface TableInputs {
  readonly filter: GraphQLInputObjectType;
  readonly order: GraphQLInputObjectType;
  readonly column: GraphQLEnumType;
  readonly groupBy: GraphQLInputObjectType;
  readonly having: GraphQLInputObjectType;
  readonly groupOrder: GraphQLInputObjectType;
}

/** Makes a dataset's input types; a type that would have no fields is left out, and so are the fields of that type. */
export function tableInputs(
  dataset: TableDataset,
  shared: SharedTypes,
  related: () => readonly TableRelation[],
): TableInputs {
  const names = typeNames(dataset.name);
  const { columns } = dataset;
  const numeric = columns.filter(isNumeric);
  const filter: GraphQLInputObjectType = new GraphQLInputObjectType({
    name: names.filter,
    description: `Conditions on rows of ${dataset.name}; all that are given must hold.`,
    fields: () => ({
      ...combinators(filter),
      ...fieldsOf(columns, (column) => shared.filters[column.type]),
      ...relationConditions(related()),
    }),
  });
  const order = new GraphQLInputObjectType({
    name: names.order,
    description: `One column of ${dataset.name} to order by.`,
    isOneOf: true,
    fields: fieldsOf(columns, () => shared.sortDirection),
  });
  const column = columnEnum(names.column, `The columns of ${dataset.name}.`, columns);
  return {
    filter,
    order,
    column,
    groupBy: groupByInput(dataset, shared, column),
    having: havingInput(dataset, shared, filter, numeric),
    groupOrder: groupOrderInput(dataset, shared, order, numeric),
  };
}

function groupByInput(
  dataset: TableDataset,
  shared: SharedTypes,
  column: GraphQLEnumType,
): GraphQLInputObjectType {
  const names = typeNames(dataset.name);
  const timed = dataset.columns.filter(hasTime);
  const bucket = (): GraphQLInputObjectType =>
    new GraphQLInputObjectType({
      name: names.bucket,
      description: `Time buckets of ${dataset.name}.`,
      fields: {
        column: field(
          required(
            columnEnum(names.timeColumn, `The columns of ${dataset.name} with a date.`, timed),
          ),
          'Whose values fall into the buckets.',
        ),
        unit: field(required(shared.timeUnit), 'Width of the buckets.'),
        timezone: {
          type: GraphQLString,
          defaultValue: 'UTC',
          description: 'IANA name of the zone whose days and hours count; for DateTime columns.',
        },
        fillGaps: {
          type: GraphQLBoolean,
          defaultValue: false,
          description: 'Whether empty buckets between the first and the last appear too.',
        },
      },
    });
  return new GraphQLInputObjectType({
    name: names.groupBy,
    description: `What groups of ${dataset.name} are made by: a column or a time bucket.`,
    isOneOf: true,
    fields: {
      column: field(column, "A column's values."),
      ...(timed.length > 0 && { bucket: field(bucket(), 'Time buckets.') }),
    },
  });
}

function havingInput(
  dataset: TableDataset,
  shared: SharedTypes,
  filter: GraphQLInputObjectType,
  numeric: readonly Column[],
): GraphQLInputObjectType {
  const names = typeNames(dataset.name);
  const measures: GraphQLInputFieldConfigMap = {
    count: field(shared.filters.BIGINT, 'Conditions on the number of rows.'),
  };
  if (numeric.length > 0) {
    const sums = new GraphQLInputObjectType({
      name: names.sumFilter,
      description: `Conditions on sums of ${dataset.name}.`,
      fields: fieldsOf(numeric, ({ type }) =>
        type === 'DOUBLE' ? shared.filters.DOUBLE : shared.filters.DECIMAL,
      ),
    });
    const numbers = new GraphQLInputObjectType({
      name: names.numberFilter,
      description: `Conditions on numbers made of ${dataset.name}.`,
      fields: fieldsOf(numeric, () => shared.filters.DOUBLE),
    });
    measures.sum = field(sums, 'Conditions on sums.');
    measures.avg = field(numbers, 'Conditions on arithmetic means.');
  }
  measures.min = field(filter, 'Conditions on smallest values.');
  measures.max = field(filter, 'Conditions on greatest values.');
  const having: GraphQLInputObjectType = new GraphQLInputObjectType({
    name: names.having,
    description: `Conditions on groups of ${dataset.name}; all that are given must hold.`,
    fields: () => ({ ...combinators(having), ...measures }),
  });
  return having;
}

function groupOrderInput(
  dataset: TableDataset,
  shared: SharedTypes,
  order: GraphQLInputObjectType,
  numeric: readonly Column[],
): GraphQLInputObjectType {
  const names = typeNames(dataset.name);
  const fields: GraphQLInputFieldConfigMap = {
    key: field(order, 'A column that is grouped by.'),
  };
  if (dataset.columns.some(hasTime)) {
    fields.bucket = field(shared.sortDirection, 'The time buckets, in the order of `by`.');
  }
  fields.count = field(shared.sortDirection, 'The number of rows.');
  if (numeric.length > 0) {
    const numberOrder = new GraphQLInputObjectType({
      name: names.numberOrder,
      description: `One numeric column of ${dataset.name} to order by.`,
      isOneOf: true,
      fields: fieldsOf(numeric, () => shared.sortDirection),
    });
    fields.sum = field(numberOrder, 'A sum.');
    fields.avg = field(numberOrder, 'An arithmetic mean.');
  }
  fields.min = field(order, 'A smallest value.');
  fields.max = field(order, 'A greatest value.');
  return new GraphQLInputObjectType({
    name: names.groupOrder,
    description: `One key, bucket or measure to order groups of ${dataset.name} by.`,
    isOneOf: true,
    fields,
  });
}

function combinators(type: GraphQLInputObjectType): GraphQLInputFieldConfigMap {
  const list = listOf(type);
  return {
    _and: field(list, 'All of these hold; an empty list always holds.'),
    _or: field(list, 'At least one of these holds; an empty list never holds.'),
    _not: field(type, 'This does not hold; what nulls make unknown stays unknown.'),
  };
}

function columnEnum(
  name: string,
  description: string,
  columns: readonly Column[],
): GraphQLEnumType {
  return new GraphQLEnumType({
    name,
    description,
    values: Object.fromEntries(
      columns.map((column) => [column.name, { value: column.name, ...briefNotes(column) }]),
    ),
  });
}

function fieldsOf(
  columns: readonly Column[],
  typeOf: (column: Column) => GraphQLInputType,
): GraphQLInputFieldConfigMap {
  return Object.fromEntries(
    columns.map((column) => [column.name, { type: typeOf(column), ...briefNotes(column) }]),
  );
}

function field(type: GraphQLInputType, description: string): GraphQLInputFieldConfig {
  return { type, description };
}
