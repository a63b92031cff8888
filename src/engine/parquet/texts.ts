import { sql, type Sql } from '../../sql.js';
import type { EngineValueType } from './types.js';

/** SQL for the text of a value as the API writes it: what it holds is all there, NULL for NULL. */
export function textOf(type: EngineValueType, value: Sql): Sql {
  switch (type.name) {
    case 'FLOAT':
    case 'DOUBLE':
      return sql`case when isnan(${value}) then 'NaN' when isinf(${value})
        then case when ${value} > 0 then 'Infinity' else '-Infinity' end else ${value}::varchar end`;
    case 'TIMESTAMP':
    case 'TIMESTAMP_NS':
    case 'TIMESTAMP_MS':
    case 'TIMESTAMP_S':
      return withT(value);
    case 'TIMESTAMP WITH TIME ZONE':
      // The cast of a TIMESTAMPTZ follows the session's TimeZone; the count of microseconds does not.
      return sql`coalesce(${withT(sql`make_timestamp(epoch_us(${value}))`)} || 'Z', ${value}::varchar)`;
    case 'TIME WITH TIME ZONE':
      return sql`${value}::time::varchar`;
    case 'BLOB':
      return sql`coalesce(${decoded(value)}, to_base64(${value}))`;
    case 'INTERVAL':
      return duration(value);
    case 'VARIANT':
      return sql`(${value}::json)::varchar`;
    default:
      return sql`${value}::varchar`;
  }
}

/** The bytes as text; NULL when they are no valid UTF-8. */
export function decoded(value: Sql): Sql {
  return sql`try(decode(${value}))`;
}

function withT(timestamp: Sql): Sql {
  return sql`replace(${timestamp}::varchar, ' ', 'T')`;
}

// ISO 8601: months, days and seconds, which are what the file has, and cannot be changed into each other.
function duration(value: Sql): Sql {
  const part = (name: Sql) => sql`date_part(${name}, ${value})`;
  const months = sql`(${part(sql`'year'`)} * 12 + ${part(sql`'month'`)})`;
  const micros = sql`(${part(sql`'hour'`)} * 3600000000 + ${part(sql`'minute'`)} * 60000000 + ${part(sql`'microsecond'`)})`;
  const fraction = sql`rtrim('.' || lpad((${micros} % 1000000)::varchar, 6, '0'), '0')`;
  return sql`('P' || ${months} || 'M' || ${part(sql`'day'`)} || 'DT' || (${micros} // 1000000) || rtrim(${fraction}, '.') || 'S')`;
}
