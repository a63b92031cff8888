-- $1 = "2024-02-29 12:00:00.5"
-- $2 = "2024-02-29 12:00:00.5"
-- $3 = "3"
with numbered as (select k.*, row_number() over (order by k."o0" desc nulls first, k.row_id desc nulls first) - 1 as rn
  from (select t."local" as "o0", t."rowid" as row_id
    from "everything" as t
    where (t."local" < try_cast($1 as timestamp) or (t."local" = try_cast($2 as timestamp) and t."rowid" < try_cast($3 as bigint)))
    order by t."local" desc nulls first, t."rowid" desc nulls first
    limit 3) as k)
select encode(coalesce(string_agg(concat('{"id":', coalesce(cast(t."id" as varchar), 'null'), '}'), ',' order by n.rn desc) filter (where n.rn < 2), '')) as "json0", count(*) filter (where n.rn < 2) as "rows", max_by(to_base64(encode(concat('["7","', n.row_id, '",[', coalesce(cast(to_json(cast(n."o0" as varchar)) as varchar), 'null'), '],"lnaSw18a"]'))), n.rn) filter (where n.rn < 2) as first_cursor, min_by(to_base64(encode(concat('["7","', n.row_id, '",[', coalesce(cast(to_json(cast(n."o0" as varchar)) as varchar), 'null'), '],"lnaSw18a"]'))), n.rn) filter (where n.rn < 2) as last_cursor, sum(count(*)) over () > 2 as has_more
from numbered as n
join "everything" as t on t."rowid" = n.row_id
group by least(n.rn, 1) - least(n.rn, 1) % 4096
order by least(n.rn, 1) - least(n.rn, 1) % 4096 desc
