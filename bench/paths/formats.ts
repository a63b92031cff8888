import { importAgainstEngine, importInTurns, type Imported } from '../harness/import-rounds.js';
import { peakMB } from '../harness/memory.js';
import { startParserProcess, type ParserProcess } from '../harness/parser-process.js';
import type { BenchPath, Measured } from '../harness/path.js';
import type { World } from '../harness/world.js';

/*
 * Objects that are no table of text, from S3 to a table that can be queried. JSON against the engine's own reader over
 * the same records as lines, told all types; XML and workbooks against what reads them in JavaScript, from local files
 * into objects and no further.
 */

/** A parser of ours against one of others', which runs in a fresh process each time. The ratio is of the speeds. */
async function importAgainstParser(
  world: World,
  imported: Imported,
  read: (parser: ParserProcess) => Promise<{ ms: number; rows: number }>,
): Promise<Measured> {
  const measured = await importInTurns(world, imported, async () => {
    const parser = startParserProcess();
    try {
      const { ms, rows } = await read(parser);
      if (rows < imported.rows)
        throw new Error(`${imported.name}: the other one found ${rows} rows`);
      return { ms, peak: await peakMB(parser.pid) };
    } finally {
      await parser.stop();
    }
  });
  return { ratio: measured.theirsMs / measured.oursMs, ...measured };
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
      const format = { type: 'JSON', json: { dataTag: 'data.items', flatten: ['lines'] } };
      return importAgainstEngine(
        world,
        { name: 'json-nested', paths: [nested], rows, format, pauses: true },
        flattened(lines),
      );
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
      return importAgainstParser(
        world,
        { name: 'xml', paths: [path], rows, format, pauses: true },
        (parser) => parser.saxes(path, 'order'),
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
      return importAgainstParser(
        world,
        { name: 'xlsx', paths: [path], rows, format, pauses: true },
        (parser) => parser.xlsx(path),
      );
    },
  },
];
