/**
 * npm run bench:peers -- [--only NAME,…] [--scale 0.1] [--json FILE]
 *
 * The same questions over HTTP to the built service and to PostGraphile over PostgreSQL, on the same rows in the same
 * run, in turns. Ends with 0 when everything ran and was right, goals met or not, and where PostgreSQL cannot be had.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { benchArguments, chosenOf } from '../harness/arguments.js';
import type { BenchPath } from '../harness/path.js';
import { asJson, heading, line } from '../harness/report.js';
import { createDataset, importDataset, startServiceProcess } from '../harness/service-process.js';
import { openWorld, type World } from '../harness/world.js';
import { compare, type Sides } from './compare.js';
import { NotHere } from './debian.js';
import { loopDelayIn } from './loop-delay.js';
import { startPostGraphile } from './postgraphile.js';
import { startPostgres } from './postgres.js';
import { questions, type Question } from './questions.js';

const { only, scale, json } = benchArguments();

// What was started is ended in reverse, by one who does so at a time.
const endings: (() => Promise<void>)[] = [];
let ending = Promise.resolve();
const endAll = () =>
  (ending = ending.then(async () => {
    for (let end = endings.pop(); end; end = endings.pop()) await end();
  }));

let interrupted = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    interrupted = true;
    void endAll();
  });
}

try {
  await main();
} catch (error) {
  if (interrupted) process.exitCode = 130;
  else if (error instanceof NotHere) console.log(`SKIPPED: ${error.message}`);
  else throw error;
} finally {
  await endAll();
}

async function main(): Promise<void> {
  const world = await openWorld(scale);
  endings.push(() => world.close());
  const { rows } = world.fixtures;
  const chosen = chosenOf(questions(rows), only);
  const postgres = await startPostgres(join(tmpdir(), `bucketql-bench-${scale}`), world.fixtures);
  endings.push(() => postgres.stop());
  const theirs = await startPostGraphile(postgres.connectionString);
  endings.push(() => theirs.stop());
  const sides = { ours: await startOurs(world), theirs };

  const machine = [
    `${rows} rows, Node ${process.version}, ${availableParallelism()} cores, load ${loadavg()[0]?.toFixed(1)}`,
    `against ${theirs.words} over PostgreSQL ${postgres.version} (${postgres.settings})`,
  ];
  for (const text of [...machine, heading]) console.log(text);
  const results: Record<string, unknown> = { machine: machine.join(' ') };
  for (const question of chosen) {
    const path = asPath(question, sides);
    const measured = await path.run(world);
    results[path.name] = asJson(path, measured);
    console.log(line(path, measured));
  }
  if (json !== undefined) {
    await writeFile(json, `${JSON.stringify(results, null, 2)}\n`);
  }
}

/** The service with the rows as `sales`, in the order of the files, and as `sales_sorted`, by customers. */
async function startOurs(world: World): Promise<Sides['ours']> {
  const loopDelay = loopDelayIn(world.workDir);
  const service = await startServiceProcess(
    join(world.workDir, 'service'),
    world.sandbox,
    loopDelay.environment,
  );
  endings.push(() => service.kill());
  const connection = await service.connect('peers');
  const prefix = 'sales/';
  await world.upload(prefix, await world.fixtures.parts());
  for (const dataset of [{ name: 'sales' }, { name: 'sales_sorted', sortBy: ['customer'] }]) {
    await createDataset(service, { ...dataset, connection, prefix });
    const run = await importDataset(service, dataset.name);
    if (run.status !== 'SUCCEEDED')
      throw new Error(`${dataset.name}: ${JSON.stringify(run.error)}`);
  }
  return { url: service.url, pid: service.pid, loopDelay };
}

function asPath(question: Question, sides: Sides): BenchPath {
  const { name, goal, pauseGoalMs } = question;
  return {
    name,
    ratioOf: 'rate / PostGraphile',
    goal,
    ...(pauseGoalMs === undefined ? {} : { pauseGoalMs }),
    run: () => compare(question, sides),
  };
}
