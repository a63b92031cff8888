import type { ParquetColumn, ParquetFile } from '../../relation.js';
import { ident, integer, join, sql } from '../../sql.js';
import { EngineError, type Session } from '../engine.js';
import type { NativeColumn } from './columns.js';
import { readingError } from './errors.js';
import { columnAt, engineTypes, from, nativesOf } from './source.js';

/** How closely the values of a file are looked at. */
export interface DescribeOptions {
  /** Rows to look at; a load finds the value that a type taken from a sample does not hold. (Default: all) */
  readonly sampleRows?: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Says what the columns of a Parquet file are: as the file has them, but STRING where the API could not show a value of
 * the type (NaN, infinities, years outside of 1 to 9999, nanoseconds, text that is no JSON).
 * @throws MALFORMED_FILE, UNSUPPORTED
 */
export async function describeParquet(
  session: Session,
  file: ParquetFile,
  options: DescribeOptions = {},
): Promise<ParquetColumn[]> {
  const natives = await nativeColumns(session, file, options);
  const narrow = await narrowColumns(session, file, natives, options);
  return natives.map((native, index) => {
    const source = file.fields[index]?.name ?? '';
    if (!narrow.has(index)) return { source, ...native.decision };
    return { source, type: 'STRING', ...(native.bytes ? { base64: true } : {}) };
  });
}

/** What people should know of the columns' values. */
export function parquetWarnings(columns: readonly ParquetColumn[]): string[] {
  return columns.flatMap(({ source, base64 }) =>
    base64
      ? [`Column ${JSON.stringify(source)} has bytes that are no text; its values are their base64`]
      : [],
  );
}

async function nativeColumns(
  session: Session,
  file: ParquetFile,
  options: DescribeOptions,
): Promise<NativeColumn[]> {
  return nativesOf(await engineTypes(session, file, options), file);
}

/** Positions of columns with a value that their types do not hold. */
async function narrowColumns(
  session: Session,
  file: ParquetFile,
  natives: readonly NativeColumn[],
  options: DescribeOptions,
): Promise<Set<number>> {
  const tests = natives.flatMap(({ holds }, index) => {
    if (!holds) return [];
    const value = columnAt(index);
    const narrow = sql`${value} is not null and not coalesce(${holds(value)}, false)`;
    return [sql`bool_or(${narrow}) as ${ident(String(index))}`];
  });
  if (tests.length === 0) return new Set();
  const rows =
    options.sampleRows === undefined
      ? from([file])
      : sql`(select r.* from ${from([file])} limit ${integer(options.sampleRows)}) r`;
  try {
    const [row] = await session.rows(sql`select ${join(tests)} from ${rows}`, options);
    return new Set(natives.flatMap((_, index) => (row?.[String(index)] === true ? [index] : [])));
  } catch (error) {
    if (error instanceof EngineError) throw readingError([file], error.message, error);
    throw error;
  }
}
