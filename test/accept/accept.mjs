// npm run accept -- CASES_DIR [options of the runner]
//
// Runs a black-box acceptance runner (CASES_DIR/../acceptance/run.mjs, kept outside this repository) against the built
// service over the sandbox: starts both, makes a role and a connection that assumes it, and hands further options on.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startSandbox } from '../../dist/sandbox/sandbox.js';

const [folder, ...options] = process.argv.slice(2);
if (!folder)
  fail('usage: npm run accept -- CASES_DIR [--only REGEX] [--format csv,tsv] [--cases FILE] …');
const cases = resolve(folder);
const runner = resolve(cases, '../acceptance/run.mjs');
if (!existsSync(runner)) fail(`there is no runner at ${runner}`);

const dir = await mkdtemp(join(tmpdir(), 'bucketql-accept-'));
const sandbox = await startSandbox({ dir: join(dir, 's3') });
const customer = '222222222222';
const service = sandbox.createUser({ accountId: '111111111111', name: 'bucketql' });
const uploader = sandbox.createUser({ accountId: customer, name: 'uploader' });
await sandbox.createBucket({ name: 'accept', accountId: customer });

const port = 20_000 + Math.floor(Math.random() * 20_000);
const url = `http://127.0.0.1:${port}/graphql`;
const program = spawn(process.execPath, [resolve(import.meta.dirname, '../../dist/index.cjs')], {
  stdio: ['ignore', 'ignore', 'inherit'],
  env: {
    ...process.env,
    AWS_ACCESS_KEY_ID: service.accessKeyId,
    AWS_SECRET_ACCESS_KEY: service.secretAccessKey,
    BUCKETQL_DATA_DIR: join(dir, 'data'),
    BUCKETQL_PORT: String(port),
    BUCKETQL_LOG_LEVEL: 'error',
    BUCKETQL_ALLOWED_ENDPOINTS: sandbox.endpoint,
    BUCKETQL_STS_ENDPOINT: sandbox.endpoint,
  },
});
let code = 1;
try {
  await ready();
  const connection = {
    name: 'accept',
    roleArn: `arn:aws:iam::${customer}:role/accept`,
    bucket: 'accept',
    region: 'us-east-1',
    endpoint: sandbox.endpoint,
    forcePathStyle: true,
  };
  const { createConnection } = await ask(
    'mutation ($input: ConnectionInput!) { createConnection(input: $input) { trustPolicy readPolicy } }',
    { input: connection },
  );
  sandbox.createRole({
    accountId: customer,
    name: 'accept',
    trustPolicy: createConnection.trustPolicy,
    policy: createConnection.readPolicy,
  });
  const standard = {
    '--graphql': url,
    '--s3': sandbox.endpoint,
    '--bucket': 'accept',
    '--access-key': uploader.accessKeyId,
    '--secret-key': uploader.secretAccessKey,
    '--connection': JSON.stringify(connection),
    '--cases': join(cases, 'cases.json'),
    '--corpus': cases,
    '--pid': String(program.pid),
  };
  const given = Object.entries(standard).filter(([name]) => !options.includes(name));
  code = await run(process.execPath, [runner, ...given.flat(), ...options]);
} finally {
  program.kill('SIGTERM');
  await new Promise((done) => (program.exitCode === null ? program.once('exit', done) : done()));
  await sandbox.close();
  await rm(dir, { recursive: true, force: true });
}
process.exit(code);

async function ready() {
  const end = Date.now() + 20_000;
  for (;;) {
    if (program.exitCode !== null) fail(`the service ended with ${program.exitCode}`);
    try {
      if ((await fetch(`http://127.0.0.1:${port}/readyz`)).ok) return;
    } catch {
      // Not listening yet.
    }
    if (Date.now() > end) fail('the service did not become ready in 20 s');
    await sleep(50);
  }
}

async function ask(query, variables) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await response.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

function run(command, args) {
  return new Promise((done, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('exit', (status) => done(status ?? 1));
  });
}

function fail(message) {
  console.error(`accept: ${message}`);
  process.exit(2);
}
