import type { DatasetDefinition } from '../catalog/definition.js';
import { fileNameColumn, type Column } from '../columns.js';
import type { Session } from '../engine/engine.js';
import { AppError } from '../errors.js';
import { ident, sql } from '../sql.js';
import { columnKey, namesOf, primaryKeyNames } from './columns.js';
import { patternNote } from './load-columns.js';
import type { TablePlan } from './table-plan.js';

const originColumn: Column = {
  name: fileNameColumn,
  source: fileNameColumn,
  type: 'STRING',
  nullable: false,
  description: 'Key of the object the row came from; archive!member inside archives',
};

/**
 * The columns of a loaded table as its dataset shows them.
 * @throws COLUMN_NOT_FOUND when a sort or key column is missing, INVALID_VALUE when rows have no value in a key column
 */
export async function tableColumns(
  session: Session,
  { target, wanted }: TablePlan,
  { sortBy, primaryKey, addFileNameColumn }: DatasetDefinition,
): Promise<Column[]> {
  const columns = target.columns.map((column, index): Column => {
    const { name, source, occurrence, type, decimal } = column;
    const dateFormat = patternNote(column);
    const description = wanted[index]?.description ?? dateFormat;
    return {
      name,
      source,
      ...(occurrence === 0 ? {} : { occurrence }),
      type,
      nullable: true,
      ...(decimal ? { decimal } : {}),
      ...(description === undefined ? {} : { description }),
      ...(dateFormat === undefined ? {} : { dateFormat }),
    };
  });
  namesOf(columns, sortBy, 'sort column');
  const keys = primaryKeyNames(columns, primaryKey);
  await refuseNulls(session, target.table, keys);
  return [
    ...columns.map((column) =>
      keys.includes(column.name) ? { ...column, nullable: false } : column,
    ),
    ...(addFileNameColumn ? [originColumn] : []),
  ];
}

/**
 * Marks the columns that no file of an import has, and that are there for rows that stay. What was marked before keeps its
 * date as long as no file has it again.
 * @param seen keys of the columns that the files of the import have; none: it read nothing that has columns, and says nothing
 */
export function markAbsent(
  columns: readonly Column[],
  {
    seen,
    before,
    at,
  }: {
    readonly seen: ReadonlySet<string>;
    readonly before: readonly Column[];
    readonly at: Date;
  },
): readonly Column[] {
  if (seen.size === 0) return columns;
  const marked = new Map(before.map((column) => [columnKey(column), column.absentSince]));
  return columns.map((column) => {
    const key = columnKey(column);
    if (column.name === fileNameColumn || seen.has(key)) return column;
    return { ...column, absentSince: marked.get(key) ?? at.toISOString() };
  });
}

async function refuseNulls(session: Session, table: string, keys: readonly string[]) {
  for (const key of keys) {
    const [row] = await session.rows(
      sql`select count(*) as nulls from ${ident(table)} where ${ident(key)} is null`,
    );
    if (row?.nulls === 0n) continue;
    throw new AppError(
      'INVALID_VALUE',
      `Column ${key} is in the primary key but ${String(row?.nulls)} rows have no value in it; choose another primaryKey`,
      { details: { column: key } },
    );
  }
}
