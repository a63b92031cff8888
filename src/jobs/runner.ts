import {
  findRun,
  insertRun,
  subjectKey,
  subjectKeyOf,
  subjectOf,
  updateRun,
  type Run,
  type Subject,
} from '../catalog/runs.js';
import type { Engine, Session } from '../engine/engine.js';
import { AppError, isAppError } from '../errors.js';
import type { Log } from '../log.js';
import { attempt } from './attempt.js';
import { systemClock, type Clock } from './clock.js';
import { deadlineOf } from './deadline.js';
import { whatIsDue } from './due.js';
import { LateEnds } from './late-ends.js';
import { liveRun, type LiveRun } from './live-run.js';
import { nextAttempt } from './retry.js';
import { storeEnd } from './run-end.js';
import { runError } from './run-error.js';
import { interrupted, newRun, started, successor, waiting } from './run-states.js';
import { takeOver } from './take-over.js';
import type { Asking, RunnerOptions, Work } from './work.js';

/**
 * Executes runs: a few at a time, those of one subject one after the other. A run is stored before it is acknowledged
 * and its end is stored before anybody is told. What a schedule asked for is tried again when it failed for a reason that
 * may pass.
 */
export class Runner {
  readonly #engine: Engine;
  readonly #options: RunnerOptions;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #live = new Map<string, LiveRun>();
  /** What is stored and waits, for a slot or for its next attempt. */
  readonly #queue = new Set<LiveRun>();
  #sleep: () => void = () => undefined;
  /** Subjects whose waiting runs are left to the next start. */
  readonly #left = new Set<string>();
  readonly #lateEnds: LateEnds;
  #holding = false;
  #closing = false;

  constructor(engine: Engine, options: RunnerOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#log = options.log;
    this.#clock = options.clock ?? systemClock;
    this.#lateEnds = new LateEnds(
      (run) => this.#store(run, (session) => storeEnd(session, run, options)),
      this.#clock,
    );
  }

  /**
   * Takes over what a stopped process left: runs that it was working at, and those that somebody waited for, have FAILED;
   * what a schedule asked for goes on waiting, or follows as a new run if it was broken off. Call once, before anything
   * is enqueued; nothing begins until {@link start}.
   * @param workOf What a run that a schedule asked for does; undefined when nothing asks for it any more.
   */
  async recover(workOf: (run: Run) => Work | undefined = () => undefined): Promise<void> {
    this.#holding = true;
    const { taken, failed } = await this.#engine.transaction((session) =>
      takeOver(session, workOf, this.#clock.now()),
    );
    for (const { id, kind } of failed) {
      this.#log.warn({ run: id, kind }, 'run was interrupted by a stop');
    }
    for (const { run, work } of taken) {
      this.#queue.add(this.#admit(run, work, Promise.resolve()));
    }
  }

  /** Begins with what {@link recover} took over. */
  start(): void {
    this.#holding = false;
    this.#next();
  }

  /**
   * Queues a run and returns it. Where one of the same subject waits already, it is joined; somebody who asks does
   * not wait for the next attempt of a run that failed, but begins it.
   * @throws CANCELLED when the service is stopping, and whatever `claim` throws
   */
  async enqueue(work: Work, asking?: Asking): Promise<Run> {
    if (this.#closing) throw new AppError('CANCELLED', 'The service is stopping');
    const subject = subjectOf(work);
    const waits = subject && this.#waiting(subject);
    if (waits) return (await this.#join(waits, asking)) ?? this.enqueue(work, asking);
    const { kind, datasetId, writebackId = null, progress } = work;
    const trigger = asking ? 'SCHEDULE' : 'REQUEST';
    const maxAttempts = asking?.maxAttempts ?? 1;
    const asked = { kind, datasetId, writebackId, trigger, maxAttempts, progress } as const;
    const run = newRun(asked, this.#clock.now());
    const stored = this.#engine.transaction(async (session) => {
      await asking?.claim(session);
      await insertRun(session, run);
    });
    const live = this.#admit(run, work, stored);
    try {
      await stored;
    } catch (error) {
      this.#live.delete(run.id);
      live.end();
      throw error;
    }
    this.#changed(live);
    this.#queue.add(live);
    this.#next();
    return live.run;
  }

  /** A run as it is now. */
  async find(id: string): Promise<Run | undefined> {
    return this.#known(id) ?? this.#engine.read((session) => findRun(session, id));
  }

  /** A stored run with the progress that it has now. */
  current(run: Run): Run {
    return this.#known(run.id) ?? run;
  }

  /** The runs of a subject that have not ended. */
  unfinished(subject: Subject): Run[] {
    return this.#of(subject).map(({ run }) => run);
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
    live.abort.abort(new AppError('CANCELLED', 'The run was cancelled'));
    // What is not stored yet is on its way into the queue, or to its caller as an error.
    await live.stored.catch(() => undefined);
    if (this.#queue.delete(live)) await this.#finish(live, { status: 'CANCELLED' });
    await live.ended;
    return live.run.status === 'CANCELLED';
  }

  /** Stops every run of a dataset, writebacks among them. */
  async cancelDataset(datasetId: string): Promise<void> {
    await this.#cancelAll(
      [...this.#live.values()].filter(({ work }) => work.datasetId === datasetId),
    );
  }

  /** Stops every run of a subject. */
  async cancelSubject(subject: Subject): Promise<void> {
    await this.#cancelAll(this.#of(subject));
  }

  /** Ends the further attempts of a subject's runs: what waits for one has FAILED, what works has its last. */
  async endRetries(subject: Subject): Promise<void> {
    for (const live of this.#of(subject)) {
      const attempt = live.run.error ? live.run.attempt - 1 : live.run.attempt;
      live.run = { ...live.run, maxAttempts: attempt };
      if (live.run.error && this.#queue.delete(live)) {
        await this.#finish(live, { status: 'FAILED', attempt });
      }
    }
  }

  /** Stops all runs and takes no more. What a schedule asked for is taken up again by {@link recover}. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#sleep();
    for (const { run } of this.#queue) {
      const key = subjectKeyOf(run);
      if (key !== undefined && run.trigger === 'SCHEDULE') this.#left.add(key);
    }
    await Promise.all(
      [...this.#live.values()].map(async (live) => {
        live.abort.abort(new AppError('INTERRUPTED', 'The service is stopping'));
        await live.stored.catch(() => undefined);
        if (this.#queue.delete(live)) {
          if (live.run.trigger === 'SCHEDULE') this.#end(live, live.run);
          else await this.#interrupt(live);
        }
        await live.ended;
      }),
    );
    await this.#lateEnds.close();
  }

  /** A run of which more is known here than what is stored. */
  #known(id: string): Run | undefined {
    return this.#live.get(id)?.run ?? this.#lateEnds.find(id);
  }

  #of(subject: Subject): LiveRun[] {
    const key = subjectKey(subject);
    return [...this.#live.values()].filter(({ work }) => subjectKeyOf(work) === key);
  }

  #waiting(subject: Subject): LiveRun | undefined {
    return this.#of(subject).find(
      ({ run, abort }) => run.status === 'QUEUED' && !abort.signal.aborted,
    );
  }

  async #cancelAll(runs: readonly LiveRun[]): Promise<void> {
    await Promise.all(runs.map(({ run }) => this.cancel(run.id)));
  }

  #admit(run: Run, work: Work, stored: Promise<void>): LiveRun {
    const live = liveRun(run, work, stored);
    this.#live.set(run.id, live);
    return live;
  }

  /** @returns undefined when what was to be joined does not wait any more, or never became a run */
  async #join(live: LiveRun, asking: Asking | undefined): Promise<Run | undefined> {
    try {
      await live.stored;
    } catch {
      return undefined;
    }
    if (asking) {
      const { maxAttempts, claim } = asking;
      const { trigger: asked, maxAttempts: allowed } = live.run;
      let joined = false;
      try {
        await this.#engine.transaction(async (session) => {
          // It may have begun, or been stopped, while this waited for its turn.
          if (live.run.status !== 'QUEUED' || live.abort.signal.aborted) return;
          await claim(session);
          // Now, for it may begin before the commit, and its start is stored after it.
          live.run = { ...live.run, trigger: 'SCHEDULE', maxAttempts };
          await updateRun(session, live.run);
          joined = true;
        });
      } catch (error) {
        live.run = { ...live.run, trigger: asked, maxAttempts: allowed };
        throw error;
      }
      return joined ? live.run : undefined;
    }
    if (live.run.status === 'QUEUED' && live.run.notBefore) {
      live.run = { ...live.run, notBefore: null };
      this.#next();
    }
    return live.run;
  }

  #next(): void {
    if (this.#holding || this.#closing) return;
    const now = this.#clock.now();
    const running = [...this.#live.values()].filter(({ run }) => run.status === 'RUNNING');
    const { due, wake } = whatIsDue(this.#queue, running, this.#options.slots, now);
    for (const live of due) {
      this.#queue.delete(live);
      live.run = started(live.run, live.work.progress, now);
      void this.#execute(live);
    }
    this.#sleep();
    if (wake) this.#sleep = this.#clock.at(wake, () => this.#next());
  }

  async #execute(live: LiveRun): Promise<void> {
    const settings = { ...this.#options, engine: this.#engine, clock: this.#clock };
    try {
      this.#end(live, await attempt(live, settings));
    } catch (error) {
      await this.#failed(live, error);
    }
  }

  async #failed(live: LiveRun, error: unknown): Promise<void> {
    const { signal } = live.abort;
    const reason: unknown = signal.aborted ? signal.reason : error;
    const stop = signal.aborted && isAppError(reason) ? reason.code : undefined;
    if (stop === 'INTERRUPTED') return this.#interrupt(live);
    if (stop === 'CANCELLED') return this.#finish(live, { status: 'CANCELLED', error: null });
    const shown = runError(reason, live.run.id, this.#log);
    const { seconds, random = Math.random } = this.#options;
    const again =
      shown.retryable &&
      nextAttempt(live.run, deadlineOf(live.run, seconds), this.#clock.now(), random);
    if (again) await this.#retry(live, waiting(live.run, shown, again));
    else await this.#finish(live, { status: 'FAILED', error: shown });
  }

  async #retry(live: LiveRun, run: Run): Promise<void> {
    await this.#store(run, (session) => updateRun(session, run));
    live.run = run;
    // Whoever stopped it while that was stored found it neither waiting nor working.
    if (this.#closing) return this.#end(live, run);
    if (live.abort.signal.aborted) return this.#finish(live, { status: 'CANCELLED' });
    this.#changed(live);
    this.#queue.add(live);
    this.#next();
  }

  /** Marks a run that the stop broke off, and leaves the next start what follows it. */
  async #interrupt(live: LiveRun): Promise<void> {
    const now = this.#clock.now();
    const run = interrupted(live.run, now);
    const key = subjectKeyOf(run);
    const isLeft = key !== undefined && this.#left.has(key);
    const next = isLeft ? undefined : successor(live.run, live.work.progress, now);
    await this.#store(run, async (session) => {
      await storeEnd(session, run, this.#options);
      if (next) await insertRun(session, next);
    });
    this.#end(live, run);
  }

  async #finish(live: LiveRun, change: Pick<Run, 'status'> & Partial<Run>): Promise<void> {
    const run: Run = { ...live.run, ...change, notBefore: null, finishedAt: this.#clock.now() };
    await this.#lateEnds.store(run);
    this.#end(live, run);
  }

  /** @returns whether it could be stored */
  async #store(run: Run, job: (session: Session) => Promise<void>): Promise<boolean> {
    try {
      await this.#engine.transaction(job);
      return true;
    } catch (error) {
      // It is as it is whether or not it could be written down; the next start finds it unfinished and takes it over.
      this.#log.error({ err: error, run: run.id }, 'the state of a run could not be stored');
      return false;
    }
  }

  #end(live: LiveRun, run: Run): void {
    live.run = run;
    this.#live.delete(run.id);
    this.#changed(live);
    live.end();
    this.#next();
  }

  #changed({ run }: LiveRun): void {
    this.#options.onChange?.(run);
  }
}
