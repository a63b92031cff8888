-- $1 = "1.23"
-- $2 = "it's"
-- $3 = 1
-- $4 = 2
-- $5 = 3
with numbered as (select k.*, row_number() over (order by k."o0" desc nulls last, k."o1" asc nulls first, k.row_id asc nulls last) - 1 as rn
  from (select t."instant" as "o0", t."name" as "o1", t."rowid" as row_id
    from "everything" as t
    where (t."amount" > cast($1 as decimal(12, 2)) and (contains(lower(t."name"), lower(cast($2 as varchar))) or not (t."small" in (cast($3 as integer), cast($4 as integer), cast($5 as integer)))))
    order by t."instant" desc nulls last, t."name" asc nulls first, t."rowid" asc nulls last
    limit 10 offset 20) as k)
select encode(string_agg(concat('{"id":', coalesce(cast(t."id" as varchar), 'null'), ',"name":', coalesce(cast(to_json(t."name") as varchar), 'null'), '}'), ',' order by n.rn)) as "json0", count(*) as "rows"
from numbered as n
join "everything" as t on t."rowid" = n.row_id
group by n.rn - n.rn % 4096
order by n.rn - n.rn % 4096
