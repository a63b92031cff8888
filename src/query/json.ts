import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { ident, integer, join, sql, type Sql } from '../sql.js';
import { compileAggregates, outputColumns } from './compile.js';
import { planGroups } from './groups.js';
import type { AggregateQuery, GroupsQuery, Json, OutputColumn, Query } from './query.js';
import { rowsJson } from './rows-json.js';
import { outside, rowText, type Scope } from './shape.js';

/** What an answer carries besides its rows. */
export interface JsonOptions {
  /** Rows in a block. (Default: 4096) */
  readonly blockRows?: number;
  /** Rows only: cursors for this generation of the table, as `first_cursor` and `last_cursor` of each block. (Default: none) */
  readonly cursors?: { readonly generation: string };
  /** Rows with a limit only: looks one row past the limit and tells in `has_more` whether it is there. (Default: false) */
  readonly probe?: boolean;
  /** Groups only: the number of groups that `having` leaves, before limit and offset, in `total`. (Default: false) */
  readonly total?: boolean;
}

/**
 * The statement that gives an answer as JSON text, one result row for each block of rows, in order: `json0`, `json1` …
 * (BLOB: for each shape the values of the block's rows, joined by commas), `rows` (BIGINT: their number), and what
 * the options ask for. No rows are no blocks, or one block with `rows` 0.
 */
export function compileJson(
  query: Query,
  shapes: readonly Json[],
  dialect: Dialect,
  options: JsonOptions = {},
): Sql {
  switch (query.kind) {
    case 'rows':
      return rowsJson(query, shapes, dialect, options);
    case 'aggregate':
      return aggregateJson(query, shapes, dialect);
    case 'groups':
      return groupsJson(query, shapes, dialect, options);
  }
}

function aggregateJson(query: AggregateQuery, shapes: readonly Json[], dialect: Dialect): Sql {
  const name = (index: number) => ident(`a${index}`);
  const scope: Scope = {
    ...outside,
    column(column) {
      const { index, type } = output(query, column);
      return { sql: sql`n.${name(index)}`, type };
    },
  };
  const values =
    query.aggregates.length > 0 ? compileAggregates(query, dialect, name) : sql`select 1 as one`;
  const texts = shapes.map(
    (shape, index) =>
      sql`${dialect.bytes(rowText(shape, scope, dialect))} as ${ident(`json${index}`)}`,
  );
  return sql`select ${join([...texts, sql`cast(1 as ${dialect.typeName({ type: 'BIGINT' })}) as ${ident('rows')}`])} from (${values}) as n`;
}

function groupsJson(
  query: GroupsQuery,
  shapes: readonly Json[],
  dialect: Dialect,
  { blockRows = 4096, total = false }: JsonOptions,
): Sql {
  const plan = planGroups(query, dialect);
  const columns = [...plan.keys, ...plan.aggregates];
  const scope: Scope = {
    ...outside,
    column(name) {
      const { index, type } = output(query, name);
      return { sql: sql`n.${ident(columns[index]?.name ?? '')}`, type };
    },
    bucketEnd(name) {
      const key = query.by[output(query, name).index];
      if (key?.kind !== 'bucket') throw new AppError('INTERNAL', `${name} is no bucket`);
      return dialect.bucketEnd(scope.column(name).sql, key.unit);
    },
  };
  const block = sql`n.rn - n.rn % ${integer(blockRows)}`;
  const cut = dialect.limit(query.limit, query.offset);
  const page = sql`select g.* from kept as g order by ${plan.order}${cut}`;
  const numbered = sql`select g.*, row_number() over (order by ${plan.order}) - 1 as rn from (${page}) as g`;
  const texts = shapes.map((shape, index) => {
    const text = rowText(shape, scope, dialect);
    const joined = dialect.joinRows(text, sql`n.rn`, total ? sql`n.rn is not null` : undefined);
    return sql`${joined} as ${ident(`json${index}`)}`;
  });
  const results = [
    ...texts,
    sql`count(n.rn) as ${ident('rows')}`,
    ...(total ? [sql`s.total as total`] : []),
  ];
  // The outer join keeps the total where the page has no groups.
  const from = total
    ? sql`(select count(*) as total from kept) as s left join numbered as n on true group by s.total, ${block}`
    : sql`numbered as n group by ${block}`;
  return sql`with ${plan.tables}, numbered as (${numbered}) select ${join(results)} from ${from} order by ${block}`;
}

function output(query: Query, name: string): { index: number; type: OutputColumn } {
  const columns = outputColumns(query);
  const index = columns.findIndex((column) => column.name === name);
  const type = columns[index];
  if (!type) throw new AppError('INTERNAL', `The query has no output column ${name}`);
  return { index, type };
}
