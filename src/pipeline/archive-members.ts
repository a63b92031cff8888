import { streamExtensions } from '../compression/index.js';
import { fileTypes, formatOf, type FileType } from '../formats/index.js';

/** Where a file stands in an archive. */
export interface MemberPlace {
  /** Its path in the archive, or in the archive within it. */
  readonly name: string;
  /** The path of the archive within the archive. */
  readonly within?: string;
}

/** Which members are wanted. */
export interface MemberChoice {
  readonly fileType: FileType;
  /** Part of a member's path. */
  readonly subfileName?: string;
}

// What operating systems leave in archives and nobody put there.
const litter = new Set(['thumbs.db', 'desktop.ini', '__macosx']);

/** False for folders, hidden files and what operating systems leave behind. */
export function isShown(name: string): boolean {
  if (name === '' || name.endsWith('/')) return false;
  // Segments that go up are only text here, and hide nothing.
  return name
    .split('/')
    .every(
      (segment) =>
        segment === '..' ||
        segment === '.' ||
        !(segment.startsWith('.') || litter.has(segment.toLowerCase())),
    );
}

/** True for a member that is an archive itself, going by its name. */
export function isInnerArchive(name: string): boolean {
  return name.toLowerCase().endsWith('.zip');
}

/**
 * The members that are to be read, in the order they were in: those whose path has `subfileName` in it, or else those
 * of the file type. Where an inner archive's own path has it, and none of its members', its members of the type.
 */
export function chooseMembers<T extends MemberPlace>(
  places: readonly T[],
  choice: MemberChoice,
): T[] {
  const { fileType, subfileName } = choice;
  if (subfileName === undefined || subfileName === '') return ofType(places, fileType);
  const named = places.filter(({ name }) => name.includes(subfileName));
  const having = new Set(named.map(({ within }) => within));
  const inNamed = places.filter(
    ({ within }) => within?.includes(subfileName) === true && !having.has(within),
  );
  const chosen = new Set([...named, ...ofType(inNamed, fileType)]);
  return places.filter((place) => chosen.has(place));
}

// By the ending of the name: the type's own; else, of text, that of another kind of text; else one that says nothing.
function ofType<T extends MemberPlace>(places: readonly T[], fileType: FileType): T[] {
  const { kind, extensions } = formatOf(fileType);
  const withAny = (endings: readonly string[]) =>
    places.filter(({ name }) => endings.some((ending) => plainName(name).endsWith(ending)));
  const own = withAny(extensions);
  if (own.length > 0) return own;
  const related =
    kind === 'delimited' ? withAny(extensionsOf(({ kind }) => kind === 'delimited')) : [];
  if (related.length > 0) return related;
  return withAny(extensionsOf(() => true)).length > 0 ? [] : [...places];
}

function extensionsOf(wanted: (format: (typeof fileTypes)[number]) => boolean): string[] {
  return fileTypes.filter(wanted).flatMap(({ extensions }) => [...extensions]);
}

// Without .gz or .zst, in lower case.
function plainName(name: string): string {
  const lower = name.toLowerCase();
  const ending = streamExtensions.find((extension) => lower.endsWith(extension));
  return ending === undefined ? lower : lower.slice(0, -ending.length);
}
