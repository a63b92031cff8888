import { literal, sql } from '../sql.js';
import type { Row, Session } from './engine.js';

/**
 * The last block of the database file that something stands in. The engine cuts free blocks off the end of its file after
 * it has written how many there are, so a file that is too short may yet be whole.
 */
export async function lastBlock(session: Session): Promise<number> {
  const tables = await session.rows(
    sql`select schema_name || '.' || table_name as name from duckdb_tables() where not temporary`,
  );
  let last = blockOf(
    await session.rows(sql`select max(block_id) as block from pragma_metadata_info()`),
  );
  for (const { name } of tables) {
    const blocks = await session.rows(
      sql`select max(greatest(block_id, list_max(additional_block_ids))) as block
        from pragma_storage_info(${literal(String(name))}) where persistent`,
    );
    last = Math.max(last, blockOf(blocks));
  }
  return last;
}

const blockOf = ([row]: readonly Row[]) => Number(row?.block ?? -1);
