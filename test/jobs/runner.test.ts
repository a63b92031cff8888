import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { migrate } from '../../src/catalog/migrations.js';
import { findRun, insertRun, type Run } from '../../src/catalog/runs.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { AppError } from '../../src/errors.js';
import { Runner, type Outcome, type RunContext, type Work } from '../../src/jobs/runner.js';
import { openLog } from '../../src/log.js';
import { sql } from '../../src/sql.js';

const progress = { rows: 0, bytes: 0, objects: [] };

describe('the runner', () => {
  let engine: Engine;
  let runner: Runner;
  beforeEach(async () => {
    engine = await openDuckDB();
    await engine.session(migrate);
    runner = new Runner(engine, { log: openLog('silent'), slots: { IMPORT: 2, WRITEBACK: 1 } });
  });
  afterEach(async () => {
    await runner.close();
    await engine.close();
  });

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

  it('hides what it does not know behind INTERNAL', async () => {
    const run = await runner.enqueue(work(() => Promise.reject(new Error('secret detail'))));
    const ended = await runner.wait(run.id, 10);
    expect(ended).toMatchObject({ status: 'FAILED', error: { code: 'INTERNAL' } });
    expect(JSON.stringify(ended)).not.toContain('secret detail');
  });

  it('cancels a run that works and one that waits', async () => {
    const until = ({ signal }: RunContext) =>
      new Promise<Outcome>((_, reject) =>
        signal.addEventListener('abort', () => reject(new AppError('CANCELLED', 'stopped'))),
      );
    const working = await runner.enqueue(work(until));
    const waiting = await runner.enqueue(work(until));
    expect(await runner.cancel(waiting.id)).toBe(true);
    expect(await runner.cancel(working.id)).toBe(true);
    expect(await runner.cancel(working.id)).toBe(false);
    expect((await stored(working.id))?.status).toBe('CANCELLED');
    expect((await stored(waiting.id))?.status).toBe('CANCELLED');
  });

  it('answers a wait that is over with the state the run has then', async () => {
    const hold = gate();
    const run = await runner.enqueue(work(() => hold.passed.then(() => ({ progress }))));
    expect(await runner.wait(run.id, 0)).toMatchObject({ id: run.id, finishedAt: null });
    hold.open();
    await runner.wait(run.id, 10);
  });

  it('marks what a stopped process left as interrupted', async () => {
    const left: Run = {
      id: 'left',
      kind: 'IMPORT',
      datasetId: 'd',
      status: 'RUNNING',
      attempt: 1,
      queuedAt: new Date(),
      startedAt: new Date(),
      finishedAt: null,
      error: null,
      progress,
    };
    await engine.transaction((session) => insertRun(session, left));
    await runner.recover();
    expect(await stored('left')).toMatchObject({
      status: 'FAILED',
      error: { code: 'INTERRUPTED', retryable: true },
    });
  });
});
