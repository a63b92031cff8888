/**
 * npm run chaos -- EXPERIMENT [--times N] [--seed S] [--only CASE]
 *
 * Runs the built service as a process of its own, hurts it, and says what happened. Ends with 0 only if nothing was lost.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { seeded } from '../harness/measure.js';
import { startSandboxProcess } from '../harness/sandbox-process.js';
import { experiments } from './experiments.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    times: { type: 'string', default: '10' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    only: { type: 'string' },
  },
});
const experiment = experiments.find(({ name }) => name === positionals[0]);
if (!experiment) {
  const names = experiments.map(({ name }) => name).join(', ');
  console.error(
    `usage: npm run chaos -- EXPERIMENT [--times N] [--seed S] [--only CASE]; experiments: ${names}`,
  );
  process.exit(2);
}

const dir = await mkdtemp(join(tmpdir(), 'bucketql-chaos-'));
const sandbox = await startSandboxProcess(join(dir, 's3'));
console.log(`${experiment.name}, ${values.times} times, seed ${values.seed}`);
try {
  await experiment.run({
    sandbox,
    dir: join(dir, 'service'),
    random: seeded(Number(values.seed)),
    times: Number(values.times),
    ...(values.only === undefined ? {} : { only: values.only }),
    say: (text) => console.log(text),
  });
  console.log('nothing was lost');
  await rm(dir, { recursive: true, force: true });
} catch (error) {
  console.error(error instanceof Error ? `${error.name}: ${error.message}` : error);
  console.error(
    `the service’s data and log are in ${dir}; --seed ${values.seed} gives the same waits again`,
  );
  process.exitCode = 1;
} finally {
  await sandbox.stop();
}
