import { describe, expect, it } from '@jest/globals';
import { Company } from '../../src/engine/company.js';
import { Pace } from '../../src/engine/pace.js';

/** A query that takes no time. */
function ask(company: Company) {
  company.enter();
  company.leave();
}

function paced(threads: number) {
  const clock = { now: 0 };
  const told: number[] = [];
  const now = () => clock.now;
  const company = new Company(now);
  const pace = new Pace(
    threads,
    (count) => {
      told.push(count);
      return Promise.resolve();
    },
    company,
    now,
  );
  return { clock, told, pace, company, ask: () => ask(company) };
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
    const { clock, told, pace, ask } = paced(4);
    const load = pace.begin();
    clock.now = 300;
    ask();
    await load.beforeStatement();
    expect(told).toEqual([2]);
    clock.now = 1_299;
    await load.beforeStatement();
    expect(told).toEqual([2]);
    clock.now = 1_300;
    await load.beforeStatement();
    expect(told).toEqual([2, 4]);
    ask();
    await load.beforeStatement();
    await load.end();
    expect(told).toEqual([2, 4, 2, 4]);
  });

  it('stays half for as long as a query takes', async () => {
    const { clock, told, pace, company } = paced(4);
    const load = pace.begin();
    company.enter();
    clock.now = 5_000;
    await load.beforeStatement();
    company.leave();
    clock.now = 5_999;
    await load.beforeStatement();
    expect(told).toEqual([2]);
    clock.now = 6_000;
    await load.beforeStatement();
    expect(told).toEqual([2, 4]);
  });

  it('stays half until the last of several loads has ended', async () => {
    const { clock, told, pace, ask } = paced(2);
    const loads = [pace.begin(), pace.begin()];
    clock.now = 300;
    ask();
    await Promise.all(loads.map((load) => load.beforeStatement()));
    await loads[0]?.end();
    expect(told).toEqual([1]);
    await loads[1]?.end();
    expect(told).toEqual([1, 2]);
  });

  it('leaves a thread to each load that has one of its own', async () => {
    const { clock, told, pace, ask } = paced(4);
    let works = false;
    const first = pace.begin(() => works);
    const second = pace.begin(() => works);
    clock.now = 300;
    await first.beforeStatement();
    works = true;
    await first.beforeStatement();
    expect(told).toEqual([3]);
    await second.beforeStatement();
    expect(told).toEqual([3, 2]);
    // No less with company: half of the threads are nobody's then.
    ask();
    await second.beforeStatement();
    expect(told).toEqual([3, 2]);
    await second.end();
    works = false;
    clock.now = 2_000;
    await first.beforeStatement();
    await first.end();
    expect(told).toEqual([3, 2, 4]);
  });

  it('is no matter of short work', async () => {
    const { clock, told, pace, ask } = paced(2);
    ask();
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
    const company = new Company(() => now);
    const set = (threads: number) => {
      told.push(threads);
      return outcomes[told.length - 1] ?? Promise.resolve();
    };
    const pace = new Pace(4, set, company, () => now);
    const load = pace.begin();
    now = 300;
    ask(company);
    await load.beforeStatement();
    await load.beforeStatement();
    await load.beforeStatement();
    expect(told).toEqual([2, 2]);
  });

  it('has nothing to give away with one thread', async () => {
    const { clock, told, pace, ask } = paced(1);
    const load = pace.begin();
    clock.now = 300;
    ask();
    await load.beforeStatement();
    await load.end();
    expect(told).toEqual([]);
  });
});
