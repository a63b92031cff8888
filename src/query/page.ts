import { empty, ident, join, sql, type Sql } from '../sql.js';
import { orderTerms } from './ordering.js';
import type { RowsPlan } from './rows.js';

/** The rows of a page, numbered from 0 as `n.rn`, with the ordering's values as `n.o0` … and the row id as `n.row_id`. */
export interface NumberedPage {
  /** The table expression `numbered`. */
  readonly numbered: Sql;
  readonly from: Sql;
  column(name: string): Sql;
}

/** The rows of a short page, each by itself, in the order of the answer. */
export interface ShortPage {
  /** `from …` with everything that follows. */
  readonly from: Sql;
  readonly rowId: Sql;
  column(name: string): Sql;
  /** The value of the ordering's column of this position. */
  key(position: number): Sql;
}

/** Pages of up to so many rows are short: their rows are kept whole while they are sorted. */
export const shortRows = 1_000;

/** Numbers the rows of a plan in the direction of its walk. `cut` is its LIMIT, `columns` are those that are read. */
export function numberRows(
  plan: RowsPlan,
  cut: Sql,
  columns: readonly string[],
  short = false,
): NumberedPage {
  if (!plan.sorted) return unsorted(plan, cut, columns);
  return short ? sortedWhole(plan, cut, columns) : sorted(plan, cut);
}

/** The rows of a plan as they are, where they are few. */
export function shortPage(plan: RowsPlan, cut: Sql, names: readonly string[]): ShortPage {
  const { scan, fromWhere, keys } = plan;
  const key = (position: number) => sql`n.${keyName(position)}`;
  if (!plan.sorted) {
    const from = sql`${fromWhere}${cut}`;
    return { from, rowId: scan.rowId, column: (name) => scan.column(name), key };
  }
  const order = keys.map((one, index) => ({ ...one, sql: named(index, keys.length, sql`n.`) }));
  return {
    from: sql`from (${found(plan, cut, names)}) as n order by ${orderTerms(order)}`,
    rowId: sql`n.row_id`,
    column: (name) => sql`n.${columnName(names.indexOf(name))}`,
    key,
  };
}

/** Only the ordering's own columns are sorted; the others are fetched for the rows of the page. */
function sorted(plan: RowsPlan, cut: Sql): NumberedPage {
  const { scan } = plan;
  return {
    numbered: numbered(plan, found(plan, cut, [])),
    from: sql`numbered as n join ${scan.from} on ${scan.rowId} = n.row_id`,
    column: (column) => scan.column(column),
  };
}

/** To fetch what few rows hold afterwards, the engine reads the whole table once more. */
function sortedWhole(plan: RowsPlan, cut: Sql, names: readonly string[]): NumberedPage {
  return {
    numbered: numbered(plan, found(plan, cut, names)),
    from: sql`numbered as n`,
    column: (column) => sql`n.${columnName(names.indexOf(column))}`,
  };
}

/** The engine gives the rows in order by itself, and stops reading at the limit. */
function unsorted({ scan, fromWhere }: RowsPlan, cut: Sql, names: readonly string[]): NumberedPage {
  const columns = names.map((column, index) => sql`${scan.column(column)} as ${columnName(index)}`);
  const found = sql`select ${join([...columns, sql`${scan.rowId} as row_id`])} ${fromWhere}${cut}`;
  return {
    numbered: sql`select p.*, row_number() over () - 1 as rn from (${found}) as p`,
    from: sql`numbered as n`,
    column: (column) => sql`n.${columnName(names.indexOf(column))}`,
  };
}

/** The first rows of the walk: some columns, and what orders them. */
function found({ scan, fromWhere, walk }: RowsPlan, cut: Sql, names: readonly string[]): Sql {
  const columns = names.map((column, index) => sql`${scan.column(column)} as ${columnName(index)}`);
  const keys = walk.map((key, index) => sql`${key.sql} as ${named(index, walk.length)}`);
  return sql`select ${join([...columns, ...keys])} ${fromWhere} order by ${orderTerms(walk)}${cut}`;
}

function numbered({ walk }: RowsPlan, rows: Sql): Sql {
  const order = walk.map((key, index) => ({ ...key, sql: named(index, walk.length, sql`k.`) }));
  return sql`select k.*, row_number() over (order by ${orderTerms(order)}) - 1 as rn from (${rows}) as k`;
}

const columnName = (index: number) => ident(`c${index}`);
const keyName = (position: number) => ident(`o${position}`);

/** The last key of an ordering is the row id. */
function named(index: number, keys: number, table: Sql = empty): Sql {
  return index < keys - 1 ? sql`${table}${keyName(index)}` : sql`${table}row_id`;
}
