import type { Dialect, ValueType } from '../dialect.js';
import { AppError } from '../errors.js';
import { ident, integer, join, sql, type Sql } from '../sql.js';
import {
  aggregateLabel,
  compileAggregate,
  type CompiledAggregate,
  type Measure,
} from './aggregates.js';
import { compileBucket, type BucketKey } from './buckets.js';
import { compileCondition, compileFilter, whereClause } from './filter.js';
import { fillGaps } from './gaps.js';
import { compileComparison } from './operators.js';
import { orderTerms, type SortKey } from './ordering.js';
import type { GroupOrdering, GroupsQuery, HavingFilter } from './query.js';
import { columnOf, scan } from './source.js';

/** A column of the grouped relation: `k0 …` for keys, `a0 …` for aggregates. */
export interface GroupColumn {
  readonly name: string;
  readonly type: ValueType;
}

/** The clauses of a groups query. In `order` and in the columns' SQL the groups are called `g`. */
export interface GroupsPlan {
  /** Common table expressions, the last of which is called `kept` and holds the groups that `having` leaves. */
  readonly tables: Sql;
  readonly keys: readonly GroupColumn[];
  /** The column of each of the query's aggregates, in order. */
  readonly aggregates: readonly GroupColumn[];
  readonly order: Sql;
}

/** Works out the clauses of a groups query. All aggregates, of the output or not, are columns of one scan. */
export function planGroups(query: GroupsQuery, dialect: Dialect): GroupsPlan {
  if (query.by.length === 0) {
    throw new AppError('INVALID_INPUT', 'Groups need at least one column or bucket in `by`');
  }
  const table = scan(query.from, dialect);
  const keys = query.by.map((key, index) => ({
    name: `k${index}`,
    key,
    sql:
      key.kind === 'bucket'
        ? compileBucket(key, query.from, table, dialect)
        : table.column(key.column),
    type:
      key.kind === 'bucket' ? ({ type: 'TIMESTAMP' } as const) : columnOf(query.from, key.column),
  }));

  const measures = new Map<string, CompiledAggregate & GroupColumn>();
  const column = (measure: Measure) => {
    const identity = JSON.stringify([
      measure.kind,
      'column' in measure && measure.column,
      'q' in measure && measure.q,
    ]);
    let found = measures.get(identity);
    if (!found) {
      const compiled = compileAggregate(measure, query.from, table, dialect);
      found = { ...compiled, name: `a${measures.size}` };
      measures.set(identity, found);
    }
    return found;
  };
  const aggregates = query.aggregates.map(column);
  const having = query.having && compileHaving(query.having, column, dialect);
  const order = orderTerms([
    ...query.orderBy.flatMap((ordering) => orderingKeys(ordering, keys, column)),
    ...keys.map(({ name }) => ascending(name)),
  ]);

  const columns = [...keys, ...measures.values()];
  const where = query.where ? [compileFilter(query.where, query, table, dialect)] : [];
  const grouped = sql`select ${join(columns.map((item) => sql`${item.sql} as ${ident(item.name)}`))} from ${table.from}${whereClause(where)} group by ${join(keys.map((_, index) => integer(index + 1)))}`;
  const gaps = gapKey(query);
  const filled = gaps && fillGaps(gaps, query.from, keys, [...measures.values()], dialect);
  const kept = sql`select g.* from ${filled ? sql`filled` : sql`grouped`} as g${whereClause(having ? [having] : [])}`;
  return {
    tables: sql`grouped as (${grouped})${filled ? sql`, ${filled}` : sql``}, kept as (${kept})`,
    keys,
    aggregates,
    order,
  };
}

/** The statement of a groups query with keys and aggregates under their `as` names. */
export function compileGroups(query: GroupsQuery, dialect: Dialect): Sql {
  const { tables, keys, aggregates, order } = planGroups(query, dialect);
  const names = [...query.by, ...query.aggregates].map((item) => item.as);
  const columns = [...keys, ...aggregates].map(
    ({ name }, index) => sql`g.${ident(name)} as ${ident(names[index] ?? name)}`,
  );
  return sql`with ${tables} select ${join(columns)} from kept as g order by ${order}${dialect.limit(query.limit, query.offset)}`;
}

function compileHaving(
  having: HavingFilter,
  column: (measure: Measure) => GroupColumn,
  dialect: Dialect,
): Sql {
  return compileCondition<Extract<HavingFilter, { kind: 'compare' }>>(
    having,
    ({ measure, operator, value }) => {
      const { name, type } = column(measure);
      const operand = { sql: sql`g.${ident(name)}`, type, label: aggregateLabel(measure) };
      return compileComparison(operand, operator, value, dialect);
    },
  );
}

function orderingKeys(
  ordering: GroupOrdering,
  keys: readonly (GroupColumn & { readonly key: GroupsQuery['by'][number] })[],
  column: (measure: Measure) => GroupColumn,
): SortKey[] {
  const { descending, nulls } = ordering;
  const sorted = ({ name }: { name: string }) => ({
    sql: sql`g.${ident(name)}`,
    descending,
    nulls,
  });
  switch (ordering.by) {
    case 'measure':
      return [sorted(column(ordering.measure))];
    case 'bucket': {
      const buckets = keys.filter(({ key }) => key.kind === 'bucket');
      if (buckets.length > 0) return buckets.map(sorted);
      throw new AppError('INVALID_INPUT', 'Groups are ordered by bucket, but `by` has none');
    }
    case 'key': {
      const key = keys.find(
        (item) => item.key.kind === 'column' && item.key.column === ordering.column,
      );
      if (key) return [sorted(key)];
      throw new AppError(
        'INVALID_INPUT',
        `Groups are ordered by the key ${ordering.column}, which is not among the columns in \`by\``,
        { details: { column: ordering.column } },
      );
    }
  }
}

function ascending(name: string): SortKey {
  return { sql: sql`g.${ident(name)}`, descending: false, nulls: 'last' };
}

function gapKey(query: GroupsQuery): BucketKey | undefined {
  const gaps = query.by.filter((key): key is BucketKey => key.kind === 'bucket' && key.fillGaps);
  if (gaps.length > 1) {
    throw new AppError('INVALID_INPUT', 'Only one bucket of a query can have fillGaps');
  }
  return gaps[0];
}
