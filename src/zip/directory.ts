import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../errors.js';
import { extraField, memberName } from './names.js';

/** A file in an archive, as the archive's directory describes it. */
export interface ZipMember {
  /** With slashes, at the end of a folder's, too. Nothing is ever written by this name. */
  readonly name: string;
  /** Bytes, inflated. */
  readonly size: number;
  readonly compressedSize: number;
  /** Its content is the path of another file. */
  readonly link: boolean;
  readonly method: number;
  readonly flags: number;
  readonly crc: number;
  /** Where its own header stands. */
  readonly start: number;
  /** Where what comes behind it stands: the next member or the directory. */
  readonly end: number;
}

/** What an archive is, and so what its errors speak of. */
export interface ZipContext {
  /** Object key, or key!member. */
  readonly origin: string;
  readonly maxMembers: number;
  /** A workbook is a file by itself, so a broken one is MALFORMED_FILE. (Default: archive) */
  readonly kind?: 'archive' | 'workbook';
}

const endRecordBytes = 22;
const maxCommentBytes = 0xffff;
const locatorBytes = 20;
const entryBytes = 46;
/** Bytes of a member's own header before its name. */
export const headerBytes = 30;
// The directory is read in blocks of this size, or one entry if that is larger.
const blockBytes = 2 ** 18;
// Archives allow 65,535 bytes. Names are held in memory, so a directory of nothing else must not be.
const maxNameBytes = 4096;

/** The first four bytes of the parts of an archive (APPNOTE 4.3). */
export const signatures = {
  header: 0x04034b50,
  split: 0x08074b50,
  entry: 0x02014b50,
  directorySignature: 0x05054b50,
  end64: 0x06064b50,
  locator: 0x07064b50,
  end: 0x06054b50,
} as const;

interface Directory {
  readonly start: number;
  /** Bytes in front of the archive, which its own places do not count. */
  readonly prepended: number;
  readonly bytes: number;
  readonly count: number;
  /** 2 ** 16 where the count is kept in 16 bits: some writers let it run over. */
  readonly countModulo: number;
}

/**
 * Reads the directory of an archive; the members' own headers are not trusted with anything.
 * @throws CORRUPT_COMPRESSION, ENCRYPTED_FILE, TOO_MANY_MEMBERS
 */
export async function readDirectory(
  file: FileHandle,
  fileBytes: number,
  context: ZipContext,
): Promise<ZipMember[]> {
  const directory = await findDirectory(file, fileBytes, context);
  if (directory.count > context.maxMembers) throw tooManyMembers(context, directory.count);
  const members: ZipMember[] = [];
  const bytesAt = windowOver(file, directory.start, directory.bytes, context);
  let at = 0;
  while (at + 4 <= directory.bytes) {
    const signature = (await bytesAt(at, 4)).readUInt32LE();
    if (signature === signatures.directorySignature) break;
    if (signature !== signatures.entry) {
      throw corrupt(context, `its directory is damaged behind member ${members.length}`);
    }
    const fixed = await bytesAt(at, entryBytes);
    const bytes =
      entryBytes + fixed.readUInt16LE(28) + fixed.readUInt16LE(30) + fixed.readUInt16LE(32);
    members.push(memberOf(await bytesAt(at, bytes), members.length, directory.prepended, context));
    if (members.length > context.maxMembers) throw tooManyMembers(context, members.length);
    at += bytes;
  }
  if (members.length % directory.countModulo !== directory.count % directory.countModulo) {
    throw corrupt(
      context,
      `its directory lists ${members.length} members where its end record says ${directory.count}`,
    );
  }
  return bounded(members, directory.start, context);
}

/** The error of an archive that cannot be read. */
export function corrupt({ origin, kind }: ZipContext, what: string, cause?: unknown): AppError {
  const workbook = kind === 'workbook';
  return new AppError(
    workbook ? 'MALFORMED_FILE' : 'CORRUPT_COMPRESSION',
    `${workbook ? 'Workbook' : 'Archive'} ${origin} cannot be read: ${what}; have it sent again, or leave it out of the selection`,
    { details: { file: origin }, cause },
  );
}

/** The error of an archive that needs a password. */
export function encrypted({ origin, kind = 'archive' }: ZipContext, what: string): AppError {
  return new AppError(
    'ENCRYPTED_FILE',
    `${what} of ${kind} ${origin} is encrypted; have it sent without a password, or leave it out of the selection`,
    { details: { file: origin } },
  );
}

/** The error of an archive with more members than may be looked at. */
export function tooManyMembers(context: ZipContext, count: number): AppError {
  return new AppError(
    'TOO_MANY_MEMBERS',
    `Archive ${context.origin} has at least ${count} members, and ${context.maxMembers} are allowed; raise BUCKETQL_MAX_MEMBERS or split it`,
    { details: { file: context.origin, limit: 'BUCKETQL_MAX_MEMBERS' } },
  );
}

async function findDirectory(
  file: FileHandle,
  fileBytes: number,
  context: ZipContext,
): Promise<Directory> {
  const tailBytes = Math.min(fileBytes, locatorBytes + endRecordBytes + maxCommentBytes);
  const tailStart = fileBytes - tailBytes;
  const tail = await readAt(file, tailStart, tailBytes, context);
  const at = endRecordIn(tail, tailStart);
  if (at === undefined) {
    throw corrupt(context, 'it has no end record, so it is no zip file or was cut off');
  }
  const record = tail.subarray(at);
  const bytes = record.readUInt32LE(12);
  const start = record.readUInt32LE(16);
  const count = record.readUInt16LE(10);
  const saturated = bytes === 0xffffffff || start === 0xffffffff || count === 0xffff;
  const locator = tail.subarray(Math.max(0, at - locatorBytes), at);
  const located = locator.length === locatorBytes && locator.readUInt32LE() === signatures.locator;
  if (saturated && located) {
    return directory64(file, Number(locator.readBigUInt64LE(8)), tailStart + at, context);
  }
  if (record.readUInt16LE(4) !== 0 || record.readUInt16LE(6) !== 0) throw split(context);
  if (start + bytes > tailStart + at) {
    throw corrupt(context, 'its directory would lie behind its end');
  }
  const prepended = await bytesInFront(file, start, tailStart + at - bytes - start, context);
  return { start: start + prepended, prepended, bytes, count, countModulo: 2 ** 16 };
}

// The directory ends where its end record begins. Where it is not where the record says, but as far behind as the record
// itself, something was put in front of the archive: a program that unpacks it, or the head of a message.
async function bytesInFront(
  file: FileHandle,
  start: number,
  gap: number,
  context: ZipContext,
): Promise<number> {
  if (gap <= 0) return 0;
  const isDirectory = async (at: number) =>
    (await readAt(file, at, 4, context)).readUInt32LE() === signatures.entry;
  return !(await isDirectory(start)) && (await isDirectory(start + gap)) ? gap : 0;
}

// The last record whose comment ends with the file, else the last whose comment has room: bytes behind an archive do no
// harm. A record's signature may also stand in a comment, where the rest of it makes no sense.
function endRecordIn(tail: Buffer, tailStart: number): number | undefined {
  let roomy: number | undefined;
  for (let at = tail.length - endRecordBytes; at >= 0; at -= 1) {
    if (tail[at] !== 0x50 || tail.readUInt32LE(at) !== signatures.end) continue;
    const bytes = tail.readUInt32LE(at + 12);
    const start = tail.readUInt32LE(at + 16);
    const sensible =
      start === 0xffffffff || bytes === 0xffffffff || start + bytes <= tailStart + at;
    const commentEnd = at + endRecordBytes + tail.readUInt16LE(at + 20);
    if (sensible && commentEnd === tail.length) return at;
    if (sensible && commentEnd < tail.length) roomy ??= at;
  }
  return roomy;
}

async function directory64(
  file: FileHandle,
  at: number,
  before: number,
  context: ZipContext,
): Promise<Directory> {
  const damaged = () => corrupt(context, 'its zip64 end record is damaged');
  if (at + 56 > before) throw damaged();
  const record = await readAt(file, at, 56, context);
  if (record.readUInt32LE() !== signatures.end64) throw damaged();
  if (record.readUInt32LE(16) !== 0 || record.readUInt32LE(20) !== 0) throw split(context);
  const count = Number(record.readBigUInt64LE(32));
  const bytes = Number(record.readBigUInt64LE(40));
  const start = Number(record.readBigUInt64LE(48));
  if (start + bytes > at) throw damaged();
  return { start, prepended: 0, bytes, count, countModulo: Number.MAX_SAFE_INTEGER };
}

function split(context: ZipContext): AppError {
  return corrupt(context, 'it is one part of an archive that was split into several files');
}

function memberOf(
  entry: Buffer,
  before: number,
  prepended: number,
  context: ZipContext,
): ZipMember {
  const nameEnd = entryBytes + entry.readUInt16LE(28);
  const rawName = entry.subarray(entryBytes, nameEnd);
  const extra = entry.subarray(nameEnd, nameEnd + entry.readUInt16LE(30));
  if (rawName.length > maxNameBytes) {
    throw corrupt(context, `the name of member ${before + 1} is over ${maxNameBytes} bytes`);
  }
  const flags = entry.readUInt16LE(8);
  // Bit 13: the directory itself is masked.
  if (flags & 0x2000) throw encrypted(context, 'The directory');
  const name = memberName(rawName, flags, extra);
  // What does not fit into 32 bits stands in an extra field, in this order (APPNOTE 4.5.3).
  const large = extraField(extra, 1) ?? Buffer.alloc(0);
  let used = 0;
  const number = (at: number) => {
    const small = entry.readUInt32LE(at);
    if (small !== 0xffffffff) return small;
    if (used + 8 > large.length) {
      throw corrupt(context, `the zip64 sizes of member ${name} are missing`);
    }
    used += 8;
    return Number(large.readBigUInt64LE(used - 8));
  };
  const size = number(24);
  const compressedSize = number(20);
  const start = prepended + number(42);
  const madeOnUnix = [3, 19].includes(entry.readUInt8(5));
  return {
    name,
    size,
    compressedSize,
    link: madeOnUnix && entry.readUInt32LE(38) >>> 28 === 0xa,
    method: entry.readUInt16LE(10),
    flags,
    crc: entry.readUInt32LE(16),
    start,
    end: start,
  };
}

// Bytes that belong to two members make a small archive inflate to petabytes, and no honest writer does that.
function bounded(
  members: readonly ZipMember[],
  directoryStart: number,
  context: ZipContext,
): ZipMember[] {
  const ends = new Map<ZipMember, number>();
  let next = directoryStart;
  for (const member of [...members].sort((a, b) => b.start - a.start)) {
    if (member.start + headerBytes + member.compressedSize > next) {
      throw overlapping(context, member);
    }
    ends.set(member, next);
    next = member.start;
  }
  return members.map((member) => ({ ...member, end: ends.get(member) ?? member.end }));
}

/** The error of a member that shares bytes with what comes behind it. */
export function overlapping(context: ZipContext, { name }: ZipMember): AppError {
  return corrupt(context, `member ${name} overlaps what stands behind it`);
}

/** Gives bytes of a part of a file, of which a block at a time is in memory. */
function windowOver(file: FileHandle, start: number, bytes: number, context: ZipContext) {
  let block = Buffer.alloc(0);
  let blockAt = 0;
  return async (at: number, length: number): Promise<Buffer> => {
    if (at + length > bytes) throw corrupt(context, 'its directory is cut off');
    if (at < blockAt || at + length > blockAt + block.length) {
      const wanted = Math.min(Math.max(length, blockBytes), bytes - at);
      block = await readAt(file, start + at, wanted, context);
      blockAt = at;
    }
    return block.subarray(at - blockAt, at - blockAt + length);
  };
}

/** Reads exactly so many bytes. */
export async function readAt(
  file: FileHandle,
  at: number,
  bytes: number,
  context: ZipContext,
): Promise<Buffer<ArrayBuffer>> {
  const buffer = Buffer.alloc(bytes);
  let have = 0;
  while (have < bytes) {
    const { bytesRead } = await file.read(buffer, have, bytes - have, at + have);
    if (bytesRead === 0) throw corrupt(context, 'it ends too early');
    have += bytesRead;
  }
  return buffer;
}
