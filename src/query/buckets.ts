import type { ColumnType } from '../columns.js';
import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { ianaTimezone } from '../timezone.js';
import type { Sql } from '../sql.js';
import type { GroupKey, Source } from './query.js';
import { columnOf, type Scan } from './source.js';

/** A group key that cuts time. */
export type BucketKey = Extract<GroupKey, { readonly kind: 'bucket' }>;

const times: readonly ColumnType[] = ['DATE', 'TIMESTAMP', 'TIMESTAMP_TZ'];

/** The local start of the bucket that a row falls into; INVALID_INPUT if its column is no time. */
export function compileBucket(key: BucketKey, source: Source, table: Scan, dialect: Dialect): Sql {
  const column = columnOf(source, key.column);
  if (!times.includes(column.type)) {
    throw new AppError(
      'INVALID_INPUT',
      `Column ${column.name} is ${column.type}; a time bucket takes ${times.join(', ')}`,
      { details: { column: column.name } },
    );
  }
  const timezone = checkTimezone(key.timezone);
  return dialect.bucketStart(table.column(column.name), column, key.unit, timezone);
}

/** The name that the time zone database has for a zone; INVALID_INPUT if it has none. */
export function checkTimezone(name: string): string {
  const zone = ianaTimezone(name);
  if (zone !== undefined) return zone;
  throw new AppError(
    'INVALID_INPUT',
    `There is no time zone ${JSON.stringify(name)}; expected an IANA name like Europe/Berlin`,
    { details: { timezone: name } },
  );
}
