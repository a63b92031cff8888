-- $1 = "1.23"
-- $2 = "1.23"
-- $3 = "3"
select concat('{"id":', coalesce(cast(n."c0" as varchar), 'null'), '}') as "json0", concat('"', to_base64(encode(concat('["7","', n.row_id, '",[', coalesce(cast(to_json(cast(n."o0" as varchar)) as varchar), 'null'), ',', coalesce(cast(to_json(cast(n."o1" as varchar)) as varchar), 'null'), '],"UvP5jITq"]'))), '"') as "json1", to_base64(encode(concat('["7","', n.row_id, '",[', coalesce(cast(to_json(cast(n."o0" as varchar)) as varchar), 'null'), ',', coalesce(cast(to_json(cast(n."o1" as varchar)) as varchar), 'null'), '],"UvP5jITq"]'))) as cursor
from (select t."id" as "c0", t."amount" as "o0", t."name" as "o1", t."rowid" as row_id
  from "everything" as t
  where ((t."amount" < try_cast($1 as decimal(12, 2)) or t."amount" is null) or (t."amount" = try_cast($2 as decimal(12, 2)) and (t."name" is not null or (t."name" is null and t."rowid" > try_cast($3 as bigint)))))
  order by t."amount" desc nulls last, t."name" asc nulls first, t."rowid" asc nulls last
  limit 3) as n
order by n."o0" desc nulls last, n."o1" asc nulls first, n.row_id asc nulls last
