-- $1 = "1.23"
-- $2 = "1.23"
-- $3 = "3"
with numbered as (select k.*, row_number() over (order by k."o0" desc nulls last, k."o1" asc nulls first, k.row_id asc nulls last) - 1 as rn
  from (select t."amount" as "o0", t."name" as "o1", t."rowid" as row_id
    from "everything" as t
    where ((t."amount" < try_cast($1 as decimal(12, 2)) or t."amount" is null) or (t."amount" = try_cast($2 as decimal(12, 2)) and (t."name" is not null or (t."name" is null and t."rowid" > try_cast($3 as bigint)))))
    order by t."amount" desc nulls last, t."name" asc nulls first, t."rowid" asc nulls last
    limit 3) as k)
select encode(coalesce(string_agg(concat('{"id":', coalesce(cast(t."id" as varchar), 'null'), '}'), ',' order by n.rn) filter (where n.rn < 2), '')) as "json0", encode(coalesce(string_agg(concat('"', to_base64(encode(concat('["7","', n.row_id, '",[', coalesce(cast(to_json(cast(n."o0" as varchar)) as varchar), 'null'), ',', coalesce(cast(to_json(cast(n."o1" as varchar)) as varchar), 'null'), '],"UvP5jITq"]'))), '"'), ',' order by n.rn) filter (where n.rn < 2), '')) as "json1", count(*) filter (where n.rn < 2) as "rows", min_by(to_base64(encode(concat('["7","', n.row_id, '",[', coalesce(cast(to_json(cast(n."o0" as varchar)) as varchar), 'null'), ',', coalesce(cast(to_json(cast(n."o1" as varchar)) as varchar), 'null'), '],"UvP5jITq"]'))), n.rn) filter (where n.rn < 2) as first_cursor, max_by(to_base64(encode(concat('["7","', n.row_id, '",[', coalesce(cast(to_json(cast(n."o0" as varchar)) as varchar), 'null'), ',', coalesce(cast(to_json(cast(n."o1" as varchar)) as varchar), 'null'), '],"UvP5jITq"]'))), n.rn) filter (where n.rn < 2) as last_cursor, sum(count(*)) over () > 2 as has_more
from numbered as n
join "everything" as t on t."rowid" = n.row_id
group by least(n.rn, 1) - least(n.rn, 1) % 4096
order by least(n.rn, 1) - least(n.rn, 1) % 4096
