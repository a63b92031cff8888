import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openLog } from '../src/log.js';
import { manualClock } from './support/clock.js';
import { importAgain, startTestService, type TestService } from './support/service.js';

interface Shown {
  readonly nextRunAt: string | null;
  readonly definition: { readonly schedule?: unknown };
  readonly imports: readonly {
    readonly id: string;
    readonly status: string;
    readonly attempt: number;
    readonly error: { readonly code: string } | null;
  }[];
}

describe('scheduled imports', () => {
  const clock = manualClock('2026-03-27T12:00Z');
  let service: TestService;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService({}, openLog('silent'), undefined, clock);
    connection = await service.connect('acme-in');
    await service.sandbox.putObject(service.bucket, 'daily/1.csv', 'a\n1\n');
  });
  afterAll(() => service.close());

  const input = (name: string, schedule?: unknown) => ({
    name,
    connection,
    selection: { prefix: 'daily/' },
    format: { type: 'CSV' },
    ...(schedule ? { schedule } : {}),
  });
  const create = (name: string, schedule?: unknown) =>
    service.ask(`mutation ($input: DatasetInput!) { createDataset(input: $input) { nextRunAt } }`, {
      input: input(name, schedule),
    });
  const update = (name: string, schedule?: unknown) =>
    service.data(
      `mutation ($name: String!, $input: DatasetInput!) { updateDataset(name: $name, input: $input) { nextRunAt } }`,
      { name, input: input(name, schedule) },
    );
  const show = async (name: string): Promise<Shown> => {
    const { dataset } = await service.data<{ dataset: Shown }>(
      `{ dataset(name: "${name}") { nextRunAt definition imports { id status attempt error { code } } } }`,
    );
    return dataset;
  };
  /** Asks until the newest import is like this. */
  const until = async (name: string, like: (run: Shown['imports'][number]) => boolean) => {
    let last: unknown;
    for (let tries = 0; tries < 1000; tries++) {
      const { imports } = await show(name);
      if (imports[0] && like(imports[0])) return imports;
      last = imports[0];
    }
    throw new Error(`The newest import stays ${JSON.stringify(last)}`);
  };
  const stale = async (name: string) => {
    const data = await service.data<Record<string, { freshness: { stale: boolean } }>>(
      `{ ${name}Aggregate { freshness { stale } } }`,
    );
    return data[`${name}Aggregate`]?.freshness.stale;
  };

  it('begin by themselves, are tried again, and say until then that the table is stale', async () => {
    const zurich = { cron: '30 2 * * *', timezone: 'Europe/Zurich' };
    expect((await create('nightly', zurich)).data).toEqual({
      createDataset: { nextRunAt: '2026-03-28T01:30:00.000Z' },
    });
    expect((await show('nightly')).definition.schedule).toEqual({ ...zurich, retries: 3 });
    await clock.advanceTo('2026-03-28T01:30Z');
    await until('nightly', ({ status }) => status === 'SUCCEEDED');
    expect(await service.data('{ nightly { a } }')).toEqual({ nightly: [{ a: 1 }] });
    expect(await stale('nightly')).toBe(false);
    // The day on which 02:30 is skipped.
    expect((await show('nightly')).nextRunAt).toBe('2026-03-29T01:00:00.000Z');

    service.sandbox.fault = ({ operation }) =>
      operation === 'GetObject' ? { kind: 'changedETag' } : undefined;
    try {
      await service.sandbox.putObject(service.bucket, 'daily/1.csv', 'a\n2\n');
      await clock.advanceTo('2026-03-29T01:00Z');
      const [waiting] = await until('nightly', ({ error }) => error !== null);
      expect(waiting).toMatchObject({
        status: 'QUEUED',
        attempt: 2,
        error: { code: 'OBJECT_CHANGED' },
      });
      expect(await stale('nightly')).toBe(true);
      await service.restart();
      expect((await show('nightly')).imports[0]).toEqual(waiting);
      expect(await stale('nightly')).toBe(true);
    } finally {
      service.sandbox.fault = undefined;
    }
    await clock.advance(30_000);
    const imports = await until('nightly', ({ status }) => status === 'SUCCEEDED');
    expect(imports.map(({ attempt }) => attempt)).toEqual([2, 1]);
    expect(await service.data('{ nightly { a } }')).toEqual({ nightly: [{ a: 2 }] });
    expect(await stale('nightly')).toBe(false);
    expect((await show('nightly')).nextRunAt).toBe('2026-03-30T00:30:00.000Z');
  });

  it('stop and change with the schedule and the dataset, and can be asked for besides', async () => {
    const hour = 3_600_000;
    await create('hourly', { cron: '0 * * * *', retries: 0 });
    await update('hourly', { cron: '15 * * * *' });
    const at = new Date((await show('hourly')).nextRunAt ?? '');
    expect([at.getUTCMinutes(), at > clock.now()]).toEqual([15, true]);
    expect(await importAgain(service, 'hourly')).toMatchObject({ status: 'SUCCEEDED' });
    await update('hourly');
    expect((await show('hourly')).nextRunAt).toBeNull();
    await clock.advance(3 * hour);
    expect((await show('hourly')).imports).toHaveLength(1);
    await update('hourly', { cron: '15 * * * *' });
    await service.data('mutation { deleteDataset(name: "hourly") }');
    await clock.advance(3 * hour);
    expect(await service.data('{ dataset(name: "hourly") { id } }')).toEqual({ dataset: null });
  });

  it.each([
    [{ cron: '0 0 0 * * *' }, /schedule\.cron "0 0 0 \* \* \*".*6 fields/],
    [{ cron: '61 0 * * *' }, /schedule\.cron "61 0 \* \* \*".*minute/],
    [{ cron: '0 0 30 2 *' }, /no such day/],
    [{ cron: '0 0 * * *', timezone: 'Mars/Olympus' }, /schedule\.timezone is no IANA time zone/],
    [{ cron: '0 0 * * *', timezone: '+01:00' }, /schedule\.timezone/],
    [{ cron: '0 0 * * *', retries: -1 }, /schedule\.retries/],
    [{ cron: '0 0 * * *', retries: 21 }, /schedule\.retries/],
  ])('are refused when their schedule is %j', async (schedule, message) => {
    const { errors } = await create('never', schedule);
    expect(errors?.[0]?.extensions.code).toBe('INVALID_INPUT');
    expect(errors?.[0]?.message).toMatch(message);
    expect(await service.data('{ dataset(name: "never") { id } }')).toEqual({ dataset: null });
  });
});
