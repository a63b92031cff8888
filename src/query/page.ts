import { ident, join, sql, type Sql } from '../sql.js';
import { orderTerms } from './ordering.js';
import type { RowsPlan } from './rows.js';

/** The rows of a page, numbered from 0 as `n.rn`, with the ordering's values as `n.o0` … and the row id as `n.row_id`. */
export interface NumberedPage {
  /** The table expression `numbered`. */
  readonly numbered: Sql;
  readonly from: Sql;
  column(name: string): Sql;
}

/** Numbers the rows of a plan in the direction of its walk. `cut` is its LIMIT, `columns` are those that are read. */
export function numberRows(plan: RowsPlan, cut: Sql, columns: readonly string[]): NumberedPage {
  return plan.sorted ? sorted(plan, cut) : unsorted(plan, cut, columns);
}

/** Only the ordering's own columns are sorted; the others are fetched for the rows of the page. */
function sorted({ scan, fromWhere, walk }: RowsPlan, cut: Sql): NumberedPage {
  const name = (index: number) => (index < walk.length - 1 ? ident(`o${index}`) : sql`row_id`);
  const keys = walk.map((key, index) => sql`${key.sql} as ${name(index)}`);
  const found = sql`select ${join(keys)} ${fromWhere} order by ${orderTerms(walk)}${cut}`;
  const order = orderTerms(walk.map((key, index) => ({ ...key, sql: sql`k.${name(index)}` })));
  return {
    numbered: sql`select k.*, row_number() over (order by ${order}) - 1 as rn from (${found}) as k`,
    from: sql`numbered as n join ${scan.from} on ${scan.rowId} = n.row_id`,
    column: (column) => scan.column(column),
  };
}

/** The engine gives the rows in order by itself, and stops reading at the limit. */
function unsorted({ scan, fromWhere }: RowsPlan, cut: Sql, names: readonly string[]): NumberedPage {
  const name = (index: number) => ident(`c${index}`);
  const columns = names.map((column, index) => sql`${scan.column(column)} as ${name(index)}`);
  const found = sql`select ${join([...columns, sql`${scan.rowId} as row_id`])} ${fromWhere}${cut}`;
  return {
    numbered: sql`select p.*, row_number() over () - 1 as rn from (${found}) as p`,
    from: sql`numbered as n`,
    column: (column) => sql`n.${name(names.indexOf(column))}`,
  };
}
