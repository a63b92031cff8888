import {
  GraphQLBoolean,
  GraphQLInt,
  type GraphQLFieldConfigArgumentMap,
  type GraphQLFieldConfigMap,
  type GraphQLFieldResolver,
} from 'graphql';
import { AppError } from '../../errors.js';
import type { GroupsQuery, Query, RowsQuery } from '../../query/query.js';
import { rootFieldNames } from '../names.js';
import { GraphQLJSON } from '../scalars.js';
import { keyHeader, toAggregates } from './aggregates-json.js';
import { checkedCount, toGroupKeys, toGroupOrderings, toOrderings } from './arguments.js';
import { toFilter, toHaving } from './conditions.js';
import type { TableContext } from './reader.js';
import {
  argument,
  groupsArguments,
  rowsArguments,
  type GroupsInput,
  type RowsInput,
} from './root-arguments.js';
import type { SharedTypes } from './shared.js';
import type { Table } from './table.js';
import type { TableDataset } from './types.js';
import { listOf, required } from './wrappers.js';

type WritebackRowsInput = Pick<RowsInput, 'where' | 'orderBy' | 'limit'> & {
  readonly columns?: readonly string[] | null;
};

type WritebackGroupsInput = Omit<GroupsInput, 'offset'> & { readonly aggregates: unknown };

interface DestinationInput {
  readonly destination: unknown;
  readonly wait?: boolean | null;
}

/** The mutation fields of a dataset: the same words as its query fields, and a destination. */
export function writebackFields(
  table: Table,
  shared: SharedTypes,
): GraphQLFieldConfigMap<unknown, unknown> {
  const { dataset, inputs } = table;
  const names = rootFieldNames(dataset.name);
  const type = required(shared.writebackRun);
  const { groups = true } = dataset.expose ?? {};
  return {
    [names.writeback]: {
      type,
      description: `Writes rows of ${dataset.name} to S3.`,
      args: {
        columns: argument(listOf(inputs.column), 'Which columns, in this order. (Default: all)'),
        ...rowsArguments(inputs),
        limit: argument(GraphQLInt, 'At most this many rows. (Default: all)'),
        ...destinationArguments(shared),
      },
      resolve: write(dataset, (input: WritebackRowsInput) => rowsQuery(input, table)),
    },
    ...(groups && {
      [names.writebackGroups]: {
        type,
        description: `Writes groups of rows of ${dataset.name} to S3.`,
        args: {
          ...groupsArguments(inputs),
          aggregates: argument(
            required(GraphQLJSON),
            'What to compute: {"count": true, "sum": ["amount"], "max": {"amount": "a header"}, "quantile": [{"q": 0.9, "columns": ["amount"]}]}.',
          ),
          limit: argument(GraphQLInt, 'At most this many groups. (Default: all)'),
          ...destinationArguments(shared),
        },
        resolve: write(dataset, (input: WritebackGroupsInput) => groupsQuery(input, table)),
      },
    }),
  };
}

/** The query of a writeback of rows, from coerced arguments. */
export function rowsQuery(input: WritebackRowsInput, table: Table): RowsQuery {
  const { dataset } = table;
  const where = toFilter(input.where, table);
  return {
    kind: 'rows',
    from: { segments: [{ table: dataset.name }], columns: dataset.columns },
    columns: chosenColumns(input.columns, dataset),
    ...(where && { where }),
    orderBy: toOrderings(input.orderBy),
    ...limited(input.limit),
  };
}

/** The query of a writeback of groups, from coerced arguments. */
export function groupsQuery(input: WritebackGroupsInput, table: Table): GroupsQuery {
  const { dataset } = table;
  const where = toFilter(input.where, table);
  const having = toHaving(input.having, table);
  const by = toGroupKeys(input.by, keyHeader);
  return {
    kind: 'groups',
    from: { segments: [{ table: dataset.name }], columns: dataset.columns },
    by,
    aggregates: toAggregates(input.aggregates, dataset, by),
    ...(where && { where }),
    ...(having && { having }),
    orderBy: toGroupOrderings(input.orderBy, by),
    ...limited(input.limit),
  };
}

function write<Input>(
  dataset: TableDataset,
  queryOf: (input: Input) => Query,
): GraphQLFieldResolver<unknown, unknown, Input & DestinationInput> {
  return (_source, input, context) => {
    const { tables } = context as TableContext;
    const query = queryOf(input);
    return tables.writeback(dataset.name, query, input.destination, input.wait ?? false, context);
  };
}

function destinationArguments(shared: SharedTypes): GraphQLFieldConfigArgumentMap {
  return {
    destination: argument(required(shared.destinationInput), 'Where to, and as what.'),
    wait: {
      ...argument(GraphQLBoolean, 'Whether to answer only when the run has ended.'),
      defaultValue: false,
    },
  };
}

// No greatest limit here: what is written to S3 need not fit into an answer.
function limited(limit: number | null | undefined): { readonly limit?: number } {
  return limit == null ? {} : { limit: checkedCount('limit', limit) };
}

function chosenColumns(
  columns: readonly string[] | null | undefined,
  dataset: TableDataset,
): readonly string[] {
  const names = columns ?? dataset.columns.map(({ name }) => name);
  const twice = names.find((name, position) => names.indexOf(name) !== position);
  if (twice) throw new AppError('INVALID_INPUT', `\`columns\` names ${twice} twice`);
  if (names.length === 0) throw new AppError('INVALID_INPUT', '`columns` is empty; name one');
  return names;
}
