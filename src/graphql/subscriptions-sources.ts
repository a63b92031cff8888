import { findDataset, requireDataset, type Dataset } from '../catalog/datasets.js';
import type { Run, RunKind } from '../catalog/runs.js';
import { AppError } from '../errors.js';
import type { Context } from './context.js';

// Faster than anybody reads, slow enough that a run of a million reports costs its watchers nothing.
const paceMs = 200;

/**
 * A run as it is now, then its changes, and at last its final state: of a run that has ended, that one alone.
 * @throws NOT_FOUND
 */
export async function followRun(
  { services, signal }: Context,
  kind: RunKind,
  id: string,
): Promise<AsyncIterable<Run>> {
  const { runner, runChanges } = services;
  // Watched before it is read, so that nothing falls in between.
  const changes = runChanges.watch({ key: id, signal, paceMs, urgent: hasEnded });
  const run = await runner.find(id).catch(async (error: unknown) => {
    await changes.return?.();
    throw error;
  });
  if (run?.kind !== kind) {
    await changes.return?.();
    throw new AppError('NOT_FOUND', `There is no ${kind.toLowerCase()} run ${id}`, {
      details: { id },
    });
  }
  return untilEnd(run, changes);
}

async function* untilEnd(run: Run, changes: AsyncIterableIterator<Run>): AsyncGenerator<Run> {
  try {
    yield run;
    if (hasEnded(run)) return;
    for await (const change of changes) {
      yield change;
      if (hasEnded(change)) return;
    }
  } finally {
    await changes.return?.();
  }
}

const hasEnded = ({ finishedAt }: Run) => finishedAt !== null;

/**
 * Datasets as they are after each change. One that is named is followed by its id, through a new name too, until it is
 * deleted.
 * @throws NOT_FOUND when none has the name now
 */
export async function followDatasets(
  { services, signal }: Context,
  name: string | null | undefined,
): Promise<AsyncIterable<Dataset>> {
  const { engine, datasetChanges } = services;
  if (name == null) return existing(services, datasetChanges.watch({ signal }));
  const { id } = await engine.read((session) => requireDataset(session, name));
  const changes = datasetChanges.watch({ key: id, signal });
  // Again, now that no deletion can be missed: the watch would never end.
  const still = await engine.read((session) => findDataset(session, { id }));
  if (!still) datasetChanges.publish(id, id);
  return existing(services, changes, { endWithout: true });
}

// Ids are what is published: whoever reads slowly is told of the dataset as it is when there is time to tell.
async function* existing(
  { engine }: Context['services'],
  ids: AsyncIterableIterator<string>,
  { endWithout = false } = {},
): AsyncGenerator<Dataset> {
  for await (const id of ids) {
    const dataset = await engine.read((session) => findDataset(session, { id }));
    if (dataset) yield dataset;
    else if (endWithout) return;
  }
}
