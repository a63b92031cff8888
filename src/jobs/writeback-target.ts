import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bucket } from '../aws/objects.js';
import { findConnection } from '../catalog/connections.js';
import type { Generation } from '../catalog/datasets.js';
import { findRun, type WritebackProgress } from '../catalog/runs.js';
import type { Dialect } from '../dialect.js';
import type { Engine, OwnSession } from '../engine/engine.js';
import { AppError } from '../errors.js';
import type { Destination } from '../pipeline/destination.js';
import { objectKey } from '../pipeline/object-names.js';
import { sourcesOf } from '../pipeline/snapshots.js';
import { writeResult } from '../pipeline/writeback.js';
import { relatedDatasets } from '../query/links.js';
import type { Query } from '../query/query.js';
import type { WorkSettings } from './import-work.js';
import { uploadsOf } from './open-uploads.js';
import { withRecheck } from './recheck.js';
import type { RunContext } from './work.js';

/** What writebacks need besides. */
export interface WritebackSettings extends WorkSettings {
  readonly dialect: Dialect;
  /** The query that words in JSON mean for a dataset as it is now. @throws NOT_FOUND, INVALID_INPUT, COLUMN_NOT_FOUND */
  readonly queryOf: (dataset: string, words: Readonly<Record<string, unknown>>) => Query;
}

/** A query over the generations that are current when the run starts, and where its result goes. */
export interface WritebackRequest {
  readonly dataset: { readonly id: string; readonly name: string };
  /** Its `from` and `related` are replaced by those of the generations. */
  readonly query: Query;
  readonly destination: Destination;
}

/** What gives the objects of a result their names. */
export interface Naming {
  /** Stands for <run_id>. */
  readonly id: string;
  /** What the macros of dates go by. */
  readonly at: Date;
}

/** A destination while a run works at it, and the generations that are lent to the run. */
export interface Target {
  readonly destination: Destination;
  /** Over the generations. */
  readonly query: Query;
  /** Of the dataset itself. */
  readonly generation: Generation;
  readonly session: OwnSession;
  /** The destination's bucket, with the rights to read. */
  readonly reader: Bucket;
  readonly signal: AbortSignal;
  /** The key of the only object, or what the keys of several are made of. */
  keyOf(naming: Naming): string;
  /** Writes the result of a query. @param metadata Goes with every object. */
  write(
    query: Query,
    naming: Naming,
    metadata?: Readonly<Record<string, string>>,
  ): Promise<WritebackProgress>;
}

/** Opens a destination for a run, and leaves nothing behind on this machine. */
export async function withTarget<T>(
  settings: WritebackSettings,
  { dataset, query, destination }: WritebackRequest,
  { id, signal, report }: RunContext,
  job: (target: Target) => Promise<T>,
): Promise<T> {
  const { engine, secrets, buckets, snapshots, dialect } = settings;
  const leases = snapshots.leaseAll([dataset.name, ...relatedDatasets(query.where)]);
  const spoolDir = join(settings.spoolDir, id);
  let writer: Bucket | undefined;
  try {
    if (leases[0].dataset.id !== dataset.id) {
      throw new AppError('NOT_FOUND', `The name ${dataset.name} is another dataset's by now`, {
        details: { dataset: dataset.name },
      });
    }
    const connection = await engine.read((session) =>
      findConnection(session, secrets, { id: destination.connection }),
    );
    if (!connection) throw new AppError('NOT_FOUND', 'The destination has no connection any more');
    const { prefix } = connection.access;
    const keyOf = ({ id: runId, at: now }: Naming) =>
      objectKey(destination, { prefix, dataset: dataset.name, runId, now });
    const reader = buckets.of(connection, 'read');
    writer = buckets.forRun(connection, 'write', id);
    // Sessions that may write may not read.
    const metadataOf: Bucket['metadataOf'] = (key, encryption) =>
      reader.metadataOf(key, encryption);
    const bucket: Bucket = { ...writer, metadataOf };
    const common = {
      dialect,
      destination,
      bucket,
      uploads: uploadsOf(engine, connection.id),
      isBroken: (runId: string) => isBroken(engine, runId),
      dataset: dataset.name,
      generations: leases.map((lease) => ({
        dataset: lease.dataset.name,
        generation: lease.generation.id,
      })),
      signal,
      onProgress: report,
    };
    let results = 0;
    return await withRecheck(settings, connection, () =>
      engine.session((session) =>
        job({
          destination,
          query: { ...query, from: leases[0].source, related: sourcesOf(leases) },
          generation: leases[0].generation,
          session,
          reader,
          signal,
          keyOf,
          async write(query, naming, metadata) {
            const folder = join(spoolDir, String(++results));
            await mkdir(folder, { recursive: true });
            return writeResult({
              ...common,
              query,
              session,
              key: keyOf(naming),
              runId: naming.id,
              now: naming.at,
              spoolDir: folder,
              ...(metadata && { metadata }),
            });
          },
        }),
      ),
    );
  } finally {
    for (const lease of leases) lease.release();
    writer?.close();
    await rm(spoolDir, { recursive: true, force: true });
  }
}

/** Whether a run is one of this service that has ended without success. */
async function isBroken(engine: Engine, id: string): Promise<boolean> {
  const run = await engine.read((session) => findRun(session, id));
  return run?.status === 'FAILED' || run?.status === 'CANCELLED';
}
