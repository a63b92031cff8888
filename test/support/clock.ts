import type { Clock } from '../../src/jobs/clock.js';

/** A clock that stands still until it is moved. */
export interface ManualClock extends Clock {
  /** Moves on, stopping at each moment that somebody waits for until what is called back is done. */
  advance(milliseconds: number): Promise<void>;
  advanceTo(moment: string | Date): Promise<void>;
  /** The moments that are waited for. */
  readonly alarms: readonly Date[];
}

/** A clock that shows this moment. */
export function manualClock(start: string): ManualClock {
  let now = new Date(start).getTime();
  const alarms = new Set<{ readonly at: number; readonly callback: () => void | Promise<void> }>();
  const advanceTo = async (end: number) => {
    for (;;) {
      const [first] = [...alarms].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!first) break;
      alarms.delete(first);
      now = Math.max(now, first.at);
      await first.callback();
    }
    now = Math.max(now, end);
  };
  return {
    now: () => new Date(now),
    at(moment, callback) {
      const alarm = { at: moment.getTime(), callback };
      alarms.add(alarm);
      return () => alarms.delete(alarm);
    },
    advance: (milliseconds) => advanceTo(now + milliseconds),
    advanceTo: (moment) => advanceTo(new Date(moment).getTime()),
    get alarms() {
      return [...alarms].map(({ at }) => new Date(at)).sort((a, b) => +a - +b);
    },
  };
}
