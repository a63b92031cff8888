/** How the values of a JSON file lie in it. */
export type JsonShape = 'array' | 'document' | 'lines' | 'concatenated';

/** What has been told of the shape by the beginning of a file. */
export interface SeenShape {
  readonly shape: JsonShape;
  /** The first value does not end in what was seen: what follows it can still make a document lines or values in a row. */
  readonly open: boolean;
}

/** As much of a file's beginning is looked at. */
export const shapeSampleBytes = 64 * 1024;

const valueStart = Buffer.from('"-0123456789tfn');

/**
 * The shape of a file by its beginning: where the first value ends and what follows it. Brackets and strings are
 * followed, nothing else is checked, so that a first line that is wrong does not hide that there are lines.
 * @param whole the file ends with `start`
 * @returns undefined when more must be seen
 */
export function detectShape(start: Buffer, whole: boolean): SeenShape | undefined {
  const first = skip(start, 0);
  const byte = start[first];
  if (byte === undefined) return whole ? { shape: 'document', open: false } : undefined;
  const array = byte === 0x5b;
  const alone: SeenShape = { shape: array ? 'array' : 'document', open: false };
  if (start.subarray(0, first).includes(0x1e)) return { shape: 'concatenated', open: false };
  const end = endOfValue(start, first);
  if (end === -1) {
    if (whole) return alone;
    return start.length < shapeSampleBytes ? undefined : { ...alone, open: !array };
  }
  const next = skip(start, end);
  const follower = start[next];
  if (follower === undefined) {
    if (whole) return alone;
    // Blanks behind a value that fill the sample: an array is what it looks like, an object may be anything.
    return start.length < shapeSampleBytes ? undefined : { ...alone, open: !array };
  }
  const oneLine = !start.subarray(first, end).includes(0x0a);
  if (oneLine && start.subarray(end, next).includes(0x0a)) return { shape: 'lines', open: false };
  // Values in a row on one line are of one kind, and lists among them pages of objects: `{"a":1} "x"` and `[][]` are
  // mistakes, and not more values.
  const glued = !start.subarray(end, next).includes(0x0a);
  const page = !array || start[skip(start, first + 1)] === 0x7b;
  if (glued && !(page && kindOf(byte) === kindOf(follower))) return alone;
  return kindOf(follower) === 0 ? alone : { shape: 'concatenated', open: false };
}

/** What kind of value begins with a byte: a list "[", an object "{", anything else "0", by their codes; 0: none. */
export function kindOf(byte: number): number {
  if (byte === 0x7b || byte === 0x5b) return byte;
  return valueStart.includes(byte) ? 0x30 : 0;
}

/** Where the next byte stands that is neither white space nor a record separator. */
function skip(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && bytes[at]! <= 0x20 && isBlank(bytes[at]!)) at++;
  return at;
}

function isBlank(byte: number): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0x1e;
}

/** Where the value that begins at `from` ends; -1: not in these bytes. */
function endOfValue(bytes: Buffer, from: number): number {
  let depth = 0;
  for (let at = from; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === 0x22) {
      at = endOfString(bytes, at + 1);
      if (at === -1) return -1;
      if (depth === 0) return at + 1;
    } else if (byte === 0x7b || byte === 0x5b) depth++;
    else if (byte === 0x7d || byte === 0x5d) {
      if (--depth <= 0) return at + 1;
    } else if (depth === 0 && (isBlank(byte) || byte === 0x2c)) return at;
  }
  return -1;
}

function endOfString(bytes: Buffer, from: number): number {
  for (let at = from; at < bytes.length; at++) {
    if (bytes[at] === 0x5c) at++;
    else if (bytes[at] === 0x22) return at;
  }
  return -1;
}
