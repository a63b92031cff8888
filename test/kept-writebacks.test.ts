import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openLog } from '../src/log.js';
import { manualClock } from './support/clock.js';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

interface RunAnswer {
  readonly id: string;
  readonly status: string;
  readonly attempt: number;
  readonly rows: string;
  readonly bytes: string;
  readonly error: { readonly code: string; readonly message: string } | null;
  readonly objects: readonly { readonly key: string; readonly rows: string }[];
  readonly writeback: { readonly name: string } | null;
  readonly dataset: { readonly name: string };
}

const runFields =
  'id status attempt rows bytes error { code message } objects { key rows } writeback { name } dataset { name }';
const encryptionKey = Buffer.alloc(32, 'kept secret').toString('base64');
const hour = 3_600_000;

describe('kept writebacks', () => {
  const clock = manualClock('2026-03-27T12:00Z');
  const lines: string[] = [];
  const log = openLog('trace', { write: (line) => void lines.push(line) });
  let service: TestService;
  let connection: string;

  beforeAll(async () => {
    service = await startTestService({}, log, undefined, clock);
    connection = await service.connect('acme');
    await service.sandbox.putObject(
      service.bucket,
      'in/1.csv',
      'id,region\n1,north\n2,south\n3,\n',
    );
    await importCsv(service, { name: 'orders', connection, selection: { prefix: 'in/' } });
  });
  afterAll(() => service.close());

  const input = (name: string, more: Record<string, unknown> = {}) => ({
    name,
    dataset: 'orders',
    query: { columns: ['id'], orderBy: [{ id: 'DESC' }] },
    ...more,
    destination: {
      connection,
      path: `out/${name}`,
      fileName: '<run_id>',
      format: 'CSV',
      ...(more.destination as object | undefined),
    },
  });
  const create = (name: string, more?: Record<string, unknown>) =>
    service.ask<{ createWriteback: { definition: unknown; nextRunAt: string | null } }>(
      'mutation ($input: WritebackInput!) { createWriteback(input: $input) { definition nextRunAt } }',
      { input: input(name, more) },
    );
  const update = (name: string, more?: Record<string, unknown>) =>
    service.ask<{ updateWriteback: { definition: { destination: unknown } } }>(
      'mutation ($name: String!, $input: WritebackInput!) { updateWriteback(name: $name, input: $input) { definition } }',
      { name, input: input(name, more) },
    );
  const run = async (name: string): Promise<RunAnswer> => {
    const data = await service.data<{ runWriteback: RunAnswer }>(
      `mutation ($name: String!) { runWriteback(name: $name, wait: true) { ${runFields} } }`,
      { name },
    );
    return data.runWriteback;
  };
  const runsOf = async (name: string): Promise<readonly RunAnswer[]> => {
    const data = await service.data<{ writeback: { runs: RunAnswer[] } | null }>(
      `query ($name: String!) { writeback(name: $name) { runs { ${runFields} } } }`,
      { name },
    );
    return data.writeback?.runs ?? [];
  };
  /** Asks until the newest run is like this. */
  const until = async (name: string, like: (run: RunAnswer) => boolean) => {
    let last: RunAnswer | undefined;
    for (let tries = 0; tries < 2000; tries++) {
      [last] = await runsOf(name);
      if (last && like(last)) return last;
    }
    throw new Error(`The newest run stays ${JSON.stringify(last)}`);
  };
  /** The text of each object of a writeback. */
  const written = async (name: string): Promise<string[]> => {
    const keys = await service.sandbox.listKeys(service.bucket);
    const own = keys.filter((key) => key.startsWith(`out/${name}/`));
    const bodies = own.map((key) => service.sandbox.readObject(service.bucket, key));
    return (await Promise.all(bodies)).map(String).sort();
  };
  const codeOf = async (asked: ReturnType<typeof create | typeof update>) =>
    (await asked).errors?.[0]?.extensions.code;

  it('write what the same words of the mutation write, and say what they did', async () => {
    const query = {
      by: [{ column: 'region' }],
      aggregates: { count: true, max: { id: 'highest' } },
      where: { region: { isNull: false } },
      orderBy: [{ count: 'DESC' }, { key: { region: 'DESC' } }],
    };
    const created = await create('groups', { query });
    expect(created.data?.createWriteback).toMatchObject({
      nextRunAt: null,
      definition: {
        name: 'groups',
        dataset: 'orders',
        query,
        onlyNewData: false,
        destination: { connection, path: 'out/groups', compression: 'NONE', overwrite: false },
      },
    });
    const done = await run('groups');
    expect(done).toMatchObject({
      status: 'SUCCEEDED',
      rows: '2',
      objects: [{ key: `out/groups/${done.id}.csv`, rows: '2' }],
      writeback: { name: 'groups' },
      dataset: { name: 'orders' },
    });
    const [text] = await written('groups');
    await service.data(
      `mutation ($destination: DestinationInput!) {
        writebackOrdersGroups(
          by: [{ column: region }], aggregates: { count: true, max: { id: "highest" } }
          where: { region: { isNull: false } }, orderBy: [{ count: DESC }, { key: { region: DESC } }]
          destination: $destination, wait: true
        ) { status }
      }`,
      { destination: input('same').destination },
    );
    expect(await written('same')).toEqual([text]);
    expect(await runsOf('groups')).toEqual([done]);
    const { writebackRun } = await service.data<{ writebackRun: unknown }>(
      `query ($id: ID!) { writebackRun(id: $id) { ${runFields} } }`,
      { id: done.id },
    );
    expect(writebackRun).toEqual(done);
  });

  it.each([
    [{ query: { columns: ['nothing'] } }, 'INVALID_INPUT'],
    [{ query: { columms: ['id'] } }, 'INVALID_INPUT'],
    [{ query: { where: { id: { equals: 1 } } } }, 'INVALID_INPUT'],
    [{ query: { by: [{ column: 'region' }] } }, 'INVALID_INPUT'],
    [{ query: { by: [], aggregates: { count: true } } }, 'INVALID_INPUT'],
    [{ query: { destination: {} } }, 'INVALID_INPUT'],
    [{ query: ['id'] }, 'INVALID_INPUT'],
    [{ dataset: 'nobody' }, 'NOT_FOUND'],
    [{ destination: { connection: 'nobody' } }, 'NOT_FOUND'],
    [{ destination: { fileName: '../x' } }, 'INVALID_INPUT'],
    [{ destination: { partitionBy: ['region'] } }, 'COLUMN_NOT_FOUND'],
    [{ destination: { encryption: 'SSE_C' } }, 'INVALID_INPUT'],
    [{ schedule: { cron: '0 0 30 2 *' } }, 'INVALID_INPUT'],
  ])('are refused with %j', async (more, code) => {
    expect(await codeOf(create('refused', more))).toBe(code);
    expect(await service.data('{ writeback(name: "refused") { id } }')).toEqual({
      writeback: null,
    });
  });

  it('are refused where a word of the API stands in the JSON of an operation', async () => {
    const { errors } = await service.ask(
      `mutation { createWriteback(input: {
        name: "gap", dataset: "orders", query: { where: { region: { eq: north } } }
        destination: { connection: "${connection}", fileName: "x", format: CSV }
      }) { id } }`,
    );
    expect(errors?.[0]?.message).toContain('where.region.eq');
  });

  it('have names of their own, and keep in use what they need', async () => {
    expect((await create('taken')).errors).toBeUndefined();
    expect(await codeOf(create('taken'))).toBe('ALREADY_EXISTS');
    await create('a first');
    expect(await codeOf(update('a first', { name: 'taken' }))).toBe('ALREADY_EXISTS');
    expect((await update('a first', { name: 'second' })).errors).toBeUndefined();
    const { writebacks } = await service.data<{ writebacks: { name: string }[] }>(
      '{ writebacks { name dataset { name } } }',
    );
    const names = writebacks.map(({ name }) => name);
    expect(names).toEqual([...names].sort());
    expect(names).toContain('second');
    const deleted = async (mutation: string) =>
      (await service.ask(`mutation { ${mutation} }`)).errors?.[0];
    const dataset = await deleted('deleteDataset(name: "orders")');
    expect(dataset?.extensions).toMatchObject({ code: 'IN_USE' });
    expect(dataset?.message).toContain('second');
    const used = await deleted(`deleteConnection(id: "${connection}")`);
    expect(used?.extensions).toMatchObject({
      code: 'IN_USE',
      details: { datasets: ['orders'], writebacks: expect.arrayContaining(['second', 'taken']) },
    });
    expect(await deleted('deleteWriteback(name: "second")')).toBeUndefined();
    expect(await deleted('deleteWriteback(name: "second")')).toMatchObject({
      extensions: { code: 'NOT_FOUND' },
    });
    expect(await codeOf(update('second'))).toBe('NOT_FOUND');
  });

  it('never show their encryption key, and keep it when it is left out', async () => {
    const encrypted = { encryption: 'SSE_C', encryptionKey };
    const { data } = await create('secret', { destination: encrypted });
    expect(data?.createWriteback.definition).toMatchObject({
      destination: { encryption: 'SSE_C' },
    });
    expect(await run('secret')).toMatchObject({ status: 'SUCCEEDED', rows: '3' });
    await update('secret', { destination: { encryption: 'SSE_C', header: false } });
    expect(await run('secret')).toMatchObject({ status: 'SUCCEEDED', rows: '3' });
    await service.restart();
    expect(await run('secret')).toMatchObject({ status: 'SUCCEEDED', rows: '3' });
    const shown = await service.data(
      '{ writebacks { name definition runs { error { message details } objects { key } } } }',
    );
    expect(JSON.stringify(shown)).not.toContain(encryptionKey);
    expect(lines.join('')).not.toContain(encryptionKey);
    await update('secret', { destination: { encryption: 'NONE' } });
    // It is gone: it would have to be given again.
    expect(await codeOf(update('secret', { destination: { encryption: 'SSE_C' } }))).toBe(
      'INVALID_INPUT',
    );
  });

  it('run when they are due, and again when S3 was not there', async () => {
    const schedule = { cron: '30 2 * * *', timezone: 'Europe/Zurich', retries: 2 };
    const { data } = await create('nightly', { schedule });
    expect(data?.createWriteback).toMatchObject({ nextRunAt: '2026-03-28T01:30:00.000Z' });
    await clock.advanceTo('2026-03-28T01:30Z');
    await until('nightly', ({ status }) => status === 'SUCCEEDED');
    // The day on which 02:30 is skipped.
    service.sandbox.fault = ({ operation }) =>
      operation === 'PutObject'
        ? { kind: 'status', status: 503, code: 'ServiceUnavailable' }
        : undefined;
    await clock.advanceTo('2026-03-29T01:00Z');
    const waiting = await until('nightly', ({ error }) => error !== null);
    expect(waiting).toMatchObject({
      status: 'QUEUED',
      attempt: 2,
      error: { code: 'S3_UNAVAILABLE' },
    });
    service.sandbox.fault = undefined;
    await clock.advance(60_000);
    await until('nightly', ({ status }) => status === 'SUCCEEDED');
    expect((await runsOf('nightly')).map(({ attempt }) => attempt)).toEqual([2, 1]);
    expect(await written('nightly')).toHaveLength(2);
    await update('nightly');
    await clock.advance(48 * hour);
    expect(await runsOf('nightly')).toHaveLength(2);
    expect(await service.data('{ writeback(name: "nightly") { nextRunAt } }')).toEqual({
      writeback: { nextRunAt: null },
    });
  });

  it('fail clearly when a column that they name has gone', async () => {
    await service.sandbox.putObject(service.bucket, 'shrinking/1.csv', 'a,b\n1,2\n');
    const selection = { prefix: 'shrinking/' };
    await importCsv(service, { name: 'shrinking', connection, selection });
    await create('narrow', { dataset: 'shrinking', query: { where: { b: { eq: 2 } } } });
    expect(await run('narrow')).toMatchObject({ status: 'SUCCEEDED' });
    await service.sandbox.putObject(service.bucket, 'shrinking/1.csv', 'a\n1\n');
    await importAgain(service, 'shrinking');
    const failed = await run('narrow');
    expect(failed).toMatchObject({ status: 'FAILED', error: { code: 'INVALID_INPUT' } });
    expect(failed.error?.message).toMatch(/narrow does not fit dataset shrinking.*where.*"b"/);
  });

  it('can be kept before there are rows', async () => {
    await service.data('mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }', {
      input: {
        name: 'later',
        connection,
        selection: { prefix: 'later/' },
        format: { type: 'CSV' },
      },
    });
    const more = { dataset: 'later', query: { columns: ['a'] } };
    expect(await codeOf(create('early', more))).toBeUndefined();
    expect(await codeOf(create('wrong', { ...more, query: { by: [], limits: 1 } }))).toBe(
      'INVALID_INPUT',
    );
    expect(await run('early')).toMatchObject({ status: 'FAILED', error: { code: 'NOT_FOUND' } });
    await service.sandbox.putObject(service.bucket, 'later/1.csv', 'a\n1\n');
    await importAgain(service, 'later');
    expect(await run('early')).toMatchObject({ status: 'SUCCEEDED', rows: '1' });
  });

  describe('of only new data', () => {
    const bring = async (name: string, file: string, text: string) => {
      await service.sandbox.putObject(service.bucket, `${name}/${file}.csv`, `id,v\n${text}`);
    };
    const define = async (name: string, updateMode: string) => {
      await importCsv(service, {
        name,
        connection,
        selection: { prefix: `${name}/` },
        updateMode,
        ...(updateMode === 'UPSERT' && { primaryKey: ['id'] }),
      });
      const more = { dataset: name, query: {}, onlyNewData: true, destination: { header: false } };
      expect((await create(name, more)).errors).toBeUndefined();
    };
    const text = async (name: string) =>
      (await written(name)).flatMap((body) => body.trim().split(/\s+/)).sort();

    it('deliver each row of new objects once', async () => {
      await bring('appended', '1', '1,a\n2,b\n');
      await define('appended', 'APPEND');
      expect(await run('appended')).toMatchObject({ rows: '2' });
      expect(await run('appended')).toMatchObject({ status: 'SUCCEEDED', rows: '0', objects: [] });
      await bring('appended', '2', '3,c\n');
      await importAgain(service, 'appended');
      await service.restart();
      await bring('appended', '3', '4,d\n');
      await importAgain(service, 'appended');
      expect(await run('appended')).toMatchObject({ rows: '2' });
      expect(await text('appended')).toEqual(['1,a', '2,b', '3,c', '4,d']);
    });

    it('deliver changed objects again, and nothing for those that went', async () => {
      await bring('followed', '1', '1,a\n');
      await bring('followed', '2', '2,b\n');
      await define('followed', 'INCREMENTAL');
      expect(await run('followed')).toMatchObject({ rows: '2' });
      await bring('followed', '2', '2,B\n');
      await importAgain(service, 'followed');
      await service.remove('followed/1.csv');
      await importAgain(service, 'followed');
      expect(await run('followed')).toMatchObject({ rows: '1' });
      expect(await run('followed')).toMatchObject({ rows: '0', objects: [] });
      expect(await text('followed')).toEqual(['1,a', '2,B', '2,b']);
    });

    it('deliver the rows of keys that came again', async () => {
      await bring('upserted', '1', '1,a\n2,b\n');
      await define('upserted', 'UPSERT');
      expect(await run('upserted')).toMatchObject({ rows: '2' });
      await bring('upserted', '2', '2,B\n3,c\n');
      await importAgain(service, 'upserted');
      expect(await run('upserted')).toMatchObject({ rows: '2' });
      expect(await text('upserted')).toEqual(['1,a', '2,B', '2,b', '3,c']);
    });

    it('deliver all rows of a table that was rebuilt', async () => {
      await bring('replaced', '1', '1,a\n');
      await define('replaced', 'REPLACE');
      expect(await run('replaced')).toMatchObject({ rows: '1' });
      await importAgain(service, 'replaced');
      expect(await run('replaced')).toMatchObject({ rows: '0' });
      await bring('replaced', '2', '2,b\n');
      await importAgain(service, 'replaced');
      const { rows } = await run('replaced');
      expect(Number(rows)).toBeGreaterThan(0);
      expect(await text('replaced')).toContain('2,b');
    });

    it('make groups of new rows alone', async () => {
      await bring('grouped', '1', '1,a\n2,a\n');
      await define('grouped', 'APPEND');
      const query = { by: [{ column: 'v' }], aggregates: { count: true } };
      const more = { dataset: 'grouped', query, onlyNewData: true };
      await update('grouped', { ...more, destination: { header: false } });
      expect(await run('grouped')).toMatchObject({ rows: '1' });
      await bring('grouped', '2', '3,a\n4,b\n');
      await importAgain(service, 'grouped');
      expect(await run('grouped')).toMatchObject({ rows: '2' });
      expect(await text('grouped')).toEqual(['a,1', 'a,2', 'b,1']);
    });

    it('come once although the service stopped before it heard that they were stored', async () => {
      await bring('stopped', '1', '1,a\n2,b\n');
      await define('stopped', 'APPEND');
      const schedule = { cron: '0 * * * *', retries: 0 };
      const more = { dataset: 'stopped', query: {}, onlyNewData: true, schedule };
      await update('stopped', { ...more, destination: { header: false } });
      service.sandbox.fault = ({ operation, key }) =>
        operation === 'PutObject' && key?.startsWith('out/stopped/')
          ? { kind: 'stall', afterBytes: 0 }
          : undefined;
      try {
        await clock.advance(hour);
        for (let tries = 0; (await written('stopped')).length === 0 && tries < 2000; tries++) {
          await service.data('{ __typename }');
        }
        await service.restart();
      } finally {
        service.sandbox.fault = undefined;
      }
      const done = await until('stopped', ({ status }) => status === 'SUCCEEDED');
      expect(done).toMatchObject({ attempt: 2, rows: '2' });
      const [, broken] = await runsOf('stopped');
      expect(broken).toMatchObject({ status: 'FAILED', error: { code: 'INTERRUPTED' } });
      expect(done.objects).toEqual([{ key: `out/stopped/${broken?.id}.csv`, rows: '2' }]);
      expect(await text('stopped')).toEqual(['1,a', '2,b']);
      await bring('stopped', '2', '3,c\n');
      await importAgain(service, 'stopped');
      expect(await run('stopped')).toMatchObject({ rows: '1' });
      expect(await text('stopped')).toEqual(['1,a', '2,b', '3,c']);
    });
  });
});
