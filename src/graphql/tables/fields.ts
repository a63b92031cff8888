import type { GraphQLFieldConfigMap } from 'graphql';
import { tableInputs } from './inputs.js';
import { queryFields } from './query-fields.js';
import type { SharedTypes } from './shared.js';
import { tableTypes, type TableDataset } from './types.js';
import { writebackFields } from './writeback-fields.js';

/**
 * Everything one dataset adds to the schema; nothing while it has no columns. The query fields answer with RawJson, so
 * they run on the schema that buildExecutionSchema makes; their resolvers find a TableContext as the context.
 */
export function tableFields(
  dataset: TableDataset,
  shared: SharedTypes,
): {
  readonly query: GraphQLFieldConfigMap<unknown, unknown>;
  readonly mutation: GraphQLFieldConfigMap<unknown, unknown>;
} {
  if (dataset.columns.length === 0) return { query: {}, mutation: {} };
  const inputs = tableInputs(dataset, shared);
  const types = tableTypes(dataset, shared);
  return {
    query: queryFields(dataset, types, inputs, shared),
    mutation: writebackFields(dataset, inputs, shared),
  };
}
