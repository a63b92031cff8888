import { randomUUID } from 'node:crypto';
import {
  findRun,
  insertRun,
  listUnfinishedRuns,
  updateRun,
  type Run,
  type RunError,
  type RunKind,
} from '../catalog/runs.js';
import type { Engine, Session } from '../engine/engine.js';
import { AppError, isAppError } from '../errors.js';
import type { Log } from '../log.js';

/** What a run does, given to {@link Runner.enqueue}. */
export interface Work {
  readonly kind: RunKind;
  readonly datasetId: string;
  /** Counters before anything was done. */
  readonly progress: Run['progress'];
  /** Does everything but the commit. Cleans up after itself when it throws. */
  readonly perform: (run: RunContext) => Promise<Outcome>;
}

/** What a run in progress is given. */
export interface RunContext {
  readonly id: string;
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

interface Live {
  run: Run;
  readonly work: Work;
  readonly abort: AbortController;
  readonly ended: Promise<void>;
  readonly end: () => void;
}

/**
 * Executes runs: a few at a time, imports of one dataset one after the other. A run is stored before it is acknowledged
 * and its end is stored before anybody is told.
 */
export class Runner {
  readonly #engine: Engine;
  readonly #log: Log;
  readonly #slots: Readonly<Record<RunKind, number>>;
  readonly #live = new Map<string, Live>();
  readonly #queue: Live[] = [];
  #closing = false;

  constructor(
    engine: Engine,
    options: { readonly log: Log; readonly slots: Readonly<Record<RunKind, number>> },
  ) {
    this.#engine = engine;
    this.#log = options.log;
    this.#slots = options.slots;
  }

  /** Marks what a stopped process left half done. Call once, before anything is enqueued. */
  async recover(): Promise<void> {
    await this.#engine.transaction(async (session) => {
      for (const run of await listUnfinishedRuns(session)) {
        const error: RunError = {
          code: 'INTERRUPTED',
          message:
            'The service stopped while this run was waiting or working; nothing of it was kept. Run it again',
          retryable: true,
          details: {},
        };
        await updateRun(session, { ...run, status: 'FAILED', finishedAt: new Date(), error });
        this.#log.warn({ run: run.id, kind: run.kind }, 'run was interrupted by a stop');
      }
    });
  }

  /** Queues a run and returns it. An import of a dataset that has one waiting already joins that one. */
  async enqueue(work: Work): Promise<Run> {
    if (this.#closing) throw new AppError('CANCELLED', 'The service is stopping');
    if (work.kind === 'IMPORT') {
      const waiting = this.#queue.find(
        (live) => live.work.kind === 'IMPORT' && live.work.datasetId === work.datasetId,
      );
      if (waiting) return waiting.run;
    }
    const run: Run = {
      id: randomUUID(),
      kind: work.kind,
      datasetId: work.datasetId,
      status: 'QUEUED',
      attempt: 1,
      queuedAt: new Date(),
      startedAt: null,
      finishedAt: null,
      error: null,
      progress: work.progress,
    };
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => {
      end = resolve;
    });
    const live: Live = { run, work, abort: new AbortController(), ended, end };
    this.#live.set(run.id, live);
    this.#queue.push(live);
    try {
      await this.#engine.transaction((session) => insertRun(session, run));
    } catch (error) {
      this.#live.delete(run.id);
      this.#queue.splice(this.#queue.indexOf(live), 1);
      throw error;
    }
    this.#next();
    return live.run;
  }

  /** A run as it is now. */
  async find(id: string): Promise<Run | undefined> {
    return this.#live.get(id)?.run ?? this.#engine.read((session) => findRun(session, id));
  }

  /** A stored run with the progress that it has now. */
  current(run: Run): Run {
    return this.#live.get(run.id)?.run ?? run;
  }

  /** Waits until a run has ended or the time is over, and returns it as it is then. */
  async wait(id: string, seconds: number): Promise<Run | undefined> {
    const live = this.#live.get(id);
    if (live) {
      let timer: NodeJS.Timeout | undefined;
      const timeout = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, seconds * 1000);
      });
      await Promise.race([live.ended, timeout]);
      clearTimeout(timer);
      return live.run;
    }
    return this.find(id);
  }

  /** Stops a run. @returns false when it had ended already or there is none */
  async cancel(id: string): Promise<boolean> {
    const live = this.#live.get(id);
    if (!live) return false;
    live.abort.abort();
    if (this.#queue.includes(live)) {
      this.#queue.splice(this.#queue.indexOf(live), 1);
      await this.#finish(live, { status: 'CANCELLED' });
    }
    await live.ended;
    return live.run.status === 'CANCELLED';
  }

  /** Stops every run of a dataset. */
  async cancelDataset(datasetId: string): Promise<void> {
    const ids = [...this.#live.values()]
      .filter((live) => live.work.datasetId === datasetId)
      .map((live) => live.run.id);
    await Promise.all(ids.map((id) => this.cancel(id)));
  }

  /** Stops all runs and takes no more. */
  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all([...this.#live.keys()].map((id) => this.cancel(id)));
  }

  #next(): void {
    for (const live of [...this.#queue]) {
      if (!this.#mayStart(live)) continue;
      this.#queue.splice(this.#queue.indexOf(live), 1);
      live.run = { ...live.run, status: 'RUNNING', startedAt: new Date() };
      void this.#execute(live);
    }
  }

  #mayStart({ work }: Live): boolean {
    const running = [...this.#live.values()].filter(({ run }) => run.status === 'RUNNING');
    const sameKind = running.filter((live) => live.work.kind === work.kind);
    if (sameKind.length >= this.#slots[work.kind]) return false;
    return (
      work.kind !== 'IMPORT' || !sameKind.some((live) => live.work.datasetId === work.datasetId)
    );
  }

  async #execute(live: Live): Promise<void> {
    const { work, abort } = live;
    let outcome: Outcome | undefined;
    try {
      await this.#engine.transaction((session) => updateRun(session, live.run));
      const performed = await work.perform({
        id: live.run.id,
        signal: abort.signal,
        report: (progress) => {
          live.run = { ...live.run, progress };
        },
      });
      outcome = performed;
      if (abort.signal.aborted) throw new AppError('CANCELLED', 'The run was cancelled');
      const done: Run = {
        ...live.run,
        status: 'SUCCEEDED',
        finishedAt: new Date(),
        progress: performed.progress,
      };
      await this.#engine.transaction(async (session) => {
        await performed.commit?.(session);
        await updateRun(session, done);
      });
      try {
        await performed.publish?.();
      } catch (error) {
        // It is committed: the run has succeeded whatever follows.
        this.#log.error(
          { err: error, run: done.id },
          'what a run committed could not be published',
        );
      }
      this.#end(live, done);
    } catch (error) {
      await outcome?.discard?.().catch((problem: unknown) => {
        this.#log.error({ err: problem, run: live.run.id }, 'clean-up after a failed run failed');
      });
      const cancelled = abort.signal.aborted;
      await this.#finish(live, {
        status: cancelled ? 'CANCELLED' : 'FAILED',
        error: cancelled ? null : this.#runError(error, live.run.id),
      });
    }
  }

  async #finish(live: Live, change: Pick<Run, 'status'> & Partial<Run>): Promise<void> {
    const ended: Run = { ...live.run, ...change, finishedAt: new Date() };
    try {
      await this.#engine.transaction((session) => updateRun(session, ended));
    } catch (error) {
      // The run is over whether or not it could be written down; the next start finds it unfinished and marks it.
      this.#log.error({ err: error, run: ended.id }, 'the end of a run could not be stored');
    }
    this.#end(live, ended);
  }

  #end(live: Live, run: Run): void {
    live.run = run;
    this.#live.delete(run.id);
    live.end();
    this.#next();
  }

  #runError(error: unknown, run: string): RunError {
    if (isAppError(error)) {
      const { code, message, retryable, details } = error;
      this.#log.warn({ run, code, details }, message);
      return this.#log.scrub({ code, message, retryable, details });
    }
    this.#log.error({ err: error, run }, 'run failed unexpectedly');
    return {
      code: 'INTERNAL',
      message: `An internal error ended the run; the log has it under run ${run}`,
      retryable: false,
      details: {},
    };
  }
}
