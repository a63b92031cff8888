import type { Session } from '../engine/engine.js';
import { sql, value } from '../sql.js';

/** A multipart upload that was begun and is neither completed nor known to be aborted: it costs its owner storage. */
export interface OpenUpload {
  readonly uploadId: string;
  readonly connectionId: string;
  readonly key: string;
}

/** Writes an upload down, before its first part is sent. */
export async function insertUpload(session: Session, upload: OpenUpload): Promise<void> {
  await session.run(
    sql`insert into catalog.uploads (upload_id, connection_id, key)
      values (${value(upload.uploadId)}, ${value(upload.connectionId)}, ${value(upload.key)})`,
  );
}

/** Forgets an upload that has ended. */
export async function deleteUpload(session: Session, uploadId: string): Promise<void> {
  await session.run(sql`delete from catalog.uploads where upload_id = ${value(uploadId)}`);
}

/** All uploads that may be open. */
export async function listUploads(session: Session): Promise<OpenUpload[]> {
  const rows = await session.rows(sql`select * from catalog.uploads order by connection_id, key`);
  return rows.map((row) => ({
    uploadId: String(row.upload_id),
    connectionId: String(row.connection_id),
    key: String(row.key),
  }));
}
