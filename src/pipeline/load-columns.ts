import type { LoadColumn } from '../engine/load.js';
import { widerColumn } from '../engine/parquet/widen.js';
import type { TypeDecision } from '../inference.js';
import type { ParquetColumn } from '../relation.js';
import { columnKey, type PlannedColumn } from './columns.js';
import type { ReadableFile } from './described.js';

/** Whether the texts of a column decide what it is. */
export const needsProfile = (plan: PlannedColumn) =>
  plan.pattern === undefined && (plan.declared === undefined || plan.declared === 'DECIMAL');

/** What files themselves say of their columns, put together. */
export function givenColumns(files: readonly ReadableFile[]): Map<string, ParquetColumn> {
  const columns = new Map<string, ParquetColumn>();
  for (const column of files.flatMap((file) => file.columns)) {
    const key = columnKey(column);
    const before = columns.get(key);
    if (!column.given) continue;
    columns.set(key, before ? widerColumn(before, column.given) : column.given);
  }
  return columns;
}

/** Columns that hold lists and objects and nothing else. */
export function nestedColumns(files: readonly ReadableFile[]): Set<string> {
  const columns = files.flatMap((file) => file.columns);
  const nested = new Set(columns.filter(({ cells }) => cells === 'nested').map(columnKey));
  for (const column of columns) if (column.cells === 'text') nested.delete(columnKey(column));
  return nested;
}

/**
 * A column of the table.
 * @param guess what the files' values are; undefined: nobody looked, or there are none
 * @param exact every value was looked at
 */
export function loadColumn(
  plan: PlannedColumn,
  guess: TypeDecision | undefined,
  exact: boolean,
): LoadColumn {
  const { name, source, occurrence, pattern, declared } = plan;
  const place = { name, source, occurrence };
  if (pattern) {
    const type = pattern.timezone && pattern.type === 'TIMESTAMP' ? 'TIMESTAMP_TZ' : pattern.type;
    return { ...place, type, inferred: false, pattern };
  }
  const type = guess?.type ?? 'STRING';
  if (declared === undefined) {
    const size = guess?.decimal ? { decimal: guess.decimal } : {};
    return { ...place, type, ...size, inferred: true };
  }
  if (declared !== 'DECIMAL') return { ...place, type: declared, inferred: false };
  // A declared DECIMAL has no size of its own: it gets the one its values need.
  const decimal = guess?.decimal ?? { precision: 38, scale: type === 'STRING' ? 9 : 0 };
  return { ...place, type: 'DECIMAL', decimal, inferred: !exact };
}

/** The date pattern of a column, for its description. */
export function patternNote(column: LoadColumn): string | undefined {
  return (
    column.pattern &&
    `${column.pattern.pattern}${column.pattern.timezone ? ` in ${column.pattern.timezone}` : ''}`
  );
}
