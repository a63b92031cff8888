import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectSummary } from '../aws/objects.js';
import type { Column } from '../columns.js';
import type { Dialect } from '../dialect.js';
import { compressionOf, magicBytes } from '../compression/index.js';
import { formatOf } from '../formats/index.js';
import { compileJson } from '../query/json.js';
import { ident, sql } from '../sql.js';
import { inflatedBytes } from './inflate.js';
import { takeIn, type IntakeOptions } from './intake.js';
import { withLoad, type LoadJob } from './load-job.js';
import { selectObjects } from './select-objects.js';

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

/** What a preview needs. Its table is gone when the preview is there. */
export interface PreviewJob extends LoadJob {
  readonly dialect: Dialect;
  readonly rows: number;
}

const previewObjects = 3;
const previewBytes = 2 ** 20;
const shownObjects = 100;
const enoughRows = 1000;

/**
 * Reads the first mebibyte of the first objects by the very code that imports whole ones.
 * @throws what an import would throw
 */
export async function previewObjectsOf(job: PreviewJob): Promise<Preview> {
  const objects = await selectObjects(job);
  const detected: Record<string, unknown> = {};
  const loaded = await withLoad(job, async (load, intake) => {
    const { session } = intake;
    const options: IntakeOptions = {
      ...intake,
      onRead(read) {
        intake.onRead(read);
        merge(detected, read.detected);
      },
      enough: enoughRows,
    };
    try {
      for (const [index, object] of objects.slice(0, previewObjects).entries()) {
        const path = join(job.spoolDir, String(index));
        const partial = await beginning(job, object, path);
        let files = 0;
        for await (const one of takeIn({ path, origin: object.key, partial }, options)) {
          if (one.kind === 'delimited') merge(detected, one.layout.detected);
          await load.take([one]);
          if (++files === previewObjects) break;
        }
      }
      const table = await load.finish();
      if (table.columns.length === 0) return { ...table, shown: [] };
      const query = {
        kind: 'rows' as const,
        from: { segments: [{ table: job.table }], columns: table.columns },
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
    detected,
    warnings: [...loaded.warnings, ...rejected],
  };
}

// What the first file showed counts.
function merge(into: Record<string, unknown>, more: Readonly<Record<string, unknown>>): void {
  for (const [option, value] of Object.entries(more)) into[option] ??= value;
}

/**
 * Writes the inflated beginning of an object; text of lines is cut behind its last whole line. What can be read only
 * as a whole is written as a whole.
 * @returns whether it is only the beginning
 */
async function beginning(job: PreviewJob, object: ObjectSummary, path: string): Promise<boolean> {
  const { format, selection } = job.dataset.definition;
  const { compression } = selection;
  const { kind, follows = false } = formatOf(format.type);
  const text = kind === 'delimited';
  const file = await open(path, 'w');
  let bytes = 0;
  try {
    let archive: boolean | undefined;
    for await (const chunk of inflatedBytes(job.bucket, object, { ...job, compression })) {
      archive ??= compressionOf(chunk.subarray(0, magicBytes))?.kind === 'archive';
      bytes += chunk.length;
      const enough = bytes > previewBytes && !archive && (text || follows);
      const end = enough && text ? chunk.lastIndexOf(0x0a) + 1 || chunk.length : chunk.length;
      await file.appendFile(chunk.subarray(0, end));
      if (enough) return true;
    }
    return false;
  } finally {
    await file.close();
  }
}
