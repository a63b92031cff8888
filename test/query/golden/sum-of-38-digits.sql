select encode(concat('{"sum":', coalesce('"' || cast(n."a0" as varchar) || '"', 'null'), ',"avg":', coalesce(case when isfinite(n."a1") then cast(n."a1" as varchar) end, 'null'), '}')) as "json0", cast(1 as bigint) as "rows"
from (select case when abs(sum(t."amount")) > cast('9999999999999999999999999999999999.9999' as decimal(38, 4)) then error('A sum has more than 38 digits, before or behind the point; filter the rows, or ask for avg') else sum(t."amount") end as "a0", avg(cast(t."amount" as double)) as "a1"
  from "wide" as t) as n
