import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { systemClock } from '../../src/jobs/clock.js';

const day = 86_400_000;

describe('the machine’s clock', () => {
  beforeEach(() => {
    jest.useFakeTimers({ now: new Date('2026-01-01T00:00Z') });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('wakes at moments that are further away than timers reach', () => {
    const woken: Date[] = [];
    systemClock.at(new Date('2026-04-01T00:00Z'), () => void woken.push(systemClock.now()));
    jest.advanceTimersByTime(89 * day);
    expect(woken).toEqual([]);
    jest.advanceTimersByTime(day);
    expect(woken).toEqual([new Date('2026-04-01T00:00Z')]);
  });

  it('wakes at once for a moment that has passed', () => {
    let woken = false;
    systemClock.at(new Date('2025-01-01T00:00Z'), () => {
      woken = true;
    });
    jest.advanceTimersByTime(0);
    expect(woken).toBe(true);
  });

  it('notices soon when the date was put forward, as after a sleep of the machine', () => {
    let woken = false;
    systemClock.at(new Date('2026-01-02T00:00Z'), () => {
      woken = true;
    });
    jest.setSystemTime(new Date('2026-01-03T00:00Z'));
    jest.advanceTimersByTime(60_001);
    expect(woken).toBe(true);
  });

  it('does not wake whoever called it off', () => {
    let woken = false;
    const off = systemClock.at(new Date('2026-01-01T12:00Z'), () => {
      woken = true;
    });
    jest.advanceTimersByTime(day / 4);
    off();
    jest.advanceTimersByTime(day);
    expect(woken).toBe(false);
  });
});
