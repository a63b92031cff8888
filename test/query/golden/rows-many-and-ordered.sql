-- $1 = 1
with numbered as materialized (select k.*, row_number() over (order by k."o0" desc nulls last, k.row_id asc nulls last) - 1 as rn
  from (select t."name" as "o0", t."rowid" as row_id
    from "everything" as t
    where t."id" > cast($1 as integer)
    order by t."name" desc nulls last, t."rowid" asc nulls last
    limit 10000) as k)
select concat(',{"id":', coalesce(cast(t."id" as varchar), 'null'), ',"name":', coalesce(cast(to_json(t."name") as varchar), 'null'), '}') as "json0"
from numbered as n
join "everything" as t on t."rowid" = n.row_id
order by n.rn
