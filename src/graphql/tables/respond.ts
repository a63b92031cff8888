import type { Dialect } from '../../dialect.js';
import type { Row } from '../../engine/engine.js';
import { compile } from '../../query/compile.js';
import { compileJson } from '../../query/json.js';
import { refusedQuery } from '../../query/refused.js';
import type { Sql } from '../../sql.js';
import type { Facts, Plan, Template } from './plan.js';
import { chunkWriter, RawJson, type ChunkWriter } from './raw-json.js';
import type { TableContext, TableReader, TableSnapshot } from './reader.js';

/** Runs a plan on one snapshot of a dataset's table. @returns null if it asks for a single row and there is none */
export async function respond(
  reader: TableReader,
  dataset: string,
  plan: Plan,
  { signal, reads }: Pick<TableContext, 'signal' | 'reads'> = {},
): Promise<RawJson | null> {
  const others = plan.related.filter((name) => name !== dataset);
  return reader.read(
    [dataset, ...others],
    async (snapshot) => {
      const { dialect } = reader;
      if (reads) note(snapshot, reads);
      const run = runner(snapshot, dialect, signal);
      const blocks = await blocksOf(plan, snapshot, dialect, run);
      const total = await totalOf(plan, snapshot, dialect, run, blocks);
      const facts = factsOf(snapshot, blocks, total);
      if (plan.template.kind === 'single' && facts.rowCount === 0) return null;
      const writer = chunkWriter();
      fill(plan.template, blocks, facts, writer);
      return new RawJson(writer.chunks());
    },
    signal,
  );
}

/** Of two fields, one may have read a dataset before it changed and one after: then the answer is of no version. */
function note({ reads }: TableSnapshot, noted: Map<string, string>): void {
  for (const { dataset, version } of reads) {
    const before = noted.get(dataset) ?? version;
    noted.set(dataset, before === version ? version : 'several');
  }
}

type Run = (statement: Sql) => Promise<Row[]>;

function runner(snapshot: TableSnapshot, dialect: Dialect, signal: AbortSignal | undefined): Run {
  return async (statement) => {
    try {
      // A generation never changes.
      return await snapshot.session.rows(statement, { signal, keepPlan: true });
    } catch (error) {
      throw refusedQuery(error, dialect);
    }
  };
}

async function blocksOf(
  plan: Plan,
  snapshot: TableSnapshot,
  dialect: Dialect,
  run: Run,
): Promise<readonly Row[]> {
  if (!plan.query) return [];
  const { shapes, cursors, probe, total } = plan;
  return run(
    compileJson(plan.query(snapshot), shapes, dialect, {
      ...(cursors && { cursors: { generation: snapshot.generation } }),
      probe,
      total,
    }),
  );
}

async function totalOf(
  plan: Plan,
  snapshot: TableSnapshot,
  dialect: Dialect,
  run: Run,
  blocks: readonly Row[],
): Promise<bigint> {
  const counted = plan.count ? await run(compile(plan.count(snapshot), dialect)) : blocks;
  return (counted[0]?.total as bigint | null | undefined) ?? 0n;
}

function factsOf({ freshness }: TableSnapshot, blocks: readonly Row[], total: bigint): Facts {
  const first = blocks[0];
  const last = blocks.at(-1);
  return {
    freshness,
    rowCount: blocks.reduce((sum, block) => sum + Number(block.rows), 0),
    hasMore: blocks.some((block) => block.has_more === true),
    firstCursor: (first?.first_cursor as string | null | undefined) ?? null,
    lastCursor: (last?.last_cursor as string | null | undefined) ?? null,
    total,
  };
}

function fill(template: Template, blocks: readonly Row[], facts: Facts, writer: ChunkWriter): void {
  switch (template.kind) {
    case 'object':
      template.members.forEach(({ key, value }, index) => {
        writer.text(`${index === 0 ? '{' : ','}${JSON.stringify(key)}:`);
        fill(value, blocks, facts, writer);
      });
      writer.text(template.members.length === 0 ? '{}' : '}');
      break;
    case 'fact':
      writer.text(JSON.stringify(template.of(facts)));
      break;
    case 'single':
      rowsText(template.shape, blocks, writer);
      break;
    case 'list':
      writer.text('[');
      rowsText(template.shape, blocks, writer);
      writer.text(']');
      break;
  }
}

function rowsText(shape: number, blocks: readonly Row[], writer: ChunkWriter): void {
  let first = true;
  for (const block of blocks) {
    if (Number(block.rows) === 0) continue;
    if (!first) writer.text(',');
    writer.bytes(block[`json${shape}`] as Uint8Array);
    first = false;
  }
}
