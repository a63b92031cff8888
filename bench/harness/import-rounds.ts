import { alternate, timed } from './measure.js';
import { peakMB, resetPeak } from './memory.js';
import type { Measured } from './path.js';
import { createDataset, heartbeat, importRows, redefine } from './service-process.js';
import type { World } from './world.js';

/** What a path imports. */
export interface Imported {
  /** The path's. */
  readonly name: string;
  /** Local files to store as objects. */
  readonly paths: readonly string[];
  /** Rows that every import must add. */
  readonly rows: number;
  /** A FormatInput. (Default: CSV) */
  readonly format?: object;
  /** Whether the service is asked for answers meanwhile, to find its longest pause. (Default: false) */
  readonly pauses?: boolean;
}

/**
 * Imports objects into a fresh service, so that the peaks are this path's own, in turns with something else, which says
 * how many milliseconds and how much memory a round of it took.
 */
export async function importInTurns(
  world: World,
  { name, paths, rows, format = { type: 'CSV' }, pauses = false }: Imported,
  other: () => Promise<{ ms: number; peak: number | null }>,
): Promise<Omit<Measured, 'ratio'>> {
  const prefix = `${name}/`;
  await world.upload(prefix, paths);
  const service = await world.newService();
  const peaks = { ours: [] as (number | null)[], theirs: [] as (number | null)[] };
  const waits: number[] = [];
  try {
    const dataset = name.replaceAll('-', '_');
    const connection = await service.connect(name);
    const input = { name: dataset, connection, prefix, format };
    await createDataset(service, input);
    let round = 0;
    const { ours, theirs } = await alternate(
      world.rounds,
      async () => {
        await redefine(service, input, ++round);
        await resetPeak(service.pid);
        const stop = pauses ? heartbeat(service) : undefined;
        const ms = await timed(() => importRows(service, dataset, rows));
        if (stop) waits.push(await stop());
        peaks.ours.push(await peakMB(service.pid));
        return ms;
      },
      async () => {
        const { ms, peak } = await other();
        peaks.theirs.push(peak);
        return ms;
      },
    );
    return {
      oursMs: ours,
      theirsMs: theirs,
      peakMB: most(peaks.ours),
      theirPeakMB: most(peaks.theirs),
      ...(pauses ? { pauseMs: Math.max(...waits) } : {}),
    };
  } finally {
    await service.kill();
  }
}

/** Imports in turns with a fresh engine, which makes a table of the same rows by a select. The ratio is of the times. */
export async function importAgainstEngine(
  world: World,
  imported: Imported,
  select: string,
): Promise<Measured> {
  const engine = await world.newEngine();
  try {
    const measured = await importInTurns(world, imported, async () => {
      await engine.run('drop table if exists rows');
      await engine.run('checkpoint');
      await resetPeak(engine.pid);
      const ms = await engine.run(`create table rows as ${select}`);
      return { ms, peak: await peakMB(engine.pid) };
    });
    return { ratio: measured.oursMs / measured.theirsMs, ...measured };
  } finally {
    await engine.stop();
  }
}

const most = (peaks: readonly (number | null)[]) =>
  peaks.includes(null) ? null : Math.max(...peaks.map(Number));
