import { isDeepStrictEqual } from 'node:util';
import type { DatasetDefinition } from '../catalog/definition.js';
import type { Session } from '../engine/engine.js';
import type { LoadColumn, LoadTarget } from '../engine/load.js';
import { widerColumn } from '../engine/parquet/widen.js';
import { typeOfProfile, type TextProfile } from '../inference.js';
import type { FormatLimits } from '../limits.js';
import type { ParquetColumn } from '../relation.js';
import {
  columnKey,
  columnsOf,
  planColumns,
  unionOfColumns,
  type FoundColumn,
  type PlannedColumn,
} from './columns.js';
import { isText, relationsOf, type ReadableFile } from './described.js';
import { givenColumns, loadColumn, needsProfile, nestedColumns } from './load-columns.js';
import { hasOrigins } from './plan.js';
import type { RowsBefore } from './rows-before.js';
import { profileTexts } from './text-profiles.js';
import type { JoinedType } from './widen.js';

/** Where and how a table is loaded. */
export interface TableOptions {
  readonly before?: RowsBefore | undefined;
  readonly table: string;
  readonly definition: DatasetDefinition;
  readonly spoolDirectory: string;
  readonly limits: Pick<FormatLimits, 'maxCellBytes'>;
  readonly signal: AbortSignal;
}

/** What a table is to be. */
export interface TablePlan {
  /** The columns of all files, in the order in which they were found; also those that are left out of the table. */
  readonly found: readonly FoundColumn[];
  /** The columns of the table, as the definition wants them. */
  readonly wanted: readonly PlannedColumn[];
  /** The same columns in the same order, with their types. */
  readonly target: LoadTarget;
  /** What files themselves say that columns are, put together. */
  readonly given: ReadonlyMap<string, ParquetColumn>;
  /** Columns without a value where their types were guessed. */
  readonly undecided: readonly PlannedColumn[];
  /** What people should know of it. */
  readonly notes: readonly string[];
}

/**
 * Decides on the columns of a table and on their types, from what files say, what their texts are, and what the rows are
 * that it will stand beside.
 * @param sampleRows Rows to look at of files that are read alike; then types are guesses. (Default: all)
 * @throws ReadAnew, COLUMN_NOT_FOUND, INVALID_INPUT, INVALID_DATE_PATTERN
 */
export async function planTable(
  session: Session,
  files: readonly ReadableFile[],
  { before, table, definition, spoolDirectory, limits, signal }: TableOptions,
  sampleRows?: number,
): Promise<TablePlan> {
  const found = unionOfColumns([
    columnsOf(before?.sources ?? []),
    ...files.map(({ columns }) => columns),
  ]);
  const wanted = planColumns(found, definition);
  const exact = sampleRows === undefined;
  const texts = relationsOf(files, definition.format, []).filter(isText);
  const profiled = wanted.filter((one) => needsProfile(one) && (exact || !isKnown(one, before)));
  const profiles = await profileTexts(session, texts, profiled, {
    ...(exact ? {} : { sampleRows }),
    spoolDirectory,
    limits,
    signal,
  });
  const given = givenColumns(files);
  const nested = nestedColumns(files);
  const columns: LoadColumn[] = [];
  const undecided: PlannedColumn[] = [];
  const notes: string[] = [];
  for (const one of wanted) {
    const key = columnKey(one);
    const seen: JoinedType | undefined = nested.has(key)
      ? { type: 'JSON' }
      : (given.get(key) ?? typeOfTexts(profiles.get(key)));
    const { type, cast } = before ? await before.typeBeside(one, seen) : { type: seen };
    if (cast) {
      notes.push(
        `Values of column ${one.name} that were ${cast.type} became what the engine writes for them, because their objects are not read again`,
      );
    }
    if (!exact && type === undefined && needsProfile(one)) undecided.push(one);
    columns.push(loadColumn(one, type, exact));
  }
  return {
    found,
    wanted,
    target: { table, columns, fileName: hasOrigins(definition) },
    given,
    undecided,
    notes,
  };
}

/** Whether the table of a plan holds the values of a file's columns, as far as the file itself says what they are. */
export function holds({ found, target, given }: TablePlan): (file: ReadableFile) => boolean {
  const known = new Set(found.map(columnKey));
  const loaded = new Map(target.columns.map((column) => [columnKey(column), column]));
  const holdsColumn = (column: FoundColumn): boolean => {
    const key = columnKey(column);
    if (!known.has(key)) return false;
    const to = loaded.get(key);
    if (!to?.inferred) return true;
    if (column.cells === 'text') return to.type !== 'JSON';
    const before = given.get(key);
    return (
      !column.given ||
      (before !== undefined && isDeepStrictEqual(before, widerColumn(before, column.given)))
    );
  };
  return ({ columns }) => columns.every(holdsColumn);
}

/** What a column has already is the best guess, but for texts: there may be none. */
function isKnown(column: FoundColumn, before: RowsBefore | undefined): boolean {
  const type = before?.column(column)?.type;
  return type !== undefined && type !== 'STRING';
}

function typeOfTexts(texts: TextProfile | undefined): JoinedType | undefined {
  if (!texts || texts.values === 0) return undefined;
  return { ...typeOfProfile(texts), wholeDigits: texts.wholeDigits };
}
