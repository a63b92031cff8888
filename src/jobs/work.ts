import type { Run, RunKind } from '../catalog/runs.js';
import type { Session } from '../engine/engine.js';
import type { Log } from '../log.js';
import type { Clock } from './clock.js';

/** What a run does, given to the runner. */
export interface Work {
  readonly kind: RunKind;
  readonly datasetId: string;
  /** Of a writeback that is kept. (Default: none) */
  readonly writebackId?: string;
  /** Counters before anything was done. */
  readonly progress: Run['progress'];
  /** Does everything but the commit. Cleans up after itself when it throws. Called again for each attempt. */
  readonly perform: (run: RunContext) => Promise<Outcome>;
}

/** What a run in progress is given. */
export interface RunContext {
  readonly id: string;
  /** When the first attempt began. */
  readonly startedAt: Date;
  readonly signal: AbortSignal;
  readonly report: (progress: Run['progress']) => void;
}

/** What is left to do when the work is done. */
export interface Outcome {
  readonly progress: Run['progress'];
  /** Runs in the transaction that makes the run SUCCEEDED: both happen or neither. */
  readonly commit?: (session: Session) => Promise<void>;
  /** Runs after that transaction, before waiters are told. */
  readonly publish?: () => void | Promise<void>;
  /** Runs when the transaction failed. */
  readonly discard?: () => Promise<void>;
}

/** A schedule that asks for a run. */
export interface Asking {
  /** How often the run may be tried. */
  readonly maxAttempts: number;
  /** Runs in the transaction that stores the run. When it throws there is no run. */
  readonly claim: (session: Session) => Promise<void>;
}

/** How runs are executed. */
export interface RunnerOptions {
  readonly log: Log;
  /** Runs of a kind that work at a time. */
  readonly slots: Readonly<Record<RunKind, number>>;
  /** Longest time of a run of a kind, over all its attempts. (Default: none) */
  readonly seconds?: Readonly<Partial<Record<RunKind, number>>>;
  /** Ended runs that are kept for each subject, and for each dataset of those that write once. (Default: 200) */
  readonly keepRuns?: number;
  /** Called whenever a run's state or progress has changed; states are stored by then. */
  readonly onChange?: (run: Run) => void;
  /** (Default: the machine's) */
  readonly clock?: Clock;
  /** Returns 0 to 1. (Default: Math.random) */
  readonly random?: () => number;
}
