/** Names of the keys on the way to a value, lists left out; none: the value itself. */
export type JsonPath = readonly string[];

/**
 * Reads a path: "data.items", also "$.data.items", "data[*].items" and "/data/items" (RFC 6901).
 * @returns an empty path for "", "$" and "/"
 */
export function parsePath(text: string): JsonPath {
  const trimmed = text.trim();
  if (trimmed.startsWith('/'))
    return trimmed
      .slice(1)
      .split('/')
      .filter((name) => name !== '')
      .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'));
  return trimmed
    .replace(/^\$\.?/, '')
    .replace(/\[\*?\]/g, '')
    .split('.')
    .filter((name) => name !== '');
}

/** A key that leads on from a position of a path, and the position behind it. */
interface PathStep {
  readonly key: Buffer;
  readonly to: number;
}

/** A path made ready to be walked: positions count the names that have been passed. */
export class PathSteps {
  readonly length: number;
  private readonly steps: readonly (readonly PathStep[])[];

  /** A key may have dots itself: from each position every joined run of the names that follow is tried. */
  constructor(path: JsonPath) {
    this.length = path.length;
    this.steps = path.map((_, from) =>
      path.slice(from).map((__, more) => ({
        key: Buffer.from(path.slice(from, from + more + 1).join('.')),
        to: from + more + 1,
      })),
    );
  }

  /** The position behind a key, -1: the key leads elsewhere. */
  follow(position: number, bytes: Buffer, start: number, end: number): number {
    const steps = position < 0 ? undefined : this.steps[position];
    if (steps === undefined) return -1;
    for (const { key, to } of steps)
      if (key.length === end - start && key.compare(bytes, start, end) === 0) return to;
    return -1;
  }
}
