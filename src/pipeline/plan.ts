import type { ManifestEntry } from '../catalog/manifest.js';
import type { DatasetDefinition, UpdateMode } from '../catalog/definition.js';

/** An object as a listing shows it. */
export interface ListedObject {
  readonly key: string;
  readonly etag: string;
}

/** What an import has to do. */
export type ImportPlan<O extends ListedObject> =
  /** The table is what the objects are. */
  | { readonly kind: 'nothing' }
  /** Read all objects; nothing of the table stays. */
  | { readonly kind: 'anew'; readonly read: readonly O[] }
  /** Read some objects; the rows of `keep` stay, those of `gone` do not. */
  | {
      readonly kind: 'change';
      readonly read: readonly O[];
      readonly keep: readonly ManifestEntry[];
      readonly gone: readonly ManifestEntry[];
    };

/** What is known of a dataset's current generation. */
export interface PlanBasis {
  readonly recipe: string;
  readonly manifest: readonly ManifestEntry[];
}

/** Says what has to be read, from what the objects are and what the table was made of. */
export function planImport<O extends ListedObject>(
  mode: UpdateMode,
  objects: readonly O[],
  recipe: string,
  current: PlanBasis | undefined,
): ImportPlan<O> {
  const anew = { kind: 'anew', read: objects } as const;
  if (!current) return anew;
  const listed = new Set(objects.map(versionOf));
  const known = new Set(current.manifest.map(versionOf));
  const read = objects.filter((object) => !known.has(versionOf(object)));
  // What was added stays, whatever became of its object and of the definition.
  if (onlyAdds(mode)) {
    return read.length === 0
      ? { kind: 'nothing' }
      : { kind: 'change', read, keep: current.manifest, gone: [] };
  }
  if (current.recipe !== recipe) return anew;
  const keep = current.manifest.filter((entry) => listed.has(versionOf(entry)));
  const gone = current.manifest.filter((entry) => !listed.has(versionOf(entry)));
  if (read.length === 0 && gone.length === 0) return { kind: 'nothing' };
  if (mode === 'REPLACE' || keep.length === 0) return anew;
  return { kind: 'change', read, keep, gone };
}

/** Rows stay when their objects are gone, so nothing can rely on reading those again. */
export function onlyAdds(mode: UpdateMode): boolean {
  return mode === 'APPEND' || mode === 'UPSERT';
}

/** An object that is written again is another object: another ETag. */
export function versionOf({ key, etag }: ListedObject): string {
  return `${etag}\n${key}`;
}

/** Whether rows carry their file's name, for people or because sorting takes them away from their neighbours. */
export function hasOrigins(definition: DatasetDefinition): boolean {
  const { addFileNameColumn, updateMode, sortBy } = definition;
  return addFileNameColumn || (updateMode === 'INCREMENTAL' && sortBy.length > 0);
}

/** A change of how files are read, which makes tables that were loaded before worth loading again. */
const readingVersion = 1;

/** What of a definition decides how objects become rows, as one text: all but what is left out here. */
export function recipeOf(definition: DatasetDefinition): string {
  const { compression, subfileName } = definition.selection;
  return JSON.stringify({
    ...definition,
    name: undefined,
    title: undefined,
    description: undefined,
    schedule: undefined,
    relations: undefined,
    expose: undefined,
    // Which objects there are is seen by the objects.
    selection: { compression, subfileName },
    readingVersion,
  });
}
