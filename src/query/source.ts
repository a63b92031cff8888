import type { Column } from '../columns.js';
import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { empty, ident, integer, join, sql, value, type Sql } from '../sql.js';
import type { Segment, Source } from './query.js';

/** A source in a FROM clause under the name `t`. Columns are always qualified, so that no output name can capture them. */
export interface Scan {
  /** `from …` without the keyword. */
  readonly from: Sql;
  readonly rowId: Sql;
  /** SQL of a column; COLUMN_NOT_FOUND if there is none of this name. */
  column(name: string): Sql;
}

/** Names a query's table. */
export function scan(source: Source, dialect: Dialect): Scan {
  const names = source.columns.map(({ name }) => name);
  const renamed = uncovered(names, dialect.rowId);
  const hidden = renamed.some((name, index) => name !== names[index]);
  const aliases = hidden ? sql`(${join(renamed.map((name) => ident(name)))})` : empty;
  const physical = new Map(names.map((name, index) => [name, renamed[index] ?? name]));
  const [first, ...others] = source.segments;
  const whole = first && others.length === 0 && !first.range && !first.above;
  return {
    from: whole
      ? sql`${ident(first.table)} as t${aliases}`
      : sql`(${union(source.segments, renamed, aliases, dialect)}) as t`,
    rowId: sql`t.${ident(dialect.rowId)}`,
    column: (name) => sql`t.${ident(physical.get(columnOf(source, name).name) ?? name)}`,
  };
}

// More rows than a segment has.
const segmentRows = 2n ** 40n;

/** The rows of all segments in their order, each with a row id that no other has. */
function union(
  segments: readonly Segment[],
  names: readonly string[],
  aliases: Sql,
  dialect: Dialect,
): Sql {
  const rowId = sql`s.${ident(dialect.rowId)}`;
  const columns = names.map((name) => sql`s.${ident(name)}`);
  const parts = segments.map((segment, index) => {
    const place = sql`${rowId} + ${integer(BigInt(index) * segmentRows)} as ${ident(dialect.rowId)}`;
    return sql`select ${join([...columns, place])} from ${ident(segment.table)} as s${aliases}${within(segment, rowId)}`;
  });
  return join(parts, sql` union all `);
}

/** A WHERE clause for the rows of a segment, in a FROM clause that calls its table `s`. */
export function within({ range, above }: Segment, rowId: Sql): Sql {
  const conditions: Sql[] = [];
  if (range) {
    const { first, rows } = range;
    conditions.push(sql`${rowId} >= ${integer(first)} and ${rowId} < ${integer(first + rows)}`);
  }
  if (above) {
    const { column, number } = above;
    conditions.push(sql`s.${ident(column)} > cast(${value(String(number))} as bigint)`);
  }
  return conditions.length === 0 ? empty : sql` where ${join(conditions, sql` and `)}`;
}

/** The column of a name; COLUMN_NOT_FOUND lists those there are. */
export function columnOf(source: Source, name: string): Column {
  const column = source.columns.find((candidate) => candidate.name === name);
  if (column) return column;
  const names = source.columns.map((candidate) => candidate.name);
  throw new AppError(
    'COLUMN_NOT_FOUND',
    `There is no column ${JSON.stringify(name)}; the columns are ${names.join(', ')}`,
    { details: { column: name, columns: names } },
  );
}

/** A file may have a column that is called like the engine's row id and would hide it; here it gets another name. */
export function uncovered(names: readonly string[], rowId: string): string[] {
  const taken = new Set(names.map((name) => name.toLowerCase()));
  return names.map((name) => {
    if (name.toLowerCase() !== rowId.toLowerCase()) return name;
    let free = `${name}_`;
    while (taken.has(free.toLowerCase())) free += '_';
    return free;
  });
}
