/**
 * npm run bench -- [--only NAME,…] [--scale 0.1] [--json FILE]
 *
 * Measures the built service over the sandbox, each in a process of its own, against plain DuckDB on the same rows in
 * the same run, in turns. Prints each ratio beside its goal. Ends with 0 when everything ran and was right, goals met or not.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { benchArguments, chosenOf } from './harness/arguments.js';
import { asJson, heading, line } from './harness/report.js';
import { openWorld } from './harness/world.js';
import { paths } from './paths/index.js';

const { only, scale, json } = benchArguments();
const chosen = chosenOf(paths, only);

const world = await openWorld(scale);
const results: Record<string, unknown> = {};
try {
  const { rows } = world.fixtures;
  const load = loadavg()[0]?.toFixed(1);
  console.log(
    `${rows} rows, Node ${process.version}, ${availableParallelism()} cores, load ${load}`,
  );
  console.log(heading);
  for (const path of chosen) {
    const measured = await path.run(world);
    results[path.name] = asJson(path, measured);
    console.log(line(path, measured));
  }
} finally {
  await world.close();
}
if (json !== undefined) {
  await writeFile(json, `${JSON.stringify(results, null, 2)}\n`);
}
