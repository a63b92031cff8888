import { alternate, timed } from '../harness/measure.js';
import { peakMB, resetPeak } from '../harness/memory.js';
import { startParserProcess } from '../harness/parser-process.js';
import type { BenchPath } from '../harness/path.js';
import { createDataset, heartbeat, importDataset } from '../harness/service-process.js';
import type { World } from '../harness/world.js';

/*
 * Objects that are no table of text, from S3 to a table that can be queried. JSON against the engine's own reader over
 * the same records as lines, told all types; XML and workbooks against what reads them in JavaScript, from local files
 * into objects and no further.
 */

interface Source {
  readonly path: string;
  readonly rows: number;
  readonly format: object;
  /** What is compared with: milliseconds and peak memory. */
  readonly theirs: () => Promise<{ ms: number; peak: number | null }>;
  readonly close: () => Promise<void>;
}

async function measure(name: string, world: World, source: Source) {
  await world.upload(`${name}/`, [source.path]);
  const service = await world.newService();
  const peaks = { ours: [] as (number | null)[], theirs: [] as (number | null)[] };
  const pauses: number[] = [];
  try {
    const dataset = name.replaceAll('-', '_');
    const connection = await service.connect(name);
    const { format } = source;
    await createDataset(service, { name: dataset, connection, prefix: `${name}/`, format });
    const times = await alternate(
      world.rounds,
      async () => {
        await resetPeak(service.pid);
        const stop = heartbeat(service);
        const ms = await timed(async () => {
          const run = await importDataset(service, dataset);
          if (run.status !== 'SUCCEEDED' || Number(run.rowsAdded) !== source.rows) {
            throw new Error(`${name}: ${source.rows} rows expected, ${JSON.stringify(run)}`);
          }
        });
        pauses.push(await stop());
        peaks.ours.push(await peakMB(service.pid));
        return ms;
      },
      async () => {
        const { ms, peak } = await source.theirs();
        peaks.theirs.push(peak);
        return ms;
      },
    );
    return { times, peaks, pauseMs: Math.max(...pauses) };
  } finally {
    await service.kill();
    await source.close();
  }
}

const most = (peaks: readonly (number | null)[]) =>
  peaks.includes(null) ? null : Math.max(...peaks.map(Number));

/** A parser of ours against one of others', which runs in a fresh process each time. */
async function againstParser(
  name: string,
  world: World,
  source: Pick<Source, 'path' | 'rows' | 'format'>,
  read: (parser: ReturnType<typeof startParserProcess>) => Promise<{ ms: number; rows: number }>,
) {
  const { times, peaks, pauseMs } = await measure(name, world, {
    ...source,
    async theirs() {
      const parser = startParserProcess();
      try {
        const { ms, rows } = await read(parser);
        if (rows < source.rows) throw new Error(`${name}: the other one found ${rows} rows`);
        return { ms, peak: await peakMB(parser.pid) };
      } finally {
        await parser.stop();
      }
    },
    close: () => Promise.resolve(),
  });
  return {
    ratio: times.theirs / times.ours,
    oursMs: times.ours,
    theirsMs: times.theirs,
    peakMB: most(peaks.ours),
    theirPeakMB: most(peaks.theirs),
    pauseMs,
  };
}

// The lists are spread on both sides, so that both make the same table.
const flattened = (path: string) => `
  select o.* exclude (customer, lines), o.customer.id as customer_id, o.customer.name as customer_name,
    o.customer.region as customer_region, l.sku, l.quantity, l.price, l.gift
  from (select * exclude (lines), unnest(lines) as l, lines from read_json('${path}', format = 'newline_delimited',
    columns = {id: 'INTEGER', ordered_at: 'TIMESTAMP', customer: 'STRUCT(id INTEGER, name VARCHAR, region VARCHAR)',
      paid: 'BOOLEAN', note: 'VARCHAR',
      lines: 'STRUCT(sku VARCHAR, quantity INTEGER, price DECIMAL(18, 2), gift BOOLEAN)[]'})) o`;

/** Paths of the row formats. */
export const formats: readonly BenchPath[] = [
  {
    name: 'json-nested',
    ratioOf: 'time / read_json of the same records as lines, lists spread',
    goal: { atMost: 1.45 },
    peakGoalMB: 400,
    async run(world) {
      const { nested, lines, rows } = await world.fixtures.orders();
      const engine = await world.newEngine();
      const { times, peaks, pauseMs } = await measure('json-nested', world, {
        path: nested,
        rows,
        format: { type: 'JSON', json: { dataTag: 'data.items', flatten: ['lines'] } },
        async theirs() {
          await engine.run('drop table if exists rows');
          await engine.run('checkpoint');
          await resetPeak(engine.pid);
          const ms = await engine.run(`create table rows as ${flattened(lines)}`);
          return { ms, peak: await peakMB(engine.pid) };
        },
        close: () => engine.stop(),
      });
      return {
        ratio: times.ours / times.theirs,
        oursMs: times.ours,
        theirsMs: times.theirs,
        peakMB: most(peaks.ours),
        theirPeakMB: most(peaks.theirs),
        pauseMs,
      };
    },
  },
  {
    name: 'xml',
    ratioOf: 'speed / saxes building objects',
    goal: { atLeast: 1.3 },
    peakGoalMB: 250,
    async run(world) {
      const { path, rows } = await world.fixtures.xml();
      const format = { type: 'XML', xml: { xpath: '/orders/order' } };
      return againstParser('xml', world, { path, rows, format }, (parser) =>
        parser.saxes(path, 'order'),
      );
    },
  },
  {
    name: 'xlsx',
    ratioOf: 'speed / @e965/xlsx, dense',
    goal: { atLeast: 5 },
    peakGoalMB: 200,
    pauseGoalMs: 50,
    async run(world) {
      const { path, rows } = await world.fixtures.workbook();
      const format = { type: 'XLSX' };
      return againstParser('xlsx', world, { path, rows, format }, (parser) => parser.xlsx(path));
    },
  },
];
