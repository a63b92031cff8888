import type { Session } from '../engine/engine.js';
import type { RejectedRow } from '../engine/load.js';
import { integer, join, sql, value } from '../sql.js';
import { instant, pageOf, textOrNull } from './rows.js';

/** Which object gave how many rows of a generation. */
export interface ManifestEntry {
  readonly key: string;
  readonly etag: string;
  readonly size: number;
  readonly lastModified: Date;
  readonly rows: number;
}

const batch = 500;

/** Replaces a dataset's manifest and rejected rows by those of a generation. */
export async function replaceManifest(
  session: Session,
  datasetId: string,
  generation: string,
  entries: readonly ManifestEntry[],
  rejected: readonly RejectedRow[],
): Promise<void> {
  const owner = sql`${value(datasetId)}, ${value(generation)}`;
  await session.run(sql`delete from catalog.manifest where dataset_id = ${value(datasetId)}`);
  await session.run(sql`delete from catalog.rejected_rows where dataset_id = ${value(datasetId)}`);
  for (let start = 0; start < entries.length; start += batch) {
    const rows = entries
      .slice(start, start + batch)
      .map(
        (entry, index) =>
          sql`(${owner}, ${integer(start + index)}, ${value(entry.key)}, ${value(entry.etag)}, ${integer(entry.size)}, ${instant(entry.lastModified)}, ${integer(entry.rows)})`,
      );
    await session.run(sql`insert into catalog.manifest values ${join(rows)}`);
  }
  for (let start = 0; start < rejected.length; start += batch) {
    const rows = rejected
      .slice(start, start + batch)
      .map(
        (row, index) =>
          sql`(${owner}, ${integer(start + index)}, ${value(row.file)}, ${value(row.line)}, ${value(row.column)}, ${value(row.value)}, ${value(row.reason)}, ${value(row.raw)})`,
      );
    await session.run(sql`insert into catalog.rejected_rows values ${join(rows)}`);
  }
}

/** Rejected rows of the current generation, in the order of the load. */
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
