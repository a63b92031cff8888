import { join } from 'node:path';
import { startSandbox, type Sandbox } from '../../src/sandbox/sandbox.js';
import { bucket, customer } from '../harness/sandbox-process.js';
import {
  createDataset,
  importDataset,
  importRows,
  startServiceProcess,
  type ServiceProcess,
} from '../harness/service-process.js';
import { hold, type Experiment, type Lab } from './experiment.js';
import { ownSandbox } from './own-sandbox.js';

const objects = 4;
// Some megabytes each: they are on their way for a while.
const rowsPerObject = 120_000;
const modes = ['REPLACE', 'INCREMENTAL'] as const;

/**
 * Objects are written again between the listing and the reading of them, and between two ranges of one, because
 * connections break in the middle. An import has each object as it was at one moment, or fails with OBJECT_CHANGED and
 * leaves the table.
 */
export const changedObject: Experiment = {
  name: 'changed-object',
  async run(lab) {
    const sandbox = await startSandbox({ dir: join(lab.dir, 's3') });
    await sandbox.createBucket({ name: bucket, accountId: customer });
    const service = await startServiceProcess(join(lab.dir, 'service'), ownSandbox(sandbox));
    try {
      const connection = await service.connect('chaos');
      let version = 0;
      for (let object = 0; object < objects; object++) await store(sandbox, object, version);
      for (const updateMode of modes) {
        const name = nameOf(updateMode);
        await createDataset(service, { name, connection, prefix: 'chaos/', updateMode });
        await importRows(service, name);
      }
      const seen = { whole: 0, refused: 0 };
      for (let time = 0; time < lab.times; time++) {
        version++;
        // At least one has changed already, so that there is something to read.
        await store(sandbox, time % objects, version);
        const name = nameOf(modes[time % modes.length]!);
        const before = await tableOf(service, name);
        breakInto(lab, sandbox, version + 1);
        const run = await importDataset(service, name);
        sandbox.fault = undefined;
        await changing;
        version++;
        const after = await tableOf(service, name);
        const said = `the import of ${name} says ${JSON.stringify(run)}`;
        if (run.status === 'SUCCEEDED') {
          for (const { rows, least, most } of after) {
            const whole = least === most && rows === String(rowsOf(least));
            hold(whole, `${said}, and an object's rows are ${rows} of version ${least} to ${most}`);
          }
          hold(after.length === objects, `${said}, and there are ${after.length} objects`);
          seen.whole++;
        } else {
          hold(run.error?.code === 'OBJECT_CHANGED', said);
          hold(JSON.stringify(after) === JSON.stringify(before), `${said}, but the table changed`);
          seen.refused++;
        }
      }
      lab.say(`${seen.whole} imports whole, ${seen.refused} refused with OBJECT_CHANGED`);
    } finally {
      await service.kill();
      await sandbox.close();
    }
  },
};

const nameOf = (mode: string) => mode.toLowerCase();
const keyOf = (object: number) => `chaos/${object}.csv`;
const rowsOf = (version: number) => rowsPerObject + version;

let changing: Promise<unknown> = Promise.resolve();

/** Cuts downloads off, and has objects written again at some of the requests. */
function breakInto(lab: Lab, sandbox: Sandbox, version: number): void {
  let changes = 1 + Math.floor(lab.random() * 2);
  sandbox.fault = ({ operation, key }) => {
    if (operation !== 'GetObject' || key === undefined) return undefined;
    if (changes > 0 && lab.random() < 0.4) {
      changes--;
      const object = Math.floor(lab.random() * objects);
      changing = changing.then(() => store(sandbox, object, version));
    }
    return lab.random() < 0.3
      ? { kind: 'cutBody', afterBytes: Math.floor(lab.random() * 2_000_000) }
      : undefined;
  };
}

// All rows of an object are of one version, and each version has another number of them.
async function store(sandbox: Sandbox, object: number, version: number): Promise<void> {
  const lines = ['object,version,id,text'];
  for (let row = 0; row < rowsOf(version); row++)
    lines.push(`${object},${version},${row},text-${row}`);
  await sandbox.putObject(bucket, keyOf(object), `${lines.join('\n')}\n`);
}

async function tableOf(service: ServiceProcess, name: string) {
  const { found } = await service.data(
    `{ found: ${name}Groups(by: [{ column: object }]) {
      groups { key { object } count countDistinct { id } min { version } max { version } } } }`,
  );
  const { groups } = found as {
    groups: {
      count: string;
      countDistinct: { id: string };
      min: { version: number };
      max: { version: number };
    }[];
  };
  return groups.map(({ count, countDistinct, min, max }) => ({
    rows: count === countDistinct.id ? count : `${count} with ${countDistinct.id} ids`,
    least: min.version,
    most: max.version,
  }));
}
