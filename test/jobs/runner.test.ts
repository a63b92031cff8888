import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '../../src/catalog/migrations.js';
import { findRun, insertRun, listRuns, type Run } from '../../src/catalog/runs.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine, Session } from '../../src/engine/engine.js';
import { AppError } from '../../src/errors.js';
import { Runner } from '../../src/jobs/runner.js';
import type { Asking, Outcome, RunContext, RunnerOptions, Work } from '../../src/jobs/work.js';
import { openLog } from '../../src/log.js';
import { sql, type Sql } from '../../src/sql.js';
import { manualClock, type ManualClock } from '../support/clock.js';

const progress = { rows: 0, bytes: 0, objects: [] };

describe('the runner', () => {
  let engine: Engine;
  let runner: Runner;
  let clock: ManualClock;
  let changes: Run[];
  let watchers: Set<() => void>;
  beforeEach(async () => {
    engine = await openDuckDB();
    await migrate(engine);
    clock = manualClock('2026-01-01T00:00Z');
    changes = [];
    watchers = new Set();
    runner = newRunner();
  });
  afterEach(async () => {
    await runner.close();
    await engine.close();
  });

  const newRunner = (more: Partial<RunnerOptions> = {}) =>
    new Runner(engine, {
      log: openLog('silent'),
      slots: { IMPORT: 2, WRITEBACK: 1 },
      clock,
      random: () => 1,
      onChange(run) {
        changes.push(run);
        for (const look of watchers) look();
      },
      ...more,
    });
  /** The next change, or one that was seen already, to a run like this. */
  const seen = (like: Partial<Run>) =>
    new Promise<Run>((resolve) => {
      const look = () => {
        const found = changes.find((run) =>
          Object.entries(like).every(([name, value]) => run[name as keyof Run] === value),
        );
        if (!found) return;
        watchers.delete(look);
        resolve(found);
      };
      watchers.add(look);
      look();
    });
  const scheduled = (retries: number): Asking => ({
    maxAttempts: retries + 1,
    claim: () => Promise.resolve(),
  });
  const unavailable = () => Promise.reject(new AppError('S3_UNAVAILABLE', 'busy'));
  const work = (
    perform: (run: RunContext) => Promise<Outcome>,
    more: Partial<Work> = {},
  ): Work => ({ kind: 'IMPORT', datasetId: 'd', progress, perform, ...more });
  const stored = (id: string) => engine.read((session) => findRun(session, id));
  const gate = () => {
    let open: () => void = () => undefined;
    const passed = new Promise<void>((resolve) => {
      open = resolve;
    });
    return { passed, open };
  };

  it('stores a run before it is acknowledged and its end before it is told', async () => {
    const hold = gate();
    const run = await runner.enqueue(work(() => hold.passed.then(() => ({ progress }))));
    expect(await stored(run.id)).toBeDefined();
    hold.open();
    const ended = await runner.wait(run.id, 10);
    expect(ended?.status).toBe('SUCCEEDED');
    expect(await stored(run.id)).toEqual(ended);
  });

  it('commits the outcome and the success together, or neither', async () => {
    await engine.session((session) => session.run(sql`create table out (a integer)`));
    let discarded = false;
    const run = await runner.enqueue(
      work(() =>
        Promise.resolve({
          progress,
          async commit(session) {
            await session.run(sql`insert into out values (1)`);
            throw new AppError('NO_SPACE', 'full');
          },
          discard: () => {
            discarded = true;
            return Promise.resolve();
          },
        }),
      ),
    );
    expect(await runner.wait(run.id, 10)).toMatchObject({
      status: 'FAILED',
      error: { code: 'NO_SPACE', retryable: true },
    });
    expect(await engine.read((session) => session.rows(sql`select * from out`))).toEqual([]);
    expect(discarded).toBe(true);
  });

  it('runs imports of one dataset one after the other, and joins one that waits already', async () => {
    const hold = gate();
    let running = 0;
    let most = 0;
    const both = gate();
    const perform = async () => {
      most = Math.max(most, ++running);
      if (running === 2) both.open();
      await hold.passed;
      running--;
      return { progress };
    };
    const first = await runner.enqueue(work(perform));
    const second = await runner.enqueue(work(perform));
    const third = await runner.enqueue(work(perform));
    expect(second.id).not.toBe(first.id);
    expect(third.id).toBe(second.id);
    const other = await runner.enqueue(work(perform, { datasetId: 'other' }));
    await both.passed;
    hold.open();
    for (const { id } of [first, second, other]) {
      expect(await runner.wait(id, 10)).toMatchObject({ status: 'SUCCEEDED' });
    }
    expect(most).toBe(2);
  });

  it('shows an end that cannot be stored, and stores it when it can be', async () => {
    const rename = (from: Sql, to: Sql) =>
      engine.session((session) => session.run(sql`alter table ${from} rename to ${to}`));
    const run = await runner.enqueue(
      work(async () => {
        await rename(sql`catalog.runs`, sql`away`);
        throw new AppError('NO_SPACE', 'full');
      }),
    );
    const ended = await runner.wait(run.id, 10);
    expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'NO_SPACE' } });
    expect(await runner.find(run.id)).toEqual(ended);
    expect(runner.current(run)).toEqual(ended);
    await clock.advance(30_000);
    await rename(sql`catalog.away`, sql`runs`);
    expect(await stored(run.id)).toMatchObject({ status: 'RUNNING' });
    await clock.advance(30_000);
    expect(await stored(run.id)).toEqual(ended);
    expect(clock.alarms).toEqual([]);
  });

  it('hides what it does not know behind INTERNAL', async () => {
    const run = await runner.enqueue(work(() => Promise.reject(new Error('secret detail'))));
    const ended = await runner.wait(run.id, 10);
    expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'INTERNAL' } });
    expect(JSON.stringify(ended)).not.toContain('secret detail');
  });

  it('cancels a run that works and one that waits', async () => {
    const working = await runner.enqueue(work(untilStopped));
    const waiting = await runner.enqueue(work(untilStopped));
    expect(await runner.cancel(waiting.id)).toBe(true);
    expect(await runner.cancel(working.id)).toBe(true);
    expect(await runner.cancel(working.id)).toBe(false);
    expect((await stored(working.id))?.status).toBe('CANCELLED');
    expect((await stored(waiting.id))?.status).toBe('CANCELLED');
  });

  it.each([
    ['IMPORT', 'CANCELLED'],
    ['WRITEBACK', 'SUCCEEDED'],
  ] as const)('takes an %s that was done when it was stopped for %s', async (kind, status) => {
    const hold = gate();
    const done = () => hold.passed.then(() => ({ progress }));
    const run = await runner.enqueue(work(done, { kind }));
    await seen({ id: run.id, status: 'RUNNING' });
    const cancelled = runner.cancel(run.id);
    hold.open();
    await cancelled;
    expect((await runner.wait(run.id, 10))?.status ?? (await stored(run.id))?.status).toBe(status);
  });

  it('answers a wait that is over with the state the run has then', async () => {
    const hold = gate();
    const run = await runner.enqueue(work(() => hold.passed.then(() => ({ progress }))));
    expect(await runner.wait(run.id, 0)).toMatchObject({ id: run.id, finishedAt: null });
    hold.open();
    await runner.wait(run.id, 10);
  });

  it('tells of every change, once it is stored', async () => {
    const run = await runner.enqueue(
      work((context) => {
        context.report({ ...progress, rows: 1 });
        return Promise.resolve({ progress: { ...progress, rows: 2 } });
      }),
    );
    await runner.wait(run.id, 10);
    expect(changes.map(({ status, progress }) => [status, progress])).toEqual([
      ['QUEUED', progress],
      ['RUNNING', progress],
      ['RUNNING', { ...progress, rows: 1 }],
      ['SUCCEEDED', { ...progress, rows: 2 }],
    ]);
  });

  it('makes at most one more run of twenty that are asked for at once', async () => {
    const hold = gate();
    const perform = () => hold.passed.then(() => ({ progress }));
    const first = await runner.enqueue(work(perform));
    const more = await Promise.all(Array.from({ length: 20 }, () => runner.enqueue(work(perform))));
    const [id] = new Set(more.map((run) => run.id));
    expect(new Set(more.map((run) => run.id)).size).toBe(1);
    expect(id).not.toBe(first.id);
    hold.open();
    expect(await runner.wait(id ?? '', 10)).toMatchObject({ status: 'SUCCEEDED' });
    const of = { kind: 'IMPORT', id: 'd' } as const;
    const all = await engine.read((session) => listRuns(session, of, { limit: 100, offset: 0 }));
    expect(all).toHaveLength(2);
  });

  it('runs those of one kept writeback one after the other, and joins one that waits already', async () => {
    runner = newRunner({ slots: { IMPORT: 1, WRITEBACK: 3 } });
    const hold = gate();
    const perform = () => hold.passed.then(() => ({ progress }));
    const kept = (writebackId: string) => work(perform, { kind: 'WRITEBACK', writebackId });
    const first = await runner.enqueue(kept('w'));
    const second = await runner.enqueue(kept('w'));
    expect((await runner.enqueue(kept('w'))).id).toBe(second.id);
    const other = await runner.enqueue(kept('v'));
    const once = await runner.enqueue(work(perform, { kind: 'WRITEBACK' }));
    await Promise.all([other, once].map(({ id }) => seen({ id, status: 'RUNNING' })));
    expect((await runner.find(second.id))?.status).toBe('QUEUED');
    expect(runner.unfinished({ kind: 'WRITEBACK', id: 'w' }).map(({ id }) => id)).toEqual([
      first.id,
      second.id,
    ]);
    const stopped = runner.cancelSubject({ kind: 'WRITEBACK', id: 'v' });
    hold.open();
    await stopped;
    expect(await runner.wait(second.id, 10)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await stored(second.id)).toMatchObject({ writebackId: 'w', datasetId: 'd' });
    // It was done when it was stopped.
    expect(await stored(other.id)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await runner.wait(once.id, 10)).toMatchObject({ writebackId: null });
  });

  it('ends a writeback that takes too long with WRITEBACK_TIMEOUT', async () => {
    runner = newRunner({ seconds: { IMPORT: 10, WRITEBACK: 60 } });
    const run = await runner.enqueue(work(untilStopped, { kind: 'WRITEBACK' }));
    await seen({ status: 'RUNNING' });
    await clock.advance(60_000);
    expect(await runner.wait(run.id, 10)).toMatchObject({
      error: { code: 'WRITEBACK_TIMEOUT', details: { limit: 60 } },
    });
  });

  it('ends a run that takes too long with IMPORT_TIMEOUT', async () => {
    runner = newRunner({ seconds: { IMPORT: 60 } });
    const run = await runner.enqueue(work(untilStopped), scheduled(3));
    await seen({ status: 'RUNNING' });
    await clock.advance(60_000);
    expect(await runner.wait(run.id, 10)).toMatchObject({
      status: 'FAILED',
      attempt: 1,
      error: { code: 'IMPORT_TIMEOUT', details: { limit: 60 } },
    });
    expect(clock.alarms).toEqual([]);
  });

  it('keeps the last runs of each dataset and kind that ended, and those that have not', async () => {
    runner = newRunner({ keepRuns: 2 });
    const hold = gate();
    const slow = await runner.enqueue(
      work(() => hold.passed.then(() => ({ progress })), { datasetId: 'slow' }),
    );
    const ids: string[] = [];
    for (const datasetId of ['d', 'd', 'other', 'd', 'd', 'slow']) {
      const run = await runner.enqueue(work(() => Promise.resolve({ progress }), { datasetId }));
      if (datasetId !== 'slow') await runner.wait(run.id, 10);
      ids.push(run.id);
      await clock.advance(1000);
    }
    const kept = await Promise.all(ids.map(stored));
    expect(kept.map((run) => run?.status)).toEqual([
      undefined,
      undefined,
      'SUCCEEDED',
      'SUCCEEDED',
      'SUCCEEDED',
      'QUEUED',
    ]);
    expect((await stored(slow.id))?.status).toBe('RUNNING');
    hold.open();
    await runner.wait(ids.at(-1) ?? '', 10);
  });

  describe('for a schedule', () => {
    it('tries again after an error that may pass, and shows it while it waits', async () => {
      let attempts = 0;
      const perform = () =>
        ++attempts < 3 ? unavailable() : Promise.resolve({ progress: { ...progress, rows: 5 } });
      const run = await runner.enqueue(work(perform), scheduled(3));
      expect(run).toMatchObject({ trigger: 'SCHEDULE', attempt: 1, maxAttempts: 4 });
      const first = await seen({ status: 'QUEUED', attempt: 2 });
      expect(first).toMatchObject({
        id: run.id,
        error: { code: 'S3_UNAVAILABLE' },
        notBefore: new Date('2026-01-01T00:00:30Z'),
        finishedAt: null,
      });
      expect(await stored(run.id)).toEqual(first);
      await clock.advance(29_999);
      expect(attempts).toBe(1);
      await clock.advance(1);
      const second = await seen({ status: 'QUEUED', attempt: 3 });
      expect(second.notBefore).toEqual(new Date('2026-01-01T00:01:30Z'));
      await clock.advance(60_000);
      const ended = await runner.wait(run.id, 10);
      expect(ended).toMatchObject({
        status: 'SUCCEEDED',
        attempt: 3,
        error: null,
        notBefore: null,
        startedAt: new Date('2026-01-01T00:00Z'),
        finishedAt: new Date('2026-01-01T00:01:30Z'),
        progress: { rows: 5 },
      });
      expect(await stored(run.id)).toEqual(ended);
    });

    it('gives up after the last attempt, with its error', async () => {
      const run = await runner.enqueue(work(unavailable), scheduled(1));
      await seen({ status: 'QUEUED', attempt: 2 });
      await clock.advance(30_000);
      expect(await runner.wait(run.id, 10)).toMatchObject({
        status: 'FAILED',
        attempt: 2,
        error: { code: 'S3_UNAVAILABLE' },
      });
    });

    it('does not try again what cannot pass, nor what somebody asked for', async () => {
      const denied = () => Promise.reject(new AppError('ACCESS_DENIED', 'no'));
      const first = await runner.enqueue(work(denied), scheduled(3));
      expect(await runner.wait(first.id, 10)).toMatchObject({ status: 'FAILED', attempt: 1 });
      const second = await runner.enqueue(work(unavailable));
      expect(await runner.wait(second.id, 10)).toMatchObject({ status: 'FAILED', attempt: 1 });
    });

    it('does not wait for an attempt that the overall time would end', async () => {
      runner = newRunner({ seconds: { IMPORT: 60 } });
      const run = await runner.enqueue(work(unavailable), scheduled(9));
      await seen({ status: 'QUEUED', attempt: 2 });
      await clock.advance(30_000);
      expect(await runner.wait(run.id, 10)).toMatchObject({
        status: 'FAILED',
        attempt: 2,
        error: { code: 'S3_UNAVAILABLE' },
      });
    });

    it('begins the next attempt at once when somebody asks', async () => {
      let attempts = 0;
      const perform = () => (++attempts < 2 ? unavailable() : Promise.resolve({ progress }));
      const run = await runner.enqueue(work(perform), scheduled(3));
      await seen({ status: 'QUEUED', attempt: 2 });
      const asked = await runner.enqueue(work(perform));
      expect(asked.id).toBe(run.id);
      expect(await runner.wait(run.id, 10)).toMatchObject({ status: 'SUCCEEDED', attempt: 2 });
    });

    it('takes over a run that waits already', async () => {
      const hold = gate();
      const busy = await runner.enqueue(work(() => hold.passed.then(() => ({ progress }))));
      const asked = await runner.enqueue(work(unavailable));
      const due = await runner.enqueue(work(unavailable), scheduled(1));
      expect(due).toMatchObject({ id: asked.id, trigger: 'SCHEDULE', maxAttempts: 2 });
      hold.open();
      await runner.wait(busy.id, 10);
      expect(await seen({ id: asked.id, attempt: 2 })).toMatchObject({ status: 'QUEUED' });
    });

    it('leaves a run that waits as it was when taking it over fails', async () => {
      const hold = gate();
      const busy = await runner.enqueue(work(() => hold.passed.then(() => ({ progress }))));
      const asked = await runner.enqueue(work(unavailable));
      const claim = async (session: Session) => {
        await session.run(sql`drop table catalog.runs`);
      };
      await expect(runner.enqueue(work(unavailable), { maxAttempts: 4, claim })).rejects.toThrow(
        'runs',
      );
      expect(runner.current(asked)).toMatchObject({ trigger: 'REQUEST', maxAttempts: 1 });
      hold.open();
      await runner.wait(busy.id, 10);
      expect(await runner.wait(asked.id, 10)).toMatchObject({ status: 'FAILED', attempt: 1 });
    });

    it('has no run when it cannot claim one', async () => {
      const claim = () => Promise.reject(new AppError('NOT_FOUND', 'not due'));
      const asking = { maxAttempts: 4, claim };
      const refused = runner.enqueue(work(unavailable), asking);
      const joined = runner.enqueue(work(() => Promise.resolve({ progress })));
      await expect(refused).rejects.toMatchObject({ code: 'NOT_FOUND' });
      expect(await runner.wait((await joined).id, 10)).toMatchObject({ status: 'SUCCEEDED' });
      const of = { kind: 'IMPORT', id: 'd' } as const;
      const all = await engine.read((session) => listRuns(session, of, { limit: 9, offset: 0 }));
      expect(all).toHaveLength(1);
    });

    it('can be stopped between attempts, and its further attempts can be ended', async () => {
      const first = await runner.enqueue(work(unavailable), scheduled(3));
      const second = await runner.enqueue(work(unavailable, { datasetId: 'e' }), scheduled(3));
      await seen({ id: first.id, status: 'QUEUED', attempt: 2 });
      await seen({ id: second.id, status: 'QUEUED', attempt: 2 });
      expect(await runner.cancel(first.id)).toBe(true);
      await runner.endRetries({ kind: 'IMPORT', id: 'e' });
      expect((await stored(first.id))?.status).toBe('CANCELLED');
      expect(await stored(second.id)).toMatchObject({
        status: 'FAILED',
        attempt: 1,
        error: { code: 'S3_UNAVAILABLE' },
      });
    });
  });

  describe('after a stop', () => {
    const left = (more: Partial<Run>): Run => ({
      id: 'left',
      kind: 'IMPORT',
      datasetId: 'd',
      writebackId: null,
      status: 'RUNNING',
      trigger: 'REQUEST',
      attempt: 1,
      maxAttempts: 1,
      notBefore: null,
      queuedAt: new Date('2025-12-31T00:00Z'),
      startedAt: new Date('2025-12-31T00:00Z'),
      finishedAt: null,
      error: null,
      progress,
      ...more,
    });
    const leave = (...runs: Partial<Run>[]) =>
      engine.transaction(async (session) => {
        for (const run of runs) await insertRun(session, left(run));
      });
    const good = work(() => Promise.resolve({ progress }));
    const all = async () => {
      const of = { kind: 'IMPORT', id: 'd' } as const;
      return engine.read((session) => listRuns(session, of, { limit: 100, offset: 0 }));
    };

    it('marks what was working, and what somebody waited for, as interrupted', async () => {
      await leave({ id: 'working' }, { id: 'waiting', status: 'QUEUED', startedAt: null });
      await runner.recover(() => good);
      runner.start();
      for (const id of ['working', 'waiting']) {
        expect(await stored(id)).toMatchObject({
          status: 'FAILED',
          finishedAt: clock.now(),
          error: { code: 'INTERRUPTED', retryable: true },
        });
      }
      expect(await all()).toHaveLength(2);
    });

    it('begins a new run for a scheduled one that was broken off, even without retries', async () => {
      await leave({ trigger: 'SCHEDULE' });
      await runner.recover(() => good);
      expect(await stored('left')).toMatchObject({
        status: 'FAILED',
        error: { code: 'INTERRUPTED' },
      });
      const [next] = await all();
      expect(next).toMatchObject({ status: 'QUEUED', trigger: 'SCHEDULE', attempt: 2 });
      runner.start();
      expect(await runner.wait(next?.id ?? '', 10)).toMatchObject({ status: 'SUCCEEDED' });
    });

    it('does not begin for ever what ends the process', async () => {
      await leave({ trigger: 'SCHEDULE', attempt: 4, maxAttempts: 4 });
      await runner.recover(() => good);
      expect(await all()).toHaveLength(1);
    });

    it('begins nothing that no schedule asks for any more', async () => {
      await leave({ trigger: 'SCHEDULE' }, { id: 'b', trigger: 'SCHEDULE', status: 'QUEUED' });
      await runner.recover(() => undefined);
      expect((await all()).map(({ status }) => status)).toEqual(['FAILED', 'FAILED']);
    });

    it('goes on waiting for an attempt, and begins one run where several were left', async () => {
      const error = { code: 'S3_UNAVAILABLE', message: 'busy', retryable: true, details: {} };
      const notBefore = new Date('2026-01-01T00:05Z');
      await leave(
        { id: 'working', trigger: 'SCHEDULE', maxAttempts: 4 },
        { trigger: 'SCHEDULE', status: 'QUEUED', attempt: 3, maxAttempts: 4, error, notBefore },
      );
      runner = newRunner({ seconds: { IMPORT: 3600 } });
      await runner.recover(() => good);
      runner.start();
      expect((await all()).map(({ id }) => id).sort()).toEqual(['left', 'working']);
      expect(await runner.find('left')).toMatchObject({ status: 'QUEUED', attempt: 3, error });
      await clock.advanceTo(notBefore);
      expect(await runner.wait('left', 10)).toMatchObject({ status: 'SUCCEEDED', attempt: 3 });
    });

    it('follows up one run of each subject, whatever else of its dataset waits', async () => {
      const scheduledRun = { trigger: 'SCHEDULE', maxAttempts: 4 } as const;
      const kept = { ...scheduledRun, kind: 'WRITEBACK', writebackId: 'w' } as const;
      await leave(
        { ...scheduledRun, id: 'import', status: 'QUEUED' },
        { ...kept, id: 'first' },
        { ...kept, id: 'second' },
        { ...kept, id: 'of another', writebackId: 'v' },
      );
      await runner.recover(({ kind, writebackId }) => ({
        ...good,
        kind,
        ...(writebackId !== null && { writebackId }),
      }));
      expect(await all()).toHaveLength(1);
      for (const id of ['w', 'v']) {
        const waiting = runner.unfinished({ kind: 'WRITEBACK', id });
        expect(waiting).toMatchObject([{ status: 'QUEUED', attempt: 2, writebackId: id }]);
      }
    });

    it('finds the same after a stop in good order as after a crash', async () => {
      const working = await runner.enqueue(work(untilStopped), scheduled(3));
      const asked = await runner.enqueue(work(untilStopped, { datasetId: 'asked' }));
      const retried = await runner.enqueue(work(unavailable, { datasetId: 'r' }), scheduled(3));
      await seen({ id: asked.id, status: 'RUNNING' });
      // Both slots are taken: this one waits for its first attempt.
      expect((await stored(retried.id))?.status).toBe('QUEUED');
      await clock.advance(1000);
      await runner.close();
      expect(await stored(working.id)).toMatchObject({
        status: 'FAILED',
        error: { code: 'INTERRUPTED' },
      });
      expect(await stored(asked.id)).toMatchObject({
        status: 'FAILED',
        error: { code: 'INTERRUPTED' },
      });
      expect(await stored(retried.id)).toMatchObject({ status: 'QUEUED' });
      runner = newRunner();
      await runner.recover((run) => ({ ...good, datasetId: run.datasetId }));
      runner.start();
      const [next] = await all();
      expect(next).toMatchObject({ attempt: 2, maxAttempts: 4 });
      expect(await runner.wait(next?.id ?? '', 10)).toMatchObject({ status: 'SUCCEEDED' });
      expect(await runner.wait(retried.id, 10)).toMatchObject({ status: 'SUCCEEDED' });
    });
  });
});

const untilStopped = ({ signal }: RunContext) =>
  new Promise<Outcome>((_, reject) => {
    const stop = () => reject(new AppError('CANCELLED', 'stopped'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
  });
