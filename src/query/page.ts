import { empty, ident, join, sql, type Sql } from '../sql.js';
import { orderTerms } from './ordering.js';
import type { RowsPlan } from './rows.js';
import type { Scan } from './source.js';

/** What can be read of a page's rows. */
export interface PageColumns {
  readonly rowId: Sql;
  column(name: string): Sql;
  /** The value of the ordering's column of this position. */
  key(position: number): Sql;
}

/** The rows of a page, numbered from 0 as `n.rn`. */
export interface NumberedPage extends PageColumns {
  /** The table expression `numbered`. */
  readonly numbered: Sql;
  readonly from: Sql;
}

/** The rows of a short page, each by itself, in the order of the answer. */
export interface ShortPage extends PageColumns {
  /** `from …` with everything that follows. */
  readonly from: Sql;
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
  const columns = columnsOfPage(names);
  if (!plan.sorted) {
    const from = sql`${fromWhere}${cut}`;
    return { ...columns, from, rowId: scan.rowId, column: (name) => scan.column(name) };
  }
  const order = keys.map((one, index) => ({ ...one, sql: named(index, keys.length, sql`n.`) }));
  return {
    ...columns,
    from: sql`from (${found(plan, cut, names)}) as n order by ${orderTerms(order)}`,
  };
}

/** The rows of a plan that is not sorted, each by itself, however many they are. */
export function plainPage(
  { fromWhere, scan }: RowsPlan,
  cut: Sql,
  names: readonly string[],
): Pick<ShortPage, 'from' | 'column'> {
  // Inside, or texts would be made of rows beyond the limit.
  const columns = names.length > 0 ? join(namedColumns(scan, names)) : sql`1 as one`;
  return { ...columnsOfPage(names), from: sql`from (select ${columns} ${fromWhere}${cut}) as n` };
}

/** Only the ordering's own columns are sorted; the others are fetched for the rows of the page. */
function sorted(plan: RowsPlan, cut: Sql): NumberedPage {
  const { scan } = plan;
  return {
    ...columnsOfPage([]),
    numbered: numbered(plan, found(plan, cut, [])),
    from: sql`numbered as n join ${scan.from} on ${scan.rowId} = n.row_id`,
    column: (column) => scan.column(column),
  };
}

/** To fetch what few rows hold afterwards, the engine reads the whole table once more. */
function sortedWhole(plan: RowsPlan, cut: Sql, names: readonly string[]): NumberedPage {
  return {
    ...columnsOfPage(names),
    numbered: numbered(plan, found(plan, cut, names)),
    from: sql`numbered as n`,
  };
}

/** The engine gives the rows in order by itself, and stops reading at the limit. */
function unsorted({ scan, fromWhere }: RowsPlan, cut: Sql, names: readonly string[]): NumberedPage {
  const columns = [...namedColumns(scan, names), sql`${scan.rowId} as row_id`];
  const found = sql`select ${join(columns)} ${fromWhere}${cut}`;
  return {
    ...columnsOfPage(names),
    numbered: sql`select p.*, row_number() over () - 1 as rn from (${found}) as p`,
    from: sql`numbered as n`,
  };
}

/** The first rows of the walk: some columns, and what orders them. */
function found({ scan, fromWhere, walk }: RowsPlan, cut: Sql, names: readonly string[]): Sql {
  const keys = walk.map((key, index) => sql`${key.sql} as ${named(index, walk.length)}`);
  return sql`select ${join([...namedColumns(scan, names), ...keys])} ${fromWhere} order by ${orderTerms(walk)}${cut}`;
}

function numbered({ walk }: RowsPlan, rows: Sql): Sql {
  const order = walk.map((key, index) => ({ ...key, sql: named(index, walk.length, sql`k.`) }));
  return sql`select k.*, row_number() over (order by ${orderTerms(order)}) - 1 as rn from (${rows}) as k`;
}

function namedColumns(scan: Scan, names: readonly string[]): Sql[] {
  return names.map((column, index) => sql`${scan.column(column)} as ${columnName(index)}`);
}

/** What {@link namedColumns} and the keys of an ordering are called once the page is a table `n`. */
function columnsOfPage(names: readonly string[]): PageColumns {
  return {
    rowId: sql`n.row_id`,
    column: (name) => sql`n.${columnName(names.indexOf(name))}`,
    key: (position) => sql`n.${keyName(position)}`,
  };
}

const columnName = (index: number) => ident(`c${index}`);
const keyName = (position: number) => ident(`o${position}`);

/** The last key of an ordering is the row id. */
function named(index: number, keys: number, table: Sql = empty): Sql {
  return index < keys - 1 ? sql`${table}${keyName(index)}` : sql`${table}row_id`;
}
