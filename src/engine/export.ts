import { AppError } from '../errors.js';
import { empty, ident, integer, join, literal, sql, type Sql } from '../sql.js';
import { isPresent } from './batches.js';
import type { Batch, OwnSession, RunOptions, Session } from './engine.js';
import {
  delimitedLine,
  headerLine,
  jsonLine,
  type DelimitedText,
  type ExportColumn,
  type RowText,
} from './row-text.js';
import { sheetFrame, sheetRow, type SheetText } from './sheet-rows.js';
import { xmlFrame, xmlRow, type XmlNames } from './xml-rows.js';

/** What rows become as text. */
export type TextFormat =
  | ({ readonly kind: 'delimited' } & DelimitedText)
  /** A line for each row (RFC 8259). */
  | { readonly kind: 'ndjson' }
  /** One array, with a line for each row. */
  | { readonly kind: 'json' }
  | ({ readonly kind: 'xml' } & XmlNames)
  /** A worksheet's part of a workbook. */
  | ({ readonly kind: 'sheet' } & SheetText);

/** Rows as text: whole ones, so that a file may end behind it. */
export interface TextPiece {
  readonly bytes: Buffer;
  readonly rows: number;
}

/** What stands around the rows of one file. */
export interface TextFrame {
  readonly head: Buffer;
  readonly foot: Buffer;
  /** So many bytes of the file's first row go: the comma that a JSON array has between two. */
  readonly firstDrops: number;
  /** The whole file where there are no rows. */
  readonly empty: Buffer;
}

/** Options of rows that become text. */
export interface TextOptions extends RunOptions {
  /** A piece ends behind the row with which it has so many bytes, and a row that has them alone is one. (Default: 1 MiB) */
  readonly pieceBytes?: number;
  /** What the rows are all of, as errors call it. (Default: the result) */
  readonly rowsOf?: string;
}

/**
 * Gives the rows of a select as text, in pieces while the engine makes them. Texts are RFC 4180, RFC 8259, XML 1.0 and ECMA-376:
 * instants as the API shows them, NaN and infinity as nothing (null), whole numbers and decimals with all their digits.
 * @throws UNWRITABLE_VALUE where the format cannot hold a value; pieces with the rows before may have come
 */
export async function* streamRows(
  session: OwnSession,
  select: Sql,
  columns: readonly ExportColumn[],
  format: TextFormat,
  { pieceBytes = 2 ** 20, rowsOf = 'the result', ...options }: TextOptions = {},
): AsyncGenerator<TextPiece, void, undefined> {
  const { line, unfit } = rowText(format, columns);
  const unfitColumn = unfit ? sql`, ${unfit.column} as unfit` : empty;
  const lines = sql`select ${line} as line${unfitColumn} from (${select}) as q`;
  let before = 0;
  for await (const batch of session.stream(lines, options)) {
    if (unfit) refuseUnfit(batch, before, columns, `of ${rowsOf} has ${unfit.reason}`);
    yield* piecesOf(batch, pieceBytes);
    before += batch.rows;
  }
}

/** What stands before and behind the rows of each file that is made of {@link streamRows}. */
export function frameOf(format: TextFormat, columns: readonly ExportColumn[]): TextFrame {
  switch (format.kind) {
    case 'delimited':
      return frame(format.header ? `${headerLine(columns, format)}\n` : '', '');
    case 'ndjson':
      return frame('', '');
    case 'json':
      return { ...frame('[', '\n]\n'), firstDrops: 1, empty: Buffer.from('[]\n') };
    case 'xml': {
      const { head, foot } = xmlFrame(format);
      return frame(head, foot);
    }
    case 'sheet': {
      const { head, foot } = sheetFrame(columns, format);
      return frame(head, foot);
    }
  }
}

/** Gives the rows of a select as the bytes of one file; see {@link streamRows}. */
export async function* streamText(
  session: OwnSession,
  select: Sql,
  columns: readonly ExportColumn[],
  format: TextFormat,
  options: TextOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  const { head, foot, firstDrops, empty: whole } = frameOf(format, columns);
  let begun = false;
  for await (const { bytes } of streamRows(session, select, columns, format, options)) {
    yield begun ? bytes : Buffer.concat([head, bytes.subarray(firstDrops)]);
    begun = true;
  }
  const end = begun ? foot : whole;
  if (end.length > 0) yield end;
}

// The network is slower than what the engine's own choice, 3, saves: nothing to 2 % for a third of the time.
const zstdLevel = 1;

/**
 * Writes the rows of a select into a local file of Parquet. It only appends to it, so the file can be read while it grows.
 * @returns rows written
 */
export async function exportParquet(
  session: Session,
  select: Sql,
  columns: readonly ExportColumn[],
  path: string,
  options: RunOptions = {},
): Promise<number> {
  const fields = join(columns.map(({ name }) => sql`q.${ident(name)}`));
  // Row groups are freed some MB at a time. Gone back to the system at once they make the process 80 MB smaller; queries beside it
  // take a little longer meanwhile.
  await session.run(sql`set global allocator_bulk_deallocation_flush_threshold = '4MB'`, options);
  try {
    return await session.run(
      sql`copy (select ${fields} from (${select}) as q) to ${literal(path)} (
        format parquet, compression zstd, compression_level ${integer(zstdLevel)}, use_tmp_file false)`,
      options,
    );
  } finally {
    // A statement that failed says why; that this one cannot run either would hide it.
    await session
      .run(sql`reset global allocator_bulk_deallocation_flush_threshold`)
      .catch(() => undefined);
  }
}

function rowText(format: TextFormat, columns: readonly ExportColumn[]): RowText {
  switch (format.kind) {
    case 'delimited':
      return { line: sql`concat(${delimitedLine(columns, format)}, ${literal('\n')})` };
    case 'ndjson':
      return { line: sql`concat(${jsonLine(columns)}, ${literal('\n')})` };
    case 'json':
      return { line: sql`concat(${literal(',\n')}, ${jsonLine(columns)})` };
    case 'xml':
      return xmlRow(columns, format);
    case 'sheet':
      return sheetRow(columns, format);
  }
}

function frame(head: string, foot: string): TextFrame {
  return {
    head: Buffer.from(head),
    foot: Buffer.from(foot),
    firstDrops: 0,
    empty: Buffer.from(head + foot),
  };
}

/** Texts behind each other: 2,048 long rows may be more than a buffer can hold. */
function* piecesOf(batch: Batch, pieceBytes: number): Generator<TextPiece> {
  const { lengths, joined } = batch.texts(0);
  let from = 0;
  let bytes = 0;
  for (let row = 0; row < batch.rows; row++) {
    const length = lengths[row] ?? 0;
    // A row that would be a piece by itself is one, so that no other row is in a piece of its length.
    if (length >= pieceBytes && from < row) {
      yield { bytes: joined(from, row), rows: row - from };
      from = row;
      bytes = 0;
    }
    bytes += length;
    if (bytes < pieceBytes && row < batch.rows - 1) continue;
    yield { bytes: joined(from, row + 1), rows: row + 1 - from };
    from = row + 1;
    bytes = 0;
  }
}

// An error that the engine raises amid its rows loses its words on the way, so it only says which column it is.
function refuseUnfit(
  batch: Batch,
  before: number,
  columns: readonly ExportColumn[],
  whatIsWrong: string,
): void {
  const present = batch.present(1);
  if (present?.every((byte) => byte === 0)) return;
  for (let row = 0; row < batch.rows; row++) {
    if (!isPresent(present, row)) continue;
    const [index] = batch.bytes(1).slice(row);
    const column = columns[Number(Buffer.from(index ?? []).toString())]?.name ?? '';
    throw new AppError(
      'UNWRITABLE_VALUE',
      `The column ${JSON.stringify(column)} in row ${before + row + 1} ${whatIsWrong}; leave it out, or write another format`,
      { details: { column, row: before + row + 1 } },
    );
  }
}
