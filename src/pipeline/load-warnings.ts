import { parquetWarnings } from '../engine/parquet/describe.js';
import type { ParquetColumn } from '../relation.js';
import type { DescribedFile } from './described.js';

/** What a load shows beside the rows. */
export interface LoadFacts {
  readonly files: readonly DescribedFile[];
  /** What files themselves say that columns are, put together. */
  readonly given: readonly ParquetColumn[];
  readonly notes: Iterable<string>;
  /** Rows with fewer fields than columns. */
  readonly shortRows: number;
}

/** What people should know of a load that went well, each thing once. */
export function loadWarnings({ files, given, notes, shortRows }: LoadFacts): string[] {
  const warnings = files.flatMap((file) => (file.kind === 'delimited' ? file.layout.warnings : []));
  warnings.push(...notes, ...parquetWarnings(given));
  const empty = files.filter(({ kind }) => kind === 'empty');
  if (empty.length > 0) {
    warnings.push(`${empty.length} files are empty, the first is ${empty[0]?.file.origin}`);
  }
  if (shortRows > 0) {
    warnings.push(`${shortRows} rows have fewer fields than columns; the missing ones are null`);
  }
  return [...new Set(warnings)];
}
