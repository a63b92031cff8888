import { open } from 'node:fs/promises';
import { hasMark, RecordScanner, unclosedQuote, type RecordView } from './delimited-text.js';
import { AppError } from './errors.js';
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
  /** Physical lines at the end that hold no records. (Default: 0) */
  readonly footerLines?: number;
  readonly signal?: AbortSignal | undefined;
}

const pieceBytes = 1 << 20;
const maxRecordBytes = 64 << 20;

/**
 * Reads a file piece by piece, some 1 MiB at a time (more only for longer records). `visit` gets the piece, the
 * record in it and the offset of the piece in the file; `between` is awaited after each piece.
 */
export async function scanFile(
  path: string,
  options: ScanOptions,
  visit: (piece: Buffer, record: RecordView, offset: number) => void,
  between: () => Promise<void> | void = () => undefined,
): Promise<void> {
  const scanner = new RecordScanner(options.dialect, options.width);
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
        from = scanner.scan(buffer, from, final, (record) => visit(buffer, record, start));
      }
      held = Buffer.from(buffer.subarray(from));
      if (held.length > maxRecordBytes) throw tooLong(options.origin, scanner);
      offset += from;
      await between();
      if (final) return;
    }
  } finally {
    await file.close();
  }
}

function tooLong(origin: string, scanner: RecordScanner): AppError {
  if (scanner.openQuote !== null) return unclosedQuote(origin, scanner.openQuote);
  const { line } = scanner;
  return new AppError(
    'MALFORMED_ROW',
    `${origin}, line ${line}: the record is longer than ${maxRecordBytes >> 20} MiB; check the delimiter and the line ends`,
    { details: { file: origin, line, limit: maxRecordBytes } },
  );
}

/** Where the file's body ends when its last physical lines are left out. */
async function bodyEnd(file: Awaited<ReturnType<typeof open>>, footer: number): Promise<number> {
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
