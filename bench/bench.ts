/**
 * npm run bench -- [--only NAME,…] [--scale 0.1] [--json FILE]
 *
 * Measures the built service over the sandbox, each in a process of its own, against plain DuckDB on the same rows in
 * the same run, in turns. Prints each ratio beside its goal. Ends with 0 when everything ran and was right, goals met or not.
 */
import { writeFile } from 'node:fs/promises';
import { availableParallelism, loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import { isMet, type BenchPath, type Measured } from './harness/path.js';
import { heading, line } from './harness/report.js';
import { openWorld } from './harness/world.js';
import { paths } from './paths/index.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    scale: { type: 'string', default: '1' },
    json: { type: 'string' },
  },
});
const scale = Number(values.scale);
if (!(scale > 0)) throw new Error(`--scale is ${values.scale}; give a number above 0`);
const chosen = choose(values.only);

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
if (values.json !== undefined) {
  await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`);
}

function choose(only: string | undefined): readonly BenchPath[] {
  if (only === undefined) return paths;
  return only.split(',').map((name) => {
    const path = paths.find((candidate) => candidate.name === name.trim());
    if (!path)
      throw new Error(`No path ${name}; there are ${paths.map((one) => one.name).join(', ')}`);
    return path;
  });
}

function asJson({ goal, ratioOf, peakGoalMB, notMeasured }: BenchPath, measured: Measured) {
  const { ratio, oursMs, theirsMs, peakMB, theirPeakMB, pauseMs } = measured;
  return {
    ratio: Number(ratio.toFixed(3)),
    goal: goal && ('atMost' in goal ? goal.atMost : goal.atLeast),
    met: isMet(goal, ratio),
    peakMB,
    ...(peakGoalMB === undefined ? {} : { peakGoalMB }),
    ratioOf,
    oursMs: Number(oursMs.toFixed(1)),
    theirsMs: Number(theirsMs.toFixed(1)),
    theirPeakMB,
    ...(pauseMs === undefined ? {} : { pauseMs: Math.round(pauseMs) }),
    ...(notMeasured === undefined ? {} : { notMeasured }),
  };
}
