import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { deleteDataset, insertDataset, updateDefinition } from '../../src/catalog/datasets.js';
import { parseDefinition, type Schedule } from '../../src/catalog/definition.js';
import { migrate } from '../../src/catalog/migrations.js';
import { listRuns, type Run, type Subject } from '../../src/catalog/runs.js';
import { listSchedules } from '../../src/catalog/schedules.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { AppError } from '../../src/errors.js';
import { Runner } from '../../src/jobs/runner.js';
import { Scheduler } from '../../src/jobs/scheduler.js';
import type { Outcome } from '../../src/jobs/work.js';
import { openLog } from '../../src/log.js';
import { sql, value } from '../../src/sql.js';
import { manualClock, type ManualClock } from '../support/clock.js';

const progress = { rows: 0, bytes: 0, objects: [] };
const log = openLog('silent');
const dataset = (id: string): Subject => ({ kind: 'IMPORT', id });

describe('the scheduler', () => {
  let engine: Engine;
  let clock: ManualClock;
  let runner: Runner;
  let scheduler: Scheduler;
  /** What imports do. */
  let perform: () => Promise<Outcome>;

  const boot = async () => {
    runner = new Runner(engine, {
      log,
      slots: { IMPORT: 2, WRITEBACK: 1 },
      clock,
      onChange: (run) => scheduler.observe(run),
    });
    scheduler = new Scheduler(engine, {
      runner,
      work: ({ kind, datasetId, writebackId }) => ({
        kind,
        datasetId,
        ...(writebackId != null && { writebackId }),
        progress,
        perform: () => perform(),
      }),
      log,
      clock,
    });
    await scheduler.start();
    runner.start();
  };
  const stop = async () => {
    await scheduler.close();
    await runner.close();
  };
  beforeEach(async () => {
    engine = await openDuckDB();
    await migrate(engine);
    clock = manualClock('2026-01-01T00:00Z');
    perform = () => Promise.resolve({ progress });
    await boot();
  });
  afterEach(async () => {
    await stop();
    await engine.close();
  });

  const definition = (id: string, schedule?: Partial<Schedule>) =>
    parseDefinition({
      name: id,
      connection: 'c',
      selection: {},
      format: { type: 'CSV' },
      ...(schedule ? { schedule } : {}),
    });
  const define = async (id: string, schedule?: Partial<Schedule>) => {
    const defined = definition(id, schedule);
    await engine.transaction(async (session) => {
      await insertDataset(session, { id, definition: defined, createdAt: clock.now() });
      await scheduler.define(session, dataset(id), defined.schedule);
    });
    await scheduler.reload();
  };
  const redefine = async (id: string, before: Partial<Schedule>, schedule?: Partial<Schedule>) => {
    const defined = definition(id, schedule);
    await engine.transaction(async (session) => {
      await updateDefinition(session, id, defined);
      const old = definition(id, before).schedule;
      await scheduler.define(session, dataset(id), defined.schedule, old);
    });
    await scheduler.reload();
  };
  const runs = (datasetId: string): Promise<Run[]> =>
    engine.read((session) => listRuns(session, dataset(datasetId), { limit: 100, offset: 0 }));
  /** Waits until a dataset's runs have all ended. */
  const ended = async (datasetId: string): Promise<Run[]> => {
    for (const { id } of runner.unfinished(dataset(datasetId))) await runner.wait(id, 10);
    return runs(datasetId);
  };
  const nightly = { cron: '0 2 * * *' };

  it('imports a dataset each time it is due', async () => {
    await define('a', nightly);
    expect(scheduler.nextRunAt(dataset('a'))).toEqual(new Date('2026-01-01T02:00Z'));
    await clock.advanceTo('2026-01-01T01:59:59.999Z');
    expect(await runs('a')).toEqual([]);
    for (const [day, next] of [
      ['01', '02'],
      ['02', '03'],
    ]) {
      await clock.advanceTo(`2026-01-${day}T02:00Z`);
      const [run] = await ended('a');
      expect(run).toMatchObject({
        status: 'SUCCEEDED',
        trigger: 'SCHEDULE',
        maxAttempts: 4,
        queuedAt: clock.now(),
      });
      expect(scheduler.nextRunAt(dataset('a'))).toEqual(new Date(`2026-01-${next}T02:00Z`));
    }
    expect(await runs('a')).toHaveLength(2);
  });

  it('stores when a dataset is due next with the run, or neither', async () => {
    await define('a', nightly);
    await engine.session((session) => session.run(sql`alter table catalog.runs rename to away`));
    await clock.advanceTo('2026-01-01T02:00Z');
    const [kept] = await engine.read((session) =>
      session.rows(sql`select next_run_at::varchar as at from catalog.schedules`),
    );
    expect(kept).toEqual({ at: '2026-01-01 02:00:00' });
    await engine.session((session) => session.run(sql`alter table catalog.away rename to runs`));
    await clock.advance(60_000);
    expect(await ended('a')).toHaveLength(1);
    const [stored] = await engine.read(listSchedules);
    expect(stored?.nextRunAt).toEqual(new Date('2026-01-02T02:00Z'));
  });

  it('catches up once on what came due while the service stood still', async () => {
    await define('a', { cron: '*/10 * * * *' });
    await define('b', nightly);
    await define('c', { cron: '0 0 1 2 *' });
    await stop();
    await clock.advance(25 * 3_600_000 + 60_000);
    await boot();
    expect(await ended('a')).toHaveLength(1);
    expect(await ended('b')).toHaveLength(1);
    expect(await ended('c')).toHaveLength(0);
    expect(scheduler.nextRunAt(dataset('a'))).toEqual(new Date('2026-01-02T01:10Z'));
    expect(scheduler.nextRunAt(dataset('b'))).toEqual(new Date('2026-01-02T02:00Z'));
  });

  it('does not catch up beside a run that a stop broke off', async () => {
    await define('a', { cron: '0 * * * *' });
    const begun = new Promise<void>((begin) => {
      perform = () => {
        begin();
        return new Promise(() => undefined);
      };
    });
    await clock.advanceTo('2026-01-01T01:00Z');
    await begun;
    // As a crash leaves it: the first runner is forgotten in the middle of its work.
    await scheduler.close();
    await clock.advance(5 * 3_600_000);
    perform = () => Promise.resolve({ progress });
    await boot();
    const all = await ended('a');
    expect(all.map(({ status, attempt }) => [status, attempt])).toEqual([
      ['SUCCEEDED', 2],
      ['FAILED', 1],
    ]);
  });

  it('runs writebacks as it imports datasets: when they are due, again when they fail, and to the end', async () => {
    const writeback: Subject = { kind: 'WRITEBACK', id: 'w' };
    const schedule = { cron: '30 2 * * *', timezone: 'Europe/Zurich', retries: 1 };
    await define('a', nightly);
    await engine.transaction(async (session) => {
      await session.run(
        sql`insert into catalog.writebacks (id, name, dataset_id, connection_id, definition, created_at)
          values ('w', 'w', 'a', 'c', ${value(JSON.stringify({ schedule }))}, '2026-01-01')`,
      );
      await scheduler.define(session, writeback, schedule);
    });
    await scheduler.reload();
    // The night in which 02:30 is skipped.
    await clock.advanceTo('2026-03-28T12:00Z');
    await ended('a');
    for (const { id } of runner.unfinished(writeback)) await runner.wait(id, 10);
    expect(scheduler.nextRunAt(writeback)).toEqual(new Date('2026-03-29T01:00Z'));
    perform = () => Promise.reject(new AppError('S3_UNAVAILABLE', 'busy'));
    await clock.advanceTo('2026-03-29T01:00Z');
    const newest = async () => {
      const page = { limit: 1, offset: 0 };
      return (await engine.read((session) => listRuns(session, writeback, page)))[0];
    };
    for (let tries = 0; tries < 1000 && !(await newest())?.error; tries++);
    expect(await newest()).toMatchObject({ status: 'QUEUED', attempt: 2, writebackId: 'w' });
    expect(scheduler.stale('a')).toBe(false);
    await stop();
    await boot();
    perform = () => Promise.resolve({ progress });
    await clock.advanceTo('2026-03-29T01:01Z');
    for (const { id } of runner.unfinished(writeback)) await runner.wait(id, 10);
    expect(await newest()).toMatchObject({ status: 'SUCCEEDED', attempt: 2, datasetId: 'a' });
    await engine.transaction(async (session) => {
      await scheduler.define(session, writeback, undefined);
    });
    await scheduler.reload();
    expect(scheduler.nextRunAt(writeback)).toBeNull();
    expect(scheduler.nextRunAt(dataset('a'))).toEqual(new Date('2026-03-29T02:00Z'));
  });

  it('follows a changed schedule at once, and keeps the moment of one that says the same', async () => {
    await define('a', nightly);
    await clock.advanceTo('2026-01-01T01:00Z');
    await redefine('a', nightly, { ...nightly, retries: 0 });
    expect(scheduler.nextRunAt(dataset('a'))).toEqual(new Date('2026-01-01T02:00Z'));
    await redefine('a', nightly, { cron: '30 1 * * *', timezone: 'Europe/Zurich' });
    expect(scheduler.nextRunAt(dataset('a'))).toEqual(new Date('2026-01-02T00:30Z'));
    await clock.advanceTo('2026-01-01T12:00Z');
    expect(await runs('a')).toEqual([]);
    await clock.advanceTo('2026-01-02T00:30Z');
    expect(await ended('a')).toHaveLength(1);
  });

  it('does nothing more for a schedule that was removed, or with its dataset', async () => {
    await define('a', nightly);
    await define('b', nightly);
    perform = () => Promise.reject(new AppError('S3_UNAVAILABLE', 'busy'));
    await clock.advanceTo('2026-01-01T02:00Z');
    await retrying('a');
    await redefine('a', nightly, undefined);
    expect(scheduler.nextRunAt(dataset('a'))).toBeNull();
    expect(await runs('a')).toMatchObject([
      { status: 'FAILED', attempt: 1, error: { code: 'S3_UNAVAILABLE' } },
    ]);
    await engine.transaction(async (session) => {
      await scheduler.define(session, dataset('b'), undefined);
      await deleteDataset(session, 'b');
    });
    await scheduler.reload();
    expect(clock.alarms).toEqual([]);
    await clock.advance(10 * 86_400_000);
    expect(await runs('a')).toHaveLength(1);
    expect(await runs('b')).toHaveLength(0);
  });

  it('queues nothing for a moment that was moved while it was about to', async () => {
    await define('a', nightly);
    const defined = definition('a', { cron: '0 3 * * *' });
    await engine.transaction(async (session) => {
      await updateDefinition(session, 'a', defined);
      await scheduler.define(session, dataset('a'), defined.schedule);
    });
    // Stored but not reloaded yet: the old moment comes first.
    await clock.advanceTo('2026-01-01T02:00Z');
    expect(await runs('a')).toEqual([]);
    expect(scheduler.nextRunAt(dataset('a'))).toEqual(new Date('2026-01-01T03:00Z'));
    await clock.advanceTo('2026-01-01T03:00Z');
    expect(await ended('a')).toHaveLength(1);
  });

  /** Waits until a dataset's run waits for its next attempt. */
  const retrying = async (datasetId: string) => {
    for (let tries = 0; tries < 1000; tries++) {
      const [run] = await runs(datasetId);
      if (run?.status === 'QUEUED' && run.error) return;
    }
    throw new Error('No import waits for its next attempt');
  };

  describe('says that a dataset is stale', () => {
    const asked = () =>
      runner.enqueue({ kind: 'IMPORT', datasetId: 'a', progress, perform: () => perform() });

    it('from a failed attempt until an import succeeds, also over a restart', async () => {
      await define('a', { ...nightly, retries: 1 });
      expect(scheduler.stale('a')).toBe(false);
      perform = () => Promise.reject(new AppError('S3_UNAVAILABLE', 'busy'));
      await clock.advanceTo('2026-01-01T02:00Z');
      await retrying('a');
      expect(scheduler.stale('a')).toBe(true);
      await stop();
      await boot();
      expect(scheduler.stale('a')).toBe(true);
      await clock.advance(60_000);
      expect(await ended('a')).toMatchObject([{ status: 'FAILED', attempt: 2 }]);
      expect(scheduler.stale('a')).toBe(true);
      await clock.advance(1000);
      perform = () => Promise.resolve({ progress });
      await runner.wait((await asked()).id, 10);
      expect(scheduler.stale('a')).toBe(false);
      await stop();
      await boot();
      expect(scheduler.stale('a')).toBe(false);
    });

    it('not because of an import that somebody asked for, nor without a schedule', async () => {
      await define('a', nightly);
      perform = () => Promise.reject(new AppError('ACCESS_DENIED', 'no'));
      await runner.wait((await asked()).id, 10);
      expect(scheduler.stale('a')).toBe(false);
      await clock.advanceTo('2026-01-01T02:00Z');
      await ended('a');
      expect(scheduler.stale('a')).toBe(true);
      await redefine('a', nightly, undefined);
      expect(scheduler.stale('a')).toBe(false);
    });

    it('when an import has not ended by the time that the next is due', async () => {
      await define('a', { cron: '0 * * * *' });
      let finish: (outcome: Outcome) => void = () => undefined;
      perform = () =>
        new Promise((resolve) => {
          finish = resolve;
        });
      await clock.advanceTo('2026-01-01T01:59Z');
      expect(scheduler.stale('a')).toBe(false);
      await clock.advanceTo('2026-01-01T02:00Z');
      expect(scheduler.stale('a')).toBe(true);
      perform = () => Promise.resolve({ progress });
      finish({ progress });
      await ended('a');
      expect(scheduler.stale('a')).toBe(false);
    });

    it('when a whole period passed while the service stood still, until it has caught up', async () => {
      await define('a', { cron: '0 * * * *' });
      await stop();
      await clock.advance(3 * 3_600_000);
      let finish: (outcome: Outcome) => void = () => undefined;
      const begun = new Promise<void>((begin) => {
        perform = () =>
          new Promise((resolve) => {
            finish = resolve;
            begin();
          });
      });
      await boot();
      expect(scheduler.stale('a')).toBe(true);
      await begun;
      finish({ progress });
      await ended('a');
      expect(scheduler.stale('a')).toBe(false);
    });
  });
});
