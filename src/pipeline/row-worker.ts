import { closeSync, openSync, readSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { isAppError, messageOf, type ErrorCode, type ErrorDetails } from '../errors.js';
import type { RejectedRow } from '../engine/load-target.js';
import { pieceDecoder } from '../formats/encoding.js';
import {
  rowFormat,
  type PartLimits,
  type RowFormat,
  type RowOptions,
  type RowType,
} from '../formats/row-formats.js';
import type { RowSource } from '../formats/rows.js';
import type { FormatLimits } from '../limits.js';
import type { RowColumn, RowFile } from '../relation.js';
import { bytesThere, tick, waitForMore } from './arrival.js';
import { RowWriter } from './row-writer.js';

/** What the worker is to read. */
export interface RowTask {
  readonly type: RowType;
  readonly options: RowOptions;
  readonly source: RowSource;
  readonly path: string;
  /** What of the file is there; see arrival.ts. */
  readonly arrival: SharedArrayBuffer;
  /** Path of the files of rows, without their numbers. */
  readonly target: string;
  readonly limits: FormatLimits;
  readonly parts: PartLimits;
  readonly badRows: 'REJECT' | 'FAIL';
  readonly maxRejectedRows: number;
  /** Rows that are enough, for a preview. (Default: all) */
  readonly enough?: number;
}

/** What reading a file came to, beside its files of rows. */
export interface RowsRead {
  readonly rows: number;
  readonly columns: readonly RowColumn[];
  readonly rejected: readonly RejectedRow[];
  readonly warnings: readonly string[];
  readonly detected: Readonly<Record<string, unknown>>;
}

/** What the worker says. */
export type RowReport =
  | { readonly kind: 'file'; readonly file: RowFile }
  | { readonly kind: 'done'; readonly result: RowsRead }
  | {
      readonly kind: 'failed';
      readonly code: ErrorCode | undefined;
      readonly message: string;
      readonly details: ErrorDetails;
    };

const pieceBytes = 128 * 1024;
// A sheet has a million rows at most, and takes longer to read than to load: few at a time take less memory. Three make a
// row group of the engine.
const sheetRows = 40_960;

async function perform(task: RowTask, onFile: (file: RowFile) => void): Promise<RowsRead> {
  const { source, limits } = task;
  const format = await rowFormat(task.type);
  const writer = new RowWriter({
    ...task,
    origin: source.origin,
    ...(format.kind === 'file' ? { fileRows: sheetRows } : {}),
    path: (n) => `${task.target}-${n}`,
    onFile,
    onProgress: () => tick(task.arrival),
  });
  try {
    if (format.kind === 'stream') follow(task, format, writer);
    else await format.read(task.path, source, task.options, writer, limits, task.parts);
    writer.end();
  } finally {
    writer.close();
  }
  return {
    rows: writer.rows,
    columns: writer.columns.map((column) => ({ ...column })),
    rejected: writer.rejected,
    warnings: [...writer.warnings],
    detected: writer.found,
  };
}

/** Hands a file to a parser while it arrives. */
function follow(task: RowTask, format: RowFormat & { kind: 'stream' }, writer: RowWriter): void {
  const parser = format.parser(task.source, task.options, writer, task.limits);
  const file = openSync(task.path, 'r');
  try {
    let decode: ((piece?: Buffer) => Buffer) | undefined;
    let at = 0;
    for (;;) {
      const { bytes, complete } = bytesThere(task.arrival);
      // The first piece shows the encoding, so it must not be a few bytes only.
      if (!complete && (at === 0 ? bytes < 4096 : bytes === at)) {
        waitForMore(task.arrival, bytes);
        continue;
      }
      while (at < bytes && !writer.full) {
        const piece = Buffer.allocUnsafe(Math.min(pieceBytes, bytes - at));
        const filled = readSync(file, piece, 0, piece.length, at);
        if (filled === 0) throw new Error(`${task.source.origin} is shorter than it was`);
        at += filled;
        const read = piece.subarray(0, filled);
        decode ??= pieceDecoder(format.encoding(read), task.source.origin);
        parser.push(decode(read));
        tick(task.arrival);
      }
      if (writer.full) return;
      if (complete) break;
    }
    const rest = decode?.();
    if (rest !== undefined && rest.length > 0) parser.push(rest);
    parser.end();
  } finally {
    closeSync(file);
  }
}

parentPort?.on('message', (task: RowTask) => {
  const say = (report: RowReport) => parentPort?.postMessage(report);
  perform(task, (file) => say({ kind: 'file', file })).then(
    (result) => say({ kind: 'done', result }),
    (error: unknown) => say(failure(task, error)),
  );
});

function failure({ source }: RowTask, error: unknown): RowReport {
  if (!isAppError(error)) {
    const message = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    return { kind: 'failed', code: undefined, message, details: {} };
  }
  const { origin } = source;
  // A parser deep below may not know what file it reads.
  const message = error.message.includes(origin) ? error.message : `${origin}: ${error.message}`;
  return { kind: 'failed', code: error.code, message, details: { file: origin, ...error.details } };
}
