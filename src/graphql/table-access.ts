import { randomUUID } from 'node:crypto';
import type { Dialect } from '../dialect.js';
import { writebackWork, type WritebackRequest } from '../jobs/writeback-work.js';
import { requireConnection } from '../catalog/connections.js';
import { objectKey, parseDestination } from '../pipeline/destination.js';
import type { Services } from './context.js';
import { writebackRunView } from './management/runs.js';
import type { TableReader, TableWriter } from './tables/reader.js';

/** What the generated fields read and write through. */
export function tableAccess(
  services: Services,
  options: { readonly dialect: Dialect; readonly maxLimit: number },
): TableReader & TableWriter {
  const { engine, secrets, snapshots, runner, scheduler, imports, waitSeconds } = services;
  const { dialect, maxLimit } = options;
  return {
    dialect,
    limits: { maxLimit },

    read: (name, job, signal) =>
      snapshots.read(
        name,
        ({ dataset, generation, source }, session) =>
          job({
            source,
            session,
            generation: generation.id,
            freshness: {
              generation: generation.id,
              importedAt: generation.importedAt,
              fileCount: generation.fileCount,
              rowCount: generation.rowCount,
              rejectedRowCount: generation.rejectedCount,
              stale: scheduler.stale(dataset.id),
            },
          }),
        signal,
      ),

    async writeback(name, query, input, wait) {
      const destination = parseDestination(input);
      const lease = snapshots.lease(name);
      lease.release();
      const connection = await engine.read((session) =>
        requireConnection(session, secrets, destination.connection),
      );
      // A key that cannot be is the client's mistake now, not a failed run later.
      const { prefix } = connection.access;
      objectKey(destination, { prefix, dataset: name, runId: randomUUID(), now: new Date() });
      const request: WritebackRequest = { dataset: lease.dataset, query, destination };
      const queued = await runner.enqueue(writebackWork({ ...imports, dialect }, request));
      const run = wait ? await runner.wait(queued.id, waitSeconds) : queued;
      return writebackRunView(run ?? queued);
    },
  };
}
