import { median, timed } from '../harness/measure.js';
import { peakMB, resetPeak } from '../harness/memory.js';
import type { BenchPath } from '../harness/path.js';
import { createDataset, importRows, redefine } from '../harness/service-process.js';

/*
 * What an INCREMENTAL import costs when little or nothing changed, beside the import of all objects.
 */

const rounds = 3;
// What a check of 10,000 objects may take.
const checkMs = 3_000;

/** Imports of what changed. */
export const incremental: readonly BenchPath[] = [
  {
    name: 'incremental-unchanged',
    ratioOf: 'time of a check of 10,000 objects (at scale 1) / 3 s',
    goal: { atMost: 1 },
    async run(world) {
      const objects = Math.max(20, Math.round(world.fixtures.rows / 1_000));
      const service = await world.newService();
      try {
        const connection = await service.connect('unchanged');
        const known = new Set(await world.sandbox.keyList());
        for (let object = 0; object < objects; object++) {
          const key = `unchanged/${String(object).padStart(5, '0')}.csv`;
          if (!known.has(key)) await world.sandbox.putText(key, `id,value\n${object},1\n`);
        }
        const prefix = 'unchanged/';
        const input = { name: 'unchanged', connection, prefix, updateMode: 'INCREMENTAL' };
        await createDataset(service, input);
        await importRows(service, input.name, objects);
        await resetPeak(service.pid);
        const times: number[] = [];
        for (let round = 0; round < rounds; round++) {
          times.push(await timed(() => importRows(service, input.name, 0)));
        }
        const ours = median(times);
        return {
          ratio: ours / checkMs,
          oursMs: ours,
          theirsMs: checkMs,
          peakMB: await peakMB(service.pid),
          theirPeakMB: null,
        };
      } finally {
        await service.kill();
      }
    },
  },
  {
    name: 'incremental',
    ratioOf: 'time of adding 1 % of the objects / time of importing all',
    goal: { atMost: 0.05 },
    async run(world) {
      const service = await world.newService();
      try {
        const connection = await service.connect('incremental');
        const files = await world.fixtures.hundredths();
        const prefix = 'incremental/';
        await world.upload(prefix, files);
        const input = { name: 'incremental', connection, prefix, updateMode: 'INCREMENTAL' };
        await createDataset(service, input);
        const run = () => importRows(service, input.name);
        const times = { all: [] as number[], added: [] as number[] };
        for (let round = 0; round < rounds; round++) {
          await redefine(service, input, round);
          times.all.push(await timed(run));
          // Another name for rows that are there: behind all others, and new at each time.
          await world.sandbox.putFile(`${prefix}late-${Date.now()}.csv`, files[round]!);
          if (round === 0) await resetPeak(service.pid);
          times.added.push(await timed(run));
        }
        const [all, added] = [median(times.all), median(times.added)];
        return {
          ratio: added / all,
          oursMs: added,
          theirsMs: all,
          peakMB: await peakMB(service.pid),
          theirPeakMB: null,
        };
      } finally {
        await service.kill();
      }
    },
  },
];
