import {
  coerceInputValue,
  isRequiredArgument,
  type GraphQLField,
  type GraphQLResolveInfo,
  type GraphQLSchema,
} from 'graphql';
import { AppError } from '../errors.js';
import type { Query } from '../query/query.js';
import { withoutPrototypes } from './execute.js';
import { rootFieldNames } from './names.js';
import type { TableWriter } from './tables/reader.js';

/** The arguments of a writeback field, as JSON gives them. */
export type QueryJson = Readonly<Record<string, unknown>>;

/** Arguments that say where to write, not what. */
const notOfTheQuery: readonly string[] = ['destination', 'wait'];

/**
 * The query that a writeback of a dataset with these words would run: the schema's own field coerces them and makes it.
 * Words of groups are those with `by`.
 * @throws NOT_FOUND for a dataset that is not in the schema, INVALID_INPUT, COLUMN_NOT_FOUND
 */
export function queryOfJson(dataset: string, json: QueryJson, schema: GraphQLSchema): Query {
  const names = rootFieldNames(dataset);
  const rows = fieldOf(names.writeback, schema);
  // The field of order_items is the one that a dataset OrderItems would have.
  if (!rows || made(rows, {})?.dataset !== dataset) {
    throw new AppError('NOT_FOUND', `Dataset ${dataset} has no rows yet; import it first`, {
      details: { dataset },
    });
  }
  const isGroups = Object.hasOwn(json, 'by');
  const field = isGroups ? fieldOf(names.writebackGroups, schema) : rows;
  if (!field) {
    throw new AppError('INVALID_INPUT', `Dataset ${dataset} does not show groups (expose.groups)`);
  }
  const query = made(field, coerced(json, field))?.query;
  if (!query) throw new TypeError(`${field.name} made no query`);
  return query;
}

/**
 * Checks the words of a query as far as that goes without its dataset's columns.
 * @throws INVALID_INPUT
 */
export function checkWords(json: QueryJson): void {
  const gap = gapIn(json);
  if (gap) {
    throw new AppError(
      'INVALID_INPUT',
      `The query has no value at ${placeOf(gap).slice(1)}; in JSON, names such as those of columns and directions are texts: "amount", "DESC"`,
      { details: { path: gap } },
    );
  }
  const isGroups = Object.hasOwn(json, 'by');
  const words = isGroups
    ? ['by', 'aggregates', 'where', 'having', 'orderBy', 'limit']
    : ['columns', 'where', 'orderBy', 'limit'];
  requireKnown(json, words);
}

function fieldOf(name: string, schema: GraphQLSchema): GraphQLField<unknown, unknown> | undefined {
  const fields = schema.getMutationType()?.getFields() ?? {};
  return Object.hasOwn(fields, name) ? fields[name] : undefined;
}

function coerced(json: QueryJson, field: GraphQLField<unknown, unknown>): QueryJson {
  const words = field.args.filter(({ name }) => !notOfTheQuery.includes(name));
  requireKnown(
    json,
    words.map(({ name }) => name),
  );
  const given = withoutPrototypes(json);
  return Object.fromEntries(
    words.flatMap((argument) => {
      const { name, type } = argument;
      if (given[name] === undefined) {
        if (!isRequiredArgument(argument)) return [];
        throw new AppError('INVALID_INPUT', `The query needs ${name}`, {
          details: { argument: name },
        });
      }
      const found: unknown = coerceInputValue(given[name], type, (path, _invalid, { message }) => {
        throw new AppError('INVALID_INPUT', `${name}${placeOf(path)}: ${message}`, {
          details: { argument: name, path },
        });
      });
      return [[name, found]];
    }),
  );
}

function requireKnown(json: QueryJson, words: readonly string[]): void {
  const unknown = Object.keys(json).find((word) => !words.includes(word));
  if (unknown === undefined) return;
  throw new AppError(
    'INVALID_INPUT',
    `The query has no word ${JSON.stringify(unknown)}; it takes ${words.join(', ')}`,
    { details: { argument: unknown } },
  );
}

/** Where a name of GraphQL stands in JSON that was written into the operation: the scalar makes undefined of it. */
function gapIn(value: unknown): (string | number)[] | undefined {
  if (value === undefined) return [];
  if (typeof value !== 'object' || value === null) return undefined;
  const members = Array.isArray(value) ? value.entries() : Object.entries(value);
  for (const [name, member] of members as Iterable<[string | number, unknown]>) {
    const gap = gapIn(member);
    if (gap) return [name, ...gap];
  }
  return undefined;
}

/** What a writeback field hands to the writer. */
function made(field: GraphQLField<unknown, unknown>, input: QueryJson) {
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
