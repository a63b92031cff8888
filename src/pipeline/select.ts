import type { ObjectSummary } from '../aws/objects.js';
import type { Selection } from '../catalog/definition.js';

/** The full key prefix of a selection: the connection's, then its own. */
export function keyPrefix(connectionPrefix: string, selection: Pick<Selection, 'prefix'>): string {
  return connectionPrefix + selection.prefix;
}

/** Whether a selection takes an object that lies below its prefix. Folder markers (keys that end in "/") never. */
export function selects(selection: Selection): (object: ObjectSummary) => boolean {
  const matches = nameMatcher(selection);
  const since =
    selection.modifiedSince === undefined ? undefined : new Date(selection.modifiedSince);
  return (object) =>
    !object.key.endsWith('/') &&
    matches(object.key.slice(object.key.lastIndexOf('/') + 1)) &&
    (since === undefined || object.lastModified >= since);
}

function nameMatcher({ fileName, fileNameMatch }: Selection): (name: string) => boolean {
  if (fileName === undefined || fileName === '') return () => true;
  switch (fileNameMatch) {
    case 'STARTS_WITH':
      return (name) => name.startsWith(fileName);
    case 'CONTAINS':
      return (name) => name.includes(fileName);
    case 'EXACT':
      return (name) => name === fileName;
    case 'GLOB': {
      const pattern = globPattern(fileName);
      return (name) => pattern.test(name);
    }
  }
}

// * any characters, ? one character, [abc] or [!a-z] one of a set; everything else stands for itself.
function globPattern(glob: string): RegExp {
  const parts = glob.match(/\[!?[^\]]+\]|[^]/gu) ?? [];
  const source = parts.map((part) => {
    if (part === '*') return '[^]*';
    if (part === '?') return '[^]';
    if (part.length > 1 && part.startsWith('[')) {
      const set = part.slice(1, -1).replace(/[\\^\]]/g, '\\$&');
      return set.startsWith('!') ? `[^${set.slice(1)}]` : `[${set}]`;
    }
    return part.replace(/[.+^${}()|[\]\\/]/g, '\\$&');
  });
  return new RegExp(`^${source.join('')}$`, 'u');
}
