import { ident, integer, join, literal, sql, type Sql } from '../../sql.js';
import { isStrictJson } from '../shapes.js';
import { textOf } from './texts.js';
import type { EngineType, EngineValueType } from './types.js';

/**
 * SQL for the JSON text of a list, struct or map, NULL for NULL. The engine's to_json writes NaN and Infinity, which are
 * no JSON, 0.1 of a FLOAT as 0.10000000149011612, and times without T.
 */
export function jsonOf(type: EngineType, value: Sql, depth = 0): Sql {
  switch (type.kind) {
    case 'list': {
      const item = ident(`x${depth}`);
      return sql`('[' || array_to_string(list_transform(${value},
        lambda ${item}: ${orNull(jsonOf(type.item, item, depth + 1))}), ',') || ']')`;
    }
    case 'struct': {
      const members = type.fields.map(({ name, type: member }, index) => {
        const text = orNull(
          jsonOf(member, sql`struct_extract_at(${value}, ${integer(index + 1)})`, depth),
        );
        const comma = index === 0 ? '' : ',';
        return sql`${literal(`${comma}${JSON.stringify(name)}:`)}, ${text}`;
      });
      return sql`case when ${value} is null then null else concat('{', ${join(members)}, '}') end`;
    }
    case 'map': {
      const entry = ident(`x${depth}`);
      const key = sql`struct_extract_at(${entry}, 1)`;
      const text = orNull(jsonOf(type.value, sql`struct_extract_at(${entry}, 2)`, depth + 1));
      // Only texts can name the members of an object.
      const [open, close, pair] =
        type.key.kind === 'value'
          ? [sql`'{'`, sql`'}'`, sql`concat(to_json(${textOf(type.key, key)}), ':', ${text})`]
          : [
              sql`'['`,
              sql`']'`,
              sql`concat('{"key":', ${orNull(jsonOf(type.key, key, depth + 1))}, ',"value":', ${text}, '}')`,
            ];
      return sql`(${open} || array_to_string(list_transform(map_entries(${value}), lambda ${entry}: ${pair}), ',') || ${close})`;
    }
    case 'value':
      return valueJson(type, value);
  }
}

const numbers = new Set([
  'BOOLEAN',
  'TINYINT',
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'HUGEINT',
  'UTINYINT',
  'USMALLINT',
  'UINTEGER',
  'UBIGINT',
  'UHUGEINT',
  'DECIMAL',
]);

function valueJson(type: EngineValueType, value: Sql): Sql {
  if (numbers.has(type.name)) return sql`${value}::varchar`;
  const text = textOf(type, value);
  const quoted = sql`to_json(${text})::varchar`;
  switch (type.name) {
    case 'FLOAT':
    case 'DOUBLE':
      return sql`case when isfinite(${value}) then ${text} else ${quoted} end`;
    case 'JSON':
    case 'VARIANT':
      return sql`case when ${isStrictJson(text)} then ${text} else ${quoted} end`;
    default:
      return quoted;
  }
}

function orNull(text: Sql): Sql {
  return sql`coalesce(${text}, 'null')`;
}
