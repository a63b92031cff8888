import { ident, sql, value } from '../sql.js';
import type { Session } from './engine.js';

/** Tables of datasets whose names begin so, with their numbers of rows. Their rows must never have been deleted from. */
export async function tableSizes(session: Session, prefix: string): Promise<Map<string, number>> {
  const rows = await session.rows(
    sql`select table_name as name, estimated_size as size from duckdb_tables()
      where schema_name = 'main' and starts_with(table_name, ${value(prefix)}) order by 1`,
  );
  return new Map(rows.map(({ name, size }) => [String(name), Number(size)]));
}

/** The names of a table's columns, in their order. */
export async function columnNames(session: Session, table: string): Promise<string[]> {
  const rows = await session.rows(
    sql`select column_name as name from duckdb_columns()
      where schema_name = 'main' and table_name = ${value(table)} order by column_index`,
  );
  return rows.map(({ name }) => String(name));
}

/** Drops the tables whose names begin so, but for some. @returns what was dropped */
export async function dropTables(
  session: Session,
  prefix: string,
  but: ReadonlySet<string> = new Set(),
): Promise<string[]> {
  const dropped: string[] = [];
  for (const name of (await tableSizes(session, prefix)).keys()) {
    if (but.has(name)) continue;
    await session.run(sql`drop table ${ident(name)}`);
    dropped.push(name);
  }
  return dropped;
}
