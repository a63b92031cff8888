import { describe, expect, it } from '@jest/globals';
import { nextAttempt, retryDelay } from '../../src/jobs/retry.js';

describe('the delay before a further attempt', () => {
  it('doubles up to a quarter of an hour', () => {
    const longest = [1, 2, 3, 4, 5, 6, 7, 20].map((attempt) => retryDelay(attempt, () => 1) / 1000);
    expect(longest).toEqual([30, 60, 120, 240, 480, 900, 900, 900]);
  });

  it('leaves half of it to chance', () => {
    expect(retryDelay(1, () => 0)).toBe(15_000);
    expect(retryDelay(1, () => 0.5)).toBe(22_500);
    expect(retryDelay(20, () => 0)).toBe(450_000);
  });
});

describe('the next attempt', () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const at = (time: string) => new Date(`2026-01-01T${time}Z`);
  const next = (attempt: number, deadline?: Date) =>
    nextAttempt({ attempt, maxAttempts: 3 }, deadline, now, () => 1);

  it('comes after the delay while there are attempts left', () => {
    expect([1, 2, 3].map((attempt) => next(attempt))).toEqual([
      at('00:00:30'),
      at('00:01:00'),
      undefined,
    ]);
  });

  it('does not come at the deadline or later', () => {
    expect(next(1, at('00:00:31'))).toEqual(at('00:00:30'));
    expect(next(1, at('00:00:30'))).toBeUndefined();
  });
});
