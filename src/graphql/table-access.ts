import { randomUUID } from 'node:crypto';
import { writebackWork } from '../jobs/writeback-work.js';
import type { WritebackRequest } from '../jobs/writeback-target.js';
import { requireConnection } from '../catalog/connections.js';
import type { Session } from '../engine/engine.js';
import { checkPartitions, parseDestination } from '../pipeline/destination.js';
import { objectKey } from '../pipeline/object-names.js';
import { sourcesOf, type Lease, type Leases } from '../pipeline/snapshots.js';
import { relatedDatasets } from '../query/links.js';
import type { Services } from './context.js';
import { begun } from './management/runs.js';
import { writebackRunView } from './management/writeback-runs.js';
import type { TableReader, TableSnapshot, TableVersions, TableWriter } from './tables/reader.js';

/** What the generated fields read and write through. */
export function tableAccess(
  services: Services,
  { maxLimit }: { readonly maxLimit: number },
): TableReader & TableWriter & TableVersions {
  const { engine, secrets, snapshots, scheduler, writebacks, log } = services;
  const { dialect } = writebacks;
  const versionOf = ({ dataset, revision }: Pick<Lease, 'dataset' | 'revision'>) =>
    `${revision}${scheduler.stale(dataset.id) ? ' stale' : ''}`;
  const lent = ([lease, ...others]: Leases, session: Session): TableSnapshot => {
    const { dataset, generation, source } = lease;
    return {
      source,
      session,
      generation: generation.id,
      related: sourcesOf([lease, ...others]),
      reads: [lease, ...others].map((one) => ({
        dataset: one.dataset.name,
        version: versionOf(one),
      })),
      freshness: {
        generation: generation.id,
        importedAt: generation.importedAt,
        fileCount: generation.fileCount,
        rowCount: generation.rowCount,
        rejectedRowCount: generation.rejectedCount,
        stale: scheduler.stale(dataset.id),
      },
    };
  };
  return {
    dialect,
    limits: { maxLimit },

    read: (names, job, signal) =>
      snapshots.read(names, (leases, session) => job(lent(leases, session)), signal),

    versionOf(name) {
      const found = snapshots.find(name);
      return found && versionOf(found);
    },

    async writeback(name, query, input, wait) {
      const destination = parseDestination(input);
      if (destination.encryptionKey !== undefined) log.hide(destination.encryptionKey);
      checkPartitions(destination, query);
      const leases = snapshots.leaseAll([name, ...relatedDatasets(query.where)]);
      for (const lease of leases) lease.release();
      const connection = await engine.read((session) =>
        requireConnection(session, secrets, destination.connection),
      );
      // A key that cannot be is the client's mistake now, not a failed run later.
      const { prefix } = connection.access;
      objectKey(destination, { prefix, dataset: name, runId: randomUUID(), now: new Date() });
      const request: WritebackRequest = { dataset: leases[0].dataset, query, destination };
      return writebackRunView(await begun(services, writebackWork(writebacks, request), wait));
    },
  };
}
