import { writableCompression } from '../compression/index.js';
import {
  frameOf,
  streamRows,
  type TextFormat,
  type TextFrame,
  type TextPiece,
} from '../engine/export.js';
import type { Delivery, Meter } from './deliver.js';
import { lookAhead, type LookAhead } from './look-ahead.js';
import type { Slice } from './result-table.js';
import type { WritebackJob } from './writeback-job.js';

// A file ends so much of its bound too early, at most.
const piecesPerFile = 64;
const longestPiece = 2 ** 18;
// What a compression puts behind the last bytes; a directory of zip has the name of its member once more.
const tailBytes = 4096;
// What may be inside a compression and the streams around it: its blocks in flight, and some pieces.
const mostInside = 6 * 2 ** 20;
const piecesInside = 6;

/** Writes rows as text, in files none of which is larger than asked, but for rows that are so alone. */
export async function writeText(
  job: WritebackJob,
  slice: Slice,
  format: TextFormat,
  delivery: Delivery,
): Promise<void> {
  const { maxFileBytes } = job.destination;
  const pieces = lookAhead(
    streamRows(job.session, slice.select, slice.columns, format, {
      signal: delivery.signal,
      rowsOf: slice.rowsOf,
      ...(maxFileBytes !== undefined && {
        pieceBytes: Math.min(longestPiece, Math.floor(maxFileBytes / piecesPerFile)),
      }),
    }),
  );
  const frame = frameOf(format, slice.columns);
  const fits = fitting(job, frame.foot.length);
  try {
    let number = 1;
    do {
      await delivery.deliver({
        partition: slice.partition,
        number: maxFileBytes === undefined ? undefined : number++,
        bytes: (meter) => fileOf(pieces, frame, meter, fits),
      });
    } while (await pieces.peek());
  } finally {
    await pieces.close();
  }
}

async function* fileOf(
  pieces: LookAhead<TextPiece>,
  { head, foot, firstDrops, empty }: TextFrame,
  meter: Meter,
  fits: Fits,
): AsyncGenerator<Buffer, void, undefined> {
  if (!(await pieces.peek())) {
    if (empty.length > 0) yield empty;
    return;
  }
  if (head.length > 0) yield head;
  let longest = 0;
  for (let piece = await pieces.peek(); piece; piece = await pieces.peek()) {
    const first = meter.rows === 0;
    if (!first && !fits(meter, piece.bytes.length, longest)) break;
    pieces.take();
    longest = Math.max(longest, piece.bytes.length);
    meter.rows += piece.rows;
    yield first ? piece.bytes.subarray(firstDrops) : piece.bytes;
  }
  if (foot.length > 0) yield foot;
}

/** Whether so many bytes more stay below the bound, after pieces of which none was longer. */
type Fits = (meter: Meter, next: number, longest: number) => boolean;

/** Goes by the worst that can become of what a compression has taken and not given yet. */
function fitting({ destination }: WritebackJob, footBytes: number): Fits {
  const { maxFileBytes } = destination;
  if (maxFileBytes === undefined) return () => true;
  const compressed = writableCompression(destination.compression) !== undefined;
  return (meter, next, longest) => {
    if (!compressed) return meter.taken + next + footBytes <= maxFileBytes;
    const inside = Math.min(meter.taken, mostInside + piecesInside * longest);
    return meter.given + grown(inside + next + footBytes) + tailBytes <= maxFileBytes;
  };
}

// Bytes that cannot be made smaller grow by the frames of their blocks.
const grown = (bytes: number) => bytes + Math.ceil(bytes / 1024);
