import type { TypeDecision } from '../../inference.js';
import { integer, literal, sql, type Sql } from '../../sql.js';
import { isStrictJson } from '../shapes.js';
import { jsonOf } from './json.js';
import { decoded, textOf } from './texts.js';
import type { EngineType } from './types.js';

/** How the values of a column of a Parquet file become values of ours. */
export interface NativeColumn {
  readonly decision: TypeDecision;
  /** SQL of the value in that type. */
  typed(value: Sql): Sql;
  /** SQL, false when the type does not hold a value that is not null: the column is then STRING. Undefined: it holds all. */
  readonly holds?: (value: Sql) => Sql;
  /** SQL of the value's text, as the API writes it. */
  text(value: Sql): Sql;
  /** Bytes without a type: text as long as all of them are UTF-8. */
  readonly bytes: boolean;
}

/** Says what a column of the engine's type is to us. @param half whether the file has FLOAT16 in it */
export function nativeColumn(type: EngineType, half: boolean): NativeColumn {
  const text = (value: Sql) => (type.kind === 'value' ? textOf(type, value) : jsonOf(type, value));
  const column = (decision: TypeDecision, more: Partial<NativeColumn> = {}): NativeColumn => ({
    decision,
    typed: (value) => value,
    text,
    bytes: false,
    ...more,
  });
  if (type.kind !== 'value') {
    return column({ type: 'JSON' }, { typed: (value) => sql`${jsonOf(type, value)}::json` });
  }
  switch (type.name) {
    case 'BOOLEAN':
      return column({ type: 'BOOLEAN' });
    case 'TINYINT':
    case 'SMALLINT':
    case 'INTEGER':
    case 'UTINYINT':
    case 'USMALLINT':
      return column({ type: 'INTEGER' });
    case 'BIGINT':
    case 'UINTEGER':
      return column({ type: 'BIGINT' });
    case 'UBIGINT':
      return column({ type: 'DECIMAL', decimal: { precision: 20, scale: 0 } });
    case 'DECIMAL': {
      const [precision = 38, scale = 0] = type.sizes;
      return column({ type: 'DECIMAL', decimal: { precision, scale } });
    }
    case 'FLOAT':
      // The shortest text that means a FLOAT is what people wrote: 0.1. A FLOAT16 has its own, which the engine does not know.
      return half
        ? column(
            { type: 'DOUBLE' },
            {
              holds: finite,
              typed: (value) => sql`${value}::double`,
              text: (value) => textOf({ ...type, name: 'DOUBLE' }, sql`${value}::double`),
            },
          )
        : column(
            { type: 'DOUBLE' },
            { holds: finite, typed: (value) => sql`${value}::varchar::double` },
          );
    case 'DOUBLE':
      // JSON has no numbers for NaN and the infinities, and an answer would have null in their place.
      return column({ type: 'DOUBLE' }, { holds: finite });
    case 'DATE':
      return column({ type: 'DATE' }, { holds: between(sql`date`) });
    case 'TIME':
    case 'TIME_NS':
    case 'TIME WITH TIME ZONE':
      return column(
        { type: 'TIME' },
        { holds: (value) => timeHolds(type.name, value), typed: (value) => sql`${value}::time` },
      );
    case 'TIMESTAMP':
    case 'TIMESTAMP_S':
    case 'TIMESTAMP_MS':
      return column({ type: 'TIMESTAMP' }, { holds: between(sql`timestamp`) });
    case 'TIMESTAMP_NS':
      return column(
        { type: 'TIMESTAMP' },
        {
          holds: (value) => sql`(isfinite(${value}) and epoch_ns(${value}) % 1000 = 0)`,
          typed: (value) => sql`${value}::timestamp`,
        },
      );
    case 'TIMESTAMP WITH TIME ZONE':
      return column({ type: 'TIMESTAMP_TZ' }, { holds: between(sql`timestamptz`) });
    case 'JSON':
    case 'VARIANT':
      return column(
        { type: 'JSON' },
        {
          holds: (value) => isStrictJson(text(value)),
          typed: (value) => sql`${text(value)}::json`,
        },
      );
    case 'BLOB':
      return column(
        { type: 'STRING' },
        { holds: (value) => sql`${decoded(value)} is not null`, typed: decoded, bytes: true },
      );
    default:
      return column({ type: 'STRING' }, { typed: text });
  }
}

const finite = (value: Sql) => sql`isfinite(${value})`;

// Years of four digits are what ISO 8601 and the API have.
function between(type: Sql): (value: Sql) => Sql {
  return (value) =>
    sql`(${value} >= ${type} ${literal('0001-01-01')} and ${value} < ${type} ${literal('10000-01-01')})`;
}

function timeHolds(name: string, value: Sql): Sql {
  const time = sql`(${value}::time >= time '00:00:00' and ${value}::time < time '24:00:00')`;
  // The cast of nanoseconds rounds.
  return name === 'TIME_NS' ? sql`(${time} and epoch_ns(${value}) % ${integer(1000)} = 0)` : time;
}
