import type { DatasetDefinition } from '../catalog/definition.js';
import { columnNames, fileNameColumn, type Column, type ColumnType } from '../columns.js';
import { AppError } from '../errors.js';
import type { ParquetColumn } from '../relation.js';
import { parseDateColumnsSpec } from '../formats/date-columns-spec.js';
import { parseDatePattern, type DatePattern } from '../formats/date-pattern.js';
import { hasOrigins } from './plan.js';

/** A header as files have it. Equal headers of one file are told apart by `occurrence`, counted from 0. */
export interface FoundColumn {
  readonly source: string;
  readonly occurrence: number;
  /** Its type, where the file itself says it. */
  readonly given?: ParquetColumn;
  /** What its cells are, where the file tells lists and objects from texts. */
  readonly cells?: 'nested' | 'text';
}

/** A column of the table to be, before its type is known. */
export interface PlannedColumn extends FoundColumn {
  readonly name: string;
  /** The type the definition asks for; undefined: inferred. */
  readonly declared?: ColumnType;
  readonly pattern?: DatePattern & { readonly timezone?: string };
  readonly description?: string;
}

/** The columns of one file's headers. */
export function columnsOf(headers: readonly string[]): FoundColumn[] {
  const seen = new Map<string, number>();
  return headers.map((source) => {
    const occurrence = seen.get(source) ?? 0;
    seen.set(source, occurrence + 1);
    return { source, occurrence };
  });
}

/** Equal for equal columns only, in files and in tables. */
export const columnKey = ({ source, occurrence = 0 }: Pick<Column, 'source' | 'occurrence'>) =>
  `${occurrence} ${source}`;

/** The columns of all files, in the order in which they first appear. */
export function unionOfColumns(files: readonly (readonly FoundColumn[])[]): FoundColumn[] {
  const union = new Map<string, FoundColumn>();
  for (const columns of files) {
    for (const column of columns) {
      if (!union.has(columnKey(column))) union.set(columnKey(column), column);
    }
  }
  return [...union.values()];
}

/**
 * Applies a definition's names, types, date patterns and exclusions to the columns that files have.
 * @throws COLUMN_NOT_FOUND with the columns there are, INVALID_INPUT, INVALID_DATE_PATTERN
 */
export function planColumns(
  found: readonly FoundColumn[],
  definition: DatasetDefinition,
): PlannedColumn[] {
  const names = columnNames(
    found.map(({ source }) => source),
    hasOrigins(definition) ? [fileNameColumn] : [],
  );
  // By header first; the name that the column gets is a convenience for headers that are hard to type.
  const positionOf = (wanted: string, what: string): number => {
    const bySource = found.findIndex(({ source }) => source === wanted);
    const position = bySource >= 0 ? bySource : names.indexOf(wanted);
    if (position < 0) throw notFound(what, wanted, found);
    return position;
  };

  const plans: (PlannedColumn & { excluded?: boolean })[] = found.map((column, position) => ({
    ...column,
    name: names[position] ?? '',
    ...(definition.inferTypes ? {} : { declared: 'STRING' as const }),
  }));
  const change = (position: number, more: Partial<PlannedColumn> & { excluded?: boolean }) => {
    const plan = plans[position];
    if (plan) plans[position] = { ...plan, ...more };
  };

  const sources = found.map(({ source }) => source);
  const spec = definition.dateColumnsSpec
    ? parseDateColumnsSpec(definition.dateColumnsSpec, [...sources, ...names])
    : [];
  for (const { column, format, timezone } of [
    ...spec.map((entry) => ({ ...entry, timezone: undefined })),
    ...definition.dateColumns,
  ]) {
    change(positionOf(column, 'date column'), {
      pattern: { ...parseDatePattern(format), ...(timezone === undefined ? {} : { timezone }) },
    });
  }
  for (const field of definition.excludeFields) {
    change(positionOf(field, 'excluded field'), { excluded: true });
  }
  for (const override of definition.columns) {
    const position = override.position ?? positionOf(override.source ?? '', 'column');
    if (position >= found.length) throw notFound('column at position', String(position), found);
    change(position, {
      ...(override.name === undefined ? {} : { name: override.name }),
      ...(override.type === undefined ? {} : { declared: override.type }),
      ...(override.description === undefined ? {} : { description: override.description }),
    });
  }

  const kept = plans.filter((plan) => !plan.excluded);
  refuseTwice(kept, definition);
  return kept.map(({ excluded: _, ...plan }) => plan);
}

/** The key columns of a definition, as names of the table's columns. */
export function primaryKeyNames(
  columns: readonly Pick<Column, 'name' | 'source'>[],
  primaryKey: readonly string[],
): string[] {
  return namesOf(columns, primaryKey, 'primary key column');
}

/** Columns by header or name, as names of the table's columns. @throws COLUMN_NOT_FOUND */
export function namesOf(
  columns: readonly Pick<Column, 'name' | 'source'>[],
  wanted: readonly string[],
  what: string,
): string[] {
  return wanted.map((text) => {
    const column =
      columns.find(({ source }) => source === text) ?? columns.find(({ name }) => name === text);
    if (!column) throw notFound(what, text, columns);
    return column.name;
  });
}

function notFound(what: string, wanted: string, found: readonly { source: string }[]): AppError {
  const columns = found.map(({ source }) => source);
  return new AppError(
    'COLUMN_NOT_FOUND',
    `There is no column ${JSON.stringify(wanted)} for the ${what}; the files have ${columns.map((source) => JSON.stringify(source)).join(', ')}`,
    { details: { column: wanted, columns } },
  );
}

function refuseTwice(plans: readonly PlannedColumn[], definition: DatasetDefinition): void {
  const seen = new Set(hasOrigins(definition) ? [fileNameColumn.toLowerCase()] : []);
  for (const { name } of plans) {
    if (seen.has(name.toLowerCase())) {
      throw new AppError(
        'INVALID_INPUT',
        `Two columns would be named ${name} (case is ignored); give one of them another name in columns`,
      );
    }
    seen.add(name.toLowerCase());
  }
}
