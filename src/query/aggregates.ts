import { columnTypes, type Column, type ColumnType } from '../columns.js';
import type { Dialect, ValueType } from '../dialect.js';
import { AppError } from '../errors.js';
import { sql, type Sql } from '../sql.js';
import type { Aggregate, GroupMeasure, Source } from './query.js';
import { columnOf, type Scan } from './source.js';

/** An aggregate function: what it takes, gives and is. Adding one means adding a row to {@link aggregates}. */
interface AggregateFunction {
  readonly takes: readonly ColumnType[];
  gives(type: ValueType): ValueType;
  compile(value: Sql, type: ValueType, dialect: Dialect, fraction: number): Sql;
  /** What it is over no rows. */
  readonly empty: 'zero' | 'null';
}

const numbers: readonly ColumnType[] = ['INTEGER', 'BIGINT', 'DECIMAL', 'DOUBLE'];
const comparable = columnTypes.filter((type) => type !== 'JSON');

const count = {
  takes: columnTypes,
  gives: (): ValueType => ({ type: 'BIGINT' }),
  empty: 'zero',
} as const;
const measure = {
  takes: numbers,
  gives: (): ValueType => ({ type: 'DOUBLE' }),
  empty: 'null',
} as const;
const extreme = { takes: comparable, gives: (type: ValueType) => type, empty: 'null' } as const;

const aggregates: Record<Aggregate['kind'], AggregateFunction> = {
  count: { ...count, compile: () => sql`count(*)` },
  countNonNull: { ...count, compile: (value) => sql`count(${value})` },
  countDistinct: { ...count, compile: (value) => sql`count(distinct ${value})` },
  approxCountDistinct: {
    ...count,
    compile: (value, _type, dialect) => dialect.approxCountDistinct(value),
  },
  sum: {
    takes: numbers,
    gives: sumType,
    compile: (value, type, dialect) => dialect.sum(value, type),
    empty: 'null',
  },
  avg: { ...measure, compile: average },
  min: { ...extreme, compile: (value) => sql`min(${value})` },
  max: { ...extreme, compile: (value) => sql`max(${value})` },
  stddev: { ...measure, compile: (value, type, dialect) => dialect.stddev(value, type) },
  median: { ...measure, compile: (value, _type, dialect) => dialect.quantile(value, 0.5) },
  quantile: {
    ...measure,
    compile: (value, _type, dialect, fraction) => dialect.quantile(value, fraction),
  },
};

/** An aggregate of a query before it has a name: what the output, `having` and `orderBy` share. */
export type Measure =
  | GroupMeasure
  | (Aggregate extends infer A ? (A extends Aggregate ? Omit<A, 'as'> : never) : never);

/** An aggregate's SQL, its type, and its value over no rows. */
export interface CompiledAggregate {
  readonly sql: Sql;
  readonly type: ValueType;
  readonly empty: 'zero' | 'null';
}

/** The type of an aggregate; INVALID_INPUT if its column is of a type it does not take. */
export function aggregateType(aggregate: Measure, source: Source): ValueType {
  return resolve(aggregate, source).type;
}

/** The SQL of an aggregate over a scan. */
export function compileAggregate(
  aggregate: Measure,
  source: Source,
  table: Scan,
  dialect: Dialect,
): CompiledAggregate {
  const { row, column, type } = resolve(aggregate, source);
  const fraction = 'q' in aggregate ? aggregate.q : Number.NaN;
  const value = column ? table.column(column.name) : sql`*`;
  return {
    sql: row.compile(value, column ?? type, dialect, fraction),
    type,
    empty: row.empty,
  };
}

/** What messages call an aggregate: "sum of amount". */
export function aggregateLabel(aggregate: Measure): string {
  return 'column' in aggregate ? `${aggregate.kind} of ${aggregate.column}` : aggregate.kind;
}

function resolve(aggregate: Measure, source: Source) {
  const row = aggregates[aggregate.kind];
  const column: Column | undefined =
    'column' in aggregate ? columnOf(source, aggregate.column) : undefined;
  if (column && !row.takes.includes(column.type)) {
    throw new AppError(
      'INVALID_INPUT',
      `Column ${column.name} is ${column.type}; ${aggregate.kind} takes ${row.takes.join(', ')}`,
      { details: { column: column.name, aggregate: aggregate.kind } },
    );
  }
  if ('q' in aggregate && !(aggregate.q >= 0 && aggregate.q <= 1)) {
    throw new AppError('INVALID_INPUT', `quantile: q is ${aggregate.q}, expected 0 to 1`, {
      details: { q: aggregate.q },
    });
  }
  return { row, column, type: row.gives(column ?? { type: 'BIGINT' }) };
}

/** The exact sum as a double, by the count, as engines do for small whole numbers; doubles and the widest decimals are added up as doubles. */
function average(value: Sql, type: ValueType, dialect: Dialect): Sql {
  const { type: name, decimal: { precision } = { precision: 38 } } = type;
  if (name === 'INTEGER') return sql`avg(${value})`;
  const wide = name === 'DECIMAL' && precision > dialect.summableDigits;
  return name === 'DOUBLE' || wide
    ? sql`avg(cast(${value} as double))`
    : sql`cast(${dialect.sum(value, type)} as double) / count(${value})`;
}

function sumType({ type, decimal }: ValueType): ValueType {
  if (type === 'DOUBLE') return { type };
  return { type: 'DECIMAL', decimal: { precision: 38, scale: decimal?.scale ?? 0 } };
}
