import { updateRun, type Run } from '../catalog/runs.js';
import type { Engine } from '../engine/engine.js';
import type { Clock } from './clock.js';
import { stopAtDeadline } from './deadline.js';
import type { LiveRun } from './live-run.js';
import { storeEnd } from './run-end.js';
import type { Outcome, RunnerOptions } from './work.js';

/** What an attempt at a run needs. */
export interface AttemptSettings extends Omit<RunnerOptions, 'clock'> {
  readonly engine: Engine;
  readonly clock: Clock;
}

/**
 * Works at a run once: stores that it is RUNNING, does its work, and commits what came of it together with its success.
 * @returns the run as it SUCCEEDED
 * @throws what made it fail or stopped it; nothing of it is kept then
 */
export async function attempt(live: LiveRun, settings: AttemptSettings): Promise<Run> {
  const { engine, clock, log } = settings;
  const { work, abort } = live;
  const show = (run: Run) => {
    live.run = run;
    settings.onChange?.(run);
  };
  const calm = stopAtDeadline(live, settings.seconds, clock);
  let outcome: Outcome | undefined;
  try {
    await engine.transaction((session) => updateRun(session, live.run));
    show(live.run);
    const performed = await work.perform({
      id: live.run.id,
      startedAt: live.run.startedAt ?? clock.now(),
      signal: abort.signal,
      report: (progress) => show({ ...live.run, progress }),
    });
    outcome = performed;
    // What a writeback has stored is there, whoever stopped the run meanwhile.
    if (work.kind === 'IMPORT') abort.signal.throwIfAborted();
    const done: Run = {
      ...live.run,
      status: 'SUCCEEDED',
      finishedAt: clock.now(),
      progress: performed.progress,
    };
    await engine.transaction(async (session) => {
      await performed.commit?.(session);
      await storeEnd(session, done, settings);
    });
    try {
      await performed.publish?.();
    } catch (error) {
      // It is committed: the run has succeeded whatever follows.
      log.error({ err: error, run: done.id }, 'what a run committed could not be published');
    }
    return done;
  } catch (error) {
    await outcome?.discard?.().catch((problem: unknown) => {
      log.error({ err: problem, run: live.run.id }, 'clean-up after a failed run failed');
    });
    throw error;
  } finally {
    calm();
  }
}
