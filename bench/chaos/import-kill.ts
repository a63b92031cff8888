import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createDataset,
  importDataset,
  startServiceProcess,
  type ServiceProcess,
} from '../harness/service-process.js';
import { hold, type Experiment, type Lab } from './experiment.js';

const objects = 6;
const rowsPerObject = 400_000;
const longestWaitMs = 5_000;
const longestStartMs = 10_000;

/**
 * Kills the service at any moment of an import of changed objects and starts it again. The table is the old one or the
 * whole new one, the run says which, the spool is empty, and the next import is exact.
 */
export const importKill: Experiment = {
  name: 'import-kill',
  async run(lab) {
    let version = 0;
    await store(lab, version);
    let service = await startServiceProcess(lab.dir, lab.sandbox);
    try {
      const connection = await service.connect('chaos');
      await createDataset(service, { name: 'chaos', connection, prefix: 'chaos/' });
      await importAll(service, version);
      const seen = { old: 0, new: 0 };
      for (let time = 1; time <= lab.times; time++) {
        await store(lab, ++version);
        const wait = Math.floor(lab.random() * longestWaitMs);
        const { id } = await importDataset(service, 'chaos', false);
        await new Promise((resolve) => setTimeout(resolve, wait));
        await service.kill();
        service = await startServiceProcess(lab.dir, lab.sandbox);
        hold(
          service.startMs < longestStartMs,
          `the start after the kill took ${Math.round(service.startMs)} ms`,
        );
        const found = await whichTable(service, version);
        await checkRun(service, id, found);
        await checkSpool(service);
        seen[found]++;
        lab.say(
          `${time}: killed after ${wait} ms, started in ${Math.round(service.startMs)} ms, the ${found} table is there`,
        );
        await importAll(service, version);
      }
      lab.say(
        `${seen.old} times the old table, ${seen.new} times the new one, never anything else`,
      );
    } finally {
      await service.kill();
    }
  },
};

// A version's rows are all of that version, so that a mixture shows. Sizes change too.
async function store({ sandbox }: Lab, version: number): Promise<void> {
  for (let object = 0; object < objects; object++) {
    const lines = ['id,version,value'];
    for (let row = 0; row < rowsOf(version); row++) {
      const id = object * 1_000_000 + row;
      lines.push(`${id},${version},${(id * 7 + version) % 1_000}`);
    }
    await sandbox.putText(`chaos/${object}.csv`, `${lines.join('\n')}\n`);
  }
}

const rowsOf = (version: number) => rowsPerObject + version;

/** What the whole table of a version answers. */
function truth(version: number) {
  let sum = 0;
  for (let object = 0; object < objects; object++) {
    for (let row = 0; row < rowsOf(version); row++) {
      sum += ((object * 1_000_000 + row) * 7 + version) % 1_000;
    }
  }
  const rows = String(objects * rowsOf(version));
  return {
    count: rows,
    countDistinct: { id: rows },
    sum: { value: String(sum) },
    min: { version },
    max: { version },
  };
}

async function tableIs(service: ServiceProcess, version: number): Promise<string | undefined> {
  const { chaosAggregate: found } = await service.data(
    `{ chaosAggregate { count countDistinct { id } sum { value } min { version } max { version } } }`,
  );
  const [shown, expected] = [JSON.stringify(found), JSON.stringify(truth(version))];
  return shown === expected ? undefined : `${shown} and not ${expected}`;
}

async function importAll(service: ServiceProcess, version: number): Promise<void> {
  const run = await importDataset(service, 'chaos');
  hold(run.status === 'SUCCEEDED', `an import in peace ended ${JSON.stringify(run)}`);
  const wrong = await tableIs(service, version);
  hold(wrong === undefined, `after an import in peace the table is ${wrong}`);
}

async function whichTable(service: ServiceProcess, version: number): Promise<'old' | 'new'> {
  if ((await tableIs(service, version)) === undefined) return 'new';
  const wrong = await tableIs(service, version - 1);
  hold(wrong === undefined, `the table is neither the new one nor the old: ${wrong}`);
  return 'old';
}

async function checkRun(service: ServiceProcess, id: string, table: 'old' | 'new'): Promise<void> {
  const { importRun: run } = (await service.data(
    `query ($id: ID!) { importRun(id: $id) { status error { code } } }`,
    { id },
  )) as { importRun: { status: string; error: { code: string } | null } | null };
  const said = JSON.stringify(run);
  const truthful =
    table === 'new'
      ? run?.status === 'SUCCEEDED'
      : run?.status === 'FAILED' && run.error?.code === 'INTERRUPTED';
  hold(truthful, `the ${table} table is there, but the run says ${said}`);
}

async function checkSpool(service: ServiceProcess): Promise<void> {
  const left = await readdir(join(service.dataDir, 'spool'));
  hold(left.length === 0, `the spool holds ${left.join(', ')} after the start`);
}
