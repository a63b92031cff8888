import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { empty, join, sql, type Sql } from '../sql.js';
import { compileComparison } from './operators.js';
import type { Comparison, Filter, Source } from './query.js';
import { columnOf, type Scan } from './source.js';

/** A tree of conditions over leaves of one kind: filters on rows and on groups are both of this form. */
export type Condition<Leaf extends { readonly kind: 'compare' }> =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Condition<Leaf>[] }
  | { readonly kind: 'not'; readonly filter: Condition<Leaf> }
  | Leaf;

// Engines limit the depth of an expression too, but say it less clearly.
const maxDepth = 100;

/** SQL of a tree of conditions: no conditions are true under `and`, false under `or`. */
export function compileCondition<Leaf extends { readonly kind: 'compare' }>(
  condition: Condition<Leaf>,
  leaf: (leaf: Leaf) => Sql,
  depth = 0,
): Sql {
  if (depth > maxDepth) {
    throw new AppError('INVALID_INPUT', `The filter nests deeper than ${maxDepth} levels`, {
      details: { limit: maxDepth },
    });
  }
  switch (condition.kind) {
    case 'compare':
      return leaf(condition);
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

/** SQL of a filter on rows. */
export function compileFilter(filter: Filter, source: Source, scan: Scan, dialect: Dialect): Sql {
  return compileCondition<Comparison>(filter, ({ column, operator, value }) => {
    const operand = {
      sql: scan.column(column),
      type: columnOf(source, column),
      label: `Column ${column}`,
    };
    return compileComparison(operand, operator, value, dialect);
  });
}

/** `where …` of all conditions, or nothing if there are none. */
export function whereClause(conditions: readonly Sql[]): Sql {
  return conditions.length === 0 ? empty : sql` where ${join(conditions, sql` and `)}`;
}
