import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { crc32, createInflateRaw } from 'node:zlib';
import { isAppError, messageOf } from '../errors.js';
import {
  corrupt,
  encrypted,
  headerBytes,
  overlapping,
  readAt,
  readDirectory,
  signatures,
  type ZipContext,
  type ZipMember,
} from './directory.js';

export { tooManyMembers, type ZipContext, type ZipMember } from './directory.js';

/** An archive on the disk. */
export interface ZipArchive {
  /** In the order of the archive's directory; folders among them. */
  readonly members: readonly ZipMember[];
  /**
   * A member's bytes, inflated. It ends with an error when they are not the ones that the directory speaks of.
   * @throws CORRUPT_COMPRESSION (MALFORMED_FILE for a workbook), ENCRYPTED_FILE, also from the stream
   */
  open(member: ZipMember): Promise<Readable>;
  /** The same, piece by piece; no piece is written to afterwards. */
  read(member: ZipMember): AsyncGenerator<Buffer, void>;
  close(): Promise<void>;
}

// APPNOTE 4.4.5, for the message.
const methods: Readonly<Record<number, string>> = {
  1: 'shrink',
  6: 'implode',
  9: 'deflate64',
  12: 'bzip2',
  14: 'LZMA',
  93: 'zstd',
  95: 'xz',
  98: 'PPMd',
};
const stored = 0;
const deflated = 8;
const aes = 99;

/** Bytes of a piece, read and inflated. */
const readBytes = 2 ** 17;
const pieceBytes = 2 ** 16;

/**
 * Opens an archive and reads its directory.
 * @param origin its name in errors: object key, or key!member
 * @throws CORRUPT_COMPRESSION (MALFORMED_FILE for a workbook), ENCRYPTED_FILE, TOO_MANY_MEMBERS
 */
export async function openZip(
  path: string,
  origin: string,
  options: Omit<ZipContext, 'origin'>,
): Promise<ZipArchive> {
  const file = await open(path);
  const context = { ...options, origin };
  try {
    const { size } = await file.stat();
    const members = await readDirectory(file, size, context);
    const read = async function* (member: ZipMember) {
      yield* content(path, context, member, await contentStart(file, context, member));
    };
    return {
      members,
      open: async (member) => {
        const start = await contentStart(file, context, member);
        return Readable.from(content(path, context, member, start), { objectMode: false });
      },
      read,
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function contentStart(
  file: FileHandle,
  context: ZipContext,
  member: ZipMember,
): Promise<number> {
  const header = await readAt(file, member.start, headerBytes, context);
  if (header.readUInt32LE() !== signatures.header) {
    throw corrupt(context, `there is no member ${member.name} where the directory says`);
  }
  const flags = member.flags | header.readUInt16LE(6);
  if (flags & 1 || member.method === aes) throw encrypted(context, `Member ${member.name}`);
  if (member.method !== stored && member.method !== deflated) {
    const method = methods[member.method];
    throw corrupt(
      context,
      `member ${member.name} is compressed with method ${member.method}${method ? ` (${method})` : ''}, and only deflate (8) and stored (0) are read`,
    );
  }
  const start = member.start + headerBytes + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (start + member.compressedSize > member.end) throw overlapping(context, member);
  return start;
}

async function* content(
  path: string,
  context: ZipContext,
  member: ZipMember,
  start: number,
): AsyncGenerator<Buffer, void> {
  const wrong = (what: string, cause?: unknown) =>
    corrupt(context, `member ${member.name} ${what}`, cause);
  let size = 0;
  let crc = 0;
  try {
    for await (const piece of pieces(path, start, member)) {
      size += piece.length;
      if (size > member.size) throw wrong(`is larger than the ${member.size} bytes it should have`);
      crc = crc32(piece, crc);
      yield piece;
    }
  } catch (error) {
    if (isAppError(error) || !isBroken(error)) throw error;
    throw wrong(`is damaged (${messageOf(error)})`, error);
  }
  if (size < member.size) throw wrong(`has ${size} of the ${member.size} bytes it should have`);
  if (crc !== member.crc) throw wrong('does not match its checksum');
}

async function* pieces(
  path: string,
  start: number,
  member: ZipMember,
): AsyncGenerator<Buffer, void> {
  const { compressedSize } = member;
  const bytes =
    compressedSize === 0
      ? Readable.from([])
      : createReadStream(path, {
          start,
          end: start + compressedSize - 1,
          highWaterMark: readBytes,
        });
  if (member.method === stored) {
    yield* bytes as AsyncIterable<Buffer>;
    return;
  }
  const inflate = createInflateRaw({ chunkSize: pieceBytes });
  // Its error ends the iteration over the last stream, and is seen there.
  pipeline(bytes, inflate, () => undefined);
  yield* inflate as AsyncIterable<Buffer>;
  if (inflate.bytesWritten !== compressedSize) throw new TrailingBytes();
}

/** The engine of node:zlib stops at the end of the deflated bytes and says nothing of what follows. */
class TrailingBytes extends Error {
  constructor() {
    super('something follows the end of the stream');
  }
}

// Other errors (memory, the disk) are not the archive's fault.
function isBroken(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return error instanceof TrailingBytes || (/^Z_/.test(code) && code !== 'Z_MEM_ERROR');
}
