import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { mkdir, readdir, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { ErrorCode } from '../../src/errors.js';
import { peakMB, resetPeak } from '../harness/memory.js';
import {
  createDataset,
  heartbeat,
  importRows,
  startServiceProcess,
  type ServiceProcess,
} from '../harness/service-process.js';
import { hold, type Experiment, type Lab } from './experiment.js';
import { parquet, xls } from './hostile/binary.js';
import { absoluteMember, compressed } from './hostile/compressed.js';
import { delimited } from './hostile/delimited.js';
import type { HostileCase, Outcome } from './hostile/hostile-case.js';
import { json } from './hostile/json.js';
import { xlsx } from './hostile/xlsx.js';
import { xml } from './hostile/xml.js';

const cases = [...compressed, ...json, ...xml, ...xlsx, ...xls, ...parquet, ...delimited];

const longestSeconds = 30;
const mostMB = 400;
const longestGapMs = 2_000;
// What takes longer than this is not waited for: the service is ended.
const patienceSeconds = 60;

interface HostileRun {
  readonly id: string;
  readonly status: string;
  readonly rowsAdded: string;
  readonly rowsRejected: string;
  readonly error: { readonly code: ErrorCode; readonly message: string } | null;
}

interface Rejection {
  readonly file: string;
  readonly line: string | null;
  readonly reason: string;
}

/** What an import cost. */
interface Cost {
  readonly seconds: number;
  readonly growthMB: number | null;
  readonly gapMs: number;
}

/**
 * Imports files that mean harm, one after the other. Each is refused by name or read right, in bounded time and memory,
 * while the service answers others; nothing is left behind and the next good import is exact.
 */
export const hostileFiles: Experiment = {
  name: 'hostile-files',
  async run(lab) {
    const chosen = cases.filter(({ name }) => lab.only === undefined || name.includes(lab.only));
    hold(chosen.length > 0, `there is no case ${lab.only}`);
    const trap = await openTrap();
    const failed: string[] = [];
    let world = await begin(lab, 0);
    try {
      for (const [index, hostile] of chosen.entries()) {
        const faults: string[] = [];
        let said = 'ended the service';
        try {
          said = await attempt(lab, world, hostile, index, trap.origin, faults);
        } catch (error) {
          faults.push(error instanceof Error ? error.message : String(error));
          await world.service.kill();
          world = await begin(lab, index + 1);
        }
        if (trap.asked.length > 0)
          faults.push(`it was made to ask for ${trap.asked.splice(0).join(', ')}`);
        const verdict = faults.length === 0 ? 'ok' : `FAILED ${faults.join('; ')}`;
        const line = `${hostile.name}: ${said}, ${verdict}`;
        if (faults.length > 0) failed.push(line);
        lab.say(line);
      }
    } finally {
      await world.service.kill();
      trap.close();
    }
    lab.say(`${chosen.length} hostile files, ${chosen.length - failed.length} did no harm`);
    // Their lines once more: who sees only the end of a log sees why.
    hold(failed.length === 0, ['harm was done', ...failed].join('\n'));
  },
};

interface World {
  readonly service: ServiceProcess;
  readonly connection: string;
}

async function begin(lab: Lab, number: number): Promise<World> {
  const service = await startServiceProcess(join(lab.dir, String(number)), lab.sandbox);
  const connection = await service.connect(`hostile${number}`);
  await createDataset(service, { name: 'good', connection, prefix: 'good/' });
  await importGood(lab, service, -1);
  return { service, connection };
}

/** A server of this machine that nobody may ask. */
async function openTrap() {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end('trapped');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, asked, close: () => server.close() };
}

/** @returns what happened, for people */
async function attempt(
  lab: Lab,
  { service, connection }: World,
  hostile: HostileCase,
  index: number,
  trap: string,
  faults: string[],
): Promise<string> {
  const prefix = `hostile/${index}/`;
  const key = `${prefix}${hostile.file}`;
  await upload(lab, hostile, key, trap);
  await createDataset(service, { name: 'hostile', connection, prefix, format: hostile.format });
  const folders = await namesIn(service);
  const { run, cost } = await importAndMeasure(service);

  const wrong = await whatIsWrong(service, hostile, run, key);
  if (wrong !== undefined) faults.push(wrong);
  if (cost.seconds > longestSeconds) faults.push(`it took more than ${longestSeconds} s`);
  const most = hostile.mostMB ?? mostMB;
  if ((cost.growthMB ?? 0) > most) faults.push(`memory grew by more than ${most} MB`);
  if (cost.gapMs > longestGapMs) faults.push(`a heartbeat waited more than ${longestGapMs} ms`);
  const spooled = await readdir(join(service.dataDir, 'spool'));
  if (spooled.length > 0) faults.push(`the spool holds ${spooled.join(', ')}`);
  const strange = (await namesIn(service)).filter((name) => !folders.includes(name));
  if (strange.length > 0) faults.push(`there are new files: ${strange.join(', ')}`);

  await service.data('mutation { deleteDataset(name: "hostile") }');
  // Takes the bytes off the disk.
  await lab.sandbox.putText(key, '');
  await importGood(lab, service, index);
  const growth = cost.growthMB === null ? '' : ` ${cost.growthMB} MB,`;
  return `${ended(run)}, ${cost.seconds.toFixed(1)} s,${growth} ${Math.round(cost.gapMs)} ms`;
}

async function upload(lab: Lab, hostile: HostileCase, key: string, trap: string): Promise<void> {
  const folder = join(lab.dir, 'made');
  await mkdir(folder, { recursive: true });
  try {
    const path = join(folder, hostile.file);
    await hostile.make(path, trap);
    await lab.sandbox.putFile(key, path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function importAndMeasure(service: ServiceProcess): Promise<{ run: HostileRun; cost: Cost }> {
  await resetPeak(service.pid);
  const before = await peakMB(service.pid);
  const stop = heartbeat(service);
  const began = performance.now();
  try {
    const run = await inTime(
      service.data(
        `mutation {
          importDataset(name: "hostile", wait: true) {
            id status rowsAdded rowsRejected error { code message }
          }
        }`,
      ),
    );
    const seconds = (performance.now() - began) / 1000;
    const gapMs = await stop();
    const peak = await peakMB(service.pid);
    const growthMB = before === null || peak === null ? null : peak - before;
    return { run: run.importDataset as HostileRun, cost: { seconds, growthMB, gapMs } };
  } catch (error) {
    stop().catch(() => undefined);
    throw error;
  }
}

async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`no answer within ${patienceSeconds} s`)),
      patienceSeconds * 1000,
    );
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}

async function whatIsWrong(
  service: ServiceProcess,
  hostile: HostileCase,
  run: HostileRun,
  key: string,
): Promise<string | undefined> {
  const { error } = run;
  if (!hostile.outcomes.some((outcome) => isSo(outcome, run))) {
    const told = error ? `${error.code}: ${short(error.message)}` : ended(run);
    const samples =
      run.rowsRejected === '0' ? '' : `, such as ${JSON.stringify(await rejections(service))}`;
    return `it was to be ${hostile.outcomes.map(shown).join(' or ')}, not ${told}${samples}`;
  }
  if (error) {
    if (!error.message.includes(key))
      return `the message does not name the file: ${short(error.message)}`;
    if (hostile.says !== undefined && !error.message.includes(hostile.says))
      return `the message does not say "${hostile.says}": ${short(error.message)}`;
    if (error.message.length > 4_000) return `the message has ${error.message.length} characters`;
    return undefined;
  }
  if (run.rowsRejected !== '0') {
    const found = await rejections(service);
    const vague = found.find(
      ({ file, line, reason }) => !file.startsWith(key) || line === null || reason === '',
    );
    if (found.length === 0 || vague) return `a rejected row says ${JSON.stringify(vague ?? null)}`;
  }
  if (!hostile.truth) return undefined;
  const answer = JSON.stringify(await service.data(hostile.truth.query));
  return answer === JSON.stringify(hostile.truth.answer)
    ? undefined
    : `it answers ${short(answer)}`;
}

function isSo(outcome: Outcome, { status, error, rowsAdded, rowsRejected }: HostileRun): boolean {
  switch (outcome.kind) {
    case 'refused':
      return status === 'FAILED' && error !== null && outcome.codes.includes(error.code);
    case 'rejected':
      return (
        status === 'SUCCEEDED' &&
        Number(rowsRejected) === outcome.rejected &&
        Number(rowsAdded) === outcome.kept
      );
    case 'imported':
      return status === 'SUCCEEDED' && rowsRejected === '0' && Number(rowsAdded) === outcome.rows;
  }
}

function shown(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'refused':
      return outcome.codes.join(' or ');
    case 'rejected':
      return `${outcome.kept} rows and ${outcome.rejected} set aside`;
    case 'imported':
      return `${outcome.rows} rows`;
  }
}

function ended(run: HostileRun): string {
  if (run.error) return run.error.code;
  return `${run.status} with ${run.rowsAdded} rows, ${run.rowsRejected} set aside`;
}

const short = (text: string) => (text.length > 500 ? `${text.slice(0, 500)}…` : text);

async function rejections(service: ServiceProcess): Promise<Rejection[]> {
  const { dataset } = await service.data(
    '{ dataset(name: "hostile") { rejectedRows(limit: 3) { file line reason } } }',
  );
  return (dataset as { rejectedRows: Rejection[] }).rejectedRows;
}

/** What lies in the service's folders and around them, but for the database's own files. */
async function namesIn({ dataDir }: ServiceProcess): Promise<string[]> {
  const above = join(dataDir, '..');
  const lists = await Promise.all([dataDir, above, join(above, '..')].map((dir) => readdir(dir)));
  const own = (name: string) => name.startsWith('bucketql.') || name === 'tmp';
  const names = lists.flat().filter((name) => !own(name));
  return existsSync(absoluteMember) ? [...names, absoluteMember] : names;
}

/** An import in peace of an object that changed, to see that the service is well. */
async function importGood(lab: Lab, service: ServiceProcess, index: number): Promise<void> {
  const rows = 1_000 + index + 1;
  const lines = Array.from({ length: rows }, (_, n) => `${n},${index}`);
  await lab.sandbox.putText('good/a.csv', `id,version\n${lines.join('\n')}\n`);
  await inTime(importRows(service, 'good', rows));
  const { goodAggregate: found } = await service.data(
    '{ goodAggregate { count min { version } } }',
  );
  const [answer, truth] = [
    JSON.stringify(found),
    JSON.stringify({ count: String(rows), min: { version: index } }),
  ];
  hold(answer === truth, `then a good dataset answers ${answer} and not ${truth}`);
}
