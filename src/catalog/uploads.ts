import type { Session } from '../engine/engine.js';
import { sql, value } from '../sql.js';
import { dateOrNull, instant, textOrNull } from './rows.js';

/** A multipart upload that is neither completed nor known to be aborted: it costs its owner storage. */
export interface OpenUpload {
  /** Ours. */
  readonly id: string;
  readonly connectionId: string;
  readonly key: string;
  /** What S3 calls it; null while nobody was told. */
  readonly uploadId: string | null;
  /** When it was about to begin. */
  readonly begunAt: Date;
}

/** Writes an upload down, before it begins. */
export async function insertUpload(session: Session, upload: OpenUpload): Promise<void> {
  await session.run(
    sql`insert into catalog.uploads (id, upload_id, connection_id, key, begun_at)
      values (${value(upload.id)}, ${value(upload.uploadId)}, ${value(upload.connectionId)}, ${value(upload.key)}, ${instant(upload.begunAt)})`,
  );
}

/** Writes down what S3 calls an upload, before its first part is sent. */
export async function setUploadId(session: Session, id: string, uploadId: string): Promise<void> {
  await session.run(
    sql`update catalog.uploads set upload_id = ${value(uploadId)} where id = ${value(id)}`,
  );
}

/** Forgets an upload that has ended. */
export async function deleteUpload(session: Session, id: string): Promise<void> {
  await session.run(sql`delete from catalog.uploads where id = ${value(id)}`);
}

/** All uploads that may be open. */
export async function listUploads(session: Session): Promise<OpenUpload[]> {
  const rows = await session.rows(sql`select * from catalog.uploads order by connection_id, key`);
  return rows.map((row) => ({
    id: String(row.id),
    connectionId: String(row.connection_id),
    key: String(row.key),
    uploadId: textOrNull(row.upload_id),
    begunAt: dateOrNull(row.begun_at) ?? new Date(0),
  }));
}
