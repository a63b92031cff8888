import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CreateMultipartUploadCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { insertConnection } from '../../src/catalog/connections.js';
import { migrate } from '../../src/catalog/migrations.js';
import { openSecrets } from '../../src/catalog/rotate.js';
import { insertUpload, listUploads, type OpenUpload } from '../../src/catalog/uploads.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { abortOpenUploads, type AbortSettings } from '../../src/jobs/open-uploads.js';
import { openLog } from '../../src/log.js';
import { Buckets } from '../../src/pipeline/buckets.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.js';
import { accessTo } from '../support/access.js';
import { manualClock, type ManualClock } from '../support/clock.js';

const log = openLog('silent');
const key = 'out/x.csv';

describe('uploads that a stop left before S3 had named them', () => {
  let dir: string;
  let sandbox: Sandbox;
  let owner: S3Client;
  let engine: Engine;
  let buckets: Buckets;
  let clock: ManualClock;
  let settings: AbortSettings;
  let begunAt: Date;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-uploads-'));
    sandbox = await startSandbox({ dir: join(dir, 's3') });
    await sandbox.createBucket({ name: 'acme', accountId: '222222222222' });
    const user = sandbox.createUser({ accountId: '222222222222', name: 'owner' });
    const { endpoint } = sandbox;
    owner = new S3Client({
      endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: user,
    });
    engine = await openDuckDB();
    await migrate(engine);
    const keys = { secretKey: 'x'.repeat(32), secretKeyPrevious: [], keyFile: join(dir, 'key') };
    const secrets = await openSecrets(engine, keys, log);
    buckets = new Buckets({
      region: 'us-east-1',
      sessionSeconds: 900,
      allowedEndpoints: [endpoint],
    });
    clock = manualClock('2026-03-01T10:00Z');
    begunAt = new Date();
    settings = { engine, secrets, buckets, log, clock };
    for (const id of ['c', 'other']) {
      const access = accessTo(endpoint, { ...user, name: id });
      const facts = { status: 'VALID', statusReason: null, verifiedAt: new Date() } as const;
      await engine.transaction((session) =>
        insertConnection(
          session,
          { id, access, ...facts, version: 1, createdAt: new Date() },
          secrets,
        ),
      );
    }
  });
  afterEach(async () => {
    await engine.close();
    buckets.close();
    owner.destroy();
    await sandbox.close();
    await rm(dir, { recursive: true, force: true });
  });

  const note = (id: string, more: Partial<OpenUpload> = {}) =>
    engine.transaction((session) =>
      insertUpload(session, { id, connectionId: 'c', key, uploadId: null, begunAt, ...more }),
    );
  const begin = async () => {
    const begun = await owner.send(new CreateMultipartUploadCommand({ Bucket: 'acme', Key: key }));
    return begun.UploadId ?? '';
  };
  const left = () => sandbox.openUploads('acme').map(({ uploadId }) => uploadId);
  const noted = async () => (await engine.read(listUploads)).map(({ id }) => id);

  it('are aborted', async () => {
    await note('lost');
    await begin();
    await abortOpenUploads(settings, await engine.read(listUploads));
    expect(left()).toEqual([]);
    expect(await noted()).toEqual([]);
  });

  it('are not mixed up with what a run writes there over another connection', async () => {
    await note('lost');
    const stopped = await engine.read(listUploads);
    const uploadId = await begin();
    await note('running', { connectionId: 'other', uploadId });
    await abortOpenUploads(settings, stopped);
    expect(left()).toEqual([uploadId]);
    expect(await noted()).toEqual(['running']);
  });

  it('are not mixed up with what another began long after the stop', async () => {
    await note('lost', { begunAt: new Date(begunAt.getTime() - 3_600_000) });
    const uploadId = await begin();
    await abortOpenUploads(settings, await engine.read(listUploads));
    expect(left()).toEqual([uploadId]);
  });

  it('stay written down while S3 cannot be asked for them', async () => {
    await note('lost');
    await begin();
    sandbox.fault = ({ operation }) =>
      operation === 'ListMultipartUploads'
        ? { kind: 'status', status: 400, code: 'RequestTimeTooSkewed' }
        : undefined;
    await abortOpenUploads(settings, await engine.read(listUploads));
    expect(await noted()).toEqual(['lost']);
    sandbox.fault = undefined;
    await clock.advance(20_000);
    expect(left()).toEqual([]);
    expect(await noted()).toEqual([]);
  });

  it('are left to a lifecycle rule where nobody may look for them', async () => {
    await note('lost');
    await begin();
    sandbox.fault = ({ operation }) =>
      operation === 'ListMultipartUploads'
        ? { kind: 'status', status: 403, code: 'AccessDenied' }
        : undefined;
    await abortOpenUploads(settings, await engine.read(listUploads));
    expect(await noted()).toEqual([]);
  });
});
