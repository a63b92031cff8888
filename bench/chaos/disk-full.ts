import { execFile } from 'node:child_process';
import { mkdir, open, readdir, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { messageOf } from '../../src/errors.js';
import {
  createDataset,
  importDataset,
  importRows,
  startServiceProcess,
  type ServiceProcess,
} from '../harness/service-process.js';
import { hold, type Experiment, type Lab } from './experiment.js';

const diskMB = 300;
const enoughMB = 1_500;
// Together some 500 MB of CSV.
const large = { name: 'large', objects: 50, rows: 130_000 };
const small = { name: 'small', objects: 3, rows: 100_000 };
const leftMB = { least: 10, most: 250 };
const replacements = 10;

/**
 * Imports 500 MB of objects onto a disk of 300 MB of which some is taken already, `times` times: each run fails with
 * NO_SPACE and leaves nothing behind, and a small table is answered throughout. When there is room, the same import
 * succeeds. Then the small table is replaced again and again, and its database must not grow.
 */
export const diskFull: Experiment = {
  name: 'disk-full',
  async run(lab) {
    const dataDir = join(lab.dir, 'data');
    await mkdir(dataDir, { recursive: true });
    try {
      await run('mount', ['-t', 'tmpfs', '-o', `size=${diskMB}m,mode=0700`, 'tmpfs', dataDir]);
    } catch (error) {
      lab.say(`SKIPPED: no disk of ${diskMB} MB can be mounted here: ${messageOf(error).trim()}`);
      return;
    }
    try {
      await fillAndFree(lab, dataDir);
    } finally {
      await run('umount', [dataDir]);
    }
  },
};

const run = promisify(execFile);

async function fillAndFree(lab: Lab, dataDir: string): Promise<void> {
  const bytes = (await store(lab, small, 0)) + (await store(lab, large, 0));
  lab.say(`${Math.round(bytes / 1e6)} MB of objects, a disk of ${diskMB} MB`);
  const service = await startServiceProcess(lab.dir, lab.sandbox);
  try {
    const connection = await service.connect('chaos');
    for (const { name } of [small, large]) {
      await createDataset(service, { name, connection, prefix: `${name}/` });
    }
    await succeeds(service, small);
    const ballast = join(dataDir, 'ballast');
    for (let time = 1; time <= lab.times; time++) {
      const left = Math.floor(leftMB.least + lab.random() * (leftMB.most - leftMB.least));
      await fill(ballast, (await freeMB(dataDir)) - left);
      const asked = keepAsking(service, time - 1);
      const ended = await importDataset(service, large.name);
      const { answers, wrong } = await asked();
      const said = JSON.stringify(ended);
      hold(ended.status === 'FAILED' && ended.error?.code === 'NO_SPACE', `the run says ${said}`);
      hold(wrong === undefined, `while the disk was full, a query was answered with ${wrong}`);
      hold(answers > 0, 'while the disk was full, no query was answered');
      await rm(ballast);
      await store(lab, small, time);
      const kept = await nothingIsLeft(service);
      lab.say(
        `${time}: ${left} MB free: NO_SPACE (${ended.error.message}); ${answers} queries answered; the database has ${kept} MB`,
      );
    }
    await run('mount', ['-o', `remount,size=${enoughMB}m`, dataDir]);
    await succeeds(service, large);
    lab.say(`with ${enoughMB} MB, the same import succeeded`);
    await replaceAgainAndAgain(lab, service);
  } finally {
    await service.kill();
  }
}

interface Table {
  readonly name: string;
  readonly objects: number;
  readonly rows: number;
}

/** @returns bytes of the objects */
async function store({ sandbox }: Lab, table: Table, version: number): Promise<number> {
  let bytes = 0;
  for (let object = 0; object < table.objects; object++) {
    const lines = ['id,version,amount,text'];
    for (let row = 0; row < table.rows; row++) {
      const id = object * table.rows + row;
      const mixed = Math.imul(id + version, 0x9e3779b1) >>> 0;
      const text = 'of the words that are in it '.repeat(2).slice(mixed % 12);
      lines.push(`${id},${version},${mixed},${text}`);
    }
    const text = `${lines.join('\n')}\n`;
    bytes += text.length;
    await sandbox.putText(`${table.name}/${object}.csv`, text);
  }
  return bytes;
}

const succeeds = (service: ServiceProcess, { name, objects, rows }: Table) =>
  importRows(service, name, objects * rows);

const question =
  '{ smallAggregate { count countDistinct { id } min { version } max { version } } }';

function answerOf(version: number): string {
  const count = String(small.objects * small.rows);
  return JSON.stringify({
    smallAggregate: { count, countDistinct: { id: count }, min: { version }, max: { version } },
  });
}

/** Asks for the small table until it is told to stop. @returns how often the answer was right, and one that was not */
function keepAsking(service: ServiceProcess, version: number) {
  let asking = true;
  let answers = 0;
  let wrong: string | undefined;
  const done = (async () => {
    while (asking && wrong === undefined) {
      const answer = await service.data(question).then(JSON.stringify, messageOf);
      if (answer === answerOf(version)) answers++;
      else wrong = answer;
    }
  })();
  return async () => {
    asking = false;
    await done;
    return { answers, wrong };
  };
}

/** The failed import has left no file, no table and no blocks in use. @returns MB of the database */
async function nothingIsLeft(service: ServiceProcess): Promise<number> {
  const spool = await readdir(join(service.dataDir, 'spool'));
  hold(spool.length === 0, `the spool holds ${spool.join(', ')} after the failed import`);
  const answer = await service
    .data('{ largeAggregate { count } }')
    .then(JSON.stringify, () => undefined);
  hold(answer === undefined, 'after its failed import, the table can be queried');
  // The next import's commits write the log out, and the blocks of the dropped table are given back.
  await succeeds(service, small);
  const megabytes = await databaseMB(service);
  hold(megabytes < 40, `the database takes ${megabytes} MB after the failed import`);
  return megabytes;
}

async function replaceAgainAndAgain(lab: Lab, service: ServiceProcess): Promise<void> {
  const sizes: number[] = [];
  for (let version = lab.times + 1; version <= lab.times + replacements; version++) {
    await store(lab, small, version);
    await succeeds(service, small);
    const answer = JSON.stringify(await service.data(question));
    hold(answer === answerOf(version), `the table of version ${version} answers ${answer}`);
    sizes.push(await databaseMB(service));
  }
  lab.say(`${replacements} replacements; MB of the database: ${sizes.join(', ')}`);
  // Two generations at a time, whatever came before.
  const [first = 0, last = 0] = [sizes[1], sizes.at(-1)];
  hold(last <= first * 1.2 + 5, `the database grew from ${first} to ${last} MB`);
}

async function databaseMB({ dataDir }: ServiceProcess): Promise<number> {
  const sizes = ['bucketql.duckdb', 'bucketql.duckdb.wal'].map((name) =>
    stat(join(dataDir, name)).then(
      ({ size }) => size,
      () => 0,
    ),
  );
  return Math.round((await Promise.all(sizes)).reduce((sum, size) => sum + size, 0) / 1e6);
}

async function freeMB(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return Math.floor((bavail * bsize) / 1e6);
}

async function fill(path: string, megabytes: number): Promise<void> {
  const megabyte = Buffer.alloc(1e6);
  const file = await open(path, 'w');
  for (let written = 0; written < megabytes; written++) await file.write(megabyte);
  await file.close();
}
