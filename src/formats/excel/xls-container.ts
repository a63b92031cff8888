/*
 * The compound file that holds an XLS workbook ([MS-CFB]): a file system in sectors, with chains in a table. Only what
 * is needed to find and check one stream.
 */

const directoryEntry = 128;
const endOfChain = 0xfffffffe;
/** Streams below this size lie in the small sectors of a stream of their own. */
const smallStream = 4096;

/** A stream of the file: its name and its bytes. */
export interface ContainerStream {
  readonly name: string;
  /** @throws RangeError for a broken chain */
  read(): Buffer;
}

/** The streams of a compound file. @throws RangeError that says what is broken */
export function streamsOf(file: Buffer): readonly ContainerStream[] {
  if (file.length < 512) throw new RangeError('its header is cut');
  const shift = file.readUInt16LE(30);
  if (file.readUInt16LE(28) !== 0xfffe || (shift !== 9 && shift !== 12))
    throw new RangeError('its header is damaged');
  const sectorSize = 2 ** shift;
  const sector = (index: number): Buffer => {
    const start = (index + 1) * sectorSize;
    if (start >= file.length) throw new RangeError(`sector ${index} is behind its end`);
    return file.subarray(start, start + sectorSize);
  };
  const table = sectorTable(file, sectorSize, sector);
  const chain = (first: number) => follow(table, first, sector);

  const directory = chain(file.readUInt32LE(48));
  const entries = Array.from({ length: Math.floor(directory.length / directoryEntry) }, (_, n) =>
    entryOf(directory.subarray(n * directoryEntry, (n + 1) * directoryEntry)),
  );
  const root = entries[0];
  if (root?.type !== 5) throw new RangeError('its directory has no root');
  return entries
    .filter(({ type }) => type === 2)
    .map(({ name, first, size }) => ({
      name,
      read: () => {
        if (size > file.length) throw new RangeError(`the stream ${name} is larger than the file`);
        let bytes: Buffer;
        if (size >= smallStream) bytes = chain(first);
        else {
          const small = chain(root.first);
          const links = words(chain(file.readUInt32LE(60)));
          bytes = follow(links, first, (index) => small.subarray(index * 64, index * 64 + 64));
        }
        if (bytes.length < size) throw new RangeError(`the stream ${name} is cut`);
        return bytes.subarray(0, size);
      },
    }));
}

/** Which sector follows on each; the table lies in sectors too, which the header and further sectors list. */
function sectorTable(
  file: Buffer,
  sectorSize: number,
  sector: (index: number) => Buffer,
): Uint32Array {
  const count = file.readUInt32LE(44);
  if (count * sectorSize > file.length) throw new RangeError('its table of sectors is damaged');
  const places = [...words(file.subarray(76, 512))];
  let next = file.readUInt32LE(68);
  while (places.length < count && next < endOfChain) {
    const more = words(sector(next));
    places.push(...more.subarray(0, -1));
    next = more.at(-1) ?? endOfChain;
  }
  if (places.length < count) throw new RangeError('its table of sectors is cut');
  return words(Buffer.concat(places.slice(0, count).map(sector)));
}

function follow(table: Uint32Array, first: number, read: (index: number) => Buffer): Buffer {
  const pieces: Buffer[] = [];
  for (let index = first; index !== endOfChain; index = table[index]!) {
    if (index >= table.length || pieces.length > table.length)
      throw new RangeError('a chain of its sectors leads nowhere');
    pieces.push(read(index));
  }
  return Buffer.concat(pieces);
}

function words(bytes: Buffer): Uint32Array {
  return Uint32Array.from({ length: bytes.length >> 2 }, (_, n) => bytes.readUInt32LE(4 * n));
}

function entryOf(bytes: Buffer) {
  const length = Math.min(64, bytes.readUInt16LE(64));
  return {
    name: bytes.toString('utf16le', 0, Math.max(0, length - 2)),
    type: bytes[66],
    first: bytes.readUInt32LE(116),
    size: bytes.readUInt32LE(120),
  };
}
