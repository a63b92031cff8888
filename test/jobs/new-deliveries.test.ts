import { DeleteObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { insertDataset, requireDataset, updateDefinition } from '../../src/catalog/datasets.js';
import { parseDefinition } from '../../src/catalog/definition.js';
import { deleteRuns, insertRun, type Run, type WritebackProgress } from '../../src/catalog/runs.js';
import type { Secrets } from '../../src/catalog/secrets.js';
import {
  insertWriteback,
  parseWriteback,
  requireWriteback,
  updateWriteback,
} from '../../src/catalog/writebacks.js';
import { readConfig } from '../../src/config.js';
import { duckdbDialect } from '../../src/engine/dialect.js';
import type { Engine } from '../../src/engine/engine.js';
import { AppError } from '../../src/errors.js';
import { importWork } from '../../src/jobs/import-work.js';
import type { Outcome, Work } from '../../src/jobs/work.js';
import type { WritebackSettings } from '../../src/jobs/writeback-target.js';
import { newRun } from '../../src/jobs/run-states.js';
import { keptWritebackWork, writebackWork } from '../../src/jobs/writeback-work.js';
import { openLog } from '../../src/log.js';
import type { Buckets } from '../../src/pipeline/buckets.js';
import { parseDestination } from '../../src/pipeline/destination.js';
import { Snapshots } from '../../src/pipeline/snapshots.js';
import type { PolicyDocument, Sandbox } from '../../src/sandbox/sandbox.js';
import { manualClock, type ManualClock } from '../support/clock.js';
import { rowWorker } from '../support/row-worker.js';
import { openStage, stageAccount, type Stage } from '../support/stage.js';

const log = openLog('silent');

describe('deliveries of new rows', () => {
  let stage: Stage;
  let dir: string;
  let sandbox: Sandbox;
  let owner: S3Client;
  let engine: Engine;
  let secrets: Secrets;
  let buckets: Buckets;
  let clock: ManualClock;
  let settings: WritebackSettings;
  let imports: Work;
  let runs: number;

  beforeEach(async () => {
    stage = await openStage();
    ({ dir, sandbox, owner, engine, secrets, buckets } = stage);
    const snapshots = new Snapshots(engine, { querySeconds: 10, onDropFailed: () => undefined });
    clock = manualClock('2026-03-01T10:00Z');
    runs = 0;
    const common = { engine, secrets, buckets, snapshots, log, spoolDir: dir };
    const limits = { ...readConfig({}), worker: rowWorker };
    imports = importWork({ ...common, limits, onPublished: () => undefined }, 'd');
    settings = {
      ...common,
      dialect: duckdbDialect,
      queryOf: (name, { columns = ['v'], ...words }) => ({
        kind: 'rows',
        from: { segments: [], columns: snapshots.find(name)?.dataset.current?.columns ?? [] },
        columns: columns as string[],
        orderBy: [],
        ...words,
      }),
    };
    await engine.transaction(async (session) => {
      await stage.connect(session, 'c', stage.user);
      await insertDataset(session, { id: 'd', definition: dataset(), createdAt: new Date() });
    });
  });
  afterEach(() => stage.end());

  const dataset = (more: Record<string, unknown> = {}) =>
    parseDefinition({
      name: 'letters',
      connection: 'c',
      selection: { prefix: 'in/' },
      format: { type: 'CSV' },
      updateMode: 'APPEND',
      ...more,
    });
  const definition = (destination: Record<string, unknown> = {}, query: object = {}) =>
    parseWriteback({
      name: 'w',
      query,
      onlyNewData: true,
      destination: {
        connection: 'c',
        path: 'out',
        fileName: '<current_date>-<run_id>',
        format: 'CSV',
        header: false,
        ...destination,
      },
    });
  const keep = (destination?: Record<string, unknown>, query?: object) =>
    engine.transaction((session) =>
      insertWriteback(
        session,
        {
          id: 'w',
          datasetId: 'd',
          definition: definition(destination, query),
          delivered: null,
          createdAt: new Date(),
        },
        secrets,
      ),
    );
  const change = (destination?: Record<string, unknown>) =>
    engine.transaction(async (session) =>
      updateWriteback(
        session,
        await requireWriteback(session, 'w'),
        { datasetId: 'd', definition: definition(destination) },
        secrets,
      ),
    );
  const deliveredNow = async () =>
    (await engine.read((session) => requireWriteback(session, 'w'))).delivered;

  /** Puts an object of these values, and imports. */
  const bring = async (values: string, key = values) => {
    await sandbox.putObject('acme', `in/${key}.csv`, ['v', ...values, ''].join('\n'));
    await importAgain();
  };
  const importAgain = async () => {
    const outcome = await start(imports);
    await commit(outcome);
    await outcome.publish?.();
  };
  const start = (work: Work, id = `r${++runs}`): Promise<Outcome> =>
    work.perform({
      id,
      startedAt: clock.now(),
      signal: new AbortController().signal,
      report: () => undefined,
    });
  const commit = (outcome: Outcome) =>
    engine.transaction(async (session) => outcome.commit?.(session));
  /** A run up to its commit, as if the process ended there. */
  const halfRun = async (id?: string) => {
    const work = keptWritebackWork(settings, { id: 'w', datasetId: 'd' });
    return start(work, id);
  };
  const run = async (id?: string): Promise<WritebackProgress> => {
    const outcome = await halfRun(id);
    await commit(outcome);
    return outcome.progress as WritebackProgress;
  };
  /** What stands in the bucket: the values in each object. */
  const written = async () => {
    const keys = (await sandbox.listKeys('acme')).filter((key) => key.startsWith('out/'));
    const found: Record<string, string> = {};
    for (const key of keys) {
      const body = await sandbox.readObject('acme', key);
      found[key.slice(4)] = String(body).replace(/\s+/g, '');
    }
    return found;
  };
  const values = async () =>
    Object.entries(await written())
      .filter(([key]) => key.endsWith('.csv'))
      .map(([, value]) => value)
      .sort()
      .join('');

  it('have all rows at first, then what came since, and nothing where nothing came', async () => {
    await keep();
    await bring('ab');
    expect(await run()).toMatchObject({ rows: 2, objects: [{ rows: 2 }] });
    expect(await run()).toEqual({ rows: 0, bytes: 0, objects: [] });
    await bring('c');
    await bring('d');
    expect(await run()).toMatchObject({ rows: 2 });
    expect(Object.values(await written()).sort()).toEqual(['ab', 'cd']);
    expect(await deliveredNow()).toMatchObject({ sequence: 3 });
    expect(await deliveredNow()).not.toHaveProperty('pending');
  });

  it('write nothing where the query takes none of the new rows', async () => {
    await keep({}, { where: { kind: 'compare', column: 'v', operator: 'eq', value: 'x' } });
    await bring('ab');
    expect(await run()).toEqual({ rows: 0, bytes: 0, objects: [] });
    expect(await written()).toEqual({});
    await bring('x');
    expect(await run()).toMatchObject({ rows: 1 });
  });

  it('count what a full writeback wrote as delivered', async () => {
    await keep();
    await engine.transaction(async (session) => {
      const before = await requireWriteback(session, 'w');
      const full = { ...before.definition, onlyNewData: false };
      await updateWriteback(session, before, { datasetId: 'd', definition: full }, secrets);
    });
    await bring('ab');
    expect(await run()).toMatchObject({ rows: 2 });
    expect(await run()).toMatchObject({ rows: 2 });
    await change();
    await bring('c');
    expect(await run()).toMatchObject({ rows: 1 });
  });

  describe('after a stop between the last byte and the commit', () => {
    it('are found by the repeat, which says truly what is there and writes nothing', async () => {
      await keep();
      await bring('ab');
      const lost = await halfRun('one');
      await clock.advanceTo('2026-03-05T00:00Z');
      expect(await run('two')).toEqual(lost.progress);
      expect(await written()).toEqual({ '2026-03-01-one.csv': 'ab' });
      expect(await deliveredNow()).toEqual({
        sequence: 1,
        generation: expect.any(String),
        last: 'one',
      });
    });

    it('and a new import, are followed by one of what is newer', async () => {
      await keep();
      await bring('ab');
      await halfRun('one');
      await bring('c');
      await clock.advanceTo('2026-03-05T00:00Z');
      expect(await run('two')).toMatchObject({
        rows: 3,
        objects: [
          { key: 'out/2026-03-01-one.csv', rows: 2 },
          { key: 'out/2026-03-05-two.csv', rows: 1 },
        ],
      });
      expect(await written()).toEqual({ '2026-03-01-one.csv': 'ab', '2026-03-05-two.csv': 'c' });
    });

    it('are followed within the same run by one with another name', async () => {
      await keep();
      await bring('ab');
      await halfRun('one');
      await bring('c');
      expect(await run('one')).toMatchObject({ rows: 3 });
      expect(Object.values(await written()).sort()).toEqual(['ab', 'c']);
      await bring('d');
      expect(await run('two')).toMatchObject({ rows: 1 });
      expect(await values()).toBe('abcd');
    });

    it('are replaced by one with all that is new, where that was asked for', async () => {
      await keep({ overwrite: true });
      await bring('ab');
      await halfRun('one');
      await bring('c');
      await clock.advanceTo('2026-03-05T00:00Z');
      expect(await run('two')).toMatchObject({ rows: 3 });
      expect(await written()).toEqual({ '2026-03-01-one.csv': 'abc' });
      await bring('d');
      await run('three');
      expect(await values()).toBe('abcd');
    });

    it.each([{ overwrite: false }, { overwrite: true }])(
      'are found under the name that they had, with %j',
      async (how) => {
        await keep(how);
        await bring('ab');
        await halfRun('one');
        await change({ ...how, fileName: 'other-<run_id>' });
        await bring('c');
        expect(await run('two')).toMatchObject({ rows: 3 });
        expect(await written()).toEqual({ '2026-03-01-one.csv': 'ab', 'other-two.csv': 'c' });
      },
    );

    it('are proven by the manifest where they are divided', async () => {
      await keep({ partitionBy: ['v'], header: true }, { columns: ['v', 'w'] });
      await sandbox.putObject('acme', 'in/1.csv', 'v,w\na,1\nb,2\n');
      await importAgain();
      const lost = await halfRun('one');
      const before = await written();
      await sandbox.putObject('acme', 'in/2.csv', 'v,w\na,3\n');
      await importAgain();
      const progress = await run('two');
      expect(progress).toMatchObject({ rows: 3, objects: [{}, {}, {}] });
      expect(progress.objects.slice(0, 2)).toEqual((lost.progress as WritebackProgress).objects);
      expect(await written()).toMatchObject(before);
    });

    it('are written anew, files and all, where the manifest is missing', async () => {
      await keep({ partitionBy: ['v'], header: true }, { columns: ['v', 'w'] });
      await sandbox.putObject('acme', 'in/1.csv', 'v,w\na,1\nb,2\n');
      await importAgain();
      await halfRun('one');
      const whole = await written();
      const manifest = Object.keys(whole).find((key) => key.endsWith('.manifest.json'));
      await owner.send(new DeleteObjectCommand({ Bucket: 'acme', Key: `out/${manifest}` }));
      expect(await run('two')).toMatchObject({ rows: 2 });
      expect(Object.keys(await written())).toEqual(Object.keys(whole));
    });

    it('are refused where nobody may look whose the object is', async () => {
      const policy: PolicyDocument = {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:PutObject', Resource: '*' }],
      };
      const writer = sandbox.createUser({ accountId: stageAccount, name: 'writer', policy });
      await engine.transaction((session) => stage.connect(session, 'writer', writer));
      await keep({ connection: 'writer' });
      await bring('ab');
      await halfRun('one');
      await expect(halfRun('two')).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
      expect(await values()).toBe('ab');
    });
  });

  it('are not taken for delivered because of another’s object of the same name', async () => {
    await keep({ fileName: 'fixed' });
    await bring('ab');
    await sandbox.putObject('acme', 'out/fixed.csv', 'of another');
    await expect(halfRun()).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
    await expect(halfRun()).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
    await change();
    await run();
    expect(await written()).toMatchObject({ 'fixed.csv': 'ofanother' });
    expect(await values()).toBe('abofanother');
  });

  it('that failed with nothing written have their next name and date anew', async () => {
    await keep();
    await bring('ab');
    sandbox.fault = ({ operation }) =>
      operation === 'PutObject' ? { kind: 'status', status: 403, code: 'AccessDenied' } : undefined;
    await expect(halfRun('one')).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    sandbox.fault = undefined;
    await clock.advanceTo('2026-03-05T00:00Z');
    await run('two');
    expect(await written()).toEqual({ '2026-03-05-two.csv': 'ab' });
  });

  it('that were stopped are repeated with the name and the date that they had', async () => {
    await keep();
    await bring('ab');
    const stop = new AbortController();
    sandbox.fault = ({ operation }) => {
      if (operation === 'PutObject') stop.abort(new AppError('CANCELLED', 'stopped'));
      return undefined;
    };
    const work = keptWritebackWork(settings, { id: 'w', datasetId: 'd' });
    const stopped = work.perform({
      id: 'one',
      startedAt: clock.now(),
      signal: stop.signal,
      report: () => undefined,
    });
    await expect(stopped).rejects.toMatchObject({ code: 'CANCELLED' });
    sandbox.fault = undefined;
    await clock.advanceTo('2026-03-05T00:00Z');
    // Whether or not the object was stored before its sender went.
    expect(await run('two')).toMatchObject({ rows: 2 });
    expect(await written()).toEqual({ '2026-03-01-one.csv': 'ab' });
  });

  it('are found under a key of the customer’s, too', async () => {
    await keep({ encryption: 'SSE_C', encryptionKey: Buffer.alloc(32, 1).toString('base64') });
    await bring('ab');
    await halfRun('one');
    await bring('c');
    expect(await run('two')).toMatchObject({ rows: 3, objects: [{ rows: 2 }, { rows: 1 }] });
    const keys = await sandbox.listKeys('acme');
    expect(keys.filter((key) => key.startsWith('out/'))).toHaveLength(2);
  });

  it('are known by their reply’s absence, too', async () => {
    await keep();
    await bring('ab');
    sandbox.fault = ({ operation, attempt }) =>
      operation === 'PutObject' && attempt === 1 ? { kind: 'cutBody', afterBytes: 0 } : undefined;
    expect(await run('one')).toMatchObject({
      rows: 2,
      objects: [{ key: 'out/2026-03-01-one.csv' }],
    });
    sandbox.fault = undefined;
    expect(await written()).toEqual({ '2026-03-01-one.csv': 'ab' });
    expect(await run('two')).toMatchObject({ rows: 0 });
  });

  it('have names of their own within one run, however often its commit fails', async () => {
    await keep();
    for (const letter of 'abc') {
      await bring(letter);
      await halfRun('one');
    }
    await run('one');
    await bring('d');
    await run('one');
    expect(Object.values(await written()).sort()).toEqual(['a', 'b', 'c', 'd']);
    expect(Object.keys(await written())).toContain('2026-03-01-one_2.csv');
  });

  it('are not written over what is whole because S3 could not be asked for a moment', async () => {
    await keep({ partitionBy: ['v'], header: true }, { columns: ['v', 'w'] });
    await sandbox.putObject('acme', 'in/1.csv', 'v,w\na,1\n');
    await importAgain();
    await halfRun('one');
    await sandbox.putObject('acme', 'in/2.csv', 'v,w\na,2\n');
    await importAgain();
    sandbox.fault = ({ operation }) =>
      operation === 'HeadObject' ? { kind: 'status', status: 503, code: 'SlowDown' } : undefined;
    const before = await written();
    await expect(halfRun('two')).rejects.toMatchObject({ retryable: true });
    sandbox.fault = undefined;
    expect(await written()).toEqual(before);
    expect(await run('two')).toMatchObject({ rows: 2 });
  });

  it('are of the dataset itself, whatever has its name by now', async () => {
    await bring('ab');
    const destination = parseDestination({ connection: 'c', fileName: 'x', format: 'CSV' });
    const work = writebackWork(settings, {
      dataset: { id: 'another', name: 'letters' },
      query: settings.queryOf('letters', {}),
      destination,
    });
    await expect(start(work)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  it('of a run that failed or was killed before its manifest are no obstacle to the next', async () => {
    await engine.transaction((session) =>
      insertWriteback(
        session,
        {
          id: 'w',
          datasetId: 'd',
          definition: {
            ...definition(
              { fileName: 'x', partitionBy: ['v'], header: true },
              { columns: ['v', 'w'] },
            ),
            onlyNewData: false,
          },
          delivered: null,
          createdAt: new Date(),
        },
        secrets,
      ),
    );
    await sandbox.putObject('acme', 'in/1.csv', 'v,w\na,1\nb,2\n');
    await importAgain();
    sandbox.fault = ({ operation, key }) =>
      operation === 'PutObject' && key?.endsWith('.json')
        ? { kind: 'status', status: 403, code: 'AccessDenied' }
        : undefined;
    await expect(halfRun('one')).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    sandbox.fault = undefined;
    // As long as it may still write, nobody takes its place.
    const store = (status: Run['status']) =>
      engine.transaction((session) =>
        insertRun(session, {
          ...newRun(
            {
              kind: 'WRITEBACK',
              datasetId: 'd',
              writebackId: 'w',
              trigger: 'REQUEST',
              maxAttempts: 1,
              progress: { rows: 0, bytes: 0, objects: [] },
            },
            new Date(),
          ),
          id: 'one',
          status,
        }),
      );
    await store('RUNNING');
    await expect(halfRun('two')).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
    await engine.transaction((session) => deleteRuns(session, { kind: 'WRITEBACK', id: 'w' }));
    await expect(halfRun('two')).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
    await store('FAILED');
    expect(await run('two')).toMatchObject({ rows: 2 });
    await expect(halfRun('three')).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
  });

  it('have all rows again when they are read anew', async () => {
    await keep();
    await bring('ab');
    await run();
    await engine.transaction((session) =>
      updateDefinition(session, 'd', dataset({ updateMode: 'REPLACE', addFileNameColumn: true })),
    );
    const redefined = await engine.read((session) => requireDataset(session, 'letters'));
    settings.snapshots.redefine(redefined);
    await importAgain();
    expect(await run()).toMatchObject({ rows: 2 });
    expect(await values()).toBe('abab');
  });
});
