import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import {
  startSandbox,
  type Fault,
  type FaultRequest,
  type Sandbox,
} from '../../src/sandbox/sandbox.js';
import { seeded } from '../harness/measure.js';
import { bucket, customer } from '../harness/sandbox-process.js';
import {
  createDataset,
  redefine,
  type DatasetSettings,
  startServiceProcess,
  type ServiceProcess,
} from '../harness/service-process.js';
import { hold, type Experiment } from './experiment.js';
import { ownSandbox } from './own-sandbox.js';

const faultyShare = 0.2;
const kinds = ['SlowDown', 'InternalError', 'reset', 'cutBody', 'stall', 'slow'] as const;

/** Objects of one dataset: rows in each, and whether it is compressed. */
interface ObjectSet {
  readonly name: string;
  readonly objects: readonly (readonly [rows: number, gzip: boolean])[];
}

const sets: readonly ObjectSet[] = [
  { name: 'few', objects: repeat(3, [200, false]) },
  { name: 'many', objects: [...repeat(15, [50, false]), ...repeat(15, [50, true])] },
  { name: 'middling', objects: [...repeat(3, [20_000, false]), ...repeat(3, [20_000, true])] },
  { name: 'packed', objects: repeat(1, [150_000, true]) },
  { name: 'large', objects: repeat(2, [200_000, false]) },
];

/** What an import answers, and what the table says afterwards. */
interface Truth {
  readonly count: string;
  readonly countDistinct: { readonly id: string };
  readonly sum: { readonly id: string; readonly value: string };
}

interface Run {
  readonly status: string;
  readonly rowsAdded: string;
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly retryable: boolean;
  } | null;
}

/**
 * Imports objects while a fifth of all requests to S3 fails: refused, reset, cut, silent or slow. `times` counts requests.
 * An import is exact, or it fails with S3_UNAVAILABLE and says on what.
 */
export const s3Faults: Experiment = {
  name: 's3-faults',
  async run(lab) {
    const sandbox = await startSandbox({ dir: join(lab.dir, 's3') });
    await sandbox.createBucket({ name: bucket, accountId: customer });
    const sizes = new Map<string, number>();
    const truths = new Map<string, Truth>();
    for (const set of sets) truths.set(set.name, await store(sandbox, set, sizes));
    const service = await startServiceProcess(join(lab.dir, 'service'), ownSandbox(sandbox), {
      BUCKETQL_READ_TIMEOUT_SECONDS: '1',
    });
    const seen = new Map<string, number>();
    const note = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
    let requests = 0;
    try {
      const connection = await service.connect('chaos');
      const inputOf = (name: string) => ({ name, connection, prefix: `${name}/` });
      for (const { name } of sets) await createDataset(service, inputOf(name));
      const salt = String(lab.random());
      sandbox.fault = (request) => {
        if (request.bucket === undefined) return undefined;
        requests++;
        const fault = faultFor(request, salt, sizes);
        if (fault) note(fault.kind === 'status' ? fault.code : fault.kind);
        return fault;
      };
      const imports = { right: 0, failed: 0 };
      for (let turn = 0; requests < lab.times; turn++) {
        const { name } = sets[turn % sets.length]!;
        await redefine(service, inputOf(name), turn);
        const right = await importUnderFaults(service, name, truths.get(name)!);
        imports[right ? 'right' : 'failed']++;
      }
      const faults = [...seen].map(([kind, times]) => `${times} ${kind}`).sort();
      lab.say(`${requests} requests, of these ${faults.join(', ')}`);
      lab.say(`${imports.right} imports right, ${imports.failed} failed with S3_UNAVAILABLE`);
      await redefine(service, inputOf('few'), -1);
      await outage(sandbox, service, inputOf('few'), truths.get('few')!);
      lab.say('an object that never comes failed its import by name, and the table stayed');
    } finally {
      await service.kill();
      await sandbox.close();
    }
  },
};

function repeat(times: number, object: readonly [number, boolean]) {
  return Array.from({ length: times }, () => object);
}

/** Puts a set's objects there. @returns what its table has to answer */
async function store(
  sandbox: Sandbox,
  { name, objects }: ObjectSet,
  sizes: Map<string, number>,
): Promise<Truth> {
  let id = 0;
  const sum = { id: 0, value: 0 };
  for (const [index, [rows, gzip]] of objects.entries()) {
    const lines = ['id,value,text'];
    for (const end = id + rows; id < end; id++) {
      const value = (id * 7919 + 13) % 1_000_003;
      lines.push(`${id},${value},${value.toString(36)} of ${name}`);
      sum.id += id;
      sum.value += value;
    }
    const text = Buffer.from(`${lines.join('\n')}\n`);
    const body = gzip ? gzipSync(text) : text;
    const key = `${name}/${index}.csv${gzip ? '.gz' : ''}`;
    sizes.set(key, body.length);
    await sandbox.putObject(bucket, key, body);
  }
  const count = String(id);
  return {
    count,
    countDistinct: { id: count },
    sum: { id: String(sum.id), value: String(sum.value) },
  };
}

// From what is asked, for the how-manieth time: downloads run in parallel, and their order must not matter to a seed.
function faultFor(
  { operation, key, attempt, headers }: FaultRequest,
  salt: string,
  sizes: ReadonlyMap<string, number>,
): Fault | undefined {
  const digest = createHash('sha256').update(JSON.stringify([salt, operation, key, attempt]));
  const random = seeded(digest.digest().readUInt32LE());
  if (random() >= faultyShare) return undefined;
  const kind = kinds[Math.floor(random() * kinds.length)]!;
  const from = Number(/\d+/.exec(headers.range ?? '')?.[0] ?? 0);
  // A page of a listing is some hundred bytes long at least.
  const length = (sizes.get(key ?? '') ?? 500) - from;
  const afterBytes = Math.floor(random() * length);
  switch (kind) {
    case 'SlowDown':
      return { kind: 'status', status: 503, code: kind };
    case 'InternalError':
      return { kind: 'status', status: 500, code: kind };
    case 'reset':
      return { kind };
    case 'cutBody':
    case 'stall':
      return { kind, afterBytes };
    case 'slow':
      return { kind, bytesPerSecond: 2e6 + Math.floor(random() * 2e7) };
  }
}

/** @returns whether it succeeded */
async function importUnderFaults(
  service: ServiceProcess,
  name: string,
  truth: Truth,
): Promise<boolean> {
  const run = await importNow(service, name);
  const said = `the import of ${name} says ${JSON.stringify(run)}`;
  if (run.status !== 'SUCCEEDED') {
    const clear = run.error?.code === 'S3_UNAVAILABLE' && run.error.retryable;
    hold(run.status === 'FAILED' && clear && namesWhat(run.error.message, name), said);
    return false;
  }
  hold(run.rowsAdded === truth.count, `${said}, and there are ${truth.count} rows`);
  await tableIs(service, name, truth);
  return true;
}

/** An object that no request gets: the import fails and names it, and the table is as it was. */
async function outage(
  sandbox: Sandbox,
  service: ServiceProcess,
  input: DatasetSettings,
  truth: Truth,
): Promise<void> {
  sandbox.fault = undefined;
  hold(await importUnderFaults(service, 'few', truth), 'an import in peace failed');
  await redefine(service, input, -2);
  const key = 'few/1.csv';
  sandbox.fault = (request) => (request.key === key ? { kind: 'reset' } : undefined);
  const run = await importNow(service, 'few');
  const clear = run.error?.code === 'S3_UNAVAILABLE' && run.error.message.includes(key);
  hold(run.status === 'FAILED' && clear, `without ${key} an import says ${JSON.stringify(run)}`);
  await tableIs(service, 'few', truth);
}

function namesWhat(message: string, name: string): boolean {
  return message.includes(`${name}/`) || message.includes(`bucket ${bucket}`);
}

async function importNow(service: ServiceProcess, name: string): Promise<Run> {
  const { importDataset: run } = await service.data(
    `mutation ($name: String!) {
      importDataset(name: $name, wait: true) { status rowsAdded error { code message retryable } }
    }`,
    { name },
  );
  return run as Run;
}

async function tableIs(service: ServiceProcess, name: string, truth: Truth): Promise<void> {
  const { found } = await service.data(
    `{ found: ${name}Aggregate { count countDistinct { id } sum { id value } } }`,
  );
  const [shown, expected] = [JSON.stringify(found), JSON.stringify(truth)];
  hold(shown === expected, `the table ${name} is ${shown} and not ${expected}`);
}
