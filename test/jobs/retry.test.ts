import { describe, expect, it } from '@jest/globals';
import { retryDelay } from '../../src/jobs/retry.js';

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
