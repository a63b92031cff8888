import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { ident, integer, join, sql, type Sql } from '../sql.js';
import { outputColumn } from './compile.js';
import { planGroups, type GroupsPlan } from './groups.js';
import type { JsonOptions } from './json.js';
import { shortRows } from './page.js';
import type { GroupsQuery, Json } from './query.js';
import { outside, rowText, type Scope } from './shape.js';

/** Blocks of the JSON text of groups: see compileJson. */
export function groupsJson(
  query: GroupsQuery,
  shapes: readonly Json[],
  dialect: Dialect,
  { blockRows = 4096, total = false }: JsonOptions,
): Sql {
  const plan = planGroups(query, dialect);
  const scope = scopeOf(query, plan, sql`n`, dialect);
  const block = sql`n.rn - n.rn % ${integer(blockRows)}`;
  const cut = dialect.limit(query.limit, query.offset);
  const page = sql`select g.* from kept as g order by ${plan.order}${cut}`;
  const numbered = sql`select g.*, row_number() over (order by ${plan.order}) - 1 as rn from (${page}) as g`;
  const texts = shapes.map((shape, index) => {
    const text = rowText(shape, scope, dialect);
    const joined = dialect.joinRows(text, sql`n.rn`, total ? sql`n.rn is not null` : undefined);
    return sql`${joined} as ${ident(`json${index}`)}`;
  });
  const results = [
    ...texts,
    sql`count(n.rn) as ${ident('rows')}`,
    ...(total ? [sql`s.total as total`] : []),
  ];
  // The outer join keeps the total where the page has no groups.
  const from = total
    ? sql`(select count(*) as total from kept) as s left join numbered as n on true group by s.total, ${block}`
    : sql`numbered as n group by ${block}`;
  return sql`with ${plan.tables}, numbered as (${numbered}) select ${join(results)} from ${from} order by ${block}`;
}

/** The groups of a short page, each by itself: `json0`, `json1` … (texts), and `total` if the options ask for it. */
export function shortGroupsJson(
  query: GroupsQuery,
  shapes: readonly Json[],
  dialect: Dialect,
  { total = false }: JsonOptions,
): Sql {
  const plan = planGroups(query, dialect);
  const scope = scopeOf(query, plan, sql`g`, dialect);
  const cut = dialect.limit(query.limit, query.offset);
  const columns = total ? sql`g.*, count(*) over () as total` : sql`g.*`;
  const page = sql`select ${columns} from kept as g order by ${plan.order}${cut}`;
  const results = [
    ...shapes.map((shape, index) => {
      return sql`${rowText(shape, scope, dialect)} as ${ident(`json${index}`)}`;
    }),
    ...(total ? [sql`g.total as total`] : []),
  ];
  // Whoever asks for no groups and no total asks for nothing of them.
  const wanted = results.length > 0 ? join(results) : sql`1 as one`;
  return sql`with ${plan.tables} select ${wanted} from (${page}) as g order by ${plan.order}`;
}

/** Whether {@link shortGroupsJson} answers a query. A page without groups does not tell how many there are before it. */
export function isShortGroups(
  { limit = Infinity, offset = 0 }: GroupsQuery,
  { total = false }: JsonOptions,
): boolean {
  return limit + offset <= shortRows && (!total || (offset === 0 && limit > 0));
}

/** `groups` is what the table of groups is called. */
function scopeOf(query: GroupsQuery, plan: GroupsPlan, groups: Sql, dialect: Dialect): Scope {
  const columns = [...plan.keys, ...plan.aggregates];
  const scope: Scope = {
    ...outside,
    column(name) {
      const { index, type } = outputColumn(query, name);
      return { sql: sql`${groups}.${ident(columns[index]?.name ?? '')}`, type };
    },
    bucketEnd(name) {
      const key = query.by[outputColumn(query, name).index];
      if (key?.kind !== 'bucket') throw new AppError('INTERNAL', `${name} is no bucket`);
      return dialect.bucketEnd(scope.column(name).sql, key.unit);
    },
  };
  return scope;
}
