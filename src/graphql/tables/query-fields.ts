import {
  GraphQLInt,
  GraphQLString,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  type GraphQLFieldResolver,
} from 'graphql';
import type { Column } from '../../columns.js';
import type { Filter, Value } from '../../query/query.js';
import { rootFieldNames } from '../names.js';
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
import { aboutDataset, briefNotes } from './descriptions.js';
import { aggregatePlan, groupsPlan } from './group-selection.js';
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
import { selectionOn, type Selection } from './shapes.js';
import type { SharedTypes } from './shared.js';
import type { Table } from './table.js';
import type { TableDataset } from './types.js';
import { listOf, required } from './wrappers.js';

interface PageInput extends Pick<RowsInput, 'where' | 'orderBy'> {
  readonly first?: number | null;
  readonly last?: number | null;
  readonly after?: string | null;
  readonly before?: string | null;
}

type Field = GraphQLFieldConfig<unknown, unknown>;

/** A plan from coerced arguments. */
type Planner<Input> = (input: Input, selection: Selection) => Plan;

/** The query fields of a dataset. */
export function queryFields(
  table: Table,
  shared: SharedTypes,
): GraphQLFieldConfigMap<unknown, unknown> {
  const names = rootFieldNames(table.dataset.name);
  const { aggregates = true, groups = true } = table.dataset.expose ?? {};
  const key = keyColumns(table.dataset);
  return {
    [names.rows]: rowsField(table),
    [names.connection]: connectionField(table),
    ...(aggregates && { [names.aggregate]: aggregateField(table) }),
    ...(groups && { [names.groups]: groupsField(table) }),
    ...(key.length > 0 && { [names.byKey]: byKeyField(table, key, shared) }),
  };
}

function rowsField(table: Table): Field {
  return {
    type: required(listOf(table.types.row)),
    description: `Rows. ${aboutDataset(table.dataset)}.`,
    args: {
      ...rowsArguments(table.inputs),
      distinctOn: argument(
        listOf(table.inputs.column),
        'Only the first row, in the order asked for, of those with the same values here.',
      ),
      limit: { ...argument(GraphQLInt, 'At most this many rows.'), defaultValue: defaultRows },
      offset: offsetArgument,
    },
    resolve: answer<RowsInput>(table, (input, selection) =>
      rowsPlan(
        {
          where: toFilter(input.where, table),
          orderBy: toOrderings(input.orderBy),
          distinctOn: input.distinctOn ?? [],
          limit: checkedCount('limit', input.limit ?? defaultRows, selection.maxLimit),
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
    description: `Rows of ${table.dataset.name} in pages, as Relay has them.`,
    args: {
      ...rowsArguments(table.inputs),
      first: argument(GraphQLInt, `This many rows from the start. (Default: ${defaultRows})`),
      after: argument(GraphQLString, 'Only rows behind this cursor.'),
      last: argument(GraphQLInt, 'This many rows from the end; instead of `first`.'),
      before: argument(GraphQLString, 'Only rows before this cursor.'),
    },
    resolve: answer<PageInput>(table, (input, selection) => {
      const { backwards, name, count } = pageSide(input.first, input.last);
      return connectionPlan(
        {
          where: toFilter(input.where, table),
          orderBy: toOrderings(input.orderBy),
          backwards,
          limit: checkedCount(name, count, selection.maxLimit),
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
    description: `Aggregates over rows of ${table.dataset.name}.`,
    args: { where: rowsArguments(table.inputs).where },
    resolve: answer<Pick<RowsInput, 'where'>>(table, (input, selection) =>
      aggregatePlan(toFilter(input.where, table), selection),
    ),
  };
}

function groupsField(table: Table): Field {
  return {
    type: required(table.types.groups),
    description: `Groups of rows of ${table.dataset.name} with their aggregates.`,
    args: {
      ...groupsArguments(table.inputs),
      limit: { ...argument(GraphQLInt, 'At most this many groups.'), defaultValue: defaultGroups },
      offset: offsetArgument,
    },
    resolve: answer<GroupsInput>(table, (input, selection) => {
      const by = toGroupKeys(input.by, (_key, position) => `k${position}`);
      return groupsPlan(
        {
          by,
          where: toFilter(input.where, table),
          having: toHaving(input.having, table),
          orderBy: toGroupOrderings(input.orderBy, by),
          limit: checkedCount('limit', input.limit ?? defaultGroups, selection.maxLimit),
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
    argument(required(shared.scalars[column.type]), briefNotes(column).description),
  ]);
  return {
    type: table.types.row,
    description: `The row of ${table.dataset.name} with this key, or null.`,
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
  table: Table,
  planOf: Planner<Input>,
): GraphQLFieldResolver<unknown, unknown, Input> {
  return (_source, input, context, { fieldNodes, fragments, variableValues }) => {
    const { tables, ...rest } = context as TableContext;
    const { maxLimit } = tables.limits;
    const selection = selectionOn(table, fieldNodes, { fragments, variableValues, maxLimit });
    return respond(tables, table.dataset.name, planOf(input, selection), rest);
  };
}

// A key with a column that the table has not is refused by the import; half a key would find the wrong row.
function keyColumns({ columns, primaryKey }: TableDataset): readonly Column[] {
  const key = primaryKey.flatMap((name) => columns.find((column) => column.name === name) ?? []);
  return key.length === primaryKey.length ? key : [];
}
