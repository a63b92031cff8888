import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { hasMark, RecordScanner, UnclosedQuote, type RecordView } from './delimited-text.js';
import { AppError } from './errors.js';
import { defaultFormatLimits } from './limits.js';
import type { DelimitedDialect } from './relation.js';

const LF = 10;
const CR = 13;

/** How {@link scanFile} reads. */
export interface ScanOptions {
  /** The object's key, for messages. */
  readonly origin: string;
  readonly dialect: DelimitedDialect;
  /** Fields that a record should have. */
  readonly width: number;
  /** Physical lines at the beginning that hold no records. */
  readonly skipLines: number;
  /** Physical line that the file begins with. (Default: 1) */
  readonly firstLine?: number;
  /** Physical lines at the end that hold no records. (Default: 0) */
  readonly footerLines?: number;
  /** A longer record is refused before it is held as a whole. (Default: 64 MiB) */
  readonly maxRecordBytes?: number;
  readonly signal?: AbortSignal | undefined;
}

const pieceBytes = 1 << 20;

/**
 * Reads a file piece by piece, some 1 MiB at a time (more only for longer records). `visit` gets the piece, the
 * record in it and the offset of the piece in the file; `between` is awaited after each piece.
 * @throws CELL_TOO_LONG for a record that is too long, MALFORMED_ROW when that is because of a quote
 */
export async function scanFile(
  path: string,
  options: ScanOptions,
  visit: (piece: Buffer, record: RecordView, offset: number) => void,
  between: () => Promise<void> | void = () => undefined,
): Promise<void> {
  const scanner = new RecordScanner(options.dialect, options.width, options.firstLine);
  const limit = options.maxRecordBytes ?? defaultFormatLimits.maxCellBytes;
  const file = await open(path);
  try {
    const size = await bodyEnd(file, options.footerLines ?? 0);
    let toSkip = options.skipLines;
    let held: Buffer = Buffer.alloc(0);
    let offset = 0; // of `held` in the file
    let position = 0;
    for (;;) {
      if (options.signal?.aborted) throw new AppError('CANCELLED', 'Reading was cancelled');
      // A long record is read in growing pieces, so that it is not scanned again and again.
      const wanted = Math.min(Math.max(pieceBytes, held.length), size - position);
      const piece = Buffer.allocUnsafe(held.length + wanted);
      held.copy(piece);
      let filled = held.length;
      while (filled < piece.length) {
        const { bytesRead } = await file.read(piece, filled, piece.length - filled, position);
        if (bytesRead === 0) break;
        filled += bytesRead;
        position += bytesRead;
      }
      const buffer = piece.subarray(0, filled);
      const final = position >= size || filled === held.length;
      let from = offset === 0 && hasMark(buffer) ? 3 : 0;
      if (toSkip > 0) {
        const { at, passed } = scanner.skipLines(buffer, from, toSkip, final);
        toSkip -= passed;
        from = at;
        if (toSkip > 0 && final) return;
      }
      if (toSkip === 0) {
        const start = offset;
        from = scanner.scan(buffer, from, final, (record) => {
          if (record.end - record.start > limit) {
            throw recordTooLong(options.origin, record.line, limit);
          }
          visit(buffer, record, start);
        });
      }
      held = Buffer.from(buffer.subarray(from));
      if (held.length > limit) throw tooLong(options.origin, scanner, limit, held);
      offset += from;
      await between();
      if (final) return;
    }
  } finally {
    await file.close();
  }
}

function tooLong(origin: string, scanner: RecordScanner, limit: number, held: Buffer): AppError {
  if (scanner.openQuote !== null) {
    return new UnclosedQuote(origin, scanner.openQuote, scanner.line, held);
  }
  return recordTooLong(origin, scanner.line, limit);
}

/** The error for a record that is longer than a cell may be. */
export function recordTooLong(origin: string, line: number, limit: number): AppError {
  return new AppError(
    'CELL_TOO_LONG',
    `${origin}, line ${line}: the record is longer than ${limit} bytes; check the delimiter and the line ends, or raise BUCKETQL_MAX_CELL_BYTES`,
    { details: { file: origin, line, limit } },
  );
}

/** Where the file's body ends when its last physical lines are left out. */
export async function bodyEnd(file: FileHandle, footer: number): Promise<number> {
  const { size } = await file.stat();
  if (footer === 0 || size === 0) return size;
  // The line's end of the last line does not begin another one.
  let found = 0;
  let later = -1; // the byte behind the one looked at
  const piece = Buffer.allocUnsafe(1 << 16);
  for (let end = size; end > 0;) {
    const start = Math.max(0, end - piece.length);
    const { bytesRead } = await file.read(piece, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at--) {
      const byte = piece[at] ?? -1;
      const isEnd = byte === LF || (byte === CR && later !== LF);
      later = byte;
      if (isEnd && start + at + 1 < size) {
        found++;
        if (found === footer) return start + at + 1;
      }
    }
    end = start;
  }
  return 0;
}

/** The number of line feeds in some files. */
export async function linesIn(paths: readonly string[]): Promise<number> {
  let lines = 0;
  for (const path of paths) {
    for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) {
      const bytes = piece as Buffer;
      for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) lines++;
    }
  }
  return lines;
}

/**
 * Measures the physical lines of a text that comes in pieces. Lines that begin and end in one piece are not looked at:
 * they are no longer than it.
 */
export class LineLengths {
  #longest = 0;
  #open = 0;

  add(piece: Buffer): void {
    let first = piece.indexOf(LF);
    let last = piece.lastIndexOf(LF);
    if (first === -1) {
      first = piece.indexOf(CR);
      last = piece.lastIndexOf(CR);
    }
    this.#open += first === -1 ? piece.length : first;
    if (this.#open > this.#longest) this.#longest = this.#open;
    if (first !== -1) this.#open = piece.length - last - 1;
  }

  /** Bytes of the longest line that reaches from one piece into another. */
  get longest(): number {
    return Math.max(this.#longest, this.#open);
  }
}

/** Bytes of the longest physical line of a file; lines below 1 MiB may count as none. */
export async function longestLine(path: string): Promise<number> {
  const lengths = new LineLengths();
  for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) {
    lengths.add(piece as Buffer);
  }
  return lengths.longest;
}
