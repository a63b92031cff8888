import { AppError } from '../../errors.js';
import type { ParquetFile } from '../../relation.js';
import { ident, join, literal, sql, type Sql } from '../../sql.js';
import { EngineError, type Session, type RunOptions } from '../engine.js';
import { nativeColumn, type NativeColumn } from './columns.js';
import { readingError } from './errors.js';
import { listDepth, parseType } from './types.js';

/** Files with the same columns as something to select FROM: columns `c0 …` and the virtual ones, whatever the files' names. */
export function from(files: readonly ParquetFile[]): Sql {
  const names = (files[0]?.fields ?? []).map((_, position) => ident(`c${position}`));
  return sql`read_parquet([${join(files.map(({ path }) => literal(path)))}], hive_partitioning = false) r(${join(names)})`;
}

/** The column at a position of {@link from}. */
export function columnAt(position: number): Sql {
  return ident('r', `c${position}`);
}

// DuckDB 1.5.6 takes twice as long to plan a lambda for each one around it: 0.1 s for 8, 2 s for 12, for ever for 40.
const maxLists = 8;

/** What the columns of a file with these types of the engine are. @throws NESTED_TOO_DEEP */
export function nativesOf(types: readonly string[], file: ParquetFile): NativeColumn[] {
  return types.map((text, index) => {
    const { name = '', half = false } = file.fields[index] ?? {};
    const type = parseType(text);
    if (listDepth(type) > maxLists) {
      throw new AppError(
        'NESTED_TOO_DEEP',
        `Column ${name} of ${file.origin} has more than ${maxLists} lists or maps in each other; write it flatter`,
        { details: { file: file.origin, column: name, limit: maxLists } },
      );
    }
    return nativeColumn(type, half);
  });
}

/** The engine's types of a file's columns, as it writes them. */
export async function engineTypes(
  session: Session,
  file: ParquetFile,
  options: RunOptions,
): Promise<string[]> {
  if (file.fields.length === 0) return [];
  try {
    const rows = await session.rows(
      sql`select column_type as type from (describe select * from ${from([file])})`,
      options,
    );
    return rows.map(({ type }) => String(type));
  } catch (error) {
    if (error instanceof EngineError) throw readingError([file], error.message, error);
    throw error;
  }
}
