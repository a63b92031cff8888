import { randomUUID } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findConnection } from '../catalog/connections.js';
import { findDataset, setGeneration } from '../catalog/datasets.js';
import { listManifest, replaceManifest, storeRejects } from '../catalog/manifest.js';
import type { ImportProgress } from '../catalog/runs.js';
import type { Secrets } from '../catalog/secrets.js';
import type { Engine } from '../engine/engine.js';
import { dropTables } from '../engine/tables.js';
import { AppError } from '../errors.js';
import type { Log } from '../log.js';
import type { Buckets } from '../pipeline/buckets.js';
import { importObjects, type ImportLimits } from '../pipeline/import.js';
import { importWarnings } from '../pipeline/relations.js';
import type { Snapshots } from '../pipeline/snapshots.js';
import { withRecheck } from './recheck.js';
import type { Work } from './work.js';

/** What imports and writebacks need beside their own input. */
export interface WorkSettings {
  readonly engine: Engine;
  readonly secrets: Secrets;
  readonly buckets: Buckets;
  readonly snapshots: Snapshots;
  readonly log: Log;
  /** Each run makes a folder of its own in it, and removes it. */
  readonly spoolDir: string;
}

/** What imports need besides. */
export interface ImportSettings extends WorkSettings {
  readonly limits: ImportLimits;
  /** Told when a dataset has a new generation, and maybe other columns. */
  readonly onPublished: (datasetId: string) => void | Promise<void>;
}

const nothingYet: ImportProgress = {
  filesTotal: 0,
  filesDone: 0,
  bytesTotal: 0,
  bytesDone: 0,
  rowsAdded: 0,
  rowsRemoved: 0,
  rowsRejected: 0,
  warnings: [],
};

/** An import of a dataset, as it is defined when the run starts. */
export function importWork(settings: ImportSettings, datasetId: string): Work {
  const { engine, secrets, buckets, snapshots, log } = settings;
  const publish = async (bytes = 0) => {
    const current = await engine.read((session) => findDataset(session, { id: datasetId }));
    if (current) snapshots.publish(current);
    await settings.onPublished(datasetId);
    await engine.checkpoint({ loaded: bytes });
  };
  return {
    kind: 'IMPORT',
    datasetId,
    progress: nothingYet,
    async perform({ id, signal, report }) {
      const { dataset, connection, manifest } = await engine.read(async (session) => {
        const dataset = await findDataset(session, { id: datasetId });
        if (!dataset) throw new AppError('NOT_FOUND', 'The dataset was deleted');
        const by = { id: dataset.definition.connection };
        const connection = await findConnection(session, secrets, by);
        if (!connection) throw new AppError('NOT_FOUND', 'The dataset has no connection any more');
        return { dataset, connection, manifest: await listManifest(session, datasetId) };
      });
      const generation = randomUUID().replaceAll('-', '');
      const table = `t_${generation}`;
      const drop = () =>
        engine.session(async (session) => {
          await dropTables(session, table);
        });
      const spoolDir = join(settings.spoolDir, id);
      await mkdir(spoolDir, { recursive: true });
      const bucket = buckets.forRun(connection, 'read', id);
      try {
        const imported = await withRecheck(settings, connection, () =>
          importObjects({
            dataset,
            manifest,
            bucket,
            connectionPrefix: connection.access.prefix,
            downloadThreads: connection.access.downloadThreads,
            engine,
            spoolDir,
            table,
            generation,
            limits: settings.limits,
            signal,
            onProgress: report,
          }),
        );
        const { next } = imported;
        const columns = next?.generation.columns ?? dataset.current?.columns ?? [];
        const progress = {
          ...imported.progress,
          warnings: [
            ...imported.progress.warnings,
            ...importWarnings({ ...dataset, columns }, snapshots.published()),
          ],
        };
        if (!next) {
          // What a run before committed it may not have published: there is no other way to it than the next start.
          const { current, name } = dataset;
          const isShown = snapshots.find(name)?.dataset.current?.id === current?.id;
          const hasRows = current !== null && current.segments.length > 0;
          return hasRows && !isShown ? { progress, publish: () => publish() } : { progress };
        }
        return {
          progress,
          async commit(session) {
            await replaceManifest(session, datasetId, generation, next.manifest);
            const { rejected, forgotten } = next;
            const rejectedCount = await storeRejects(
              session,
              datasetId,
              generation,
              rejected,
              forgotten,
            );
            await setGeneration(session, datasetId, { ...next.generation, rejectedCount });
          },
          publish: () => publish(progress.bytesDone),
          // A commit that failed with the engine may turn out to have happened when the database is open again.
          async discard() {
            const now = await engine.read((session) => findDataset(session, { id: datasetId }));
            if (now?.current?.id === generation) await publish();
            else await drop();
          },
        };
      } catch (error) {
        // What went wrong first is what to tell of; tables that stay are dropped at the next start.
        await drop().catch((err: unknown) => {
          log.warn({ err, run: id }, 'what a failed run had loaded stays until the next start');
        });
        throw error;
      } finally {
        bucket.close();
        await rm(spoolDir, { recursive: true, force: true });
      }
    },
  };
}
