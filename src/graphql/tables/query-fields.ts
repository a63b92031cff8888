import {
  GraphQLInt,
  GraphQLString,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  type GraphQLFieldResolver,
} from 'graphql';
import type { Column } from '../../columns.js';
import type { Filter, Value } from '../../query/query.js';
import { rootFieldNames, typeNames } from '../names.js';
import {
  checkedCount,
  defaultGroups,
  defaultRows,
  pageSide,
  toGroupKeys,
  toGroupOrderings,
  toOrderings,
} from './arguments.js';
import { toFilter, toHaving } from './conditions.js';
import { aggregatePlan, groupsPlan } from './group-selection.js';
import type { TableInputs } from './inputs.js';
import type { Plan } from './plan.js';
import type { TableContext } from './reader.js';
import { respond } from './respond.js';
import {
  argument,
  groupsArguments,
  offsetArgument,
  rowsArguments,
  type GroupsInput,
  type RowsInput,
} from './root-arguments.js';
import { connectionPlan, rowsPlan } from './selection.js';
import type { Selection } from './shapes.js';
import type { SharedTypes } from './shared.js';
import { describeColumn, type TableDataset, type TableTypes } from './types.js';
import { listOf, required } from './wrappers.js';

interface PageInput extends Pick<RowsInput, 'where' | 'orderBy'> {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

type Field = GraphQLFieldConfig<unknown, unknown>;

/** A plan from coerced arguments; `maxLimit` is the most rows one answer may have. */
type Planner<Input> = (input: Input, selection: Selection, maxLimit: number) => Plan;

/** The query fields of a dataset. */
export function queryFields(
  dataset: TableDataset,
  types: TableTypes,
  inputs: TableInputs,
  shared: SharedTypes,
): GraphQLFieldConfigMap<unknown, unknown> {
  const names = rootFieldNames(dataset.name);
  const table: Table = {
    dataset,
    types,
    inputs,
    about: `Dataset \`${dataset.name}\`: ${dataset.origin}.`,
  };
  const key = keyColumns(dataset);
  return {
    [names.rows]: rowsField(table),
    [names.connection]: connectionField(table),
    [names.aggregate]: aggregateField(table),
    [names.groups]: groupsField(table),
    ...(key.length > 0 && { [names.byKey]: byKeyField(table, key, shared) }),
  };
}

interface Table {
  readonly dataset: TableDataset;
  readonly types: TableTypes;
  readonly inputs: TableInputs;
  readonly about: string;
}

function rowsField(table: Table): Field {
  return {
    type: required(listOf(table.types.row)),
    description: `Rows. ${table.about}`,
    args: {
      ...rowsArguments(table.inputs),
      distinctOn: argument(
        listOf(table.inputs.column),
        'Only the first row, in the order asked for, of those with the same values here.',
      ),
      limit: { ...argument(GraphQLInt, 'At most this many rows.'), defaultValue: defaultRows },
      offset: offsetArgument,
    },
    resolve: answer<RowsInput>(table, (input, selection, maxLimit) =>
      rowsPlan(
        {
          where: toFilter(input.where),
          orderBy: toOrderings(input.orderBy),
          distinctOn: input.distinctOn ?? [],
          limit: checkedCount('limit', input.limit ?? defaultRows, maxLimit),
          offset: checkedCount('offset', input.offset ?? 0),
        },
        selection,
      ),
    ),
  };
}

function connectionField(table: Table): Field {
  return {
    type: required(table.types.connection),
    description: `Rows in pages, as Relay has them. ${table.about}`,
    args: {
      ...rowsArguments(table.inputs),
      first: argument(GraphQLInt, `This many rows from the start. (Default: ${defaultRows})`),
      after: argument(GraphQLString, 'Only rows behind this cursor.'),
      last: argument(GraphQLInt, 'This many rows from the end; instead of `first`.'),
      before: argument(GraphQLString, 'Only rows before this cursor.'),
    },
    resolve: answer<PageInput>(table, (input, selection, maxLimit) => {
      const { backwards, name, count } = pageSide(input.first, input.last);
      return connectionPlan(
        {
          where: toFilter(input.where),
          orderBy: toOrderings(input.orderBy),
          backwards,
          limit: checkedCount(name, count, maxLimit),
          after: input.after ?? null,
          before: input.before ?? null,
        },
        selection,
      );
    }),
  };
}

function aggregateField(table: Table): Field {
  return {
    type: required(table.types.aggregate),
    description: `Aggregates over rows. ${table.about}`,
    args: { where: rowsArguments(table.inputs).where },
    resolve: answer<Pick<RowsInput, 'where'>>(table, (input, selection) =>
      aggregatePlan(toFilter(input.where), selection),
    ),
  };
}

function groupsField(table: Table): Field {
  return {
    type: required(table.types.groups),
    description: `Groups of rows with their aggregates. ${table.about}`,
    args: {
      ...groupsArguments(table.inputs),
      limit: { ...argument(GraphQLInt, 'At most this many groups.'), defaultValue: defaultGroups },
      offset: offsetArgument,
    },
    resolve: answer<GroupsInput>(table, (input, selection, maxLimit) => {
      const by = toGroupKeys(input.by, (_key, position) => `k${position}`);
      return groupsPlan(
        {
          by,
          where: toFilter(input.where),
          having: toHaving(input.having),
          orderBy: toGroupOrderings(input.orderBy, by),
          limit: checkedCount('limit', input.limit ?? defaultGroups, maxLimit),
          offset: checkedCount('offset', input.offset ?? 0),
        },
        selection,
      );
    }),
  };
}

function byKeyField(table: Table, key: readonly Column[], shared: SharedTypes): Field {
  const arguments_ = key.map((column) => [
    column.name,
    argument(required(shared.scalars[column.type]), describeColumn(column)),
  ]);
  return {
    type: table.types.row,
    description: `The row with this key, or null. ${table.about}`,
    args: Object.fromEntries(arguments_) as Field['args'] & object,
    resolve: answer<Readonly<Record<string, Value>>>(table, (input, selection) => {
      const filters = Object.entries(input).map(([column, value]): Filter => ({
        kind: 'compare',
        column,
        operator: 'eq',
        value,
      }));
      return rowsPlan(
        {
          where: { kind: 'and', filters },
          orderBy: [],
          distinctOn: [],
          limit: 1,
          offset: 0,
        },
        selection,
        true,
      );
    }),
  };
}

function answer<Input>(
  { dataset, types }: Table,
  planOf: Planner<Input>,
): GraphQLFieldResolver<unknown, unknown, Input> {
  const names = typeNames(dataset.name);
  return (_source, input, context, { fieldNodes, fragments, variableValues }) => {
    const { tables, signal } = context as TableContext;
    const selection = { nodes: fieldNodes, fragments, variableValues, names, types };
    const plan = planOf(input, selection, tables.limits.maxLimit);
    return respond(tables, dataset.name, plan, signal);
  };
}

// A key with a column that the table has not is refused by the import; half a key would find the wrong row.
function keyColumns({ columns, primaryKey }: TableDataset): readonly Column[] {
  const key = primaryKey.flatMap((name) => columns.find((column) => column.name === name) ?? []);
  return key.length === primaryKey.length ? key : [];
}
