with numbered as (select p.*, row_number() over () - 1 as rn
  from (select t."id" as "c0", t."flag" as "c1", t."small" as "c2", t."big" as "c3", t."amount" as "c4", t."score" as "c5", t."name" as "c6", t."day" as "c7", t."clock" as "c8", t."local" as "c9", t."instant" as "c10", t."extra" as "c11", t."rowid" as row_id
    from "everything" as t
    limit 100) as p)
select encode(string_agg(concat('{"id":', coalesce(cast(n."c0" as varchar), 'null'), ',"flag":', coalesce(cast(n."c1" as varchar), 'null'), ',"small":', coalesce(cast(n."c2" as varchar), 'null'), ',"big":', coalesce('"' || cast(n."c3" as varchar) || '"', 'null'), ',"amount":', coalesce('"' || cast(n."c4" as varchar) || '"', 'null'), ',"score":', coalesce(case when isfinite(n."c5") then cast(n."c5" as varchar) end, 'null'), ',"name":', coalesce(cast(to_json(n."c6") as varchar), 'null'), ',"day":', coalesce('"' || cast(n."c7" as varchar) || '"', 'null'), ',"clock":', coalesce('"' || cast(n."c8" as varchar) || '"', 'null'), ',"local":', coalesce('"' || replace(cast(n."c9" as varchar), ' ', 'T') || '"', 'null'), ',"instant":', coalesce('"' || replace(cast(make_timestamp(epoch_us(n."c10")) as varchar), ' ', 'T') || 'Z"', 'null'), ',"extra":', coalesce(cast(n."c11" as varchar), 'null'), '}'), ',' order by n.rn)) as "json0", count(*) as "rows"
from numbered as n
group by n.rn - n.rn % 4096
order by n.rn - n.rn % 4096
