-- $1 = 1
select concat(',{"id":', coalesce(cast(n."c0" as varchar), 'null'), '}') as "json0"
from (select t."id" as "c0"
  from (select s."id", s."flag", s."small", s."big", s."amount", s."score", s."name", s."day", s."clock", s."local", s."instant", s."extra", s."rowid" + 0 as "rowid"
    from "everything" as s
    union all select s."id", s."flag", s."small", s."big", s."amount", s."score", s."name", s."day", s."clock", s."local", s."instant", s."extra", s."rowid" + 1099511627776 as "rowid"
    from "everything" as s
    where s."rowid" >= 1 and s."rowid" < 4) as t
  where t."id" > cast($1 as integer)
  limit 100) as n
