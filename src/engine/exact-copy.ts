import { isUtf8 } from 'node:buffer';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { scanFile } from '../delimited-file.js';
import { fieldsOf, unclosedQuote, type RecordView } from '../delimited-text.js';
import type { DelimitedDialect, DelimitedRelation, LocalFile } from '../relation.js';
import { AppError, type ErrorCode } from '../errors.js';
import type { Sql } from '../sql.js';
import type { RejectedRow } from './load-target.js';
import { readDelimited, textColumns } from './relation.js';

/**
 * A copy of a file that the engine's reader takes without doubt: one record a line, each with exactly the wanted
 * fields behind its line number, offset and length in the original. What is no record of the wanted shape is left out
 * and reported.
 */
export interface ExactCopy {
  readonly path: string;
  readonly origin: string;
  /** Records whose missing fields were filled with nothing. */
  readonly shortRows: number;
  readonly maxLineBytes: number;
  /** The dialect of the copy. */
  readonly dialect: DelimitedDialect;
}

/** What to do with a record that cannot be read; it may throw. */
export type OnReject = (row: RejectedRow, code: ErrorCode) => void;

const longestRaw = 10_000;
const flushBytes = 1 << 20;

/**
 * Copies a file of the relation.
 * @throws MALFORMED_ROW when a quote is never closed, and what `onReject` throws
 */
export async function exactCopy(
  relation: DelimitedRelation,
  file: LocalFile,
  directory: string,
  onReject: OnReject,
  signal?: AbortSignal,
): Promise<ExactCopy> {
  const { dialect } = relation;
  const width = relation.headers.length;
  const path = join(directory, `${randomUUID()}.exact`);
  const out = await open(path, 'wx', 0o600);
  let pending = Buffer.allocUnsafe(flushBytes * 2);
  let used = 0;
  let shortRows = 0;
  let maxLineBytes = 0;
  let looked: Buffer | undefined;
  let suspicious = false;

  function room(bytes: number): void {
    if (used + bytes <= pending.length) return;
    const larger = Buffer.allocUnsafe(Math.max(pending.length * 2, used + bytes));
    pending.copy(larger, 0, 0, used);
    pending = larger;
  }

  function visit(piece: Buffer, record: RecordView, offset: number): void {
    const { start, end, line, fields } = record;
    if (record.fault === 'UNCLOSED_QUOTE') throw unclosedQuote(file.origin, record.quoteLine);
    if (piece !== looked) {
      looked = piece;
      suspicious = piece.includes(0) || !isUtf8(piece);
    }
    const fault = (suspicious && byteFault(piece, record)) || shapeFault(record, width, dialect);
    if (fault) {
      onReject(rejected(file.origin, line, fault.reason, piece.subarray(start, end)), fault.code);
      return;
    }
    const place = `${line}${dialect.delimiter}${offset + start}${dialect.delimiter}${end - start}${dialect.delimiter}`;
    const body = record.bareCr
      ? requoted(piece.toString('utf8', start, fields > width ? record.cut : end), dialect)
      : piece.subarray(start, fields > width ? record.cut : end);
    const missing = dialect.delimiter.repeat(Math.max(0, width - fields));
    if (missing) shortRows++;
    const needed = Buffer.byteLength(place) + body.length + Buffer.byteLength(missing) + 1;
    if (needed > maxLineBytes) maxLineBytes = needed;
    room(needed);
    used += pending.write(place, used);
    body.copy(pending, used);
    used += body.length;
    used += pending.write(missing, used);
    pending[used++] = 10;
  }

  async function flush(): Promise<void> {
    let written = 0;
    while (written < used) {
      written += (await out.write(pending, written, used - written)).bytesWritten;
    }
    used = 0;
  }

  try {
    const options = {
      origin: file.origin,
      dialect,
      width,
      skipLines: relation.skipLines,
      footerLines: relation.footerLines ?? 0,
      signal,
    };
    await scanFile(file.path, options, visit, flush);
    await flush();
  } catch (error) {
    await out.close();
    await rm(path, { force: true });
    throw spaceError(error);
  }
  await out.close();
  return { path, origin: file.origin, shortRows, maxLineBytes, dialect };
}

function spaceError(error: unknown): unknown {
  const full = typeof error === 'object' && error !== null && 'code' in error;
  if (!full || (error.code !== 'ENOSPC' && error.code !== 'EDQUOT')) return error;
  return new AppError(
    'NO_SPACE',
    'The disk that holds the spool is full; free space and try again',
    {
      cause: error,
    },
  );
}

/** The text of a record as it stands in the file, cut when it is very long. */
export async function rawText(path: string, offset: number, length: number): Promise<string> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(Math.min(length, longestRaw));
    const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
    return textOf(buffer.subarray(0, bytesRead), length);
  } finally {
    await file.close();
  }
}

function rejected(origin: string, line: number, reason: string, bytes: Buffer): RejectedRow {
  const raw = textOf(bytes.subarray(0, longestRaw), bytes.length);
  return { file: origin, line, column: null, value: null, reason, raw };
}

function textOf(bytes: Buffer, length: number): string {
  // Rejected rows go into a table of texts, which cannot hold NUL.
  const text = bytes.toString('utf8').replaceAll('\0', '\ufffd');
  return length > bytes.length ? `${text}…` : text;
}

interface Fault {
  readonly code: ErrorCode;
  readonly reason: string;
}

function byteFault(piece: Buffer, { start, end }: RecordView): Fault | undefined {
  const bytes = piece.subarray(start, end);
  if (bytes.includes(0)) return { code: 'MALFORMED_ROW', reason: 'The row has a NUL byte' };
  if (isUtf8(bytes)) return undefined;
  const reason = 'The row is not valid UTF-8; set encoding if the file has another one';
  return { code: 'INVALID_ENCODING', reason };
}

function shapeFault(
  record: RecordView,
  width: number,
  { quote, escape }: DelimitedDialect,
): Fault | undefined {
  const { fault, fields, line, lastLine } = record;
  if (fault === 'TEXT_AFTER_QUOTE') {
    const where =
      lastLine > line ? `; the row reaches to line ${lastLine}, perhaps a quote is not closed` : '';
    return { code: 'MALFORMED_ROW', reason: `There is text behind a closing quote${where}` };
  }
  if (fields > width && !record.surplusEmpty) {
    const expected = `${width} ${width === 1 ? 'is' : 'are'} expected`;
    return { code: 'MALFORMED_ROW', reason: `The row has ${fields} fields where ${expected}` };
  }
  if (record.bareCr && (quote === '' || escape === '')) {
    const reason = 'A carriage return stands in a field, which only quotes could hold';
    return { code: 'MALFORMED_ROW', reason };
  }
  return undefined;
}

/** A copy as something to select FROM: `line`, `offset` and `length` of the record in the original, then `c0 …`. */
export function fromCopy(relation: DelimitedRelation, copy: ExactCopy, parallel: boolean): Sql {
  return readDelimited({
    files: [copy],
    dialect: copy.dialect,
    columns: [
      ['line', 'BIGINT'],
      ['offset', 'BIGINT'],
      ['length', 'BIGINT'],
      ...textColumns(relation),
    ],
    skip: 0,
    nullValues: relation.nullValues,
    maxLineBytes: Math.max(2_000_000, copy.maxLineBytes * 2),
    parallel,
    onlyLf: true,
  });
}

// The engine takes a CR outside quotes for a line's end, so such a record is written with all fields in quotes.
function requoted(record: string, dialect: DelimitedDialect): Buffer {
  const { quote, escape } = dialect;
  const quoted = fieldsOf(record, dialect).map((field) => {
    const text =
      escape === quote
        ? field.replaceAll(quote, quote + quote)
        : field.replaceAll(escape, escape + escape).replaceAll(quote, escape + quote);
    return `${quote}${text}${quote}`;
  });
  return Buffer.from(quoted.join(dialect.delimiter));
}
