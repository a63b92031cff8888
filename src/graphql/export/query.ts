import type { GraphQLSchema } from 'graphql';
import { checkedCount } from '../tables/arguments.js';
import type { RowsQuery } from '../../query/query.js';
import { queryOfJson } from '../json-query.js';
import type { ExportRequest } from './request.js';

/**
 * The query of an export: the one that a writeback with the same words would run.
 * @throws NOT_FOUND for a dataset that is not in the schema, INVALID_INPUT
 */
export function exportQuery(request: ExportRequest, schema: GraphQLSchema): RowsQuery {
  const { dataset, columns, where, orderBy, limit, offset = 0 } = request;
  const words = Object.entries({ columns, where, orderBy }).filter(
    ([, word]) => word !== undefined,
  );
  const query = queryOfJson(dataset, Object.fromEntries(words), schema);
  if (query.kind !== 'rows') throw new TypeError(`An export of ${dataset} is no query of rows`);
  return {
    ...query,
    // The field's own type has 32 bits, and a table may have more rows than that.
    ...(limit !== undefined && { limit: checkedCount('limit', limit) }),
    ...(offset > 0 && { offset }),
  };
}
