import { isUtf8 } from 'node:buffer';
import { open } from 'node:fs/promises';
import { linesIn, scanFile, type ScanOptions } from '../delimited-file.js';
import { engineReads, fieldsOf, UnclosedQuote, type RecordView } from '../delimited-text.js';
import type { ErrorCode } from '../errors.js';
import type { FormatLimits } from '../limits.js';
import type { DelimitedDialect, DelimitedRelation, LocalFile } from '../relation.js';
import type { Sql } from '../sql.js';
import { CopyWriter } from './copy-writer.js';
import { copyDialect, copyParsed, type CopyEvents, type OnFault } from './csv-parse-copy.js';
import type { RejectedRow } from './load-target.js';
import { byteFault, reached, tooWide, type Fault } from './record-faults.js';
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
const neverClosed = 'A quote opens here that is never closed';

/** How a copy is made. */
export interface CopyOptions {
  readonly signal?: AbortSignal | undefined;
  readonly limits?: Pick<FormatLimits, 'maxCellBytes'> | undefined;
  /** Stops behind some 1 MiB with this many records: for guesses from a sample. (Default: all) */
  readonly enough?: number | undefined;
}

/**
 * Copies a file of the relation: in its own dialect where the engine can express it, else in one of ours.
 * A line whose quote is never closed is left out, and what follows it is read on its own.
 * @throws CELL_TOO_LONG, and what `onReject` throws
 */
export async function exactCopy(
  relation: DelimitedRelation,
  file: LocalFile,
  directory: string,
  onReject: OnReject,
  options: CopyOptions = {},
): Promise<ExactCopy> {
  const { signal, limits, enough = Infinity } = options;
  const { dialect } = relation;
  const scan: ScanOptions & { readonly firstLine: number } = {
    origin: file.origin,
    dialect,
    width: relation.headers.length,
    skipLines: relation.skipLines,
    firstLine: 1 + (await linesIn(file.earlier ?? [])),
    footerLines: relation.footerLines ?? 0,
    ...(limits ? { maxRecordBytes: limits.maxCellBytes } : {}),
    signal,
  };
  const writer = await CopyWriter.create(directory);
  const own = engineReads(dialect);
  let shortRows = 0;
  const onShort = () => {
    shortRows++;
  };
  try {
    const onFault: OnFault = (line, fault, bytes) =>
      onReject(rejected(file.origin, line, fault.reason, bytes), fault.code);
    const between = async () => {
      await writer.flush();
      if (writer.lines >= enough) throw new Enough();
    };
    const copy = own ? copyScanned : copyParsed;
    let { skipLines } = scan;
    for (;;) {
      try {
        await copy(file.path, { ...scan, skipLines }, writer, { onFault, onShort }, between);
        break;
      } catch (error) {
        if (!(error instanceof UnclosedQuote)) throw error;
        // Only the line itself is lost: its quote may be a slip, and what follows are records again.
        const line = firstLineOf(error.record);
        onFault(error.recordLine, { code: 'MALFORMED_ROW', reason: neverClosed }, line);
        skipLines = error.recordLine - scan.firstLine + 1;
      }
    }
    await writer.flush();
  } catch (error) {
    if (!(error instanceof Enough)) {
      await writer.discard();
      throw error;
    }
  }
  await writer.close();
  const { path, maxLineBytes } = writer;
  const copied = own ? dialect : copyDialect;
  return { path, origin: file.origin, shortRows, maxLineBytes, dialect: copied };
}

class Enough extends Error {}

async function copyScanned(
  path: string,
  options: ScanOptions,
  writer: CopyWriter,
  { onFault, onShort }: CopyEvents,
  between: () => Promise<void>,
): Promise<void> {
  const { dialect, width } = options;
  const { delimiter, quote } = dialect;
  const indentedQuote = Buffer.from(`  ${quote}`);
  let looked: Buffer | undefined;
  let suspicious = false;
  let indented = false;

  function visit(piece: Buffer, record: RecordView, offset: number): void {
    const { start, end, line, fields } = record;
    if (record.fault === 'UNCLOSED_QUOTE') {
      throw new UnclosedQuote(options.origin, record.quoteLine, line, piece.subarray(start, end));
    }
    if (piece !== looked) {
      looked = piece;
      suspicious = piece.includes(0) || !isUtf8(piece);
      indented = quote !== '' && piece.includes(indentedQuote);
    }
    const bytes = piece.subarray(start, end);
    const fault = (suspicious && byteFault(bytes)) || shapeFault(record, width);
    if (fault) {
      onFault(line, fault, bytes);
      return;
    }
    const wanted = fields > width ? piece.subarray(start, record.cut) : bytes;
    // The engine takes a CR outside quotes for a line's end, and a quote behind several spaces for text.
    const plain = !record.bareCr && !(indented && wanted.includes(indentedQuote));
    const body = plain ? wanted : requoted(wanted.toString(), dialect);
    if (body === undefined) {
      onFault(line, unquotable, bytes);
      return;
    }
    if (fields < width) onShort();
    const place = `${line}${delimiter}${offset + start}${delimiter}${end - start}${delimiter}`;
    writer.line(place, body, delimiter.repeat(Math.max(0, width - fields)));
  }

  await scanFile(path, options, visit, between);
}

function firstLineOf(record: Buffer): Buffer {
  const end = record.findIndex((byte) => byte === 10 || byte === 13);
  return end === -1 ? record : record.subarray(0, end);
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

function shapeFault(record: RecordView, width: number): Fault | undefined {
  const { fault, fields } = record;
  if (fault === 'TEXT_AFTER_QUOTE') {
    const reason = `There is text behind a closing quote${reached(record)}`;
    return { code: 'MALFORMED_ROW', reason };
  }
  if (fields > width && !record.surplusEmpty) return tooWide(fields, width);
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

const unquotable: Fault = {
  code: 'MALFORMED_ROW',
  reason:
    'A carriage return or spaces in front of a quote stand in a field, which only quotes could hold',
};

/** The record with all fields in quotes; undefined when the dialect cannot say it so. */
function requoted(record: string, dialect: DelimitedDialect): string | undefined {
  const { quote, escape } = dialect;
  const fields = fieldsOf(record, dialect);
  if (quote === '' || (escape === '' && fields.some((field) => field.includes(quote)))) {
    return undefined;
  }
  const quoted = fields.map((field) => {
    const text =
      escape === quote || escape === ''
        ? field.replaceAll(quote, quote + quote)
        : field.replaceAll(escape, escape + escape).replaceAll(quote, escape + quote);
    return `${quote}${text}${quote}`;
  });
  return quoted.join(dialect.delimiter);
}
