-- $1 = ""
-- $2 = 1
with grouped as (select t."flag" as "k0", t."amount" as "k1", count(*) as "a0", max(t."day") as "a1", cast(sum(t."small") as decimal(38, 0)) as "a2", avg(cast(t."score" as double)) as "a3"
  from "everything" as t
  where t."name" <> cast($1 as varchar)
  group by 1, 2),
kept as (select g.*
  from grouped as g
  where (g."a0" > cast($2 as bigint) or g."a2" is null)),
numbered as (select g.*, row_number() over (order by g."a3" desc nulls last, g."k1" asc nulls first, g."k0" asc nulls last, g."k1" asc nulls last) - 1 as rn
  from (select g.*
    from kept as g
    order by g."a3" desc nulls last, g."k1" asc nulls first, g."k0" asc nulls last, g."k1" asc nulls last
    limit 10 offset 5) as g)
select encode(coalesce(string_agg(concat('{"flag":', coalesce(cast(n."k0" as varchar), 'null'), ',"amount":', case when n."k1" is null then 'null' else '"' end, cast(n."k1" as varchar), case when n."k1" is null then '' else '"' end, ',"count":', case when n."a0" is null then 'null' else '"' end, cast(n."a0" as varchar), case when n."a0" is null then '' else '"' end, ',"last":', case when n."a1" is null then 'null' else '"' end, cast(n."a1" as varchar), case when n."a1" is null then '' else '"' end, '}'), ',' order by n.rn) filter (where n.rn is not null), '')) as "json0", count(n.rn) as "rows", s.total as total
from (select count(*) as total
  from kept) as s
left join numbered as n on true
group by s.total, n.rn - n.rn % 4096
order by n.rn - n.rn % 4096
