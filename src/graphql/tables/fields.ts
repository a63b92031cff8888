import type { GraphQLFieldConfigMap } from 'graphql';
import { queryFields } from './query-fields.js';
import type { SharedTypes } from './shared.js';
import { tablesOf, type Tables } from './table.js';
import type { TableDataset } from './types.js';
import { writebackFields } from './writeback-fields.js';

/**
 * Everything one dataset adds to the schema; nothing while it has no columns. The query fields answer with RawJson, so
 * they run on the schema that buildExecutionSchema makes; their resolvers find a TableContext as the context.
 */
export function tableFields(
  dataset: TableDataset,
  shared: SharedTypes,
  /** The tables of the whole schema. (Default: this one) */
  tables: Tables = tablesOf([dataset], shared),
): {
  readonly query: GraphQLFieldConfigMap<unknown, unknown>;
  readonly mutation: GraphQLFieldConfigMap<unknown, unknown>;
} {
  const table = tables.get(dataset.name);
  if (!table) return { query: {}, mutation: {} };
  return { query: queryFields(table, shared), mutation: writebackFields(table, shared) };
}
