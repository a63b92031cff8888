import type { Run } from '../catalog/runs.js';
import type { Work } from './work.js';

/** A run that has not ended, and what this process knows of it beside what is stored. */
export interface LiveRun {
  run: Run;
  readonly work: Work;
  /** Rejects when the run could not be stored: then there is none. */
  readonly stored: Promise<void>;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/** A run before anything has happened to it. */
export function liveRun(run: Run, work: Work, stored: Promise<void>): LiveRun {
  let end: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  return { run, work, stored, abort: new AbortController(), ended, end };
}
