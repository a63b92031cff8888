import { randomUUID } from 'node:crypto';
import type { Run, RunError } from '../catalog/runs.js';

// What a run becomes next. Pure: who stores it and who is told stands in the runner.

/** A run that was just asked for. */
export function newRun(
  asked: Pick<Run, 'kind' | 'datasetId' | 'writebackId' | 'trigger' | 'maxAttempts' | 'progress'>,
  now: Date,
): Run {
  return {
    ...asked,
    id: randomUUID(),
    status: 'QUEUED',
    attempt: 1,
    notBefore: null,
    queuedAt: now,
    startedAt: null,
    finishedAt: null,
    error: null,
  };
}

/** A run at the start of an attempt. */
export function started(run: Run, progress: Run['progress'], now: Date): Run {
  const startedAt = run.startedAt ?? now;
  return { ...run, status: 'RUNNING', startedAt, notBefore: null, error: null, progress };
}

/** A run whose attempt failed and that waits for the next one, with the error of the last. */
export function waiting(run: Run, error: RunError, notBefore: Date): Run {
  return { ...run, status: 'QUEUED', attempt: run.attempt + 1, notBefore, error };
}

/** A run that the end of the process broke off. */
export function interrupted(run: Run, now: Date): Run {
  const doing = run.trigger === 'SCHEDULE' ? 'working' : 'waiting or working';
  // An object can be whole although nobody was left to say so.
  const left =
    run.kind === 'IMPORT'
      ? 'nothing of it was kept'
      : 'nothing but objects that were whole by then is there';
  const next = run.trigger === 'SCHEDULE' ? 'Its schedule asks for it again' : 'Run it again';
  const error: RunError = {
    code: 'INTERRUPTED',
    message: `The service stopped while this run was ${doing}; ${left}. ${next}`,
    retryable: true,
    details: {},
  };
  return { ...run, status: 'FAILED', finishedAt: now, notBefore: null, error };
}

/**
 * The run that follows one which was broken off, as its next attempt; undefined when nobody would ask for it again. One
 * follows even if there are no retries, but what keeps ending the process is not begun for ever.
 */
export function successor(run: Run, progress: Run['progress'], now: Date): Run | undefined {
  if (run.trigger !== 'SCHEDULE') return undefined;
  if (run.attempt > 1 && run.attempt >= run.maxAttempts) return undefined;
  const attempt = run.attempt + 1;
  const maxAttempts = Math.max(run.maxAttempts, attempt);
  return { ...newRun({ ...run, maxAttempts, progress }, now), attempt };
}
