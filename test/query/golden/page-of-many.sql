with numbered as materialized (select p.*, row_number() over () - 1 as rn
  from (select t."id" as "c0", t."rowid" as row_id
    from "everything" as t
    limit 10001) as p)
select encode(coalesce(string_agg(concat('{"id":', coalesce(cast(n."c0" as varchar), 'null'), '}'), ',' order by n.rn) filter (where n.rn < 10000), '')) as "json0", encode(coalesce(string_agg(concat('"', to_base64(encode(concat('["7","', n.row_id, '",[', '],"T1PNoYwr"]'))), '"'), ',' order by n.rn) filter (where n.rn < 10000), '')) as "json1", count(*) filter (where n.rn < 10000) as "rows", min_by(to_base64(encode(concat('["7","', n.row_id, '",[', '],"T1PNoYwr"]'))), n.rn) filter (where n.rn < 10000) as first_cursor, max_by(to_base64(encode(concat('["7","', n.row_id, '",[', '],"T1PNoYwr"]'))), n.rn) filter (where n.rn < 10000) as last_cursor, sum(count(*)) over () > 10000 as has_more
from numbered as n
group by least(n.rn, 9999) - least(n.rn, 9999) % 4096
order by least(n.rn, 9999) - least(n.rn, 9999) % 4096
