import type { Dialect, ValueType } from '../dialect.js';
import { AppError } from '../errors.js';
import { ident, join, sql, type Sql } from '../sql.js';
import { aggregateType, compileAggregate } from './aggregates.js';
import { compileFilter, whereClause } from './filter.js';
import { compileGroups } from './groups.js';
import type { AggregateQuery, OutputColumn, Query } from './query.js';
import { compileRows } from './rows.js';
import { columnOf, scan } from './source.js';

/** The statement of a query, with its typed output columns in order: what a writeback copies. */
export function compile(query: Query, dialect: Dialect): Sql {
  if (outputColumns(query).length === 0) {
    throw new AppError('INVALID_INPUT', 'A result needs at least one column');
  }
  switch (query.kind) {
    case 'rows':
      return compileRows(query, dialect);
    case 'aggregate':
      return compileAggregates(query, dialect);
    case 'groups':
      return compileGroups(query, dialect);
  }
}

/** Names and types of a query's output columns, in order. */
export function outputColumns(query: Query): readonly OutputColumn[] {
  const aggregates = () =>
    query.kind === 'rows'
      ? []
      : query.aggregates.map((item) => output(item.as, aggregateType(item, query.from)));
  switch (query.kind) {
    case 'rows':
      return query.columns.map((name) => output(name, columnOf(query.from, name)));
    case 'aggregate':
      return aggregates();
    case 'groups': {
      const keys = query.by.map((key) =>
        output(
          key.as,
          key.kind === 'bucket' ? { type: 'TIMESTAMP' } : columnOf(query.from, key.column),
        ),
      );
      return [...keys, ...aggregates()];
    }
  }
}

/** The output column of a name, and its place. */
export function outputColumn(query: Query, name: string): { index: number; type: OutputColumn } {
  const columns = outputColumns(query);
  const index = columns.findIndex((column) => column.name === name);
  const type = columns[index];
  if (!type) throw new AppError('INTERNAL', `The query has no output column ${name}`);
  return { index, type };
}

/** One row of all aggregates over one scan. (Default name: the aggregate's own) */
export function compileAggregates(
  query: AggregateQuery,
  dialect: Dialect,
  name: (index: number) => Sql = (index) => ident(query.aggregates[index]?.as ?? ''),
): Sql {
  const table = scan(query.from, dialect);
  const where = query.where ? [compileFilter(query.where, query, table, dialect)] : [];
  const columns = query.aggregates.map(
    (item, index) =>
      sql`${compileAggregate(item, query.from, table, dialect).sql} as ${name(index)}`,
  );
  return sql`select ${join(columns)} from ${table.from}${whereClause(where)}`;
}

function output(name: string, { type, decimal }: ValueType): OutputColumn {
  return decimal ? { name, type, decimal } : { name, type };
}
