import {
  coerceInputValue,
  type GraphQLField,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { AppError } from '../../errors.js';
import type { Query, RowsQuery } from '../../query/query.js';
import { withoutPrototypes } from '../execute.js';
import { rootFieldNames } from '../names.js';
import type { TableWriter } from '../tables/reader.js';
import type { ExportRequest } from './request.js';

/**
 * The query of an export. It is the one that a writeback with the same words would run: the schema's own field coerces the
 * arguments and makes it.
 * @throws NOT_FOUND for a dataset that is not in the schema, INVALID_INPUT
 */
export function exportQuery(request: ExportRequest, schema: GraphQLSchema): RowsQuery {
  const { dataset, offset = 0 } = request;
  const fields = schema.getMutationType()?.getFields() ?? {};
  const name = rootFieldNames(dataset).writeback;
  const field = Object.hasOwn(fields, name) ? fields[name] : undefined;
  const query = field && made(field, request);
  // The field of order_items is the one that a dataset OrderItems would have.
  if (query?.dataset !== dataset) {
    throw new AppError('NOT_FOUND', `Dataset ${dataset} has no rows yet; import it first`, {
      details: { dataset },
    });
  }
  if (query.query.kind !== 'rows') throw new TypeError(`${name} is no query of rows`);
  return { ...query.query, ...(offset > 0 && { offset }) };
}

function made(field: GraphQLField<unknown, unknown>, request: ExportRequest) {
  const { columns, where, orderBy } = request;
  const given = withoutPrototypes({ columns, where, orderBy });
  const coerced = (name: 'columns' | 'where' | 'orderBy') => {
    const type = field.args.find((argument) => argument.name === name)?.type;
    if (!type || given[name] === undefined) return undefined;
    return coerceInputValue(given[name], type, (path, _invalid, { message }) => {
      throw new AppError('INVALID_INPUT', `${name}${placeOf(path)}: ${message}`, {
        details: { argument: name, path },
      });
    });
  };
  const input = {
    columns: coerced('columns'),
    where: coerced('where'),
    orderBy: coerced('orderBy'),
    // The field's own type has 32 bits, and a table may have more rows than that.
    limit: request.limit,
  };
  let written: { readonly dataset: string; readonly query: Query } | undefined;
  const tables: Pick<TableWriter, 'writeback'> = {
    writeback(dataset, query) {
      written = { dataset, query };
      return Promise.resolve();
    },
  };
  // Its resolver asks for nothing else.
  void field.resolve?.(undefined, input, { tables }, {} as GraphQLResolveInfo);
  return written;
}

const placeOf = (path: readonly (string | number)[]) =>
  path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('');
