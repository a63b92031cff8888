import type { Session } from '../engine/engine.js';
import type { RejectedRow } from '../engine/load.js';
import { integer, literal, sql, value, type Sql } from '../sql.js';
import { dateOrNull, pageOf, textOrNull } from './rows.js';

/** Which object gave how many rows of a generation, and where they stand. */
export interface ManifestEntry {
  readonly key: string;
  readonly etag: string;
  readonly size: number;
  readonly lastModified: Date;
  readonly rows: number;
  /** The physical table with its rows from `first` on, one after the other; null: they are among those of others. */
  readonly table: string | null;
  readonly first: number;
  /** The sequence of the generation whose import read it; 0: one from before they were counted. */
  readonly loaded: number;
}

/** A rejected row and the key of the object it came from. */
export interface StoredReject extends RejectedRow {
  readonly key: string;
}

/** The objects of a dataset's generation, in the order of their rows. */
export async function listManifest(session: Session, datasetId: string): Promise<ManifestEntry[]> {
  const rows = await session.rows(
    sql`select * from catalog.manifest where dataset_id = ${value(datasetId)} order by position`,
  );
  return rows.map((row) => ({
    key: String(row.key),
    etag: String(row.etag),
    size: Number(row.size),
    lastModified: dateOrNull(row.last_modified) ?? new Date(0),
    rows: Number(row.rows),
    table: textOrNull(row.table),
    first: Number(row.first_row),
    loaded: Number(row.loaded),
  }));
}

/** Replaces a dataset's manifest by that of a generation. */
export async function replaceManifest(
  session: Session,
  datasetId: string,
  generation: string,
  entries: readonly ManifestEntry[],
): Promise<void> {
  await session.run(sql`delete from catalog.manifest where dataset_id = ${value(datasetId)}`);
  const shape = {
    key: 'VARCHAR',
    etag: 'VARCHAR',
    size: 'BIGINT',
    lastModified: 'TIMESTAMP',
    rows: 'BIGINT',
    table: 'VARCHAR',
    first: 'BIGINT',
    loaded: 'BIGINT',
  };
  await session.run(
    sql`insert into catalog.manifest (dataset_id, generation, position, key, etag, size, last_modified, "rows", "table", first_row, loaded)
      select ${value(datasetId)}, ${value(generation)}, place, e.key, e.etag, e.size, e."lastModified", e."rows", e."table", e.first, e.loaded
      from ${listed(entries, shape)}`,
  );
}

/**
 * Stores rejected rows behind those that stay.
 * @param forgotten objects whose rejected rows go; null: all
 * @returns how many there are now
 */
export async function storeRejects(
  session: Session,
  datasetId: string,
  generation: string,
  rejected: readonly StoredReject[],
  forgotten: readonly string[] | null,
): Promise<bigint> {
  const gone = forgotten
    ? sql` and key in (select unnest(from_json(${value(JSON.stringify(forgotten))}, '["VARCHAR"]')))`
    : sql``;
  await session.run(
    sql`delete from catalog.rejected_rows where dataset_id = ${value(datasetId)}${gone}`,
  );
  const [last] = await session.rows(
    sql`select coalesce(max(position) + 1, 0) as next from catalog.rejected_rows where dataset_id = ${value(datasetId)}`,
  );
  const shape = {
    file: 'VARCHAR',
    line: 'BIGINT',
    column: 'VARCHAR',
    value: 'VARCHAR',
    reason: 'VARCHAR',
    raw: 'VARCHAR',
    key: 'VARCHAR',
  };
  await session.run(
    sql`insert into catalog.rejected_rows (dataset_id, generation, position, file, line, "column", value, reason, raw, key)
      select ${value(datasetId)}, ${value(generation)}, place + ${integer(BigInt(last?.next as bigint))}, e.file, e.line, e."column", e.value, e.reason, e.raw, e.key
      from ${listed(rejected, shape)}`,
  );
  const [stored] = await session.rows(
    sql`select count(*) as "rows" from catalog.rejected_rows where dataset_id = ${value(datasetId)}`,
  );
  return BigInt(stored?.rows as bigint);
}

/** Rejected rows of the current generation, in the order of the loads. */
export async function listRejectedRows(
  session: Session,
  datasetId: string,
  page: { readonly limit: number; readonly offset: number },
): Promise<RejectedRow[]> {
  const rows = await session.rows(
    sql`select * from catalog.rejected_rows where dataset_id = ${value(datasetId)} order by position${pageOf(page)}`,
  );
  return rows.map((row) => ({
    file: String(row.file),
    line: row.line === null ? null : Number(row.line),
    column: textOrNull(row.column),
    value: textOrNull(row.value),
    reason: String(row.reason),
    raw: textOrNull(row.raw),
  }));
}

/** Plain objects as rows `e` with their `place`: one statement for any number of them. */
function listed(entries: readonly object[], shape: Readonly<Record<string, string>>): Sql {
  const texts = value(JSON.stringify(entries));
  return sql`(select unnest(list) as e, unnest(range(len(list))) as place
    from (select from_json(${texts}, ${literal(JSON.stringify([shape]))}) as list))`;
}
