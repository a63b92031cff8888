import { ident, join, literal, sql, type Sql } from '../sql.js';
import type { OwnSession, RunOptions, Session } from './engine.js';
import {
  delimitedLine,
  headerLine,
  jsonLine,
  plainText,
  type DelimitedText,
  type ExportColumn,
} from './row-text.js';

/** What rows become as text. */
export type TextFormat =
  ({ readonly kind: 'delimited' } & DelimitedText) | { readonly kind: 'ndjson' };

/** A local file to write rows into. */
export type ExportTarget = { readonly path: string } & (TextFormat | { readonly kind: 'parquet' });

/**
 * Writes the rows of a select into a file; its texts are those of {@link streamText}.
 * @returns rows written
 */
export async function exportRows(
  session: Session,
  select: Sql,
  columns: readonly ExportColumn[],
  target: ExportTarget,
  options: RunOptions = {},
): Promise<number> {
  return session.run(
    sql`copy (${projection(select, columns, target)}) to ${literal(target.path)} ${optionsOf(target)}`,
    options,
  );
}

const pieceBytes = 2 ** 20;

/**
 * Gives the rows of a select as text, in pieces while the engine makes them. Texts are RFC 4180 and RFC 8259: instants as the API shows
 * them, NaN and infinity as nothing (null), whole numbers and decimals with all their digits.
 */
export async function* streamText(
  session: OwnSession,
  select: Sql,
  columns: readonly ExportColumn[],
  format: TextFormat,
  options: RunOptions = {},
): AsyncGenerator<Buffer, void, undefined> {
  const line =
    format.kind === 'ndjson' ? jsonLine(columns) : delimitedLine(columns, format.delimiter);
  let head =
    format.kind === 'delimited' && format.header
      ? [Buffer.from(`${headerLine(columns, format.delimiter)}\n`)]
      : [];
  const lines = sql`select concat(${line}, ${literal('\n')}) as line from (${select}) as q`;
  for await (const batch of session.stream(lines, options)) {
    for (const piece of gathered([...head, ...batch.bytes(0)])) yield piece;
    head = [];
  }
  yield* head;
}

/** Texts behind each other, in pieces of a MiB or of one longer text: 2,048 rows may be more than a buffer can hold. */
function* gathered(texts: readonly (Uint8Array | undefined)[]): Generator<Buffer> {
  let piece: Uint8Array[] = [];
  let bytes = 0;
  for (const text of texts) {
    if (!text) continue;
    piece.push(text);
    bytes += text.length;
    if (bytes < pieceBytes) continue;
    yield Buffer.concat(piece);
    piece = [];
    bytes = 0;
  }
  if (bytes > 0) yield Buffer.concat(piece);
}

function projection(select: Sql, columns: readonly ExportColumn[], target: ExportTarget): Sql {
  const from = sql`from (${select}) as q`;
  switch (target.kind) {
    case 'parquet':
      return select;
    case 'delimited': {
      const fields = columns.map((column) => sql`${plainText(column)} as ${ident(column.name)}`);
      return sql`select ${join(fields)} ${from}`;
    }
    case 'ndjson':
      return sql`select ${jsonLine(columns)} as line ${from}`;
  }
}

function optionsOf(target: ExportTarget): Sql {
  switch (target.kind) {
    case 'parquet':
      return sql`(format parquet, compression zstd)`;
    case 'delimited':
      return sql`(format csv, delimiter ${literal(target.delimiter)}, header ${target.header ? sql`true` : sql`false`})`;
    case 'ndjson':
      // Lines of JSON hold no control characters, so neither delimiter nor quote ever stands in one.
      return sql`(format csv, delimiter ${literal('\u0001')}, header false, quote '', escape '')`;
  }
}
