import type { Dialect, ValueType } from '../dialect.js';
import { ident, join, sql, type Sql } from '../sql.js';
import type { CompiledAggregate } from './aggregates.js';
import { checkTimezone, type BucketKey } from './buckets.js';
import { whereClause } from './filter.js';
import type { GroupKey, Source } from './query.js';
import { columnOf } from './source.js';

interface Key {
  readonly name: string;
  readonly key: GroupKey;
}

interface AggregateColumn extends CompiledAggregate {
  readonly name: string;
}

/**
 * The table expressions that make `filled` of `grouped`: every bucket between the first and the last that occur, for
 * every combination of the other keys that occurs. New groups count 0 rows; their other aggregates are NULL.
 */
export function fillGaps(
  gaps: BucketKey,
  source: Source,
  keys: readonly Key[],
  aggregates: readonly AggregateColumn[],
  dialect: Dialect,
): Sql {
  const bucket = ident(keys.find(({ key }) => key === gaps)?.name ?? '');
  const others = keys.filter(({ key }) => key !== gaps).map(({ name }) => ident(name));
  const bounds = sql`select min(g.${bucket}) as first, max(g.${bucket}) as last from grouped as g where ${dialect.isFinite(sql`g.${bucket}`)}`;
  const start = sql`s.${ident('start')}`;
  // Clocks skip hours and, rarely, days; what they show in part is there.
  const skips = columnOf(source, gaps.column).type === 'TIMESTAMP_TZ';
  const series = sql`select ${start} as ${bucket} from (${bounds}) as b, ${dialect.bucketSeries('s', sql`b.first`, sql`b.last`, gaps.unit)}${whereClause(skips ? [dialect.bucketExists(start, gaps.unit, checkTimezone(gaps.timezone))] : [])}`;
  const combinations = sql`select distinct ${join(others.map((name) => sql`g.${name}`))} from grouped as g`;
  const grid =
    others.length === 0 ? sql`(${series}) as b` : sql`(${series}) as b, (${combinations}) as o`;
  const columns = [
    ...keys.map(({ name, key }) => (key === gaps ? sql`b.${ident(name)}` : sql`o.${ident(name)}`)),
    ...aggregates.map(({ type, empty }) => emptyValue(type, empty, dialect)),
  ];
  const present = [
    sql`g.${bucket} = b.${bucket}`,
    ...others.map((name) => sql`g.${name} is not distinct from o.${name}`),
  ];
  return sql`filled as (select g.* from grouped as g union all select ${join(columns)} from ${grid} where not exists (select 1 from grouped as g where ${join(present, sql` and `)}))`;
}

function emptyValue(type: ValueType, empty: 'zero' | 'null', dialect: Dialect): Sql {
  return empty === 'zero'
    ? sql`cast(0 as ${dialect.typeName(type)})`
    : sql`cast(null as ${dialect.typeName(type)})`;
}
