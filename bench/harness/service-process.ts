import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { bucket, customer, type SandboxProcess } from './sandbox-process.js';

/** The built service (dist/index.cjs) in a process of its own. */
export interface ServiceProcess {
  readonly pid: number;
  readonly url: string;
  readonly dataDir: string;
  /** Milliseconds from the start of the process until it listened. */
  readonly startMs: number;
  /** Asks and returns data; throws on errors. */
  // The shape follows from each query; callers look at what they asked for.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  data(query: string, variables?: Record<string, unknown>): Promise<Record<string, any>>;
  /** Asks and returns the body as it came: parsing it would be counted as the service's time. */
  bytes(query: string, variables?: Record<string, unknown>): Promise<Buffer>;
  /** Makes a connection to the customer's bucket and its role. @returns the connection's id */
  connect(name: string): Promise<string>;
  /** SIGTERM, and waits. */
  stop(): Promise<void>;
  /** SIGKILL, and waits. */
  kill(): Promise<void>;
}

// As the image starts it.
const nodeOptions = ['--max-semi-space-size=1'];
const allocator = { MALLOC_ARENA_MAX: '2' };
const entry = fileURLToPath(new URL('../../../dist/index.cjs', import.meta.url));

/** Starts the service over a sandbox with its data and its log in `dir`, and waits until it listens. */
export async function startServiceProcess(
  dir: string,
  sandbox: Pick<SandboxProcess, 'endpoint' | 'keys' | 'createRole'>,
  /** Over the settings below. */
  environment: Readonly<Record<string, string>> = {},
): Promise<ServiceProcess> {
  await mkdir(dir, { recursive: true });
  const dataDir = join(dir, 'data');
  const began = performance.now();
  const child = spawn(process.execPath, [...nodeOptions, entry], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      ...allocator,
      BUCKETQL_DATA_DIR: dataDir,
      BUCKETQL_PORT: '0',
      BUCKETQL_ALLOWED_ENDPOINTS: sandbox.endpoint,
      BUCKETQL_STS_ENDPOINT: sandbox.endpoint,
      AWS_ACCESS_KEY_ID: sandbox.keys.accessKeyId,
      AWS_SECRET_ACCESS_KEY: sandbox.keys.secretAccessKey,
      ...environment,
    },
  });
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const log = createWriteStream(join(dir, 'service.log'), { flags: 'a' });
  const last: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    for (const output of [child.stdout, child.stderr]) {
      createInterface(output).on('line', (line) => {
        log.write(`${line}\n`);
        last.push(line);
        if (last.length > 5) last.shift();
        const found = /"url":"(http[^"]+)"/.exec(line)?.[1];
        if (found !== undefined) resolve(found);
      });
    }
    child.once('exit', (code, signal) => {
      reject(new Error(`The service ended at its start (${signal ?? code}): ${last.join('\n')}`));
    });
  });
  const startMs = performance.now() - began;

  const post = async (query: string, variables?: Record<string, unknown>): Promise<Buffer> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query, variables }),
    });
    return Buffer.from(await response.arrayBuffer());
  };
  const data: ServiceProcess['data'] = async (query, variables) => {
    const answer = JSON.parse((await post(query, variables)).toString()) as {
      data: Record<string, unknown> | null;
      errors?: unknown[];
    };
    if (answer.errors) throw new Error(JSON.stringify(answer.errors));
    return answer.data ?? {};
  };
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await gone;
    log.end();
  };
  return {
    pid: child.pid ?? 0,
    url,
    dataDir,
    startMs,
    data,
    bytes: post,
    async connect(name) {
      const { createConnection: made } = (await data(
        `mutation ($input: ConnectionInput!) {
          createConnection(input: $input) { id trustPolicy readPolicy writePolicy }
        }`,
        {
          input: {
            name,
            roleArn: `arn:aws:iam::${customer}:role/${name}`,
            bucket,
            region: 'us-east-1',
            endpoint: sandbox.endpoint,
            forcePathStyle: true,
          },
        },
      )) as {
        createConnection: {
          id: string;
          trustPolicy: object;
          readPolicy: { Statement: object[] };
          writePolicy: { Statement: object[] };
        };
      };
      await sandbox.createRole(name, made.trustPolicy, {
        ...made.readPolicy,
        Statement: [...made.readPolicy.Statement, ...made.writePolicy.Statement],
      });
      return made.id;
    },
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** What an import answered. */
export interface ImportAnswer {
  readonly id: string;
  readonly status: string;
  readonly rowsAdded: string;
  readonly error: { readonly code: string; readonly message: string } | null;
}

/** Defines a dataset of the objects below a prefix, CSV if nothing else is said. */
export async function createDataset(
  service: Pick<ServiceProcess, 'data'>,
  input: DatasetSettings,
): Promise<void> {
  await service.data(`mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }`, {
    input: inputOf(input),
  });
}

/** Changes a dataset so little that nobody sees it, so that the next import reads all objects again. */
export async function redefine(
  service: Pick<ServiceProcess, 'data'>,
  input: DatasetSettings,
  time: number,
): Promise<void> {
  await service.data(
    `mutation ($name: String!, $input: DatasetInput!) { updateDataset(name: $name, input: $input) { id } }`,
    { name: input.name, input: { ...inputOf(input), maxRejectedRows: 1000 + time } },
  );
}

/** Of a DatasetInput what experiments differ in. */
export interface DatasetSettings {
  readonly name: string;
  readonly connection: string;
  readonly prefix: string;
  readonly format?: object;
  readonly updateMode?: string;
  readonly sortBy?: readonly string[];
}

const inputOf = ({ prefix, ...rest }: DatasetSettings) => ({
  format: { type: 'CSV' },
  ...rest,
  selection: { prefix },
});

/** Asks for nothing again and again. @returns a function that stops it and gives the longest wait in milliseconds */
export function heartbeat(service: ServiceProcess): () => Promise<number> {
  let beating = true;
  let longest = 0;
  const beats = (async () => {
    while (beating) {
      const began = performance.now();
      await service.bytes('{ __typename }');
      longest = Math.max(longest, performance.now() - began);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  return async () => {
    beating = false;
    await beats;
    return longest;
  };
}

/**
 * Imports a dataset until it has ended.
 * @param rows How many it must add. (Default: at least one)
 * @returns how many it added
 * @throws when it did not succeed with as many rows
 */
export async function importRows(
  service: ServiceProcess,
  name: string,
  rows?: number,
): Promise<number> {
  const run = await importDataset(service, name);
  const added = Number(run.rowsAdded);
  if (run.status !== 'SUCCEEDED' || (rows === undefined ? added === 0 : added !== rows)) {
    const expected = rows === undefined ? 'rows' : `${rows} rows`;
    throw new Error(`The import of ${name} was to add ${expected}, it says ${JSON.stringify(run)}`);
  }
  return added;
}

/** Imports a dataset; with `wait` (the default) until it has ended. */
export async function importDataset(
  service: ServiceProcess,
  name: string,
  wait = true,
): Promise<ImportAnswer> {
  const { importDataset: run } = await service.data(
    `mutation ($name: String!, $wait: Boolean!) {
      importDataset(name: $name, wait: $wait) { id status rowsAdded error { code message } }
    }`,
    { name, wait },
  );
  return run as ImportAnswer;
}
