-- $1 = 1
with numbered as materialized (select k.*, row_number() over (order by k."o0" desc nulls last, k.row_id asc nulls last) - 1 as rn
  from (select t."name" as "o0", t."rowid" as row_id
    from "everything" as t
    where t."id" > cast($1 as integer)
    order by t."name" desc nulls last, t."rowid" asc nulls last
    limit 10000) as k)
select encode(string_agg(concat('{"id":', coalesce(cast(t."id" as varchar), 'null'), ',"name":', coalesce(cast(to_json(t."name") as varchar), 'null'), '}'), ',' order by n.rn)) as "json0", count(*) as "rows"
from numbered as n
join "everything" as t on t."rowid" = n.row_id
group by n.rn - n.rn % 4096
order by n.rn - n.rn % 4096
