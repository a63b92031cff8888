import type { DatasetDefinition } from '../catalog/definition.js';
import { fileNameColumn, type Column } from '../columns.js';
import type { Session } from '../engine/engine.js';
import { AppError } from '../errors.js';
import { ident, sql } from '../sql.js';
import { namesOf, primaryKeyNames } from './columns.js';
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
    const description = wanted[index]?.description ?? patternNote(column);
    return {
      name,
      source,
      ...(occurrence === 0 ? {} : { occurrence }),
      type,
      nullable: true,
      ...(decimal ? { decimal } : {}),
      ...(description === undefined ? {} : { description }),
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
