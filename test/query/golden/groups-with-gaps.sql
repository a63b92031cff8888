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
  from filled as g),
numbered as (select g.*, row_number() over (order by g."k0" asc nulls last, g."k1" asc nulls last) - 1 as rn
  from (select g.*
    from kept as g
    order by g."k0" asc nulls last, g."k1" asc nulls last
    limit 10) as g)
select encode(coalesce(string_agg(concat('{"flag":', coalesce(cast(n."k0" as varchar), 'null'), ',"hour":', coalesce('"' || replace(cast(n."k1" as varchar), ' ', 'T') || '"', 'null'), ',"count":', coalesce('"' || cast(n."a0" as varchar) || '"', 'null'), ',"sum":', coalesce('"' || cast(n."a1" as varchar) || '"', 'null'), '}'), ',' order by n.rn) filter (where n.rn is not null), '')) as "json0", count(n.rn) as "rows", s.total as total
from (select count(*) as total
  from kept) as s
left join numbered as n on true
group by s.total, n.rn - n.rn % 4096
order by n.rn - n.rn % 4096
