/** The time, and being woken at one. Handed in, so that tests need not wait. */
export interface Clock {
  now(): Date;
  /** Calls back once at that moment, or as soon as can be when it has passed. @returns what calls it off */
  at(moment: Date, callback: () => void | Promise<void>): () => void;
}

// Timers hold at most 24.8 days, and they count by a clock that stands still while the machine sleeps and does not notice
// when its date is put right. So no timer runs longer than this before the time is looked at again.
const longestMilliseconds = 60_000;

/** The machine's own clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => new Date(),
  at(moment, callback) {
    let timer: NodeJS.Timeout;
    const wait = () => {
      const left = moment.getTime() - Date.now();
      timer =
        left > longestMilliseconds
          ? setTimeout(wait, longestMilliseconds)
          : setTimeout(() => void callback(), Math.max(0, left));
      timer.unref();
    };
    wait();
    return () => clearTimeout(timer);
  },
};
