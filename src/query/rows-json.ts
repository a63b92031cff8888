import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { empty, ident, integer, join, sql, type Sql } from '../sql.js';
import { encodeCursor } from './cursor.js';
import type { JsonOptions } from './json.js';
import { numberRows, plainPage, shortPage, shortRows, type PageColumns } from './page.js';
import type { Json, RowsQuery } from './query.js';
import { joinRelated } from './related.js';
import { planRows } from './rows.js';
import { columnsOf, outside, relatedOf, rowText, type Scope } from './shape.js';
import { columnOf } from './source.js';

/** Blocks of the JSON text of rows: see {@link compileJson}. */
export function rowsJson(
  query: RowsQuery,
  shapes: readonly Json[],
  dialect: Dialect,
  options: JsonOptions,
): Sql {
  const { blockRows = 4096, cursors, probe = false } = options;
  const plan = planRows(query, dialect);
  const probed = probe ? query.limit : undefined;
  const page = numberRows(plan, cutOf(query, probe, dialect), columnsOf(shapes), isShort(query));
  const cursor = cursorOf(query, options, dialect, page);
  const scope: Scope = {
    ...outside,
    column: (name) => ({ sql: page.column(name), type: columnOf(query.from, name) }),
    cursor,
    related: (shape) => related.text(shape),
  };
  const related = joinRelated(shapes, page, query, dialect);
  // The walk may go backwards; the answer never does.
  const backwards = query.page?.backwards ?? false;
  const [first, last] = backwards ? [sql`max_by`, sql`min_by`] : [sql`min_by`, sql`max_by`];
  const keep = probed === undefined ? undefined : sql`n.rn < ${integer(probed)}`;
  const kept = keep ? sql` filter (where ${keep})` : empty;
  // The row beyond the limit counts to the last block, so that it never makes one of its own.
  const place =
    probed === undefined ? sql`n.rn` : sql`least(n.rn, ${integer(Math.max(probed - 1, 0))})`;
  const block = sql`${place} - ${place} % ${integer(blockRows)}`;
  const direction = backwards ? sql` desc` : empty;
  const columns = [
    ...shapes.map((shape, index) => {
      const text = rowText(shape, scope, dialect);
      return sql`${dialect.joinRows(text, sql`n.rn${direction}`, keep)} as ${ident(`json${index}`)}`;
    }),
    sql`count(*)${kept} as ${ident('rows')}`,
    ...(cursors
      ? [
          sql`${first}(${cursor()}, n.rn)${kept} as first_cursor`,
          sql`${last}(${cursor()}, n.rn)${kept} as last_cursor`,
        ]
      : []),
    ...(probed === undefined ? [] : [sql`sum(count(*)) over () > ${integer(probed)} as has_more`]),
  ];
  return sql`with numbered as ${dialect.materialized}(${page.numbered})${related.tables} select ${join(columns)} from ${page.from}${related.joins} group by ${block} order by ${block}${direction}`;
}

/**
 * The rows of a short page that leads to no others, each by itself: `json0`, `json1` … (texts), and `cursor` if the options
 * ask for cursors. With `probe` there is one row more than the limit where there are more: the last of the walk.
 */
export function shortRowsJson(
  query: RowsQuery,
  shapes: readonly Json[],
  dialect: Dialect,
  options: JsonOptions,
): Sql {
  const cut = cutOf(query, options.probe ?? false, dialect);
  const page = shortPage(planRows(query, dialect), cut, columnsOf(shapes));
  const cursor = cursorOf(query, options, dialect, page);
  const columns = [
    ...textsOf(query, shapes, page, dialect, { cursor }),
    ...(options.cursors ? [sql`${cursor()} as cursor`] : []),
  ];
  // Whoever asks only whether there are more wants nothing of them.
  const wanted = columns.length > 0 ? join(columns) : sql`1 as one`;
  return sql`select ${wanted} ${page.from}`;
}

// With fewer rows, to number them and to sort their texts costs more than what several threads save.
const manyRows = 20_000;

/**
 * The rows of a page that nothing else is asked of, each by itself and behind a comma, so that nobody has to put their texts
 * together: `json0`, `json1` … (texts).
 */
export function plainRowsJson(query: RowsQuery, shapes: readonly Json[], dialect: Dialect): Sql {
  const plan = planRows(query, dialect);
  const cut = cutOf(query, false, dialect);
  const names = columnsOf(shapes);
  const textsIn = (page: Pick<PageColumns, 'column'>) =>
    join(textsOf(query, shapes, page, dialect, { before: ',' }));
  const { limit = Infinity } = query;
  if (isShort(query) || (!plan.sorted && limit <= manyRows)) {
    const page = plan.sorted ? shortPage(plan, cut, names) : plainPage(plan, cut, names);
    return sql`select ${textsIn(page)} ${page.from}`;
  }
  const page = numberRows(plan, cut, names);
  const direction = query.page?.backwards ? sql` desc` : empty;
  return sql`with numbered as ${dialect.materialized}(${page.numbered}) select ${textsIn(page)} from ${page.from} order by n.rn${direction}`;
}

/** Whether the rows of a query can be answered by {@link shortRowsJson}. */
export function isShortAnswer(query: RowsQuery, shapes: readonly Json[]): boolean {
  return isShort(query) && relatedOf(shapes).length === 0;
}

/** Whether a query can be answered by {@link plainRowsJson}. */
export function isPlainAnswer(
  shapes: readonly Json[],
  { cursors, probe = false }: JsonOptions,
): boolean {
  return shapes.length > 0 && relatedOf(shapes).length === 0 && !cursors && !probe;
}

function textsOf(
  query: RowsQuery,
  shapes: readonly Json[],
  page: Pick<PageColumns, 'column'>,
  dialect: Dialect,
  { cursor, before }: { readonly cursor?: Scope['cursor']; readonly before?: string },
): Sql[] {
  const scope: Scope = {
    ...outside,
    ...(cursor && { cursor }),
    column: (name) => ({ sql: page.column(name), type: columnOf(query.from, name) }),
  };
  return shapes.map(
    (shape, index) => sql`${rowText(shape, scope, dialect, before)} as ${ident(`json${index}`)}`,
  );
}

function isShort({ limit, offset = 0 }: RowsQuery): boolean {
  return limit !== undefined && limit + offset <= shortRows;
}

function cutOf({ limit, offset }: RowsQuery, probe: boolean, dialect: Dialect): Sql {
  return dialect.limit(probe && limit !== undefined ? limit + 1 : limit, offset);
}

function cursorOf(
  query: RowsQuery,
  { cursors }: JsonOptions,
  dialect: Dialect,
  page: PageColumns,
): () => Sql {
  return () => {
    if (!cursors) throw new AppError('INTERNAL', 'A shape has cursors, but no generation is given');
    const values = query.orderBy.map(({ column }, position) => ({
      sql: page.key(position),
      type: columnOf(query.from, column),
    }));
    const { generation } = cursors;
    return encodeCursor(page.rowId, values, { ...query, generation }, dialect);
  };
}
