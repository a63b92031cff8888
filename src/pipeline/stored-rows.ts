import type { Session } from '../engine/engine.js';
import { columnNames } from '../engine/tables.js';
import type { Segment } from '../query/query.js';
import { uncovered, within } from '../query/source.js';
import { ident, join, sql, type Sql } from '../sql.js';

/** The rows of a segment as they stand in its table, whatever its columns are called. */
export interface StoredRows {
  /** `from …` without the keyword. */
  readonly from: Sql;
  /** A row's number in its table. */
  readonly rowId: Sql;
  /** SQL of a column; undefined if the table has none of this name. */
  column(name: string): Sql | undefined;
}

const rowId = 'rowid';

/** Looks at the table of a segment. */
export async function storedRows(session: Session, segment: Segment): Promise<StoredRows> {
  const names = await columnNames(session, segment.table);
  const renamed = uncovered(names, rowId);
  const aliases = join(renamed.map((name) => ident(name)));
  const physical = new Map(names.map((name, index) => [name, renamed[index] ?? name]));
  const id = sql`s.${ident(rowId)}`;
  return {
    from: sql`${ident(segment.table)} as s(${aliases})${within(segment, id)}`,
    rowId: id,
    column(name) {
      const found = physical.get(name);
      return found === undefined ? undefined : sql`s.${ident(found)}`;
    },
  };
}
