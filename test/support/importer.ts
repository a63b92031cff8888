import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { openBucket } from '../../src/aws/objects.js';
import {
  findDataset,
  insertDataset,
  setGeneration,
  updateDefinition,
  type Dataset,
} from '../../src/catalog/datasets.js';
import { parseDefinition } from '../../src/catalog/definition.js';
import { listManifest, replaceManifest, storeRejects } from '../../src/catalog/manifest.js';
import { migrate } from '../../src/catalog/migrations.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { defaultFormatLimits } from '../../src/limits.js';
import { importObjects, type Imported } from '../../src/pipeline/import.js';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import { accessTo } from './access.js';
import { rowWorker } from './row-worker.js';

/** Imports without the service: a bucket, an engine with a catalog, and what commits a run. */
export interface Importer {
  readonly engine: Engine;
  put(key: string, text: string): Promise<void>;
  remove(key: string): Promise<void>;
  /** Stores a dataset of CSV files below its name, or what it is to be from the next import on. */
  define(name: string, more: Record<string, unknown>): Promise<void>;
  dataset(name: string): Promise<Dataset>;
  import(name: string): Promise<Imported>;
  close(): Promise<void>;
}

const limits = {
  ...defaultFormatLimits,
  maxInflatedBytes: 1e9,
  maxInflationRatio: 1100,
  maxMembers: 100,
  maxSpoolBytes: 1e9,
  maxObjects: 1000,
  parseSeconds: 60,
  parseMemoryMB: 512,
  worker: rowWorker,
};

/** Starts it. */
export async function startImporter(): Promise<Importer> {
  const dir = await mkdtemp(join(tmpdir(), 'bucketql-importer-'));
  const sandbox = await startSandbox({ dir: join(dir, 's3') });
  const { endpoint } = sandbox;
  const accountId = '222222222222';
  await sandbox.createBucket({ name: 'acme', accountId });
  const user = sandbox.createUser({ accountId, name: 'owner' });
  const owner = new S3Client({
    endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: user,
  });
  const bucket = openBucket(accessTo(endpoint, { ...user, name: 'acme' }), 'read', {
    region: 'us-east-1',
    sessionSeconds: 900,
    allowedEndpoints: [endpoint],
  });
  const engine = await openDuckDB();
  await migrate(engine);
  let runs = 0;

  const dataset = async (name: string): Promise<Dataset> => {
    const found = await engine.read((session) => findDataset(session, { name }));
    if (!found) throw new Error(`There is no dataset ${name}`);
    return found;
  };
  return {
    engine,
    dataset,
    put: (key, text) => sandbox.putObject('acme', key, text),
    async remove(key) {
      await owner.send(new DeleteObjectCommand({ Bucket: 'acme', Key: key }));
    },
    async define(name, more) {
      const definition = parseDefinition({
        name,
        connection: 'c',
        selection: { prefix: `${name}/` },
        format: { type: 'CSV' },
        ...more,
      });
      await engine.transaction(async (session) => {
        const found = await findDataset(session, { name });
        if (found) await updateDefinition(session, found.id, definition);
        else await insertDataset(session, { id: name, definition, createdAt: new Date() });
      });
    },
    async import(name) {
      const before = await dataset(name);
      const generation = `g${++runs}`;
      const spoolDir = join(dir, generation);
      await mkdir(spoolDir);
      const imported = await importObjects({
        dataset: before,
        manifest: await engine.read((session) => listManifest(session, before.id)),
        bucket,
        connectionPrefix: '',
        downloadThreads: 2,
        engine,
        spoolDir,
        table: `t_${generation}`,
        generation,
        limits,
        signal: new AbortController().signal,
        onProgress: () => undefined,
      });
      const { next } = imported;
      if (next) {
        const { rejected, forgotten } = next;
        await engine.transaction(async (session) => {
          await replaceManifest(session, before.id, generation, next.manifest);
          const rejectedCount = await storeRejects(
            session,
            before.id,
            generation,
            rejected,
            forgotten,
          );
          await setGeneration(session, before.id, { ...next.generation, rejectedCount });
        });
      }
      return imported;
    },
    async close() {
      await engine.close();
      bucket.close();
      owner.destroy();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}
