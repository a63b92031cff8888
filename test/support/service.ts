import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startApp, type App } from '../../src/app.js';
import { trustPolicy, type PolicyDocument } from '../../src/aws/policies.js';
import { readConfig, type Config } from '../../src/config.js';
import type { Clock } from '../../src/jobs/clock.js';
import { openLog, type Log } from '../../src/log.js';
import { rowWorker } from './row-worker.js';
import { startSandbox, type Sandbox, type SandboxUser } from '../../src/sandbox/sandbox.js';

/** What a GraphQL request came back with. */
export interface Answer<T = Record<string, unknown>> {
  readonly data: T | null;
  readonly errors?: readonly {
    message: string;
    path?: readonly unknown[];
    extensions: { code: string; retryable?: boolean; details?: Record<string, unknown> };
  }[];
}

/** What {@link importCsv} and {@link importAgain} ask of a run. */
export interface ImportRunAnswer {
  readonly id: string;
  readonly status: string;
  readonly filesTotal: number;
  readonly filesDone: number;
  readonly bytesTotal: string;
  readonly bytesDone: string;
  readonly rowsAdded: string;
  readonly rowsRemoved: string;
  readonly rowsRejected: string;
  readonly warnings: readonly string[];
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
    readonly details: Record<string, unknown>;
  } | null;
}

/** The whole product in this process: a sandbox with two accounts, and the service in front of it. */
export interface TestService {
  readonly sandbox: Sandbox;
  readonly app: App;
  readonly service: SandboxUser;
  readonly bucket: string;
  /** Whose bucket it is. */
  readonly owner: S3Client;
  readonly customer: string;
  readonly dataDir: string;
  /** Asks and returns data and errors. */
  ask<T = Record<string, unknown>>(
    query: string,
    variables?: Record<string, unknown>,
  ): Promise<Answer<T>>;
  /** Asks and returns data; throws on errors. */
  data<T = Record<string, unknown>>(query: string, variables?: Record<string, unknown>): Promise<T>;
  /** Makes a role in the customer's account and a connection that may assume it. @returns the connection's id */
  connect(
    name: string,
    options?: { prefix?: string; policy?: PolicyDocument; trust?: 'right' | 'open' | 'other' },
  ): Promise<string>;
  /** Deletes an object as the bucket's owner would. */
  remove(key: string): Promise<void>;
  /** Stops the service and starts it again on the same data. */
  restart(config?: Record<string, string>): Promise<void>;
  close(): Promise<void>;
}

/** Starts it. `environment` goes over the defaults of the service's configuration. */
export async function startTestService(
  environment: Record<string, string> = {},
  log: Log = openLog('silent'),
  /** The time in the sandbox. */
  clock: () => Date = () => new Date(),
  /** What the service's schedules and runs go by. (Default: the machine's) */
  serviceClock?: Clock,
): Promise<TestService> {
  const dir = await mkdtemp(join(tmpdir(), 'bucketql-test-'));
  const sandbox = await startSandbox({ dir: join(dir, 's3'), minSessionSeconds: 1, clock });
  const service = sandbox.createUser({ accountId: '111111111111', name: 'bucketql' });
  const customer = '222222222222';
  const bucket = 'acme';
  await sandbox.createBucket({ name: bucket, accountId: customer });
  const owner = new S3Client({
    endpoint: sandbox.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: sandbox.createUser({ accountId: customer, name: 'owner' }),
  });
  const dataDir = join(dir, 'data');
  const configFor = (more: Record<string, string>): Config =>
    readConfig({
      BUCKETQL_DATA_DIR: dataDir,
      BUCKETQL_PORT: '0',
      BUCKETQL_LOG_LEVEL: 'silent',
      BUCKETQL_ALLOWED_ENDPOINTS: sandbox.endpoint,
      BUCKETQL_STS_ENDPOINT: sandbox.endpoint,
      ...environment,
      ...more,
    });
  const start = (more: Record<string, string> = {}) =>
    startApp(configFor(more), {
      log,
      rowWorker,
      ...(serviceClock ? { clock: serviceClock } : {}),
      credentials: () => Promise.resolve(service),
    });
  let app = await start();
  const token = environment.BUCKETQL_API_TOKENS?.split(',')[0];

  const ask = async <T>(query: string, variables?: Record<string, unknown>): Promise<Answer<T>> => {
    const response = await fetch(app.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify({ query, variables }),
    });
    return (await response.json()) as Answer<T>;
  };
  const data = async <T>(query: string, variables?: Record<string, unknown>): Promise<T> => {
    const answer = await ask<T>(query, variables);
    if (answer.errors) throw new Error(JSON.stringify(answer.errors, null, 1));
    return answer.data as T;
  };

  return {
    sandbox,
    owner,
    get app() {
      return app;
    },
    service,
    bucket,
    customer,
    dataDir,
    ask,
    data,
    async connect(name, { prefix = '', policy, trust = 'right' } = {}) {
      const roleArn = `arn:aws:iam::${customer}:role/${name}`;
      const { createConnection } = await data<{
        createConnection: {
          id: string;
          externalId: string;
          trustPolicy: PolicyDocument;
          readPolicy: PolicyDocument;
          writePolicy: PolicyDocument;
        };
      }>(
        `mutation ($input: ConnectionInput!) {
          createConnection(input: $input) { id externalId trustPolicy readPolicy writePolicy }
        }`,
        {
          input: {
            name,
            roleArn,
            bucket,
            prefix,
            region: 'us-east-1',
            endpoint: sandbox.endpoint,
            forcePathStyle: true,
          },
        },
      );
      const { id, readPolicy, writePolicy } = createConnection;
      const trusts: Record<string, PolicyDocument> = {
        right: createConnection.trustPolicy,
        open: {
          Version: '2012-10-17',
          Statement: [
            { Effect: 'Allow', Principal: { AWS: service.arn }, Action: 'sts:AssumeRole' },
          ],
        },
        other: trustPolicy(service.arn, 'bucketql-another'),
      };
      sandbox.createRole({
        accountId: customer,
        name,
        trustPolicy: trusts[trust] as PolicyDocument,
        policy: policy ?? {
          Version: '2012-10-17',
          Statement: [...readPolicy.Statement, ...writePolicy.Statement],
        },
      });
      return id;
    },
    async remove(key) {
      await owner.send(new DeleteObjectCommand({ Bucket: bucket, Key: key }));
    },
    async restart(more = {}) {
      await app.close();
      app = await start(more);
    },
    async close() {
      await app.close();
      owner.destroy();
      await sandbox.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Defines a dataset with CSV options left to detection, and imports it. @returns the import's run */
export async function importCsv(
  service: TestService,
  input: Record<string, unknown>,
): Promise<ImportRunAnswer> {
  await service.data(`mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }`, {
    input: { format: { type: 'CSV' }, ...input },
  });
  return importAgain(service, String(input.name));
}

/** Imports a dataset and waits. @returns the run */
export async function importAgain(service: TestService, name: string): Promise<ImportRunAnswer> {
  const { importDataset } = await service.data<{ importDataset: ImportRunAnswer }>(
    `mutation ($name: String!) {
      importDataset(name: $name, wait: true) {
        id status filesTotal filesDone bytesTotal bytesDone rowsAdded rowsRemoved rowsRejected warnings
        error { code message retryable details }
      }
    }`,
    { name },
  );
  return importDataset;
}
