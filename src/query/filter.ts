import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { empty, join, sql, type Sql } from '../sql.js';
import { linkedSource, linkedTypes, type Reads } from './links.js';
import { compileComparison } from './operators.js';
import type { Comparison, Filter, RelatedFilter } from './query.js';
import { columnOf, scan, type Scan } from './source.js';

/** A tree of conditions over leaves of one kind: filters on rows and on groups are both of this form. */
export type Condition<Leaf extends { readonly kind: 'compare' | 'related' }> =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Condition<Leaf>[] }
  | { readonly kind: 'not'; readonly filter: Condition<Leaf> }
  | Leaf;

// Engines limit the depth of an expression too, but say it less clearly.
const maxDepth = 100;

/** SQL of a tree of conditions: no conditions are true under `and`, false under `or`. */
export function compileCondition<Leaf extends { readonly kind: 'compare' | 'related' }>(
  condition: Condition<Leaf>,
  leaf: (leaf: Leaf, depth: number) => Sql,
  depth = 0,
): Sql {
  if (depth > maxDepth) {
    throw new AppError('INVALID_INPUT', `The filter nests deeper than ${maxDepth} levels`, {
      details: { limit: maxDepth },
    });
  }
  switch (condition.kind) {
    case 'compare':
    case 'related':
      return leaf(condition, depth);
    case 'not':
      return sql`not (${compileCondition(condition.filter, leaf, depth + 1)})`;
    case 'and':
    case 'or': {
      const parts = condition.filters.map((part) => compileCondition(part, leaf, depth + 1));
      const [first] = parts;
      if (!first) return condition.kind === 'and' ? sql`true` : sql`false`;
      if (parts.length === 1) return first;
      return sql`(${join(parts, condition.kind === 'and' ? sql` and ` : sql` or `)})`;
    }
  }
}

/** SQL of a filter on rows of a query's table. */
export function compileFilter(
  filter: Filter,
  reads: Reads,
  table: Scan,
  dialect: Dialect,
  depth = 0,
): Sql {
  return compileCondition<Comparison | RelatedFilter>(
    filter,
    (leaf, depth) => {
      if (leaf.kind === 'related') return compileRelated(leaf, reads, table, dialect, depth);
      const { column, operator, value } = leaf;
      const operand = {
        sql: table.column(column),
        type: columnOf(reads.from, column),
        label: `Column ${column}`,
      };
      return compileComparison(operand, operator, value, dialect);
    },
    depth,
  );
}

/**
 * EXISTS, written as IN: engines make a semi join of it, where DuckDB 1.5.6 first gathers the outer side of an EXISTS and
 * takes several times as long. With no NULL on either side it is two-valued, so it means the same under `not`.
 */
function compileRelated(
  { link, where }: RelatedFilter,
  reads: Reads,
  table: Scan,
  dialect: Dialect,
  depth: number,
): Sql {
  const from = linkedSource(link, reads);
  const other = scan(from, dialect);
  const keys = linkedTypes(link, reads.from, from).map(({ key, left, right }) => ({
    left: left(table.column(key.column), dialect),
    right: right(other.column(key.references), dialect),
  }));
  const present = (side: Sql) => sql`${side} is not null`;
  const within = [
    ...keys.map(({ right }) => present(right)),
    ...(where ? [compileFilter(where, { ...reads, from }, other, dialect, depth + 1)] : []),
  ];
  const found = sql`select ${join(keys.map(({ right }) => right))} from ${other.from}${whereClause(within)}`;
  const [first] = keys;
  const sought =
    keys.length === 1 && first ? first.left : sql`(${join(keys.map(({ left }) => left))})`;
  return sql`(${join([...keys.map(({ left }) => present(left)), sql`${sought} in (${found})`], sql` and `)})`;
}

/** `where …` of all conditions, or nothing if there are none. */
export function whereClause(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? empty : sql` where ${join(conditions, sql` and `)}`;
}
