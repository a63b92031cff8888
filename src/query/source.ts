import type { Column } from '../columns.js';
import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { ident, join, sql, type Sql } from '../sql.js';
import type { Source } from './query.js';

/** A table in a FROM clause under the name `t`. Columns are always qualified, so that no output name can capture them. */
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
  const physical = new Map(names.map((name, index) => [name, renamed[index] ?? name]));
  return {
    from: hidden
      ? sql`${ident(source.table)} as t(${join(renamed.map((name) => ident(name)))})`
      : sql`${ident(source.table)} as t`,
    rowId: sql`t.${ident(dialect.rowId)}`,
    column: (name) => sql`t.${ident(physical.get(columnOf(source, name).name) ?? name)}`,
  };
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
function uncovered(names: readonly string[], rowId: string): string[] {
  const taken = new Set(names.map((name) => name.toLowerCase()));
  return names.map((name) => {
    if (name.toLowerCase() !== rowId.toLowerCase()) return name;
    let free = `${name}_`;
    while (taken.has(free.toLowerCase())) free += '_';
    return free;
  });
}
