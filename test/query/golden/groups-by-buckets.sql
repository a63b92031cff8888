with grouped as (select date_trunc('week', timezone('Europe/Berlin', t."instant")) as "k0", date_trunc('year', cast(t."day" as timestamp)) as "k1", count(*) as "a0"
  from "everything" as t
  group by 1, 2),
kept as (select g.*
  from grouped as g)
select concat('[', concat_ws(',', case when g."k0" is not null then concat('[', coalesce('"' || case when g."k0" < timestamp '0001-01-01' then rtrim(rtrim(strftime(g."k0", '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.') else replace(cast(g."k0" as varchar), ' ', 'T') end || '"', 'null'), ',', coalesce('"' || case when g."k0" + interval '7 days' < timestamp '0001-01-01' then rtrim(rtrim(strftime(g."k0" + interval '7 days', '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.') else replace(cast(g."k0" + interval '7 days' as varchar), ' ', 'T') end || '"', 'null'), ']') end, case when g."k1" is not null then concat('[', coalesce('"' || case when g."k1" < timestamp '0001-01-01' then rtrim(rtrim(strftime(g."k1", '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.') else replace(cast(g."k1" as varchar), ' ', 'T') end || '"', 'null'), ',', coalesce('"' || case when g."k1" + interval '1 year' < timestamp '0001-01-01' then rtrim(rtrim(strftime(g."k1" + interval '1 year', '%Y-%m-%dT%H:%M:%S.%f'), '0'), '.') else replace(cast(g."k1" + interval '1 year' as varchar), ' ', 'T') end || '"', 'null'), ']') end), ']') as "json0"
from (select g.*
  from kept as g
  order by g."k0" desc nulls last, g."k1" desc nulls last, g."k0" asc nulls last, g."k1" asc nulls last
  limit 10) as g
order by g."k0" desc nulls last, g."k1" desc nulls last, g."k0" asc nulls last, g."k1" asc nulls last
