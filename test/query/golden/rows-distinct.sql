with numbered as (select k.*, row_number() over (order by k."o0" asc nulls last, k.row_id asc nulls last) - 1 as rn
  from (select t."score" as "o0", t."rowid" as row_id
    from "everything" as t
    where t."rowid" in (select d.row_id
      from (select t."rowid" as row_id, row_number() over (partition by t."flag", t."day" order by t."score" asc nulls last, t."rowid" asc nulls last) as place
        from "everything" as t
        where t."flag" is not null) as d
      where d.place = 1)
    order by t."score" asc nulls last, t."rowid" asc nulls last
    limit 100) as k)
select encode(string_agg(concat('{"id":', coalesce(cast(t."id" as varchar), 'null'), '}'), ',' order by n.rn)) as "json0", count(*) as "rows"
from numbered as n
join "everything" as t on t."rowid" = n.row_id
group by n.rn - n.rn % 4096
order by n.rn - n.rn % 4096
