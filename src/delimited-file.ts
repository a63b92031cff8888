import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { hasMark, RecordScanner, UnclosedQuote, type RecordView } from './delimited-text.js';
import { AppError } from './errors.js';
import { defaultFormatLimits } from './limits.js';
import type { DelimitedDialect } from './relation.js';

const LF = 10;
const CR = 13;
const SPACE = 32;

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
    let buffer = Buffer.allocUnsafe(Math.min(pieceBytes, Math.max(1, size)));
    let filled = 0;
    let offset = 0; // of the buffer in the file
    for (;;) {
      stopIfAsked(options.signal);
      while (filled < buffer.length && offset + filled < size) {
        const wanted = Math.min(buffer.length - filled, size - offset - filled);
        const { bytesRead } = await file.read(buffer, filled, wanted, offset + filled);
        if (bytesRead === 0) break;
        filled += bytesRead;
      }
      // A view of its own for each piece: by that visitors tell them apart.
      const piece = buffer.subarray(0, filled);
      const final = offset + filled >= size || filled < buffer.length;
      let from = offset === 0 && hasMark(piece) ? 3 : 0;
      if (toSkip > 0) {
        const { at, passed } = scanner.skipLines(piece, from, toSkip, final);
        toSkip -= passed;
        from = at;
        if (toSkip > 0 && final) return;
      }
      if (toSkip === 0) {
        const start = offset;
        from = scanner.scan(piece, from, final, (record) => {
          const { fault, line, quoteLine, end } = record;
          if (end - record.start > limit) {
            const open = fault === null ? null : quoteLine;
            throw tooLong(options.origin, limit, line, open, piece.subarray(record.start, end));
          }
          visit(piece, record, start);
        });
      }
      const held = piece.subarray(from);
      if (held.length > limit) {
        const { openQuote, line } = scanner;
        const closes =
          openQuote !== null && (await closesLater(file, offset + filled, held, options));
        throw tooLong(options.origin, limit, line, closes ? null : openQuote, held);
      }
      await between();
      if (final) return;
      offset += from;
      filled = held.length;
      // A long record is read in growing pieces, so that it is not scanned again and again.
      const room = Math.min(buffer.length * 2, limit + pieceBytes);
      const next =
        room > buffer.length && held.length * 2 > buffer.length ? Buffer.allocUnsafe(room) : buffer;
      held.copy(next);
      buffer = next;
    }
  } finally {
    await file.close();
  }
}

/** @param openQuote the line of the quote because of which the record does not end; null: it is only long */
function tooLong(
  origin: string,
  limit: number,
  line: number,
  openQuote: number | null,
  record: Buffer,
): AppError {
  return openQuote === null
    ? recordTooLong(origin, line, limit)
    : new UnclosedQuote(origin, openQuote, line, record);
}

/** @throws CANCELLED */
export function stopIfAsked(signal: AbortSignal | undefined): void {
  if (signal?.aborted) throw new AppError('CANCELLED', 'Reading was cancelled');
}

/** Whether the quote that is open in what was read closes in what follows: a field ends behind it. */
async function closesLater(
  file: FileHandle,
  from: number,
  held: Buffer,
  { dialect: { delimiter, quote, escape }, signal }: ScanOptions,
): Promise<boolean> {
  const mark = quote.charCodeAt(0);
  const other = escape === quote || escape === '' ? -1 : escape.charCodeAt(0);
  const ends = new Set([LF, CR, delimiter.charCodeAt(0)]);
  // The last byte says how the next is to be taken, when it stands alone.
  const last = other === -1 ? mark : other;
  let run = 0;
  while (held[held.length - 1 - run] === last) run++;
  let closed = run % 2 === 1 && last === mark;
  let escaped = run % 2 === 1 && last === other;
  const piece = Buffer.allocUnsafe(pieceBytes);
  for (let position = from; ;) {
    stopIfAsked(signal);
    const { bytesRead } = await file.read(piece, 0, piece.length, position);
    if (bytesRead === 0) return closed;
    position += bytesRead;
    for (const byte of piece.subarray(0, bytesRead)) {
      if (closed) {
        if (byte !== mark || escape !== quote) return byte === SPACE || ends.has(byte);
        closed = false;
      } else if (escaped) escaped = false;
      else if (byte === other) escaped = true;
      else closed = byte === mark;
    }
  }
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
  return (await shown(path, new LineLengths())).longest;
}

/** Shows all pieces of a file to a check. @returns the check */
export async function shown<Check extends { add(piece: Buffer): void }>(
  path: string,
  check: Check,
): Promise<Check> {
  for await (const piece of createReadStream(path, { highWaterMark: pieceBytes })) {
    check.add(piece as Buffer);
  }
  return check;
}
