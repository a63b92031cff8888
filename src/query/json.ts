import type { Dialect } from '../dialect.js';
import { ident, join, sql, type Sql } from '../sql.js';
import { compileAggregates, outputColumn } from './compile.js';
import { groupsJson } from './groups-json.js';
import type { AggregateQuery, Json, Query } from './query.js';
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
      const { index, type } = outputColumn(query, column);
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
