import type { ParquetFile, ParquetRelation } from '../../relation.js';
import type { Session } from '../engine.js';
import type { LoadOptions, LoadResult, LoadTarget } from '../load-target.js';
import type { NativeColumn } from './columns.js';
import { GroupLoad, type Group } from './group-load.js';
import { Rejects } from '../rejects.js';
import { engineTypes, nativesOf } from './source.js';

/**
 * Appends the rows of Parquet files in their order; columns are found by their source and occurrence, and what a file
 * lacks is NULL. Call it outside of a transaction. After an error the table may hold the rows of some files: drop it.
 *
 * @throws TypeTooNarrow when a type that was not declared does not hold a value
 * @throws INVALID_VALUE for the first bad row when `badRows` is FAIL, TOO_MANY_REJECTED_ROWS
 * @throws MALFORMED_FILE, INVALID_ENCODING, UNSUPPORTED
 */
export async function appendParquet(
  session: Session,
  target: LoadTarget,
  relation: ParquetRelation,
  options: LoadOptions,
): Promise<LoadResult> {
  const rejects = new Rejects(options);
  const counts = new Map<ParquetFile, number>();
  for (const group of await groupsOf(session, relation.files, options)) {
    const load = new GroupLoad(session, target, relation, group, rejects, options);
    for (const [file, rows] of await load.run()) counts.set(file, rows);
  }
  const files = relation.files.map((file) => ({
    origin: file.origin,
    rows: counts.get(file) ?? 0,
  }));
  return {
    rows: files.reduce((sum, { rows }) => sum + rows, 0),
    files,
    rejected: rejects.inOrderOf(relation.files),
    shortRows: 0,
  };
}

async function groupsOf(
  session: Session,
  files: readonly ParquetFile[],
  options: LoadOptions,
): Promise<Group[]> {
  const groups: { shape: string; files: ParquetFile[]; natives: NativeColumn[] }[] = [];
  for (const file of files) {
    const types = await engineTypes(session, file, options);
    const shape = JSON.stringify([types, file.fields]);
    const last = groups.at(-1);
    if (last?.shape === shape) last.files.push(file);
    else groups.push({ shape, files: [file], natives: nativesOf(types, file) });
  }
  return groups;
}
