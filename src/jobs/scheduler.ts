import type { Schedule } from '../catalog/definition.js';
import type { Run } from '../catalog/runs.js';
import { listSchedules, moveNextRun, setNextRun } from '../catalog/schedules.js';
import type { Engine, Session } from '../engine/engine.js';
import { AppError } from '../errors.js';
import type { Log } from '../log.js';
import { systemClock, type Clock } from './clock.js';
import type { Runner } from './runner.js';
import { nextRun } from './schedule.js';
import type { Work } from './work.js';

/** What the scheduler needs. */
export interface SchedulerOptions {
  readonly runner: Runner;
  /** What a due dataset has done to it. */
  readonly work: (datasetId: string) => Work;
  readonly log: Log;
  /** (Default: the machine's) */
  readonly clock?: Clock;
}

interface Entry {
  readonly schedule: Schedule;
  nextRunAt: Date;
  /** The last import that the schedule asked for failed or is overdue. */
  behind: boolean;
  /** It could not be queued when it was due; the next try. */
  heldUntil: Date | undefined;
}

const minute = 60_000;

/**
 * Queues the imports of datasets that are due. When a dataset is due next is stored in the transaction that queues the run,
 * so that no moment asks for two; several that passed while the service stood still ask for one.
 */
export class Scheduler {
  readonly #engine: Engine;
  readonly #options: SchedulerOptions;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  #turn: Promise<void> = Promise.resolve();
  #sleep: () => void = () => undefined;
  #closed = false;

  constructor(engine: Engine, options: SchedulerOptions) {
    this.#engine = engine;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Takes over the runs that a stopped process left, queues what came due meanwhile, and goes on from there. */
  async start(): Promise<void> {
    await this.#load();
    const { runner, work } = this.#options;
    await runner.recover(({ kind, datasetId }) =>
      kind === 'IMPORT' && this.#entries.has(datasetId) ? work(datasetId) : undefined,
    );
    await this.#tick();
  }

  /**
   * Stores when a dataset is due next, in the transaction that defines it. Takes effect with {@link reload}, which is called
   * when that is committed. A schedule that says the same as before keeps its moment.
   */
  async define(
    session: Session,
    datasetId: string,
    schedule: Schedule | undefined,
    before?: Schedule,
  ): Promise<void> {
    const same = schedule?.cron === before?.cron && schedule?.timezone === before?.timezone;
    if (schedule && same) return;
    await setNextRun(session, datasetId, schedule ? nextRun(schedule, this.#clock.now()) : null);
  }

  /** Takes up the schedules as they are stored now. Runs of datasets that have none any more are not tried again. */
  async reload(): Promise<void> {
    const removed = await this.#load();
    for (const datasetId of removed) await this.#options.runner.endRetries(datasetId);
    this.#arm();
  }

  /** When a dataset is due next; null without a schedule. */
  nextRunAt(datasetId: string): Date | null {
    return this.#entries.get(datasetId)?.nextRunAt ?? null;
  }

  /** The last import that the dataset's schedule asked for failed or is overdue, and none has succeeded since. */
  stale(datasetId: string): boolean {
    const entry = this.#entries.get(datasetId);
    if (!entry) return false;
    return entry.behind || entry.nextRunAt.getTime() + minute <= this.#clock.now().getTime();
  }

  /** To be told of every change of a run. */
  observe(run: Run): void {
    const entry = run.kind === 'IMPORT' ? this.#entries.get(run.datasetId) : undefined;
    if (!entry) return;
    if (run.status === 'SUCCEEDED') entry.behind = false;
    else if (run.trigger === 'SCHEDULE' && run.error) entry.behind = true;
  }

  /** Queues nothing any more. Close it before the runner. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sleep();
    await this.#turn;
  }

  /** @returns the datasets that have no schedule any more */
  async #load(): Promise<string[]> {
    const stored = await this.#engine.read(listSchedules);
    const removed = new Set(this.#entries.keys());
    for (const { datasetId, schedule, nextRunAt, failing } of stored) {
      removed.delete(datasetId);
      const behind = this.#entries.get(datasetId)?.behind ?? failing;
      this.#entries.set(datasetId, { schedule, nextRunAt, behind, heldUntil: undefined });
    }
    for (const datasetId of removed) this.#entries.delete(datasetId);
    return [...removed];
  }

  #arm(): void {
    this.#sleep();
    if (this.#closed) return;
    const moments = [...this.#entries.values()].map((entry) => due(entry).getTime());
    if (moments.length === 0) return;
    this.#sleep = this.#clock.at(new Date(Math.min(...moments)), () => this.#tick());
  }

  #tick(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      const now = this.#clock.now();
      for (const [datasetId, entry] of [...this.#entries]) {
        if (due(entry) <= now && !this.#closed) await this.#queue(datasetId, entry, now);
      }
      this.#arm();
    });
    return this.#turn;
  }

  async #queue(datasetId: string, entry: Entry, now: Date): Promise<void> {
    const { runner, work, log } = this.#options;
    const { schedule, nextRunAt: from } = entry;
    let changed = false;
    try {
      const to = nextRun(schedule, now);
      // A whole period has passed, or the import of the last one has not ended.
      const overdue =
        nextRun(schedule, from) <= now ||
        runner.unfinished(datasetId).some((run) => run.trigger === 'SCHEDULE');
      await runner.enqueue(work(datasetId), {
        maxAttempts: schedule.retries + 1,
        claim: async (session) => {
          changed = !(await moveNextRun(session, datasetId, { from, to }));
          if (changed) throw new AppError('NOT_FOUND', 'The dataset is not due any more');
        },
      });
      entry.nextRunAt = to;
      entry.heldUntil = undefined;
      entry.behind ||= overdue;
    } catch (err) {
      entry.heldUntil = new Date(now.getTime() + minute);
      // A definition has changed meanwhile: then this entry is not the one that counts any more.
      if (changed) await this.#load().catch(() => undefined);
      else
        log.error({ err, dataset: datasetId }, 'a due import is not queued; next try in a minute');
    }
  }
}

const due = ({ nextRunAt, heldUntil }: Entry): Date => heldUntil ?? nextRunAt;
