import { closeSync, openSync, readSync, statSync } from 'node:fs';
import { AppError } from '../errors.js';

/** What can be told of a database's files without opening it. */
export interface DatabaseFiles {
  /** Blocks that the file holds, if it may hold fewer than the database has. */
  readonly wholeBlocks?: number;
}

/**
 * Looks at the files of a database before the engine does, for it says nothing of some faults and writes over them: a log
 * without its database, a log whose beginning or middle is not readable, a file that was cut.
 *
 * @throws DATABASE_DAMAGED
 */
export function checkDatabaseFiles(path: string): DatabaseFiles {
  const size = sizeOf(path);
  const log = `${path}.wal`;
  const logSize = sizeOf(log) ?? 0;
  if (size === undefined) {
    if (logSize === 0) return {};
    throw damaged(
      log,
      `is the log of a database that is not there: ${path} is missing`,
      'Put the database back, or move the log away to begin with an empty database',
    );
  }
  if (size === 0) {
    throw damaged(
      path,
      'is empty (0 bytes)',
      'Restore it from a backup, or move it away to begin with an empty database',
    );
  }
  if (logSize > 0) checkLog(log, logSize);
  return wholeBlocks(path, size);
}

/** An error that names a file, what is wrong with it and what to do; the file stays as it is. */
export function damaged(path: string, fault: string, advice = restore, cause?: unknown): AppError {
  return new AppError(
    'DATABASE_DAMAGED',
    `The database file ${path} ${fault}. Nothing was changed. ${advice}`,
    { details: { path }, cause },
  );
}

const restore = 'Restore the data folder from a backup, database and log (.wal) together';

/** Bytes of a file; nothing when it is not there. */
export function sizeOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

// Of DuckDB's file (storage/storage_info.hpp): a main header, two headers in turns, then the blocks.
const headerBytes = 4096;
const magic = 'DUCK';

/** How many blocks there are, when the newer header speaks of more: of free ones at the end, if all is well. */
function wholeBlocks(path: string, size: number): DatabaseFiles {
  const head = readAt(path, 0, 3 * headerBytes);
  // Whatever else is wrong with the headers, the engine finds it and leaves the file alone.
  if (head.length < 3 * headerBytes || head.toString('latin1', 8, 12) !== magic) return {};
  const [first, second] = [headerAt(head, headerBytes), headerAt(head, 2 * headerBytes)];
  const { blocks, blockBytes } = first.iteration > second.iteration ? first : second;
  const whole = (BigInt(size) - BigInt(head.length)) / (blockBytes || 1n);
  return whole < blocks ? { wholeBlocks: Number(whole) } : {};
}

// Behind the checksum: iteration, meta block, free list, count of blocks, bytes of a block.
function headerAt(head: Buffer, at: number) {
  return {
    iteration: head.readBigUInt64LE(at + 8),
    blocks: head.readBigUInt64LE(at + 32),
    blockBytes: head.readBigUInt64LE(at + 40),
  };
}

// Of DuckDB's log (storage/wal_replay.cpp): an entry of the version, then entries of a size, a checksum and content.
const versionEntry = Buffer.from([100, 0, 98, 101, 0]);
const entryEnd = Buffer.from([0xff, 0xff]);
const longestVersionEntry = 128;
const entryHead = 16;
const shortestEntry = 5;
// What stands behind the changes of a commit: always the same.
const commitEntry = Buffer.from('0500000000000000e7fe7d722fed3d5e640064ffff', 'hex');

/**
 * A process that is killed leaves a log that ends in the middle of a commit: the engine ignores that commit, and rightly,
 * for nobody was told of it. It ignores a damaged entry in the same way, and with it all commits that follow.
 */
function checkLog(path: string, size: number): void {
  const start = readAt(path, 0, longestVersionEntry);
  const known = Math.min(start.length, versionEntry.length);
  const end = start.indexOf(entryEnd);
  if (!start.subarray(0, known).equals(versionEntry.subarray(0, known))) {
    throw damaged(path, 'is no log of a database, or its beginning is damaged');
  }
  if (end < 0) {
    if (size < longestVersionEntry) return;
    throw damaged(path, 'is damaged at its beginning');
  }
  const file = openSync(path, 'r');
  try {
    const torn = firstTornEntry(file, end + entryEnd.length, size);
    if (torn !== undefined && hasCommitBehind(file, torn, size)) {
      throw damaged(path, `is damaged at byte ${torn}, and commits follow`);
    }
  } finally {
    closeSync(file);
  }
}

const windowBytes = 1 << 20;

function firstTornEntry(file: number, from: number, size: number): number | undefined {
  let window: Buffer = Buffer.alloc(0);
  let windowAt = 0;
  let at = from;
  while (at < size) {
    if (at < windowAt || at + entryHead > windowAt + window.length) {
      window = readFrom(file, at, windowBytes);
      windowAt = at;
    }
    if (window.length - (at - windowAt) < entryHead) return at;
    const length = window.readBigUInt64LE(at - windowAt);
    const next = BigInt(at + entryHead) + length;
    if (length < shortestEntry || next > size) return at;
    at = Number(next);
  }
  return undefined;
}

function hasCommitBehind(file: number, from: number, size: number): boolean {
  // Windows overlap, so that what lies across their border is found.
  for (let at = from; at < size; at += windowBytes - commitEntry.length) {
    if (readFrom(file, at, windowBytes).includes(commitEntry)) return true;
  }
  return false;
}

function readAt(path: string, at: number, length: number): Buffer {
  const file = openSync(path, 'r');
  try {
    return readFrom(file, at, length);
  } finally {
    closeSync(file);
  }
}

function readFrom(file: number, at: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const more = readSync(file, buffer, read, length - read, at + read);
    if (more === 0) break;
    read += more;
  }
  return buffer.subarray(0, read);
}
