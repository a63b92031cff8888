import type { Generation } from '../catalog/datasets.js';
import type { Session } from '../engine/engine.js';
import type { Segment, Source } from '../query/query.js';
import { sql } from '../sql.js';
import { loadedColumn } from './segments.js';
import { storedRows } from './stored-rows.js';

/**
 * The rows that came with imports after the one of a sequence and are in a generation still, in their order there. Below 0:
 * all rows, also those from before imports were counted.
 *
 * What a generation says of its own segments is all that is looked at, and its tables never change, so for a generation that is
 * leased the answer is right whatever is imported meanwhile. Where rows came with one import each segment is taken whole or not
 * at all; tables with rows of several imports say it in a column of theirs.
 *
 * @param dataset With the generation that the caller leases: `{ current: lease.generation }`
 * @returns undefined when there are none
 */
export async function newRows(
  session: Session,
  dataset: { readonly current: Pick<Generation, 'sequence' | 'segments' | 'columns'> | null },
  since: number,
): Promise<Source | undefined> {
  const { current } = dataset;
  if (!current || current.sequence <= since) return undefined;
  const segments: Segment[] = [];
  for (const { loaded, ...segment } of current.segments) {
    if (since < 0) segments.push(segment);
    else if (loaded !== undefined) {
      if (loaded > since) segments.push(segment);
    } else {
      const some = { ...segment, above: { column: loadedColumn, number: since } };
      if (await hasRows(session, some)) segments.push(some);
    }
  }
  return segments.length === 0 ? undefined : { segments, columns: current.columns };
}

async function hasRows(session: Session, segment: Segment): Promise<boolean> {
  const stored = await storedRows(session, segment);
  // Nobody asked which import brought what when it was made.
  if (!stored.column(loadedColumn)) return false;
  return (await session.rows(sql`select 1 from ${stored.from} limit 1`)).length > 0;
}
