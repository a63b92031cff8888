import { Readable } from 'node:stream';
import type { OwnSession } from '../engine/engine.js';
import {
  frameOf,
  streamRows,
  type TextFormat,
  type TextFrame,
  type TextPiece,
} from '../engine/export.js';
import { sheetPartName, workbookParts } from '../formats/excel/workbook-parts.js';
import { zipStream, type NewMember } from '../zip/writer.js';
import type { Delivery, Meter } from './deliver.js';
import type { Destination } from './destination.js';
import { lookAhead, type LookAhead } from './look-ahead.js';
import type { Slice } from './result-table.js';

// With the header's.
const mostRows = 2 ** 20;

/** Writes rows as a workbook: a sheet, and further ones for the rows that it has no room for. */
export async function writeWorkbook(
  session: OwnSession,
  slice: Slice,
  destination: Destination,
  format: TextFormat,
  delivery: Delivery,
): Promise<void> {
  const pieces = lookAhead(
    streamRows(session, slice.select, slice.columns, format, {
      signal: delivery.signal,
      rowsOf: slice.rowsOf,
    }),
  );
  const frame = frameOf(format, slice.columns);
  try {
    await delivery.deliver({
      partition: slice.partition,
      number: undefined,
      bytes: (meter) => zipStream(membersOf(pieces, frame, destination.sheetName, meter)),
    });
  } finally {
    await pieces.close();
  }
}

async function* membersOf(
  pieces: LookAhead<TextPiece>,
  frame: TextFrame,
  sheetName: string,
  meter: Meter,
): AsyncGenerator<NewMember, void, undefined> {
  let sheets = 0;
  do {
    yield { name: sheetPartName(sheets++), bytes: sheetOf(pieces, frame, meter) };
  } while (await pieces.peek());
  // Behind the sheets, for only now it is known how many there are. They get names of their own.
  for (const { name, text } of workbookParts(Array<string>(sheets).fill(sheetName))) {
    yield { name, bytes: Readable.from([Buffer.from(text)]) };
  }
}

async function* sheetOf(
  pieces: LookAhead<TextPiece>,
  { head, foot }: TextFrame,
  meter: Meter,
): AsyncGenerator<Uint8Array, void, undefined> {
  let rows = 1;
  yield head;
  for (let piece = await pieces.peek(); piece; piece = await pieces.peek()) {
    if (rows + piece.rows > mostRows) break;
    pieces.take();
    rows += piece.rows;
    meter.rows += piece.rows;
    yield piece.bytes;
  }
  yield foot;
}
