select concat(',{"id":', coalesce(cast(n."c0" as varchar), 'null'), '}') as "json0"
from (select t."id" as "c0", t."score" as "o0", t."rowid" as row_id
  from "everything" as t
  where t."rowid" in (select d.row_id
    from (select t."rowid" as row_id, row_number() over (partition by t."flag", t."day" order by t."score" asc nulls last, t."rowid" asc nulls last) as place
      from "everything" as t
      where t."flag" is not null) as d
    where d.place = 1)
  order by t."score" asc nulls last, t."rowid" asc nulls last
  limit 100) as n
order by n."o0" asc nulls last, n.row_id asc nulls last
