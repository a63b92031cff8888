import type { ColumnType } from '../columns.js';
import type { DecimalSize } from '../inference.js';
import type { FormatLimits } from '../limits.js';

/** How the texts of a column with a declared date pattern are read. */
export interface LoadPattern {
  readonly pattern: string;
  readonly type: 'DATE' | 'TIME' | 'TIMESTAMP' | 'TIMESTAMP_TZ';
  readonly strptime: string;
  readonly regex: string;
  /** The texts may have Z for an offset of zero. */
  readonly zulu: boolean;
  /** The texts name their zone. (Default: false) */
  readonly namedZone?: boolean;
  /** Zone of texts without an offset: the column is then TIMESTAMP_TZ. */
  readonly timezone?: string;
}

/** A column of the table and where its texts come from. */
export interface LoadColumn {
  readonly name: string;
  /** The header as it stands in the file. */
  readonly source: string;
  /** 0-based among equal headers. */
  readonly occurrence: number;
  readonly type: ColumnType;
  readonly decimal?: DecimalSize;
  /** True when the type was guessed: a value that does not fit widens it. False: the value is wrong. */
  readonly inferred: boolean;
  readonly pattern?: LoadPattern;
}

/** Where a column stands among the headers of a file; undefined: the file does not have it. */
export function positionOf(
  { source, occurrence }: Pick<LoadColumn, 'source' | 'occurrence'>,
  headers: readonly string[],
): number | undefined {
  let before = occurrence;
  const position = headers.findIndex((header) => header === source && before-- === 0);
  return position === -1 ? undefined : position;
}

/** The table that rows are loaded into. */
export interface LoadTarget {
  readonly table: string;
  readonly columns: readonly LoadColumn[];
  /** Adds `_BATCH_FILE_NAME_` as the last column. */
  readonly fileName: boolean;
}

export interface LoadOptions {
  readonly badRows: 'REJECT' | 'FAIL';
  readonly maxRejectedRows: number;
  /** Folder for exact copies of files that the engine's reader cannot take. (Default: beside each file) */
  readonly spoolDirectory?: string;
  readonly limits?: Pick<FormatLimits, 'maxCellBytes'>;
  readonly signal?: AbortSignal | undefined;
}

/** A row that was set aside. */
export interface RejectedRow {
  readonly file: string;
  /** 1-based physical line where the row begins. */
  readonly line: number | null;
  readonly column: string | null;
  readonly value: string | null;
  readonly reason: string;
  readonly raw: string | null;
}

export interface LoadResult {
  readonly rows: number;
  readonly files: readonly { readonly origin: string; readonly rows: number }[];
  readonly rejected: readonly RejectedRow[];
  /** Rows with fewer fields than columns, filled with nulls. */
  readonly shortRows: number;
}

/** Values that a guessed type does not hold: profile all texts, widen and load again. */
export class TypeTooNarrow extends Error {
  constructor(readonly columns: readonly string[]) {
    super(`The guessed types of ${columns.join(', ')} do not hold every value`);
    this.name = 'TypeTooNarrow';
  }
}
