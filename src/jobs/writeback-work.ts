import { findDataset } from '../catalog/datasets.js';
import type { WritebackProgress } from '../catalog/runs.js';
import {
  destinationOf,
  findWriteback,
  setDelivered,
  type Writeback,
} from '../catalog/writebacks.js';
import { AppError, isAppError } from '../errors.js';
import { parseDestination } from '../pipeline/destination.js';
import type { Query } from '../query/query.js';
import { deliverNewRows } from './new-deliveries.js';
import type { Outcome, Work } from './work.js';
import { withTarget, type WritebackRequest, type WritebackSettings } from './writeback-target.js';

const nothingYet: WritebackProgress = { rows: 0, bytes: 0, objects: [] };

/** A writeback that somebody asks for once. */
export function writebackWork(settings: WritebackSettings, request: WritebackRequest): Work {
  return {
    kind: 'WRITEBACK',
    datasetId: request.dataset.id,
    progress: nothingYet,
    perform: (run) =>
      withTarget(settings, request, run, async (target) => ({
        progress: await target.write(target.query, { id: run.id, at: run.startedAt }),
      })),
  };
}

/** A run of a writeback that is kept, as it is defined when the run starts. */
export function keptWritebackWork(
  settings: WritebackSettings,
  { id, datasetId }: Pick<Writeback, 'id' | 'datasetId'>,
): Work {
  return {
    kind: 'WRITEBACK',
    datasetId,
    writebackId: id,
    progress: nothingYet,
    async perform(run) {
      const { writeback, request } = await defined(settings, { id, datasetId });
      return withTarget(settings, request, run, async (target): Promise<Outcome> => {
        if (writeback.definition.onlyNewData) {
          return deliverNewRows(settings, writeback, target, run);
        }
        const { sequence, id: generation } = target.generation;
        return {
          progress: await target.write(target.query, { id: run.id, at: run.startedAt }),
          // Who asks for only new data from now on has had these rows.
          commit: (session) =>
            setDelivered(session, writeback, { sequence, generation, last: run.id }),
        };
      });
    },
  };
}

async function defined(
  { engine, secrets, queryOf }: WritebackSettings,
  { id, datasetId }: Pick<Writeback, 'id' | 'datasetId'>,
): Promise<{ readonly writeback: Writeback; readonly request: WritebackRequest }> {
  const { writeback, dataset } = await engine.read(async (session) => ({
    writeback: await findWriteback(session, { id }),
    dataset: await findDataset(session, { id: datasetId }),
  }));
  if (writeback?.datasetId !== datasetId) {
    throw new AppError('NOT_FOUND', 'The writeback was deleted, or writes another dataset now');
  }
  if (!dataset) throw new AppError('NOT_FOUND', 'The writeback has no dataset any more');
  const destination = parseDestination(destinationOf(writeback, secrets));
  const query = fitting(writeback, dataset.name, queryOf);
  return { writeback, request: { dataset, query, destination } };
}

/** A stored query as the dataset's columns are now; what it named may have gone. */
function fitting(
  { name, definition }: Writeback,
  dataset: string,
  queryOf: WritebackSettings['queryOf'],
): Query {
  try {
    return queryOf(dataset, definition.query);
  } catch (error) {
    if (!isAppError(error) || error.code === 'NOT_FOUND') throw error;
    throw new AppError(
      error.code,
      `The query of writeback ${name} does not fit dataset ${dataset} as it is now: ${error.message}`,
      { details: error.details, cause: error },
    );
  }
}
