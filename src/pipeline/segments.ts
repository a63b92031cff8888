import type { StoredSegment } from '../catalog/datasets.js';
import type { ManifestEntry } from '../catalog/manifest.js';
import type { Segment } from '../query/query.js';

/**
 * The column of a table with rows of several imports that says which brought a row, by its sequence. Nobody sees it, and no
 * column of a file can be called like it: those have GraphQL's names.
 */
export const loadedColumn = 'loaded by';

/** Where the rows of an object stand, and which import brought them. */
export type Place = Pick<ManifestEntry, 'table' | 'first' | 'rows' | 'loaded'>;

/** The rows of objects, in their order, as few segments as they can be. `sizes`: rows of each physical table. */
export function segmentsOf(
  places: readonly Place[],
  sizes: ReadonlyMap<string, number>,
): StoredSegment[] {
  const runs: { table: string; first: number; rows: number; imports: Set<number> }[] = [];
  for (const { table, first, rows, loaded } of places) {
    if (table === null || rows === 0) continue;
    const last = runs.at(-1);
    if (last?.table === table && last.first + last.rows === first) {
      last.rows += rows;
      last.imports.add(loaded);
    } else runs.push({ table, first, rows, imports: new Set([loaded]) });
  }
  return runs.map(({ table, first, rows, imports }) => {
    const [loaded] = imports.size === 1 ? imports : [];
    return {
      table,
      ...(first === 0 && rows === sizes.get(table) ? {} : { range: { first, rows } }),
      ...(loaded === undefined ? {} : { loaded }),
    };
  });
}

/** A read over more segments than that gets noticeably slower. */
export const mostSegments = 8;
// Merging down to fewer leaves room for some more imports before the next time.
const fewSegments = 4;

/**
 * The neighbours whose rows are to be copied into one table, so that there are few segments and little is copied: old
 * large tables stay where they are. Undefined: there are few enough.
 */
export function segmentsToMerge(
  rows: readonly number[],
): { readonly from: number; readonly to: number } | undefined {
  if (rows.length <= mostSegments) return undefined;
  const width = rows.length - fewSegments + 1;
  let best = 0;
  let least = Infinity;
  for (let from = 0; from + width <= rows.length; from++) {
    const copied = rows.slice(from, from + width).reduce((sum, count) => sum + count, 0);
    if (copied < least) {
      least = copied;
      best = from;
    }
  }
  return { from: best, to: best + width };
}

/** Tables of which less than half is still read: copying what is left gives their space back. */
export function wastedTables(
  segments: readonly Segment[],
  sizes: ReadonlyMap<string, number>,
): Set<string> {
  const read = new Map<string, number>();
  for (const { table, range } of segments) {
    const rows = range?.rows ?? sizes.get(table) ?? 0;
    read.set(table, (read.get(table) ?? 0) + rows);
  }
  return new Set(
    [...read].filter(([table, rows]) => rows * 2 < (sizes.get(table) ?? 0)).map(([table]) => table),
  );
}
