-- $1 = 1
with numbered as (select p.*, row_number() over () - 1 as rn
  from (select t."id" as "c0", t."rowid" as row_id
    from (select s."id", s."flag", s."small", s."big", s."amount", s."score", s."name", s."day", s."clock", s."local", s."instant", s."extra", s."rowid" + 0 as "rowid"
      from "everything" as s
      union all select s."id", s."flag", s."small", s."big", s."amount", s."score", s."name", s."day", s."clock", s."local", s."instant", s."extra", s."rowid" + 1099511627776 as "rowid"
      from "everything" as s
      where s."rowid" >= 1 and s."rowid" < 4) as t
    where t."id" > cast($1 as integer)
    limit 100) as p)
select encode(string_agg(concat('{"id":', coalesce(cast(n."c0" as varchar), 'null'), '}'), ',' order by n.rn)) as "json0", count(*) as "rows"
from numbered as n
group by n.rn - n.rn % 4096
order by n.rn - n.rn % 4096
