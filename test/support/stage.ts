import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { S3Client } from '@aws-sdk/client-s3';
import { insertConnection } from '../../src/catalog/connections.js';
import { migrate } from '../../src/catalog/migrations.js';
import { openSecrets } from '../../src/catalog/rotate.js';
import type { Secrets } from '../../src/catalog/secrets.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine, Session } from '../../src/engine/engine.js';
import { openLog } from '../../src/log.js';
import { Buckets } from '../../src/pipeline/buckets.js';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.js';
import { accessTo } from './access.js';

/** Keys of somebody who may do things in a bucket. */
export interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** What jobs work with, without the service around them: a catalog, and a bucket "acme" in a sandbox. */
export interface Stage {
  readonly dir: string;
  readonly sandbox: Sandbox;
  /** Of the bucket's owner. */
  readonly user: Keys;
  readonly owner: S3Client;
  readonly engine: Engine;
  readonly secrets: Secrets;
  readonly buckets: Buckets;
  /** Stores a connection to the bucket. */
  connect(session: Session, id: string, keys: Keys): Promise<void>;
  end(): Promise<void>;
}

/** Whose the bucket is. */
export const stageAccount = '222222222222';

/** Sets it. */
export async function openStage(): Promise<Stage> {
  const dir = await mkdtemp(join(tmpdir(), 'bucketql-stage-'));
  const sandbox = await startSandbox({ dir: join(dir, 's3') });
  await sandbox.createBucket({ name: 'acme', accountId: stageAccount });
  const user = sandbox.createUser({ accountId: stageAccount, name: 'owner' });
  const { endpoint } = sandbox;
  const region = 'us-east-1';
  const owner = new S3Client({ endpoint, region, forcePathStyle: true, credentials: user });
  const engine = await openDuckDB();
  await migrate(engine);
  const key = { secretKey: 'x'.repeat(32), secretKeyPrevious: [], keyFile: join(dir, 'key') };
  const secrets = await openSecrets(engine, key, openLog('silent'));
  const buckets = new Buckets({ region, sessionSeconds: 900, allowedEndpoints: [endpoint] });
  return {
    dir,
    sandbox,
    user,
    owner,
    engine,
    secrets,
    buckets,
    async connect(session, id, keys) {
      const access = accessTo(endpoint, { ...keys, name: id });
      const facts = { status: 'VALID', statusReason: null, verifiedAt: new Date() } as const;
      const connection = { id, access, ...facts, version: 1, createdAt: new Date() };
      await insertConnection(session, connection, secrets);
    },
    async end() {
      await engine.close();
      buckets.close();
      owner.destroy();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
