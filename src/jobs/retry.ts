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
