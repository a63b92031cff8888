import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { ObjectSummary } from '../aws/objects.js';
import type { Generation } from '../catalog/datasets.js';
import type { ManifestEntry, StoredReject } from '../catalog/manifest.js';
import type { ImportProgress } from '../catalog/runs.js';
import type { Column } from '../columns.js';
import { dropTables } from '../engine/tables.js';
import { AppError, isAppError } from '../errors.js';
import { assemble } from './assemble.js';
import { progressReport } from './import-progress.js';
import { loadObjects, type ReadJob } from './load-objects.js';
import { onlyAdds, planImport, recipeOf, type ImportPlan } from './plan.js';
import { ReadAnew, RowsBefore } from './rows-before.js';
import { selectObjects } from './select-objects.js';
import { markAbsent } from './table-columns.js';
import type { LoadedTable } from './table-load.js';

export type { ImportLimits } from './load-job.js';

/** One import of a dataset. The caller drops the tables it made when it fails: their names begin with `table`. */
export interface ImportJob extends Omit<ReadJob, 'before'> {
  readonly generation: string;
  /** The objects of the dataset's current generation. */
  readonly manifest: readonly ManifestEntry[];
  readonly onProgress: (progress: ImportProgress) => void;
}

/** What an import came to. */
export interface Imported {
  readonly progress: ImportProgress;
  /** Null: the table is what the objects are, and stays. */
  readonly next: NextGeneration | null;
}

/** A generation that nobody sees yet. */
export interface NextGeneration {
  readonly generation: Omit<Generation, 'rejectedCount'>;
  readonly manifest: readonly ManifestEntry[];
  readonly rejected: readonly StoredReject[];
  /** Objects whose rejected rows go; null: all. */
  readonly forgotten: readonly string[] | null;
}

/**
 * Reads the objects that are new to a dataset's table, and puts their rows beside those that stay.
 * @throws NO_OBJECTS and what selection, spool, formats and load throw; the dataset's current tables are never touched
 */
export async function importObjects(job: ImportJob): Promise<Imported> {
  const { definition, current } = job.dataset;
  const objects = await objectsOf(job);
  const basis = current ? { recipe: current.recipe, manifest: job.manifest } : undefined;
  const recipe = recipeOf(definition);
  const plan = planImport(definition.updateMode, objects, recipe, basis);
  if (plan.kind === 'nothing') {
    return { progress: progressReport([], job.onProgress).current(), next: null };
  }
  try {
    return await carryOut(job, recipe, objects, plan);
  } catch (error) {
    if (!(error instanceof ReadAnew)) throw error;
    await job.engine.session((session) => dropTables(session, job.table));
    const spoolDir = join(job.spoolDir, 'anew');
    await mkdir(spoolDir);
    return carryOut({ ...job, spoolDir }, recipe, objects, { kind: 'anew', read: objects });
  }
}

type Work = Exclude<ImportPlan<ObjectSummary>, { kind: 'nothing' }>;

async function carryOut(
  job: ImportJob,
  recipe: string,
  objects: readonly ObjectSummary[],
  plan: Work,
): Promise<Imported> {
  const { definition, current } = job.dataset;
  const sequence = (current?.sequence ?? 0) + 1;
  const { keep, gone } = plan.kind === 'change' ? plan : { keep: [], gone: job.manifest };
  const report = progressReport(plan.read, job.onProgress);
  const stays = (keep.length > 0 ? current : null) ?? undefined;
  const before =
    stays &&
    new RowsBefore(job.engine, stays, {
      mayCast: onlyAdds(definition.updateMode),
    });
  const loaded =
    plan.read.length > 0 ? await loadObjects({ ...job, before }, plan.read, report) : nothingRead;
  const keys = new Set([...objects, ...job.manifest].map(({ key }) => key));
  const rows = rowsByKey(loaded, keys);
  const table = loaded.columns.length > 0 ? job.table : null;
  let first = 0;
  const fresh = plan.read.map((object): ManifestEntry => {
    const entry = { ...object, rows: rows.get(object.key) ?? 0, table, first, loaded: sequence };
    first += entry.rows;
    return entry;
  });
  refuseNoGoodRow(first, loaded);
  const columns = table === null ? (stays?.columns ?? []) : loaded.columns;
  let made = 0;
  const assembled = await job.engine.session(async (session) => {
    const parts = await assemble(session, {
      definition,
      objects,
      columns,
      fresh,
      table,
      sequence,
      current: stays,
      keep,
      gone,
      newTable: () => `${job.table}_${++made}`,
      keyOf: (origin) => keyOf(origin, keys),
    });
    await dropTables(session, job.table, new Set(parts.segments.map(({ table }) => table)));
    return parts;
  });
  report.set({
    rowsAdded: assembled.added,
    rowsRemoved: plan.kind === 'anew' ? Number(current?.rowCount ?? 0n) : assembled.removed,
    rowsRejected: loaded.rejected.length,
    warnings: [
      ...loaded.warnings,
      ...changedObjects(job, plan),
      ...brokenColumns(current?.columns ?? [], columns),
    ],
  });
  const importedAt = new Date();
  return {
    progress: report.current(),
    next: {
      generation: {
        id: job.generation,
        sequence,
        segments: assembled.segments,
        recipe,
        columns: markAbsent(columns, {
          seen: loaded.seen,
          before: stays?.columns ?? [],
          at: importedAt,
        }),
        sources: table === null ? (stays?.sources ?? []) : loaded.sources,
        rowCount: BigInt(assembled.rows),
        fileCount: assembled.manifest.length,
        importedAt,
      },
      manifest: assembled.manifest,
      rejected: loaded.rejected.map((row) => ({ ...row, key: keyOf(row.file, keys) })),
      forgotten: plan.kind === 'anew' ? null : [...plan.gone, ...plan.read].map(({ key }) => key),
    },
  };
}

const nothingRead: LoadedTable = {
  columns: [],
  sources: [],
  seen: new Set(),
  files: [],
  rejected: [],
  warnings: [],
};

/** The selection's objects. What is only ever added to may be left without any. */
async function objectsOf(job: ImportJob): Promise<ObjectSummary[]> {
  const { current, definition } = job.dataset;
  try {
    return await selectObjects(job);
  } catch (error) {
    const empty = isAppError(error) && error.code === 'NO_OBJECTS';
    if (empty && current && onlyAdds(definition.updateMode)) return [];
    throw error;
  }
}

function rowsByKey({ files }: LoadedTable, keys: ReadonlySet<string>): Map<string, number> {
  const rows = new Map<string, number>();
  for (const { origin, rows: count } of files) {
    const key = keyOf(origin, keys);
    rows.set(key, (rows.get(key) ?? 0) + count);
  }
  return rows;
}

/** What clients that were written for the columns before will stumble over. */
function brokenColumns(before: readonly Column[], after: readonly Column[]): string[] {
  const now = new Map(after.map((column) => [column.name, column]));
  return before.flatMap(({ name, type }) => {
    const column = now.get(name);
    if (!column) return [`Column ${name} is gone: queries that name it will fail`];
    return column.type === type
      ? []
      : [`Column ${name} was ${type} and is ${column.type} now: its GraphQL type may be another`];
  });
}

function changedObjects({ dataset, manifest }: ImportJob, plan: Work): string[] {
  if (plan.kind === 'anew' || dataset.definition.updateMode !== 'APPEND') return [];
  const known = new Set(manifest.map(({ key }) => key));
  const again = plan.read.filter(({ key }) => known.has(key));
  const [first] = again;
  return first
    ? [
        `${again.length} objects were written again since they were read, the first is ${first.key}: APPEND added their rows once more; updateMode INCREMENTAL replaces them`,
      ]
    : [];
}

/** The object that a file came from: its origin is the object's key, or that and a member's name. */
function keyOf(origin: string, keys: ReadonlySet<string>): string {
  for (let end = origin.length; end > 0; end = origin.lastIndexOf('!', end - 1)) {
    const key = origin.slice(0, end);
    if (keys.has(key)) return key;
  }
  return origin;
}

// A wrong pattern or type rejects everything: that is no import with bad rows, it is a definition to mend.
function refuseNoGoodRow(rowCount: number, { rejected, warnings }: LoadedTable): void {
  const [first] = rejected;
  if (rowCount > 0 || !first) return;
  const { file, line, column, value, reason } = first;
  const place = `${file}${line === null ? '' : ` line ${line}`}${column === null ? '' : `, column ${column}`}`;
  const hint = warnings[0] === undefined ? '' : `. ${warnings[0]}`;
  throw new AppError(
    column === null ? 'MALFORMED_ROW' : 'INVALID_VALUE',
    `None of the ${rejected.length} rows is good; the first is ${place}: ${reason}${value === null ? '' : `, found ${JSON.stringify(value)}`}${hint}`,
    { details: { file, line, column, value, rejected: rejected.length } },
  );
}
