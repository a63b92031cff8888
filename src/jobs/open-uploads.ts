import type { Uploads } from '../aws/objects.js';
import { findConnection } from '../catalog/connections.js';
import { deleteUpload, insertUpload, listUploads, type OpenUpload } from '../catalog/uploads.js';
import type { Engine } from '../engine/engine.js';
import type { Clock } from './clock.js';
import type { WorkSettings } from './import-work.js';

/** What the uploads of runs are written down with. */
export function uploadsOf(engine: Engine, connectionId: string): Uploads {
  return {
    began: (key, uploadId) =>
      engine.transaction((session) => insertUpload(session, { uploadId, connectionId, key })),
    ended: (uploadId) => engine.transaction((session) => deleteUpload(session, uploadId)),
  };
}

/** What aborting uploads needs. */
export interface AbortSettings extends Pick<
  WorkSettings,
  'engine' | 'secrets' | 'buckets' | 'log'
> {
  readonly clock: Clock;
}

const triesApartMs = 20_000;
const tries = 5;

/**
 * Aborts what a stopped process left open, some times over when S3 cannot be reached. What cannot be aborted stays written
 * down for the next start.
 */
export async function abortOpenUploads(settings: AbortSettings): Promise<void> {
  const { engine, log, clock } = settings;
  // Those of runs that begin from now on are not ours.
  let open = await engine.read(listUploads);
  const round = async (left: number) => {
    const failed: OpenUpload[] = [];
    for (const upload of open) {
      try {
        await abort(settings, upload);
        log.info({ key: upload.key }, 'aborted an upload that a stop had left open');
      } catch (err) {
        failed.push(upload);
        log.warn({ err, key: upload.key, left }, 'an upload is still open');
      }
    }
    open = failed;
    if (open.length === 0 || left === 0) return;
    const next = new Date(clock.now().getTime() + triesApartMs);
    clock.at(next, () => round(left - 1));
  };
  await round(tries - 1);
}

async function abort(
  { engine, secrets, buckets }: AbortSettings,
  { uploadId, connectionId, key }: OpenUpload,
): Promise<void> {
  const connection = await engine.read((session) =>
    findConnection(session, secrets, { id: connectionId }),
  );
  // Without the connection there is nobody to ask.
  if (connection) await buckets.of(connection, 'write').abortUpload(key, uploadId);
  await engine.transaction((session) => deleteUpload(session, uploadId));
}
