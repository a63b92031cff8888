import {
  GraphQLInt,
  type GraphQLFieldConfig,
  type GraphQLFieldConfigMap,
  type GraphQLInputFieldConfigMap,
} from 'graphql';
import type { Link } from '../../query/query.js';
import { defaultRows } from './arguments.js';
import { argument, rowsArguments } from './root-arguments.js';
import type { TableRelation } from './table.js';
import { listOf, required } from './wrappers.js';

/** Marks a field whose answer takes a reading of a whole table, whatever is asked of it. */
export const readsTable = 'readsTable';

/** The fields of a row that lead to other rows. */
export function relationFields(
  relations: readonly TableRelation[],
): GraphQLFieldConfigMap<unknown, unknown> {
  return Object.fromEntries(relations.map((relation) => [relation.name, fieldOf(relation)]));
}

/** The members of a filter that are conditions on the row a relation leads to. */
export function relationConditions(
  relations: readonly TableRelation[],
): GraphQLInputFieldConfigMap {
  return Object.fromEntries(
    relations
      .filter(({ many }) => !many)
      .map(({ name, link, target }) => [
        name,
        {
          type: target.inputs.filter,
          description: `There is a row of ${link.dataset} with ${conditionOf(link)} for which this holds.`,
        },
      ]),
  );
}

function fieldOf({ many, link, target }: TableRelation): GraphQLFieldConfig<unknown, unknown> {
  const { types, inputs } = target;
  const condition = conditionOf(link);
  if (!many) {
    const description = `The row of ${link.dataset} with ${condition}; null without one, the first if there are several.`;
    return { type: types.row, description, extensions: { [readsTable]: true } };
  }
  const limit = argument(GraphQLInt, 'At most this many rows for each row they belong to.');
  return {
    type: required(listOf(types.row)),
    description: `The rows of ${link.dataset} with ${condition}.`,
    args: { ...rowsArguments(inputs), limit: { ...limit, defaultValue: defaultRows } },
    extensions: { [readsTable]: true },
  };
}

function conditionOf({ keys }: Link): string {
  return keys.map(({ column, references }) => `${references} = ${column}`).join(' and ');
}
