import type { Run } from '../catalog/runs.js';

const firstMilliseconds = 30_000;
const longestMilliseconds = 15 * 60_000;

/**
 * How long to wait after a failed attempt (the first is 1), in milliseconds: 30 s, twice as long after each further one, and
 * never more than 15 minutes. The latter half of it is left to chance, so that what failed together does not come back together.
 * @param random Returns 0 to 1.
 */
export function retryDelay(attempt: number, random: () => number): number {
  const full = Math.min(firstMilliseconds * 2 ** (attempt - 1), longestMilliseconds);
  return Math.round(full / 2 + (full / 2) * random());
}

/**
 * When a run is tried again whose attempt failed for a reason that may pass; undefined when it has no attempt left, or
 * none before its deadline.
 */
export function nextAttempt(
  { attempt, maxAttempts }: Pick<Run, 'attempt' | 'maxAttempts'>,
  deadline: Date | undefined,
  now: Date,
  random: () => number,
): Date | undefined {
  if (attempt >= maxAttempts) return undefined;
  const again = new Date(now.getTime() + retryDelay(attempt, random));
  return deadline && again >= deadline ? undefined : again;
}
