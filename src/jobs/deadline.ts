import type { Run, RunKind } from '../catalog/runs.js';
import { AppError } from '../errors.js';
import type { Clock } from './clock.js';
import type { LiveRun } from './live-run.js';
import type { RunnerOptions } from './work.js';

/** When a run has to have ended, over all its attempts; undefined when its kind may take any time, or it has not begun. */
export function deadlineOf(
  { kind, startedAt }: Pick<Run, 'kind' | 'startedAt'>,
  seconds: RunnerOptions['seconds'],
): Date | undefined {
  const longest = seconds?.[kind];
  return longest === undefined || !startedAt
    ? undefined
    : new Date(startedAt.getTime() + longest * 1000);
}

/** Stops a run at its deadline with IMPORT_TIMEOUT or WRITEBACK_TIMEOUT. @returns what calls it off */
export function stopAtDeadline(
  { run, abort }: LiveRun,
  seconds: RunnerOptions['seconds'],
  clock: Clock,
): () => void {
  const deadline = deadlineOf(run, seconds);
  if (!deadline) return () => undefined;
  const limit = seconds?.[run.kind] ?? 0;
  return clock.at(deadline, () => abort.abort(tookLonger(run.kind, limit)));
}

function tookLonger(kind: RunKind, limit: number): AppError {
  const details = { limit };
  switch (kind) {
    case 'IMPORT':
      return new AppError(
        'IMPORT_TIMEOUT',
        `The import took longer than ${limit} s; narrow the selection, or raise BUCKETQL_IMPORT_SECONDS`,
        { details },
      );
    case 'WRITEBACK':
      return new AppError(
        'WRITEBACK_TIMEOUT',
        `The writeback took longer than ${limit} s; write fewer rows, or raise BUCKETQL_WRITEBACK_SECONDS`,
        { details },
      );
  }
}
