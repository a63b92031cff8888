import { randomUUID } from 'node:crypto';
import type { Bucket, Uploads } from '../aws/objects.js';
import { findConnection } from '../catalog/connections.js';
import {
  deleteUpload,
  insertUpload,
  listUploads,
  setUploadId,
  type OpenUpload,
} from '../catalog/uploads.js';
import type { Engine } from '../engine/engine.js';
import { isAppError } from '../errors.js';
import type { Clock } from './clock.js';
import type { WorkSettings } from './import-work.js';

/** What the uploads of runs are written down with. */
export function uploadsOf(engine: Engine, connectionId: string): Uploads {
  return {
    async begins(key) {
      const id = randomUUID();
      const begunAt = new Date();
      await engine.transaction((session) =>
        insertUpload(session, { id, connectionId, key, uploadId: null, begunAt }),
      );
      return {
        began: (uploadId) => engine.transaction((session) => setUploadId(session, id, uploadId)),
        ended: () => engine.transaction((session) => deleteUpload(session, id)),
      };
    },
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
 * @param stopped What was written down before the first run began: later ones are under way.
 */
export async function abortOpenUploads(
  settings: AbortSettings,
  stopped: readonly OpenUpload[],
): Promise<void> {
  const { log, clock } = settings;
  let open = stopped;
  const round = async (left: number) => {
    const failed: OpenUpload[] = [];
    for (const upload of open) {
      try {
        await abort(settings, upload, stopped);
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
  settings: AbortSettings,
  upload: OpenUpload,
  stopped: readonly OpenUpload[],
): Promise<void> {
  const { engine, secrets, buckets, log } = settings;
  const { id, connectionId, key } = upload;
  const connection = await engine.read((session) =>
    findConnection(session, secrets, { id: connectionId }),
  );
  // Without the connection there is nobody to ask.
  if (connection) {
    const bucket = buckets.of(connection, 'write');
    try {
      for (const uploadId of await idsOf(bucket, upload, engine, stopped)) {
        await bucket.abortUpload(key, uploadId);
      }
    } catch (error) {
      const mayNotLook =
        isAppError(error) &&
        error.code === 'ACCESS_DENIED' &&
        error.details.action === 's3:ListBucketMultipartUploads';
      if (!mayNotLook) throw error;
      log.warn(
        { err: error, key },
        'an upload may be open that cannot be looked for; allow s3:ListBucketMultipartUploads, or let a lifecycle rule abort it',
      );
    }
  }
  await engine.transaction((session) => deleteUpload(session, id));
}

// Clocks differ: S3's may be behind ours, or before it, by so much.
const clockSkewMs = 60_000;
// As long as a request that begins an upload is repeated at most (five times two minutes): what began later is another's.
const longestBeginMs = 600_000;

/** What S3 calls an upload. Of one that a crash kept from being written down: what began under its key just then, and is not under way. */
async function idsOf(
  bucket: Bucket,
  { uploadId, key, begunAt }: OpenUpload,
  engine: Engine,
  stopped: readonly OpenUpload[],
): Promise<readonly string[]> {
  if (uploadId !== null) return [uploadId];
  const found = await bucket.openUploads(key);
  // Each is written down before it begins, so none that was found is missing here. Two connections may lead to one bucket.
  const noted = await engine.read(listUploads);
  const living = noted.filter(
    (other) => other.key === key && !stopped.some(({ id }) => id === other.id),
  );
  if (living.some((other) => other.uploadId === null)) {
    throw new Error('another upload under the same key is about to begin');
  }
  const since = begunAt.getTime() - clockSkewMs;
  const until = begunAt.getTime() + longestBeginMs + clockSkewMs;
  return found
    .filter((one) => one.begunAt.getTime() >= since && one.begunAt.getTime() <= until)
    .map((one) => one.uploadId)
    .filter((one) => !living.some((other) => other.uploadId === one));
}
