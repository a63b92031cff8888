with grouped as (select date_trunc('week', timezone('Europe/Berlin', t."instant")) as "k0", date_trunc('year', cast(t."day" as timestamp)) as "k1", count(*) as "a0"
  from "everything" as t
  group by 1, 2),
kept as (select g.*
  from grouped as g),
numbered as (select g.*, row_number() over (order by g."k0" desc nulls last, g."k1" desc nulls last, g."k0" asc nulls last, g."k1" asc nulls last) - 1 as rn
  from (select g.*
    from kept as g
    order by g."k0" desc nulls last, g."k1" desc nulls last, g."k0" asc nulls last, g."k1" asc nulls last
    limit 10) as g)
select encode(string_agg(concat('[', concat_ws(',', case when n."k0" is not null then concat('[', coalesce('"' || replace(cast(n."k0" as varchar), ' ', 'T') || '"', 'null'), ',', coalesce('"' || replace(cast(n."k0" + interval '7 days' as varchar), ' ', 'T') || '"', 'null'), ']') end, case when n."k1" is not null then concat('[', coalesce('"' || replace(cast(n."k1" as varchar), ' ', 'T') || '"', 'null'), ',', coalesce('"' || replace(cast(n."k1" + interval '1 year' as varchar), ' ', 'T') || '"', 'null'), ']') end), ']'), ',' order by n.rn)) as "json0", count(n.rn) as "rows"
from numbered as n
group by n.rn - n.rn % 4096
order by n.rn - n.rn % 4096
