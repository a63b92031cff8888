import { GraphQLInt, type GraphQLArgumentConfig, type GraphQLInputType } from 'graphql';
import type { GroupByInput, GroupOrderInput, OrderInput } from './arguments.js';
import type { FilterInput } from './conditions.js';
import type { TableInputs } from './inputs.js';
import { listOf, required } from './wrappers.js';

/** The arguments of a list of rows, as graphql-js coerces them. */
export interface RowsInput {
  readonly where?: FilterInput | null;
  readonly orderBy?: readonly OrderInput[] | null;
  readonly distinctOn?: readonly string[] | null;
  readonly limit?: number | null;
  readonly offset?: number | null;
}

/** The arguments of groups, as graphql-js coerces them. */
export interface GroupsInput {
  readonly by: readonly GroupByInput[];
  readonly where?: FilterInput | null;
  readonly having?: FilterInput | null;
  readonly orderBy?: readonly GroupOrderInput[] | null;
  readonly limit?: number | null;
  readonly offset?: number | null;
}

/** The arguments that a query and a writeback of rows have in common. */
export function rowsArguments(inputs: TableInputs) {
  return {
    where: argument(inputs.filter, 'Which rows. (Default: all)'),
    orderBy: argument(
      listOf(inputs.order),
      'Keys of the order. (Default: as the rows were loaded)',
    ),
  };
}

/** The arguments that a query and a writeback of groups have in common. */
export function groupsArguments(inputs: TableInputs) {
  return {
    by: argument(required(listOf(inputs.groupBy)), 'What groups are made by; at least one.'),
    where: argument(inputs.filter, 'Which rows. (Default: all)'),
    having: argument(inputs.having, 'Which groups. (Default: all)'),
    orderBy: argument(listOf(inputs.groupOrder), 'Keys of the order. (Default: `by`, ascending)'),
  };
}

/** How many to skip. */
export const offsetArgument: GraphQLArgumentConfig = {
  ...argument(GraphQLInt, 'How many to skip.'),
  defaultValue: 0,
};

/** An argument with its description. */
export function argument(type: GraphQLInputType, description: string): GraphQLArgumentConfig {
  return { type, description };
}
