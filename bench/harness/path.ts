import type { World } from './world.js';

/** What a path has to reach. Null: nothing that this version can be held to. */
export type Goal = { readonly atMost: number } | { readonly atLeast: number } | null;

/** One thing that the benchmark measures. */
export interface BenchPath {
  readonly name: string;
  /** What the ratio is: ours against what. */
  readonly ratioOf: string;
  readonly goal: Goal;
  /** Most memory in MB that the service may hold meanwhile. */
  readonly peakGoalMB?: number;
  /** Longest pause in milliseconds. */
  readonly pauseGoalMs?: number;
  /** Further goals that this version does not measure. */
  readonly notMeasured?: string;
  readonly run: (world: World) => Promise<Measured>;
}

/** What a path came to. Times are medians in milliseconds, memory is the most over all rounds. */
export interface Measured {
  readonly ratio: number;
  readonly oursMs: number;
  readonly theirsMs: number;
  readonly peakMB: number | null;
  readonly theirPeakMB: number | null;
  /** Longest time in milliseconds that the service took for an answer of no work meanwhile. */
  readonly pauseMs?: number;
}

/** True when the ratio reaches the goal; null without a goal. */
export function isMet(goal: Goal, ratio: number): boolean | null {
  if (goal === null) return null;
  return 'atMost' in goal ? ratio <= goal.atMost : ratio >= goal.atLeast;
}
