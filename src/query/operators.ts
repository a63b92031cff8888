import type { ColumnType } from '../columns.js';
import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { join, sql, type Sql } from '../sql.js';
import type { OperatorName, Value } from './query.js';
import { bindText, bindValue, unfit, type Operand, type Point } from './values.js';

/** One comparison: the types it takes on its left, and its SQL. Adding an operator means adding a row to {@link operators}. */
interface Operator {
  readonly types: readonly ColumnType[];
  compile(operand: Operand, value: Value | readonly Value[], dialect: Dialect): Sql;
}

const ordered: readonly ColumnType[] = [
  'INTEGER',
  'BIGINT',
  'DECIMAL',
  'DOUBLE',
  'STRING',
  'DATE',
  'TIME',
  'TIMESTAMP',
  'TIMESTAMP_TZ',
];
const comparable: readonly ColumnType[] = ['BOOLEAN', ...ordered];

const operators: Record<OperatorName, Operator> = {
  eq: {
    types: comparable,
    compile: compare((left, point) =>
      point.kind === 'at' ? sql`${left} = ${point.sql}` : never(left),
    ),
  },
  ne: {
    types: comparable,
    compile: compare((left, point) =>
      point.kind === 'at' ? sql`${left} <> ${point.sql}` : always(left),
    ),
  },
  in: {
    types: ordered,
    compile: member((left, values, given) =>
      values.length > 0 ? sql`${left} in (${join(values)})` : given ? never(left) : sql`false`,
    ),
  },
  notIn: {
    types: ordered,
    compile: member((left, values) =>
      values.length > 0 ? sql`${left} not in (${join(values)})` : always(left),
    ),
  },
  isNull: {
    types: [...comparable, 'JSON'],
    compile(operand, value) {
      if (typeof value !== 'boolean') throw unfit(operand, value, 'true or false');
      return value ? sql`${operand.sql} is null` : sql`${operand.sql} is not null`;
    },
  },
  lt: { types: ordered, compile: compare(bounded(sql`<`, sql`<=`, 'above all')) },
  lte: { types: ordered, compile: compare(bounded(sql`<=`, sql`<=`, 'above all')) },
  gt: { types: ordered, compile: compare(bounded(sql`>`, sql`>`, 'below all')) },
  gte: { types: ordered, compile: compare(bounded(sql`>=`, sql`>`, 'below all')) },
  contains: text((dialect, left, part) => dialect.contains(left, part)),
  startsWith: text((dialect, left, part) => dialect.startsWith(left, part)),
  endsWith: text((dialect, left, part) => dialect.endsWith(left, part)),
  icontains: text((dialect, left, part) => dialect.containsIgnoringCase(left, part)),
  like: { types: ['STRING'], compile: like(false) },
  ilike: { types: ['STRING'], compile: like(true) },
  regex: text((dialect, left, pattern) => dialect.matches(left, pattern)),
};

/**
 * The SQL of one comparison. INVALID_INPUT if the operator does not take the operand's type or the value is none of it.
 * A pattern that RE2 refuses is found by the engine: {@link Dialect.patternProblem} tells such an error from others.
 */
export function compileComparison(
  operand: Operand,
  name: OperatorName,
  value: Value | readonly Value[],
  dialect: Dialect,
): Sql {
  const operator = operators[name];
  if (!operator.types.includes(operand.type.type)) {
    throw new AppError(
      'INVALID_INPUT',
      `${operand.label} is ${operand.type.type}, which ${name} does not take`,
    );
  }
  return operator.compile(operand, value, dialect);
}

/** True for every value and NULL for NULL, as a comparison is that holds for all values. */
function always(left: Sql): Sql {
  return sql`(${left} is not null or null)`;
}

/** False for every value and NULL for NULL. */
function never(left: Sql): Sql {
  return sql`(${left} is null and null)`;
}

function compare(render: (left: Sql, point: Point) => Sql): Operator['compile'] {
  return (operand, value, dialect) =>
    render(operand.sql, bindValue(operand, single(operand, value), dialect));
}

/** `exactly` compares with the value itself, `between` with the lower neighbour of a value the type cannot hold. */
function bounded(exactly: Sql, between: Sql, alwaysAt: 'above all' | 'below all') {
  return (left: Sql, point: Point): Sql => {
    if (point.kind === 'at') return sql`${left} ${exactly} ${point.sql}`;
    if (point.kind === 'above') return sql`${left} ${between} ${point.sql}`;
    return point.kind === alwaysAt ? always(left) : never(left);
  };
}

function member(
  render: (left: Sql, values: readonly Sql[], given: boolean) => Sql,
): Operator['compile'] {
  return (operand, value, dialect) => {
    if (!isList(value)) throw unfit(operand, value, 'a list');
    // Values that the type cannot hold equal no row, so they can be left out of the list.
    const values = value.flatMap((item) => {
      const point = bindValue(operand, item, dialect);
      return point.kind === 'at' ? [point.sql] : [];
    });
    return render(operand.sql, values, value.length > 0);
  };
}

function text(render: (dialect: Dialect, left: Sql, right: Sql) => Sql): Operator {
  return {
    types: ['STRING'],
    compile: (operand, value, dialect) =>
      render(dialect, operand.sql, bindText(operand, single(operand, value), dialect)),
  };
}

function like(ignoreCase: boolean): Operator['compile'] {
  return (operand, value, dialect) => {
    const pattern = single(operand, value);
    const bound = bindText(operand, pattern, dialect);
    // A backslash that escapes nothing is an error to engines, at the first row that gets that far.
    if (/^(?:[^\\]|\\[^])*\\$/.test(String(pattern))) {
      throw unfit(operand, pattern, 'a pattern: nothing follows its last backslash (write \\\\)');
    }
    const escaped = String(pattern).includes('\\');
    return dialect.like(operand.sql, bound, { escaped, ignoreCase });
  };
}

function single(operand: Operand, value: Value | readonly Value[]): Value {
  if (isList(value)) throw unfit(operand, 'a list', 'a single value');
  return value;
}

function isList(value: Value | readonly Value[]): value is readonly Value[] {
  return Array.isArray(value);
}
