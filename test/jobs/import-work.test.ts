import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Bucket } from '../../src/aws/objects.js';
import { insertConnection, type Connection } from '../../src/catalog/connections.js';
import { deleteDataset, insertDataset } from '../../src/catalog/datasets.js';
import { parseDefinition } from '../../src/catalog/definition.js';
import { listManifest } from '../../src/catalog/manifest.js';
import { migrate } from '../../src/catalog/migrations.js';
import { openSecrets } from '../../src/catalog/rotate.js';
import { readConfig } from '../../src/config.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { tableSizes } from '../../src/engine/tables.js';
import { AppError } from '../../src/errors.js';
import { importWork } from '../../src/jobs/import-work.js';
import { Runner } from '../../src/jobs/runner.js';
import type { Outcome, Work } from '../../src/jobs/work.js';
import { openLog } from '../../src/log.js';
import { Buckets } from '../../src/pipeline/buckets.js';
import { Snapshots } from '../../src/pipeline/snapshots.js';

const connection: Connection = {
  id: 'c',
  access: {
    name: 'acme',
    auth: 'AMBIENT',
    roleArn: null,
    roleSessionName: 'bucketql',
    externalId: null,
    accessKeyId: null,
    secretAccessKey: null,
    sessionToken: null,
    bucket: 'acme',
    prefix: '',
    region: 'us-east-1',
    endpoint: null,
    forcePathStyle: false,
    requestChecksums: null,
    downloadThreads: 1,
    headers: {},
  },
  status: 'VALID',
  statusReason: null,
  verifiedAt: new Date(),
  version: 1,
  createdAt: new Date(),
};

describe('the work of an import', () => {
  const log = openLog('silent');
  let dir: string;
  let engine: Engine;
  let snapshots: Snapshots;
  let work: Work;
  let published: number;
  /** What S3 does when it is asked for the list and for the object. */
  let onList: () => Promise<void>;
  let onOpen: () => Promise<void>;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-work-'));
    engine = await openDuckDB();
    await migrate(engine);
    const secrets = await openSecrets(
      engine,
      { secretKey: 'x'.repeat(32), secretKeyPrevious: [], keyFile: join(dir, 'key') },
      log,
    );
    const definition = parseDefinition({
      name: 'things',
      connection: 'c',
      selection: {},
      format: { type: 'CSV' },
      updateMode: 'INCREMENTAL',
    });
    await engine.transaction(async (session) => {
      await insertConnection(session, connection, secrets);
      await insertDataset(session, { id: 'd', definition, createdAt: new Date() });
    });
    snapshots = new Snapshots(engine, { querySeconds: 10, onDropFailed: () => undefined });
    published = 0;
    onList = onOpen = () => Promise.resolve();
    const bucket: Partial<Bucket> = {
      async *list() {
        await onList();
        yield { key: 'a.csv', etag: 'e', size: 8, lastModified: new Date(0) };
      },
      async open() {
        await onOpen();
        return Readable.from([Buffer.from('id\n1\n2\n3')]);
      },
      close: () => undefined,
    };
    const buckets = Object.assign(new Buckets({} as never), { forRun: () => bucket as Bucket });
    work = importWork(
      {
        engine,
        secrets,
        buckets,
        snapshots,
        log,
        spoolDir: dir,
        limits: readConfig({}),
        onPublished: () => {
          published++;
        },
      },
      'd',
    );
  });
  afterEach(async () => {
    await engine.close();
    await rm(dir, { recursive: true, force: true });
  });

  const perform = (): Promise<Outcome> =>
    work.perform({
      id: 'r',
      startedAt: new Date(),
      signal: new AbortController().signal,
      report: () => undefined,
    });
  const commit = async () => {
    const outcome = await perform();
    await engine.transaction(async (session) => outcome.commit?.(session));
    return outcome;
  };
  const shown = () => snapshots.find('things')?.dataset.current?.rowCount;

  it('leaves nothing of a dataset that was deleted meanwhile', async () => {
    onOpen = () => engine.transaction((session) => deleteDataset(session, 'd'));
    const runner = new Runner(engine, { log, slots: { IMPORT: 1, WRITEBACK: 1 } });
    const { id } = await runner.enqueue(work);
    expect(await runner.wait(id, 20)).toMatchObject({
      status: 'FAILED',
      error: { code: 'NOT_FOUND' },
    });
    expect(await engine.read((session) => listManifest(session, 'd'))).toEqual([]);
    expect(await engine.read((session) => tableSizes(session, 't_'))).toEqual(new Map());
    expect(published).toBe(0);
  });

  it('fails with what went wrong first, even where nothing can be cleaned up', async () => {
    onList = async () => {
      await engine.close();
      throw new AppError('S3_UNAVAILABLE', 'busy');
    };
    await expect(perform()).rejects.toMatchObject({ code: 'S3_UNAVAILABLE' });
  });

  it('shows what a run before has committed and not published, though nothing has changed since', async () => {
    await commit();
    expect(shown()).toBeUndefined();
    await (await commit()).publish?.();
    expect(shown()).toBe(3n);
    expect(published).toBe(1);
    expect(await perform()).not.toHaveProperty('publish');
  });

  it('shows what was committed though the commit had seemed to fail', async () => {
    await (await commit()).discard?.();
    expect(shown()).toBe(3n);
    expect(published).toBe(1);
  });
});
