import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { ident, join, sql, value, type Sql } from '../sql.js';
import { compileFilter, whereClause } from './filter.js';
import { behind, type KeyAt } from './keyset.js';
import { orderTerms, reversed, type SortKey } from './ordering.js';
import type { Filter, Position, RowsQuery } from './query.js';
import { columnOf, scan, type Scan } from './source.js';

/** The clauses of a rows query. */
export interface RowsPlan {
  readonly scan: Scan;
  /** `from … where …` */
  readonly fromWhere: Sql;
  /** The ordering, with the row id as the last key: no two rows tie. */
  readonly keys: readonly SortKey[];
  /** The keys in the direction in which the page is walked. */
  readonly walk: readonly SortKey[];
  /** False if the engine gives the rows in this order anyway. */
  readonly sorted: boolean;
}

/** Works out the clauses of a rows query. */
export function planRows(query: RowsQuery, dialect: Dialect): RowsPlan {
  const table = scan(query.from, dialect);
  const backwards = query.page?.backwards ?? false;
  const keys: SortKey[] = [
    ...query.orderBy.map((ordering) => ({ ...ordering, sql: table.column(ordering.column) })),
    { sql: table.rowId, descending: false, nulls: 'last' },
  ];
  const filter = query.where ? [compileFilter(query.where, query, table, dialect)] : [];
  const kept = query.distinctOn?.length
    ? [firstOfEach(query.distinctOn, filter, keys, table)]
    : filter;
  const bounds = [
    ...(query.page?.after ? [behind(at(query, keys, query.page.after, dialect))] : []),
    ...(query.page?.before ? [behind(reversed(at(query, keys, query.page.before, dialect)))] : []),
  ];
  return {
    scan: table,
    fromWhere: sql`from ${table.from}${whereClause([...kept, ...bounds])}`,
    keys,
    walk: backwards ? reversed(keys) : keys,
    sorted:
      backwards ||
      query.orderBy.length > 0 ||
      Boolean(query.distinctOn?.length) ||
      !dialect.keepsLoadOrder(query.where ? longestList(query.where) : 0),
  };
}

/** The statement of a rows query with the columns under their own names. */
export function compileRows(query: RowsQuery, dialect: Dialect): Sql {
  const { scan: table, fromWhere, keys, walk, sorted } = planRows(query, dialect);
  const columns = join(query.columns.map((name) => sql`${table.column(name)} as ${ident(name)}`));
  const cut = dialect.limit(query.limit, query.offset);
  if (query.page?.backwards) {
    const page = sql`select ${table.rowId} ${fromWhere} order by ${orderTerms(walk)}${cut}`;
    return sql`select ${columns} from ${table.from} where ${table.rowId} in (${page}) order by ${orderTerms(keys)}`;
  }
  const order = sorted ? sql` order by ${orderTerms(keys)}` : sql``;
  return sql`select ${columns} ${fromWhere}${order}${cut}`;
}

/** A related filter is a join of any size. */
function longestList(filter: Filter): number {
  switch (filter.kind) {
    case 'and':
    case 'or':
      return Math.max(0, ...filter.filters.map(longestList));
    case 'not':
      return longestList(filter.filter);
    case 'related':
      return Infinity;
    case 'compare':
      return Array.isArray(filter.value) ? filter.value.length : 0;
  }
}

/** True for the row that comes first in the ordering among those with equal values in some columns. */
function firstOfEach(
  columns: readonly string[],
  filter: readonly Sql[],
  keys: readonly SortKey[],
  table: Scan,
): Sql {
  const partition = join(columns.map((name) => table.column(name)));
  const place = sql`row_number() over (partition by ${partition} order by ${orderTerms(keys)})`;
  const placed = sql`select ${table.rowId} as row_id, ${place} as place from ${table.from}${whereClause(filter)}`;
  return sql`${table.rowId} in (select d.row_id from (${placed}) as d where d.place = 1)`;
}

function at(
  query: RowsQuery,
  keys: readonly SortKey[],
  position: Position,
  dialect: Dialect,
): KeyAt[] {
  if (position.values.length !== query.orderBy.length) {
    throw new AppError('INVALID_CURSOR', 'The cursor belongs to another ordering');
  }
  const row = dialect.fromText(value(position.row), { type: 'BIGINT' });
  return keys.map((key, index) => {
    const ordering = query.orderBy[index];
    if (!ordering) return { ...key, at: row, nullable: false };
    const column = columnOf(query.from, ordering.column);
    const text = position.values[index];
    return {
      ...key,
      at: text == null ? undefined : dialect.fromText(value(text), column),
      nullable: column.nullable,
    };
  });
}
