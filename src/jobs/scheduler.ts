import type { Schedule } from '../catalog/definition.js';
import { subjectKey, subjectKeyOf, type About, type Run, type Subject } from '../catalog/runs.js';
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
  /** What is done for a subject that is due. */
  readonly work: (about: About) => Work;
  readonly log: Log;
  /** (Default: the machine's) */
  readonly clock?: Clock;
}

interface Entry {
  readonly subject: Subject;
  readonly about: About;
  readonly schedule: Schedule;
  nextRunAt: Date;
  /** The last run that the schedule asked for failed or is overdue. */
  behind: boolean;
  /** It could not be queued when it was due; the next try. */
  heldUntil: Date | undefined;
}

const minute = 60_000;

/**
 * Queues what is due: imports of datasets, and writebacks. When a subject is due next is stored in the transaction that queues
 * the run, so that no moment asks for two; several that passed while the service stood still ask for one.
 */
export class Scheduler {
  readonly #engine: Engine;
  readonly #options: SchedulerOptions;
  readonly #clock: Clock;
  /** By {@link subjectKey}. */
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
    await runner.recover((run) => {
      const entry = this.#entryOf(run);
      return entry && work(entry.about);
    });
    await this.#tick();
  }

  /**
   * Stores when a subject is due next, in the transaction that defines it. Takes effect with {@link reload}, which is called
   * when that is committed. A schedule that says the same as before keeps its moment.
   */
  async define(
    session: Session,
    subject: Subject,
    schedule: Schedule | undefined,
    before?: Schedule,
  ): Promise<void> {
    const same = schedule?.cron === before?.cron && schedule?.timezone === before?.timezone;
    if (schedule && same) return;
    await setNextRun(session, subject, schedule ? nextRun(schedule, this.#clock.now()) : null);
  }

  /** Takes up the schedules as they are stored now. Runs of subjects that have none any more are not tried again. */
  async reload(): Promise<void> {
    const removed = await this.#load();
    for (const subject of removed) await this.#options.runner.endRetries(subject);
    this.#arm();
  }

  /** When a subject is due next; null without a schedule. */
  nextRunAt(subject: Subject): Date | null {
    return this.#entries.get(subjectKey(subject))?.nextRunAt ?? null;
  }

  /** The last import that the dataset's schedule asked for failed or is overdue, and none has succeeded since. */
  stale(datasetId: string): boolean {
    const entry = this.#entries.get(subjectKey({ kind: 'IMPORT', id: datasetId }));
    if (!entry) return false;
    return entry.behind || entry.nextRunAt.getTime() + minute <= this.#clock.now().getTime();
  }

  /** To be told of every change of a run. */
  observe(run: Run): void {
    const entry = this.#entryOf(run);
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

  #entryOf(run: Run): Entry | undefined {
    const key = subjectKeyOf(run);
    return key === undefined ? undefined : this.#entries.get(key);
  }

  /** @returns the subjects that have no schedule any more */
  async #load(): Promise<Subject[]> {
    const stored = await this.#engine.read(listSchedules);
    const before = new Map(this.#entries);
    this.#entries.clear();
    for (const { failing, ...entry } of stored) {
      const key = subjectKey(entry.subject);
      const behind = before.get(key)?.behind ?? failing;
      before.delete(key);
      this.#entries.set(key, { ...entry, behind, heldUntil: undefined });
    }
    return [...before.values()].map(({ subject }) => subject);
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
      for (const entry of [...this.#entries.values()]) {
        if (due(entry) <= now && !this.#closed) await this.#queue(entry, now);
      }
      this.#arm();
    });
    return this.#turn;
  }

  async #queue(entry: Entry, now: Date): Promise<void> {
    const { runner, work, log } = this.#options;
    const { subject, about, schedule, nextRunAt: from } = entry;
    let changed = false;
    try {
      const to = nextRun(schedule, now);
      // A whole period has passed, or the run of the last one has not ended.
      const overdue =
        nextRun(schedule, from) <= now ||
        runner.unfinished(subject).some((run) => run.trigger === 'SCHEDULE');
      await runner.enqueue(work(about), {
        maxAttempts: schedule.retries + 1,
        claim: async (session) => {
          changed = !(await moveNextRun(session, subject, { from, to }));
          if (changed) throw new AppError('NOT_FOUND', 'It is not due any more');
        },
      });
      entry.nextRunAt = to;
      entry.heldUntil = undefined;
      entry.behind ||= overdue;
    } catch (err) {
      entry.heldUntil = new Date(now.getTime() + minute);
      // A definition has changed meanwhile: then this entry is not the one that counts any more.
      if (changed) await this.#load().catch(() => undefined);
      else log.error({ err, ...subject }, 'a due run is not queued; next try in a minute');
    }
  }
}

const due = ({ nextRunAt, heldUntil }: Entry): Date => heldUntil ?? nextRunAt;
