import { stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bucket, ObjectSummary } from '../aws/objects.js';
import type { Dataset } from '../catalog/datasets.js';
import type { Column } from '../columns.js';
import type { Dialect } from '../dialect.js';
import type { Engine } from '../engine/engine.js';
import { compileJson } from '../query/json.js';
import { ident, sql } from '../sql.js';
import { describe, selectObjects, type ImportLimits } from './import.js';
import { inflatedBytes } from './inflate.js';
import { TableLoad, type DescribedFile } from './table-load.js';

/** What an import would find, from the beginning of the first objects. Nothing is stored. */
export interface Preview {
  readonly objects: readonly ObjectSummary[];
  readonly objectCount: number;
  readonly totalBytes: bigint;
  readonly columns: readonly Column[];
  readonly rows: readonly unknown[];
  readonly detected: Readonly<Record<string, unknown>>;
  readonly warnings: readonly string[];
}

/** What a preview needs. */
export interface PreviewJob {
  readonly dataset: Dataset;
  readonly bucket: Bucket;
  readonly connectionPrefix: string;
  readonly engine: Engine;
  readonly dialect: Dialect;
  /** An empty folder. The caller removes it. */
  readonly spoolDir: string;
  /** Name for a table that is gone when the preview is there. */
  readonly table: string;
  readonly rows: number;
  readonly limits: ImportLimits;
  readonly signal: AbortSignal;
}

const previewObjects = 3;
const previewBytes = 2 ** 20;
const shownObjects = 100;

/**
 * Reads the first mebibyte of the first objects by the very code that imports whole ones.
 * @throws what an import would throw
 */
export async function previewObjectsOf(job: PreviewJob): Promise<Preview> {
  const { definition } = job.dataset;
  const objects = await selectObjects(job);
  const described: DescribedFile[] = [];
  for (const [index, object] of objects.slice(0, previewObjects).entries()) {
    const path = join(job.spoolDir, String(index));
    await beginning(job, object, path);
    const { size } = await stat(path);
    described.push(await describe({ path, bytes: size, object }, definition.format));
  }
  const loaded = await job.engine.session(async (session) => {
    const load = new TableLoad(session, { ...job, definition, spoolDirectory: job.spoolDir });
    try {
      await load.take(described);
      const table = await load.finish();
      if (table.columns.length === 0) return { ...table, shown: [] };
      const query = {
        kind: 'rows' as const,
        from: { table: job.table, columns: table.columns },
        columns: table.columns.map(({ name }) => name),
        orderBy: [],
        limit: job.rows,
      };
      const members = query.columns.map((column) => ({
        key: column,
        value: { kind: 'column' as const, column },
      }));
      const blocks = await session.rows(
        compileJson(query, [{ kind: 'object', members }], job.dialect),
        { signal: job.signal },
      );
      const text = blocks
        .map((block) => Buffer.from(block.json0 as Uint8Array).toString())
        .join(',');
      return { ...table, shown: JSON.parse(`[${text}]`) as unknown[] };
    } finally {
      await session.run(sql`drop table if exists ${ident(job.table)}`);
    }
  });
  const rejected = loaded.rejected
    .slice(0, 10)
    .map(({ file, line, reason }) => `${file}${line === null ? '' : ` line ${line}`}: ${reason}`);
  return {
    objects: objects.slice(0, shownObjects),
    objectCount: objects.length,
    totalBytes: objects.reduce((sum, object) => sum + BigInt(object.size), 0n),
    columns: loaded.columns,
    rows: loaded.shown,
    detected: described.find(({ layout }) => layout !== undefined)?.layout?.detected ?? {},
    warnings: [...loaded.warnings, ...rejected],
  };
}

// Writes the inflated beginning of an object, cut behind its last whole line.
async function beginning(job: PreviewJob, object: ObjectSummary, path: string): Promise<void> {
  const { compression } = job.dataset.definition.selection;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of inflatedBytes(job.bucket, object, { ...job, compression })) {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > previewBytes) break;
  }
  const all = Buffer.concat(chunks);
  const end = bytes > previewBytes ? all.lastIndexOf(0x0a) + 1 || all.length : all.length;
  await writeFile(path, all.subarray(0, end));
}
