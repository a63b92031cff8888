/** Numbers that look random and come again with the same seed, so that a failing test can be run again. */
export interface Random {
  /** A whole number from 0 up to, and without, `below`. */
  (below: number): number;
  /** One of the items. */
  pick<T>(items: readonly T[]): T;
  /** True once in `times`. */
  oneIn(times: number): boolean;
}

/** Starts at a seed (mulberry32: small, and good enough to choose what a test does). */
export function randomFrom(seed: number): Random {
  let state = seed;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % limit;
  };
  return Object.assign(below, {
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new RangeError('There is nothing to pick from');
      return items[below(items.length)] as T;
    },
    oneIn: (times: number) => below(times) === 0,
  });
}
