-- $1 = "2024-02-29 12:00:00.5"
-- $2 = "2024-02-29 12:00:00.5"
-- $3 = "3"
select concat('{"id":', coalesce(cast(n."c0" as varchar), 'null'), '}') as "json0", to_base64(encode(concat('["7","', n.row_id, '",[', coalesce(cast(to_json(cast(n."o0" as varchar)) as varchar), 'null'), '],"lnaSw18a"]'))) as cursor
from (select t."id" as "c0", t."local" as "o0", t."rowid" as row_id
  from "everything" as t
  where (t."local" < try_cast($1 as timestamp) or (t."local" = try_cast($2 as timestamp) and t."rowid" < try_cast($3 as bigint)))
  order by t."local" desc nulls first, t."rowid" desc nulls first
  limit 3) as n
order by n."o0" asc nulls last, n.row_id asc nulls last
