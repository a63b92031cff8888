import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findConnection } from '../catalog/connections.js';
import type { WritebackProgress } from '../catalog/runs.js';
import type { Dialect } from '../dialect.js';
import { AppError } from '../errors.js';
import { objectKey, type Destination } from '../pipeline/destination.js';
import { sourcesOf } from '../pipeline/snapshots.js';
import { writeResult } from '../pipeline/writeback.js';
import { relatedDatasets } from '../query/links.js';
import type { Query } from '../query/query.js';
import type { WorkSettings } from './import-work.js';
import { uploadsOf } from './open-uploads.js';
import { withRecheck } from './recheck.js';
import type { Work } from './work.js';

/** A writeback of one query over the generations that are current when the run starts. */
export interface WritebackRequest {
  readonly dataset: { readonly id: string; readonly name: string };
  /** Its `from` and `related` are replaced by those of the generations. */
  readonly query: Query;
  readonly destination: Destination;
}

const nothingYet: WritebackProgress = { rows: 0, bytes: 0, objects: [] };

/** An ad hoc writeback. */
export function writebackWork(
  settings: WorkSettings & { readonly dialect: Dialect },
  { dataset, query, destination }: WritebackRequest,
): Work {
  const { engine, secrets, buckets, snapshots, dialect } = settings;
  return {
    kind: 'WRITEBACK',
    datasetId: dataset.id,
    progress: nothingYet,
    async perform({ id, signal }) {
      const connection = await engine.read((session) =>
        findConnection(session, secrets, { id: destination.connection }),
      );
      if (!connection)
        throw new AppError('NOT_FOUND', 'The destination has no connection any more');
      const { prefix } = connection.access;
      const key = objectKey(destination, {
        prefix,
        dataset: dataset.name,
        runId: id,
        now: new Date(),
      });
      const leases = snapshots.leaseAll([dataset.name, ...relatedDatasets(query.where)]);
      const spoolDir = join(settings.spoolDir, id);
      const bucket = buckets.forRun(connection, 'write', id);
      try {
        await mkdir(spoolDir, { recursive: true });
        const progress = await withRecheck(settings, connection, () =>
          engine.session((session) =>
            writeResult({
              query: { ...query, from: leases[0].source, related: sourcesOf(leases) },
              dialect,
              session,
              destination,
              bucket,
              uploads: uploadsOf(engine, connection.id),
              key,
              spoolDir,
              signal,
            }),
          ),
        );
        return { progress };
      } finally {
        for (const lease of leases) lease.release();
        bucket.close();
        await rm(spoolDir, { recursive: true, force: true });
      }
    },
  };
}
