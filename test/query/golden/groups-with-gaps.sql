-- $1 = "2024-03-01T00:00:00Z"
with grouped as (select t."flag" as "k0", date_trunc('hour', timezone('America/New_York', t."instant")) as "k1", count(*) as "a0", sum(t."amount") as "a1"
  from "everything" as t
  where t."instant" >= cast($1 as timestamptz)
  group by 1, 2),
filled as (select g.*
  from grouped as g
  union all select o."k0", b."k1", cast(0 as bigint), cast(null as decimal(38, 2))
  from (select s."start" as "k1"
    from (select min(g."k1") as first, max(g."k1") as last
      from grouped as g
      where isfinite(g."k1")) as b, generate_series(b.first, case when date_diff('hour', b.first, b.last) >= 1000000 then error('fillGaps would make more than 1000000 buckets; use a wider unit or filter the time') else b.last end, interval '1 hour') as "s"("start")
    where date_trunc('hour', timezone('America/New_York', timezone('America/New_York', s."start"))) = s."start") as b, (select distinct g."k0"
    from grouped as g) as o
  where not exists (select 1
    from grouped as g
    where g."k1" = b."k1" and g."k0" is not distinct from o."k0")),
kept as (select g.*
  from filled as g)
select concat('{"flag":', coalesce(cast(g."k0" as varchar), 'null'), ',"hour":', case when g."k1" is null then 'null' else '"' end, case when g."k1" between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999' then cast(cast(g."k1" as date) as varchar) || 'T' || cast(cast(g."k1" as time) as varchar) when g."k1" < timestamp '0001-01-01' then rtrim(rtrim(strftime(g."k1", '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.') else replace(cast(g."k1" as varchar), ' ', 'T') end, case when g."k1" is null then '' else '"' end, ',"count":', case when g."a0" is null then 'null' else '"' end, cast(g."a0" as varchar), case when g."a0" is null then '' else '"' end, ',"sum":', case when g."a1" is null then 'null' else '"' end, cast(g."a1" as varchar), case when g."a1" is null then '' else '"' end, '}') as "json0", g.total as total
from (select g.*, count(*) over () as total
  from kept as g
  order by g."k0" asc nulls last, g."k1" asc nulls last
  limit 10) as g
order by g."k0" asc nulls last, g."k1" asc nulls last
