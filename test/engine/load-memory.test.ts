import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Company } from '../../src/engine/company.js';
import { LoadMemory } from '../../src/engine/load-memory.js';
import { AppError } from '../../src/errors.js';

const MiB = 2 ** 20;
const full = 4096 * MiB;
const held = 100 * MiB;
const little = held + 256 * MiB;

describe('the memory of loads', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  function memory(
    settings: {
      full?: number | undefined;
      held?: () => number;
      refuses?: (bytes: number) => boolean;
    } = {},
  ) {
    const told: number[] = [];
    const stored: boolean[] = [];
    const company = new Company();
    const resident = { now: 500 * MiB, givesBack: 0 };
    const loads = new LoadMemory(
      {
        full: 'full' in settings ? settings.full : full,
        held: () => Promise.resolve(settings.held?.() ?? held),
        bound: (bytes) => {
          told.push(bytes);
          resident.now -= resident.givesBack;
          return settings.refuses?.(bytes)
            ? Promise.reject(new Error('more is in use'))
            : Promise.resolve();
        },
        storeOften: (often) => {
          stored.push(often);
          return Promise.resolve();
        },
        resident: () => resident.now,
      },
      company,
    );
    return { told, stored, company, loads, resident };
  }
  const pass = (ms: number) => jest.advanceTimersByTimeAsync(ms);

  it('is what the engine held and some more while they work, and what it held at the end', async () => {
    const { told, loads } = memory();
    const end = await loads.begin();
    expect(told).toEqual([little]);
    await end();
    expect(told).toEqual([little, held, full]);
  });

  it('is held by fewer rows while loads work', async () => {
    const { stored, company, loads } = memory();
    const end = await loads.begin();
    await pass(120);
    expect(new Set(stored)).toEqual(new Set([true]));
    company.enter();
    await loads.ample(() => Promise.resolve());
    expect(stored.at(-1)).toBe(false);
    await end();
    expect(stored.at(-1)).toBe(false);
  });

  it('is given back again a second after the end, for what came after it', async () => {
    const { told, loads } = memory();
    await (
      await loads.begin()
    )();
    await pass(990);
    expect(told).toEqual([little, held, full]);
    await pass(20);
    expect(told).toEqual([little, held, full, held, full]);
    await pass(10_000);
    expect(told).toHaveLength(5);
  });

  it('is all there is for a statement that failed while it was given back after the end', async () => {
    const { told, loads } = memory();
    await (
      await loads.begin()
    )();
    const statement = jest.fn(async () => {
      if (statement.mock.calls.length > 1) return 7;
      await pass(1_100);
      throw new AppError('OUT_OF_MEMORY', 'no');
    });
    expect(await loads.modest(statement)).toBe(7);
    expect(told).toEqual([little, held, full, held, full]);
  });

  it('is not told anything after the engine was closed', async () => {
    const { told, loads } = memory();
    await (
      await loads.begin()
    )();
    loads.close();
    await pass(5_000);
    expect(told).toEqual([little, held, full]);
  });

  it('is left alone after the end where somebody has asked, or another load works', async () => {
    const asked = memory();
    await (
      await asked.loads.begin()
    )();
    asked.company.enter();
    asked.company.leave();
    await pass(5_000);
    expect(asked.told).toEqual([little, held, full]);
    const busy = memory();
    await (
      await busy.loads.begin()
    )();
    const end = await busy.loads.begin();
    await pass(5_000);
    expect(busy.told.slice(3)).not.toContain(held);
    await end();
  });

  it('does not become more from load to load, unless somebody asks', async () => {
    let now = held;
    const { told, company, loads } = memory({ held: () => now });
    const load = async () => {
      await (
        await loads.begin()
      )();
      return told.at(-2);
    };
    expect(await load()).toBe(held);
    now += 5 * MiB;
    expect(await load()).toBe(held);
    company.enter();
    company.leave();
    await pass(1_000);
    expect(await load()).toBe(now);
    now -= 50 * MiB;
    expect(await load()).toBe(now);
  });

  it('is bounded until the last of several has ended', async () => {
    const { told, loads } = memory();
    const first = await loads.begin();
    const second = await loads.begin();
    await first();
    expect(new Set(told)).toEqual(new Set([little]));
    await second();
    expect(told.slice(-2)).toEqual([held, full]);
  });

  it('is given back again and again, less often when more was given back', async () => {
    const { told, loads, resident } = memory();
    const end = await loads.begin();
    await pass(600);
    expect(told).toHaveLength(11);
    resident.givesBack = 128 * MiB;
    await pass(60);
    expect(told).toHaveLength(12);
    // 512 ms for 128 MiB.
    await pass(480);
    expect(told).toHaveLength(12);
    await pass(60);
    expect(told).toHaveLength(13);
    await end();
  });

  it('is all there is for whoever asks, and bounded again a second later', async () => {
    const { told, company, loads } = memory();
    const end = await loads.begin();
    company.enter();
    await loads.ample(async () => {
      expect(told).toEqual([little, full]);
      await pass(5_000);
    });
    company.leave();
    expect(told).toEqual([little, full]);
    await pass(900);
    expect(told).toEqual([little, full]);
    await pass(200);
    expect(told.slice(0, 3)).toEqual([little, full, little]);
    await end();
  });

  it('is all there is for who comes while it is being bounded, or is not any more', async () => {
    const { told, loads } = memory();
    const beginning = loads.begin();
    // By now it is asked how much the engine holds.
    await Promise.resolve();
    await loads.ample(() => {
      expect(told.at(-1)).toBe(full);
      return Promise.resolve();
    });
    const end = await beginning;
    await pass(60);
    expect(told.at(-1)).toBe(little);
    const ending = end();
    await loads.ample(() => {
      expect(told.at(-1)).toBe(full);
      return Promise.resolve();
    });
    await ending;
    expect(told).toEqual([little, full, little, full]);
  });

  it('is all there is from the start while somebody asks', async () => {
    const { told, company, loads } = memory();
    company.enter();
    const end = await loads.begin();
    await end();
    expect(told).toEqual([]);
  });

  it.each(['OUT_OF_MEMORY', 'NO_SPACE'] as const)(
    'is all there is for a statement that failed with %s for want of it',
    async (code) => {
      const { told, loads } = memory();
      const end = await loads.begin();
      const limits: (number | undefined)[] = [];
      const rows = await loads.modest(() => {
        limits.push(told.at(-1));
        return limits.length === 1 ? Promise.reject(new AppError(code, 'no')) : Promise.resolve(7);
      });
      expect(rows).toBe(7);
      expect(limits).toEqual([little, full]);
      await end();
    },
  );

  it('does not try a commit again, after which the table cannot be added to', async () => {
    const { loads } = memory();
    const end = await loads.begin();
    const cause = new Error('TransactionContext Error: Failed to commit: failed to pin block');
    const commit = jest.fn(() => Promise.reject(new AppError('OUT_OF_MEMORY', 'no', { cause })));
    await expect(loads.modest(commit)).rejects.toThrow('no');
    expect(commit).toHaveBeenCalledTimes(1);
    await end();
  });

  it('does not try again what failed for another reason, or with all there is', async () => {
    const { loads } = memory();
    const run = jest.fn(() => Promise.reject(new AppError('OUT_OF_MEMORY', 'no')));
    await expect(loads.modest(run)).rejects.toThrow('no');
    expect(run).toHaveBeenCalledTimes(1);
    const end = await loads.begin();
    const other = jest.fn(() => Promise.reject(new Error('another reason')));
    await expect(loads.modest(other)).rejects.toThrow('another reason');
    expect(other).toHaveBeenCalledTimes(1);
    await expect(loads.modest(run)).rejects.toThrow('no');
    expect(run).toHaveBeenCalledTimes(3);
    await end();
  });

  it('is told another time when the engine could not do with so little', async () => {
    const { told, loads } = memory({ refuses: (bytes) => bytes < full });
    const end = await loads.begin();
    await pass(60);
    await end();
    expect(told).toEqual([little, little, held, full]);
  });

  it('never exceeds what was configured, and is left alone where nothing was', async () => {
    const small = memory({ full: 128 * MiB });
    await (
      await small.loads.begin()
    )();
    expect(small.told).toEqual([128 * MiB, held, 128 * MiB]);
    const none = memory({ full: undefined });
    await (
      await none.loads.begin()
    )();
    await none.loads.ample(() => Promise.resolve());
    expect(none.told).toEqual([]);
  });
});
