-- $1 = "1.23"
-- $2 = "it's"
-- $3 = 1
-- $4 = 2
-- $5 = 3
select concat(',{"id":', coalesce(cast(n."c0" as varchar), 'null'), ',"name":', coalesce(cast(to_json(n."c1") as varchar), 'null'), '}') as "json0"
from (select t."id" as "c0", t."name" as "c1", t."instant" as "o0", t."name" as "o1", t."rowid" as row_id
  from "everything" as t
  where (t."amount" > cast($1 as decimal(12, 2)) and (contains(lower(t."name"), lower(cast($2 as varchar))) or not (t."small" in (cast($3 as integer), cast($4 as integer), cast($5 as integer)))))
  order by t."instant" desc nulls last, t."name" asc nulls first, t."rowid" asc nulls last
  limit 10 offset 20) as n
order by n."o0" desc nulls last, n."o1" asc nulls first, n.row_id asc nulls last
