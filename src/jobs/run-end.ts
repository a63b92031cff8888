import { pruneRuns, updateRun, type Run } from '../catalog/runs.js';
import type { Session } from '../engine/engine.js';
import type { RunnerOptions } from './work.js';

/** Stores a run that has ended, and forgets the oldest of its subject. */
export async function storeEnd(
  session: Session,
  run: Run,
  { keepRuns = 200 }: Pick<RunnerOptions, 'keepRuns'>,
): Promise<void> {
  await updateRun(session, run);
  await pruneRuns(session, run, keepRuns);
}
