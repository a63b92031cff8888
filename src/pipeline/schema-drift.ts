import { AppError } from '../errors.js';
import { columnKey } from './columns.js';
import type { ReadableFile } from './described.js';

interface Columned extends Pick<ReadableFile, 'columns'> {
  readonly file: { readonly origin: string };
}

/** Refuses a file that has a column more or less than the first. @throws SCHEMA_DRIFT */
export function refuseDrift(first: Columned, other: Columned): void {
  const expected = new Set(first.columns.map(columnKey));
  const own = new Set(other.columns.map(columnKey));
  const strange =
    other.columns.find((column) => !expected.has(columnKey(column))) ??
    first.columns.find((column) => !own.has(columnKey(column)));
  if (!strange) return;
  const { origin } = other.file;
  throw new AppError(
    'SCHEMA_DRIFT',
    `Column ${JSON.stringify(strange.source)} stands in only one of ${first.file.origin} and ${origin}, and schemaDrift is FAIL; set it to WIDEN, or narrow the selection`,
    { details: { file: origin, column: strange.source } },
  );
}
