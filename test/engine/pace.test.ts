import { describe, expect, it } from '@jest/globals';
import { Pace } from '../../src/engine/pace.js';

function paced(threads: number) {
  const clock = { now: 0 };
  const told: number[] = [];
  const pace = new Pace(
    threads,
    (count) => {
      told.push(count);
      return Promise.resolve();
    },
    () => clock.now,
  );
  return { clock, told, pace };
}

describe('the pace of loads', () => {
  it('is full while nobody asks', async () => {
    const { clock, told, pace } = paced(4);
    const load = pace.begin();
    for (clock.now = 0; clock.now < 10_000; clock.now += 500) await load.beforeStatement();
    await load.end();
    expect(told).toEqual([]);
  });

  it('is half while somebody asks, and full again a second after and at the end', async () => {
    const { clock, told, pace } = paced(4);
    const load = pace.begin();
    clock.now = 300;
    pace.query();
    await load.beforeStatement();
    expect(told).toEqual([2]);
    clock.now = 1_299;
    await load.beforeStatement();
    expect(told).toEqual([2]);
    clock.now = 1_300;
    await load.beforeStatement();
    expect(told).toEqual([2, 4]);
    pace.query();
    await load.beforeStatement();
    await load.end();
    expect(told).toEqual([2, 4, 2, 4]);
  });

  it('stays half until the last of several loads has ended', async () => {
    const { clock, told, pace } = paced(2);
    const loads = [pace.begin(), pace.begin()];
    clock.now = 300;
    pace.query();
    await Promise.all(loads.map((load) => load.beforeStatement()));
    await loads[0]?.end();
    expect(told).toEqual([1]);
    await loads[1]?.end();
    expect(told).toEqual([1, 2]);
  });

  it('is no matter of short work', async () => {
    const { clock, told, pace } = paced(2);
    pace.query();
    const work = pace.begin();
    await work.beforeStatement();
    clock.now = 200;
    await work.beforeStatement();
    await work.end();
    expect(told).toEqual([]);
  });

  it('is told again when it could not be told', async () => {
    const outcomes = [Promise.reject(new Error('not now')), Promise.resolve()];
    const told: number[] = [];
    let now = 0;
    const set = (threads: number) => {
      told.push(threads);
      return outcomes[told.length - 1] ?? Promise.resolve();
    };
    const pace = new Pace(4, set, () => now);
    const load = pace.begin();
    now = 300;
    pace.query();
    await load.beforeStatement();
    await load.beforeStatement();
    await load.beforeStatement();
    expect(told).toEqual([2, 2]);
  });

  it('has nothing to give away with one thread', async () => {
    const { clock, told, pace } = paced(1);
    const load = pace.begin();
    clock.now = 300;
    pace.query();
    await load.beforeStatement();
    await load.end();
    expect(told).toEqual([]);
  });
});
