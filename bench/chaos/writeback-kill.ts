import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DeleteObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.js';
import { bucket, customer } from '../harness/sandbox-process.js';
import {
  createDataset,
  importRows,
  startServiceProcess,
  type ServiceProcess,
} from '../harness/service-process.js';
import { hold, type Experiment, type Lab } from './experiment.js';
import { ownSandbox } from './own-sandbox.js';
import { slowWire } from './slow-wire.js';
import {
  judge,
  lookAt,
  nameOf,
  putOld,
  truths,
  type Attempt,
  type Kind,
  type Place,
  type Run,
} from './writeback-state.js';
import { header, rowsOf } from './written-rows.js';

const rowCount = 480_000;
const objects = 5;
// 50 MB take some two seconds, most of which is the upload: that is where most kills fall.
const bytesPerSecond = 25e6;
const longestOpenMs = 60_000;
const partBytes = 12e6;

const kinds: readonly Kind[] = [
  { format: 'CSV', compression: 'NONE', parts: false },
  { format: 'CSV', compression: 'GZIP', parts: false },
  { format: 'PARQUET', compression: 'NONE', parts: false },
  { format: 'NDJSON', compression: 'NONE', parts: false },
  { format: 'CSV', compression: 'NONE', parts: true },
];

/** When the service is killed: at any time, or just after S3 was asked for something. */
type Moment = 'any time' | 'CreateMultipartUpload' | 'CompleteMultipartUpload';

const moments: readonly Moment[] = [
  'any time',
  'any time',
  'CompleteMultipartUpload',
  'any time',
  'any time',
  'CreateMultipartUpload',
];
const longestAfterMs = 30;

/**
 * Kills the service at any moment of a writeback of 50 MB and starts it again. The key is absent, old or whole, no upload
 * stays open, and the run says which; for parts, all that the manifest names is there before the manifest is.
 */
export const writebackKill: Experiment = {
  name: 'writeback-kill',
  async run(lab) {
    const sandbox = await startSandbox({ dir: join(lab.dir, 's3') });
    await sandbox.createBucket({ name: bucket, accountId: customer });
    const wire = await slowWire(sandbox.endpoint, bytesPerSecond);
    const owner = new S3Client({
      endpoint: sandbox.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: sandbox.createUser({ accountId: customer, name: 'owner' }),
    });
    const place = { ...ownSandbox(sandbox), endpoint: wire.endpoint };
    const start = () => startServiceProcess(join(lab.dir, 'service'), place);
    let service = await start();
    try {
      const rows = rowsOf(rowCount);
      const connection = await service.connect('chaos');
      await load(sandbox, service, connection, rows);
      const bench: Bench = { say: lab.say, sandbox, owner, rows, connection };
      const tookMs = await inPeace(bench, service);
      const seen = { none: 0, old: 0, whole: 0, unknown: 0 };
      for (let time = 1; time <= lab.times; time++) {
        const attempt: Attempt = {
          kind: kinds[time % kinds.length]!,
          overwrite: Math.floor(time / kinds.length) % 2 === 0,
          name: `out/${time}`,
        };
        const moment = moments[time % moments.length]!;
        if (attempt.overwrite) await putOld(sandbox, attempt);
        const longest = tookMs.get(attempt.kind)! * 1.05;
        const wait = lab.random() * (moment === 'any time' ? longest : longestAfterMs);
        const isAsked = watch(sandbox, moment);
        const { id } = await begin(bench, service, attempt);
        await untilAsked(isAsked, service, id);
        await new Promise((resolve) => setTimeout(resolve, wait));
        await service.kill();
        sandbox.fault = undefined;
        service = await start();
        const openMs = await untilNothingIsOpen(sandbox);
        const found = await lookAt(bench, attempt);
        const run = await runOf(service, id);
        const truth = judge(attempt, found, run);
        hold(
          (await readdir(join(service.dataDir, 'spool'))).length === 0,
          'the spool is not empty',
        );
        seen[truth]++;
        // Machines get slower and faster meanwhile, and most kills are to fall into the middle.
        if (moment === 'any time' && truth === 'whole') tookMs.set(attempt.kind, wait);
        else if (wait > longest * 0.9) tookMs.set(attempt.kind, longest * 1.1);
        lab.say(
          `${time}: ${nameOf(attempt)}, killed ${Math.round(wait)} ms after ${moment === 'any time' ? 'its start' : moment}, ` +
            `started in ${Math.round(service.startMs)} ms, nothing open after ${openMs} ms: ${truths[truth]}${found.stray === 0 ? '' : `, ${found.stray} whole parts without a manifest`}`,
        );
        await remove(bench, attempt);
      }
      lab.say(
        `${seen.none} times no object, ${seen.old} times the old one, ${seen.whole} times the new one, and the run said so; ` +
          `${seen.unknown} times the new one of a run that was killed before it could say so`,
      );
    } finally {
      await service.kill();
      await wire.close();
      owner.destroy();
      await sandbox.close();
    }
  },
};

async function load(
  sandbox: Sandbox,
  service: ServiceProcess,
  connection: string,
  rows: readonly string[],
): Promise<void> {
  const each = rows.length / objects;
  for (let at = 0; at < objects; at++) {
    const lines = [header, ...rows.slice(at * each, (at + 1) * each), ''];
    await sandbox.putObject(bucket, `in/${at}.csv`, lines.join('\n'));
  }
  await createDataset(service, { name: 'chaos', connection, prefix: 'in/' });
  await importRows(service, 'chaos', rows.length);
}

interface Bench extends Place {
  readonly connection: string;
  readonly say: Lab['say'];
}

/** Writes each kind once without harm. @returns how long each took, in milliseconds */
async function inPeace(bench: Bench, service: ServiceProcess): Promise<Map<Kind, number>> {
  const took = new Map<Kind, number>();
  for (const kind of kinds) {
    const attempt = { kind, overwrite: false, name: `peace/${took.size}` };
    const began = performance.now();
    const { id } = await begin(bench, service, attempt, true);
    took.set(kind, performance.now() - began);
    const found = await lookAt(bench, attempt);
    const run = await runOf(service, id);
    hold(judge(attempt, found, run) === 'whole', `in peace the run says ${JSON.stringify(run)}`);
    await remove(bench, attempt);
    bench.say(`${nameOf(attempt)} takes ${Math.round(took.get(kind)!)} ms in peace`);
  }
  return took;
}

const runFields = 'id status rows error { code } objects { key bytes rows etag checksum }';

async function begin(
  { connection }: Bench,
  service: ServiceProcess,
  { kind, overwrite, name }: Attempt,
  wait = false,
): Promise<Run> {
  const { run } = await service.data(
    `mutation ($to: DestinationInput!, $wait: Boolean!) {
      run: writebackChaos(destination: $to, wait: $wait) { ${runFields} }
    }`,
    {
      wait,
      to: {
        connection,
        path: name,
        fileName: 'rows',
        format: kind.format,
        compression: kind.compression,
        overwrite,
        ...(kind.parts && { maxFileBytes: String(partBytes) }),
      },
    },
  );
  return run as Run;
}

async function runOf(service: ServiceProcess, id: string): Promise<Run> {
  const { run } = await service.data(
    `query ($id: ID!) { run: writebackRun(id: $id) { ${runFields} } }`,
    { id },
  );
  return run as Run;
}

/** @returns whether S3 was asked for something from now on */
function watch(sandbox: Sandbox, operation: Moment): () => boolean {
  let isAsked = operation === 'any time';
  sandbox.fault = (request) => {
    isAsked ||= request.operation === operation;
    return undefined;
  };
  return () => isAsked;
}

/** Waits until S3 was asked, or the run has ended without that. */
async function untilAsked(isAsked: () => boolean, service: ServiceProcess, id: string) {
  for (let turn = 1; !isAsked(); turn++) {
    await new Promise((resolve) => setTimeout(resolve, 1));
    if (turn % 200 > 0) continue;
    if (!['QUEUED', 'RUNNING'].includes((await runOf(service, id)).status)) return;
  }
}

/** @returns after how many milliseconds no multipart upload was open */
async function untilNothingIsOpen(sandbox: Sandbox): Promise<number> {
  const began = performance.now();
  for (;;) {
    const open = sandbox.openUploads(bucket);
    const ms = Math.round(performance.now() - began);
    if (open.length === 0) return ms;
    const keys = open.map(({ key }) => key).join(', ');
    hold(ms < longestOpenMs, `uploads are still open ${ms} ms after the start: ${keys}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

async function remove({ sandbox, owner }: Bench, { name }: Attempt): Promise<void> {
  for (const Key of await sandbox.listKeys(bucket)) {
    if (Key.startsWith(`${name}/`)) {
      await owner.send(new DeleteObjectCommand({ Bucket: bucket, Key }));
    }
  }
}
