import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startApp } from '../app.js';
import { readConfig } from '../config.js';
import { AppError } from '../errors.js';
import { openLog } from '../log.js';
import { startSandbox, type PolicyDocument } from '../sandbox/sandbox.js';

/** Two AWS accounts and a service between them: everything lives in this process and one temporary folder. */
export interface DemoWorld {
  /** Where the service answers GraphQL. */
  readonly url: string;
  /** The sandbox's S3 and STS. */
  readonly endpoint: string;
  readonly bucket: string;
  /** Below which the customer's files lie. */
  readonly prefix: string;
  readonly roleArn: string;
  /** Keys that were put into the bucket, with their sizes in bytes. */
  readonly files: readonly { readonly key: string; readonly bytes: number }[];
  /** What the customer does in the IAM console. */
  createRole(policies: { trust: PolicyDocument; permissions: readonly PolicyDocument[] }): void;
  readObject(key: string): Promise<Buffer>;
  /** A path for a file that is gone when the world closes. */
  tempPath(name: string): string;
  close(): Promise<void>;
}

const accounts = { service: '111111111111', customer: '222222222222' } as const;
const role = 'bucketql-reader';
const bucket = 'acme-wildlife';
const prefix = 'wildlife/';

// Two folders up from here both in src/demo and in dist/demo.
const dataFolder = fileURLToPath(new URL('../../examples/data/birdstrikes/', import.meta.url));

/** How a world is opened. */
export interface DemoWorldOptions {
  /** The service's port. (Default: 0, any free one) */
  readonly port?: number | undefined;
  /** Where the temporary folder is made. (Default: the system's folder for such things) */
  readonly tempRoot?: string | undefined;
}

/**
 * Starts a sandbox with the example files in it, and the service.
 * @throws INVALID_INPUT when the port is taken
 */
export async function openDemoWorld(options: DemoWorldOptions = {}): Promise<DemoWorld> {
  const { port = 0, tempRoot = tmpdir() } = options;
  const dir = await mkdtemp(join(tempRoot, 'bucketql-demo-'));
  // What was opened is closed in the opposite order, also when the next thing does not open.
  const closers = [() => rm(dir, { recursive: true, force: true })];
  const close = async () => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const sandbox = await startSandbox({ dir: join(dir, 's3') });
    closers.push(() => sandbox.close());
    await sandbox.createBucket({ name: bucket, accountId: accounts.customer });
    const files = await exampleFiles();
    for (const { key, body } of files) await sandbox.putObject(bucket, key, body);

    const user = sandbox.createUser({ accountId: accounts.service, name: 'bucketql' });
    const config = readConfig({
      BUCKETQL_DATA_DIR: join(dir, 'data'),
      BUCKETQL_PORT: String(port),
      BUCKETQL_ALLOWED_ENDPOINTS: sandbox.endpoint,
      BUCKETQL_STS_ENDPOINT: sandbox.endpoint,
      BUCKETQL_LOG_LEVEL: 'error',
    });
    const app = await startApp(config, {
      log: openLog(config.logLevel),
      credentials: () => Promise.resolve(user),
    }).catch((error: unknown) => {
      throw (error as NodeJS.ErrnoException).code === 'EADDRINUSE' ? portTaken(port) : error;
    });
    closers.push(() => app.close());

    return {
      url: app.url,
      endpoint: sandbox.endpoint,
      bucket,
      prefix,
      roleArn: `arn:aws:iam::${accounts.customer}:role/${role}`,
      files: files.map(({ key, body }) => ({ key, bytes: body.length })),
      createRole({ trust, permissions }) {
        sandbox.createRole({
          accountId: accounts.customer,
          name: role,
          trustPolicy: trust,
          policy: {
            Version: '2012-10-17',
            Statement: permissions.flatMap(({ Statement }) => Statement),
          },
        });
      },
      async readObject(key) {
        const body = await sandbox.readObject(bucket, key);
        if (!body) throw new AppError('INTERNAL', `${key} was written but is not in the bucket`);
        return body;
      },
      tempPath: (name) => join(dir, name),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function exampleFiles(): Promise<{ key: string; body: Buffer }[]> {
  const names = (await readdir(dataFolder)).filter((name) => name.endsWith('.csv.gz')).sort();
  return Promise.all(
    names.map(async (name) => ({
      key: `${prefix}birdstrikes/${name}`,
      body: await readFile(join(dataFolder, name)),
    })),
  );
}

const portTaken = (port: number) =>
  new AppError(
    'INVALID_INPUT',
    `Port ${port} is taken; choose another: npm run demo -- --serve --port N`,
  );
