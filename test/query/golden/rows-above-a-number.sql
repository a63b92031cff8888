-- $1 = "4"
-- $2 = "2"
-- $3 = "x"
select concat(',{"name":', coalesce(cast(to_json(n."c0") as varchar), 'null'), '}') as "json0"
from (select t."name" as "c0"
  from (select s."name", s."rowid" + 0 as "rowid"
    from "everything" as s
    where s."id" > cast($1 as bigint)
    union all select s."name", s."rowid" + 1099511627776 as "rowid"
    from "everything" as s
    where s."rowid" >= 1 and s."rowid" < 4 and s."id" > cast($2 as bigint)) as t
  where t."name" <> cast($3 as varchar)
  limit 100) as n
