import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { empty, ident, integer, join, sql, type Sql } from '../sql.js';
import { compileFilter, whereClause } from './filter.js';
import { linkedSource, linkedTypes, type Reads } from './links.js';
import { orderTerms } from './ordering.js';
import type { Filter, Json, Ordering, RelatedJson } from './query.js';
import { columnsOf, relatedOf, rowText, type Scope } from './shape.js';
import { columnOf, scan } from './source.js';

/** Rows whose JSON is made, as a FROM clause. */
interface JsonRows {
  readonly from: Sql;
  column(name: string): Sql;
}

/** What has to stand around the JSON of rows so that it can hold what links find. */
export interface Joined {
  /** `, k0 as (…), m0 as (…), j0 as (…)` for each link, behind the table expressions that the rows come from. */
  readonly tables: Sql;
  /** ` left join j0 on …` for each link, behind the FROM clause of the rows. */
  readonly joins: Sql;
  text(shape: RelatedJson): Sql;
}

/**
 * Finds related rows for all rows at once, whatever they are called: `k` holds the different keys of the rows, `m` the
 * matches of each key with the columns that are read (never more in all than the other table has rows), `j` their JSON text for
 * each key. What is related to the matches is found in the same way before, so the statement grows with what is asked for and
 * not with the rows.
 */
export function joinRelated(
  shapes: readonly Json[],
  rows: JsonRows,
  reads: Reads,
  dialect: Dialect,
  count = counter(),
): Joined {
  const tables: Sql[] = [];
  const joins: Sql[] = [];
  const texts = new Map<RelatedJson, Sql>();
  for (const shape of relatedOf(shapes)) {
    const number = count();
    const keys = ident(`k${number}`);
    const matches = ident(`m${number}`);
    const json = ident(`j${number}`);
    const columns = shape.link.keys.map(({ column }, index) => ({
      sql: rows.column(column),
      name: keyName(index),
    }));
    const different = join(columns.map(({ sql: column, name }) => sql`${column} as ${name}`));
    const present = columns.map(({ sql: column }) => sql`${column} is not null`);
    const same = columns.map(({ sql: column, name }) => sql`${json}.${name} = ${column}`);
    const text = textTable(shape, matches, reads, dialect, count);
    tables.push(
      sql`, ${keys} as (select distinct ${different} from ${rows.from}${whereClause(present)})`,
      sql`, ${matches} as (${matchesOf(shape, keys, reads, dialect)})`,
      sql`${text.before}, ${json} as (${text.table})`,
    );
    joins.push(sql` left join ${json} on ${join(same, sql` and `)}`);
    const none = shape.kind === 'relatedRow' ? sql`'null'` : sql`''`;
    texts.set(shape, sql`coalesce(${json}.json, ${none})`);
  }
  return {
    tables: join(tables, empty),
    joins: join(joins, empty),
    text(shape) {
      const text = texts.get(shape);
      if (text) return text;
      throw new AppError('INTERNAL', 'A shape has a link that was not joined');
    },
  };
}

/**
 * The rows that a link finds, numbered from 1 for each key. They are read once: fetching their columns later, by row id,
 * reads the table a second time, as matches stand anywhere in it. Written so, DuckDB keeps the first rows of each key in the
 * order of the load without sorting the others: twenty times as fast where few keys have many matches.
 */
function matchesOf(shape: RelatedJson, keys: Sql, reads: Reads, dialect: Dialect): Sql {
  const { link } = shape;
  const from = linkedSource(link, reads);
  const table = scan(from, dialect);
  const key = (index: number) => sql`k.${keyName(index)}`;
  const equal = linkedTypes(link, reads.from, from).map(
    ({ key: { references }, left, right }, index) =>
      sql`${right(table.column(references), dialect)} = ${left(key(index), dialect)}`,
  );
  const group = join(link.keys.map((_, index) => key(index)));
  const columns = columnsOf([shape.value]).map(
    (name, index) => sql`${table.column(name)} as ${columnName(index)}`,
  );
  const { orderBy, limit, where } = { ...firstOnly, ...shape };
  const order = orderTerms([
    ...orderBy.map((ordering) => ({ ...ordering, sql: table.column(ordering.column) })),
    { sql: table.rowId, descending: false, nulls: 'last' },
  ]);
  const kept = where ? [compileFilter(where, { ...reads, from }, table, dialect)] : [];
  const place = sql`row_number() over (partition by ${group} order by ${order}) as rn`;
  const numbered = sql`select ${join([group, ...columns, place])} from ${keys} as k join ${table.from} on ${join(equal, sql` and `)}${whereClause(kept)}`;
  return sql`select c.* from (${numbered}) as c where c.rn <= ${integer(limit)}`;
}

const firstOnly: {
  readonly orderBy: readonly Ordering[];
  readonly limit: number;
  readonly where?: Filter;
} = { orderBy: [], limit: 1 };

/** The JSON text for each key of a link's matches, and the tables that have to stand before it. */
function textTable(
  shape: RelatedJson,
  matches: Sql,
  reads: Reads,
  dialect: Dialect,
  count: () => number,
): { readonly before: Sql; readonly table: Sql } {
  const from = linkedSource(shape.link, reads);
  const names = columnsOf([shape.value]);
  const rows: JsonRows = {
    from: sql`${matches} as m`,
    column: (name) => sql`m.${columnName(names.indexOf(name))}`,
  };
  const further = joinRelated([shape.value], rows, { ...reads, from }, dialect, count);
  const scope: Scope = {
    ...rowsOnly,
    column: (name) => ({ sql: rows.column(name), type: columnOf(from, name) }),
    related: (shape) => further.text(shape),
  };
  const text = rowText(shape.value, scope, dialect);
  const group = join(shape.link.keys.map((_, index) => sql`m.${keyName(index)}`));
  const table =
    shape.kind === 'relatedRow'
      ? sql`select ${group}, ${text} as json from ${rows.from}${further.joins}`
      : sql`select ${group}, ${dialect.joinTexts(text, sql`m.rn`)} as json from ${rows.from}${further.joins} group by ${group}`;
  return { before: further.tables, table };
}

const rowsOnly: Pick<Scope, 'cursor' | 'bucketEnd'> = {
  cursor() {
    throw new AppError('INTERNAL', 'Only rows of a page have cursors');
  },
  bucketEnd() {
    throw new AppError('INTERNAL', 'Only groups have buckets');
  },
};

const keyName = (index: number) => ident(`k${index}`);
const columnName = (index: number) => ident(`c${index}`);

function counter(): () => number {
  let next = 0;
  return () => next++;
}
