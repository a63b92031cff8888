/** JSON text as bytes, made by the engine and sent as it is: never parsed, never built from JavaScript values. */
export class RawJson {
  constructor(readonly chunks: readonly Uint8Array[]) {}

  /** How long the text is. */
  get bytes(): number {
    return this.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  }

  /** JSON.stringify would write the bytes as an object of numbers, so it is stopped: {@link splice} writes them. */
  toJSON(): never {
    throw new TypeError('RawJson is written by splice, not by JSON.stringify');
  }
}

/**
 * The bytes of a response: what JSON.stringify would write, with the text of every {@link RawJson} in its place. Values
 * are told apart by what they are, not by a mark in the text, so no string of a client can pass for an answer.
 */
export function splice(result: unknown): Uint8Array[] {
  const carriers = new Set<object>();
  markCarriers(result, carriers);
  const writer = chunkWriter();
  write(result, carriers, writer);
  return writer.chunks();
}

/** Gathers text and bytes in order; short texts go out together. */
export interface ChunkWriter {
  text(piece: string): void;
  bytes(chunk: Uint8Array): void;
  chunks(): Uint8Array[];
}

/** An empty writer. */
export function chunkWriter(): ChunkWriter {
  const chunks: Uint8Array[] = [];
  let pending = '';
  const flush = (): void => {
    if (pending !== '') chunks.push(Buffer.from(pending));
    pending = '';
  };
  return {
    text(piece) {
      pending += piece;
    },
    bytes(chunk) {
      flush();
      chunks.push(chunk);
    },
    chunks() {
      flush();
      return chunks;
    },
  };
}

/** Finds the objects and lists that hold a RawJson somewhere; all others are left to JSON.stringify whole. */
function markCarriers(value: unknown, carriers: Set<object>): boolean {
  if (value instanceof RawJson) return true;
  if (!isPlain(value)) return false;
  let found = false;
  for (const member of Object.values(value)) {
    if (markCarriers(member, carriers)) found = true;
  }
  if (found) carriers.add(value);
  return found;
}

function write(value: unknown, carriers: ReadonlySet<object>, writer: ChunkWriter): void {
  if (value instanceof RawJson) {
    for (const chunk of value.chunks) writer.bytes(chunk);
  } else if (typeof value !== 'object' || value === null || !carriers.has(value)) {
    // undefined comes here from lists only, where JSON.stringify writes null.
    const text: string | undefined = JSON.stringify(value);
    writer.text(text ?? 'null');
  } else if (Array.isArray(value)) {
    value.forEach((item, index) => {
      writer.text(index === 0 ? '[' : ',');
      write(item, carriers, writer);
    });
    writer.text(']');
  } else {
    let separator = '{';
    for (const [key, member] of Object.entries(value)) {
      if (member === undefined || typeof member === 'function' || typeof member === 'symbol') {
        continue;
      }
      writer.text(`${separator}${JSON.stringify(key)}:`);
      write(member, carriers, writer);
      separator = ',';
    }
    writer.text('}');
  }
}

function isPlain(value: unknown): value is object {
  return (
    typeof value === 'object' &&
    value !== null &&
    !(value instanceof Uint8Array) &&
    !('toJSON' in value)
  );
}
