import type { Session } from '../engine/engine.js';
import { profile, type ProfileOptions } from '../engine/profile.js';
import { mergeProfiles, type TextProfile } from '../inference.js';
import type { TextRelation } from '../relation.js';
import { columnKey, columnsOf, type FoundColumn } from './columns.js';

/** Says for each of the columns, by its key, what its texts are in all relations that have it. */
export async function profileTexts(
  session: Session,
  relations: readonly TextRelation[],
  columns: readonly FoundColumn[],
  options: ProfileOptions,
): Promise<Map<string, TextProfile>> {
  const wanted = new Set(columns.map(columnKey));
  const profiles = new Map<string, TextProfile>();
  for (const relation of relations) {
    const looked = columnsOf(relation.headers)
      .map((column, position) => ({ key: columnKey(column), position }))
      .filter(({ key }) => wanted.has(key));
    const positions = looked.map(({ position }) => position);
    const found = await profile(session, relation, positions, options);
    for (const [index, { key }] of looked.entries()) {
      const one = found[index];
      const before = profiles.get(key);
      if (one) profiles.set(key, before ? mergeProfiles(before, one) : one);
    }
  }
  return profiles;
}
