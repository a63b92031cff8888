import {
  insertRun,
  listUnfinishedRuns,
  subjectKeyOf,
  updateRun,
  type Run,
} from '../catalog/runs.js';
import type { Session } from '../engine/engine.js';
import { interrupted, successor } from './run-states.js';
import type { Work } from './work.js';

/** A run that goes on waiting, and what it does. */
export interface Taken {
  readonly run: Run;
  readonly work: Work;
}

/**
 * Sorts the runs that a stopped process left: what a schedule asked for goes on waiting, or follows as a new run if it was
 * broken off; everything else has FAILED. Never two for one subject because of one stop.
 * @param workOf What a run that a schedule asked for does; undefined when nothing asks for it any more.
 */
export async function takeOver(
  session: Session,
  workOf: (run: Run) => Work | undefined,
  now: Date,
): Promise<{ readonly taken: readonly Taken[]; readonly failed: readonly Run[] }> {
  const taken: Taken[] = [];
  const broken: { readonly run: Run; readonly work: Work | undefined }[] = [];
  for (const run of await listUnfinishedRuns(session)) {
    const work = run.trigger === 'SCHEDULE' ? workOf(run) : undefined;
    if (!work || run.status === 'RUNNING') broken.push({ run, work });
    // Its time counts from its next attempt: nobody could work at it while the service stood still.
    else taken.push({ run: { ...run, startedAt: null }, work });
  }
  const failed = broken.map(({ run }) => interrupted(run, now));
  for (const run of failed) await updateRun(session, run);
  for (const { run, work } of broken) {
    // A schedule asks for runs of subjects alone, so each of these has a key.
    if (!work || taken.some((other) => subjectKeyOf(other.run) === subjectKeyOf(run))) continue;
    const next = successor(run, work.progress, now);
    if (!next) continue;
    await insertRun(session, next);
    taken.push({ run: next, work });
  }
  return { taken, failed };
}
