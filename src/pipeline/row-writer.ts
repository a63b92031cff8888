import { AppError } from '../errors.js';
import { Rejects } from '../engine/rejects.js';
import type { RowSink, UnreadRecord } from '../formats/rows.js';
import type { FormatLimits } from '../limits.js';
import { rowDialect, type CellKind, type RowColumn } from '../relation.js';
import { RowFiles, type RowBlock, type RowFilesOptions } from './row-files.js';

/** Where and how rows are written. */
export interface RowWriterOptions extends RowFilesOptions {
  readonly limits: Pick<FormatLimits, 'maxColumns' | 'maxCellBytes'>;
  readonly badRows: 'REJECT' | 'FAIL';
  readonly maxRejectedRows: number;
  /** The sink is full behind that many rows. (Default: never) */
  readonly enough?: number;
  /** Told now and then that rows are coming. */
  readonly onProgress?: () => void;
}

const bufferBytes = 1 << 19;
const delimiter = rowDialect.delimiter.charCodeAt(0);
const quote = rowDialect.quote.charCodeAt(0);
const LF = 10;
const CR = 13;
const mostDigits = 17;

// What a cell of the current row is.
const nothing = 0;
const asBytes = 1;
const asText = 2;

/**
 * Writes the rows of one file of a row format to {@link RowFiles}. Columns may appear at any time: rows that still wait
 * in memory get the new cells as nulls, rows that are written already stay in a narrower file. Blocks while it writes,
 * so it belongs outside of the main thread.
 */
export class RowWriter implements RowSink {
  readonly warnings = new Set<string>();
  readonly found: Record<string, unknown> = {};
  readonly #options: RowWriterOptions;
  readonly #rejects: Rejects;
  readonly #positions = new Map<string, number>();
  readonly #columns: { source: string; occurrence: number; kind: CellKind }[] = [];
  // One entry a column: what the current row has there.
  #cells = new Uint8Array(64);
  #starts = new Uint32Array(64);
  #ends = new Uint32Array(64);
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #texts: string[] = [];
  #out = Buffer.allocUnsafe(bufferBytes * 2);
  #at = 0;
  /** Where the rows in the buffer end, and how many cells they have from a row on. */
  readonly #rowEnds: number[] = [];
  #widths: RowBlock['widths'][number][] = [];
  readonly #files: RowFiles;
  #rows = 0;
  #longest = 0;
  #record = -1;
  #recordDigits = Buffer.alloc(0);

  constructor(options: RowWriterOptions) {
    this.#options = options;
    this.#rejects = new Rejects(options);
    this.#files = new RowFiles(options, this.#columns);
  }

  get rows(): number {
    return this.#rows;
  }

  get full(): boolean {
    return this.#rows >= (this.#options.enough ?? Infinity);
  }

  get columns(): readonly RowColumn[] {
    return this.#columns;
  }

  /** Rows that were set aside, in the order of their records. */
  get rejected() {
    return this.#rejects.inOrderOf([]);
  }

  column(source: string, occurrence = 0): number {
    const key = occurrence === 0 ? source : `${source}\0${occurrence}`;
    const known = this.#positions.get(key);
    if (known !== undefined) return known;
    const position = this.#columns.length;
    const { origin, limits } = this.#options;
    if (position >= limits.maxColumns) {
      throw new AppError(
        'TOO_MANY_COLUMNS',
        `${origin} has more than ${limits.maxColumns} columns; leave fields out with excludeFields, or raise BUCKETQL_MAX_COLUMNS`,
        { details: { file: origin, limit: limits.maxColumns } },
      );
    }
    this.#positions.set(key, position);
    this.#columns.push({ source, occurrence, kind: undefined });
    this.#texts.push('');
    this.#bytes.push(undefined);
    if (position === this.#cells.length) this.#grow();
    return position;
  }

  #grow(): void {
    const cells = new Uint8Array(this.#cells.length * 2);
    cells.set(this.#cells);
    this.#cells = cells;
    const starts = new Uint32Array(cells.length);
    starts.set(this.#starts);
    this.#starts = starts;
    const ends = new Uint32Array(cells.length);
    ends.set(this.#ends);
    this.#ends = ends;
  }

  text(column: number, value: string): void {
    this.#cells[column] = asText;
    this.#texts[column] = value;
    this.#isKind(column, 'text');
  }

  bytes(column: number, from: Uint8Array, start: number, end: number): void {
    this.#cells[column] = asBytes;
    this.#bytes[column] = from;
    this.#starts[column] = start;
    this.#ends[column] = end;
    this.#isKind(column, 'text');
  }

  json(column: number, value: string): void {
    this.#cells[column] = asText;
    this.#texts[column] = value;
    this.#isKind(column, 'nested');
  }

  #isKind(column: number, kind: 'nested' | 'text'): void {
    const known = this.#columns[column];
    if (known && known.kind !== kind && known.kind !== 'text') known.kind = kind;
  }

  endRow(record: number): void {
    const begin = this.#at;
    const width = this.#columns.length;
    if (this.#widths.at(-1)?.width !== width) {
      this.#widths.push({ firstRow: this.#rowEnds.length, width });
    }
    this.#reserve(mostDigits + width + 1);
    this.#writeRecord(record);
    for (let column = 0; column < width; column++) {
      this.#out[this.#at++] = delimiter;
      const cell = this.#cells[column];
      if (cell === nothing) continue;
      const fault = cell === asBytes ? this.#writeBytes(column) : this.#writeText(column);
      if (fault === undefined) continue;
      const value = this.#valueOf(column);
      this.#at = begin;
      this.reject({
        record,
        column: this.#columns[column]?.source ?? null,
        value,
        reason: fault,
        raw: null,
      });
      return;
    }
    this.#out[this.#at++] = LF;
    this.#cells.fill(nothing, 0, width);
    this.#rowEnds.push(this.#at);
    this.#rows++;
    if (this.#at - begin > this.#longest) this.#longest = this.#at - begin;
    if (this.#at >= bufferBytes) this.#flush();
  }

  // Rows of one record often stand together, and its number is the same in all.
  #writeRecord(record: number): void {
    if (record !== this.#record) {
      this.#record = record;
      this.#recordDigits = Buffer.from(String(record), 'latin1');
    }
    const digits = this.#recordDigits;
    for (let next = 0; next < digits.length; next++) this.#out[this.#at++] = digits[next] ?? 0;
  }

  reject(unread: UnreadRecord): void {
    this.#cells.fill(nothing, 0, this.#columns.length);
    this.note(unread);
  }

  note({ record, column, value, reason, raw }: UnreadRecord): void {
    this.#rejects.add(
      { file: this.#options.origin, line: record, column, value, reason, raw },
      column === null ? 'MALFORMED_ROW' : 'INVALID_VALUE',
    );
  }

  warn(message: string): void {
    this.warnings.add(message);
  }

  detected(option: string, value: unknown): void {
    this.found[option] = value;
  }

  /** Hands over what is left. */
  end(): void {
    this.#flush();
    this.#files.end();
  }

  /** Gives up: closes what is open. */
  close(): void {
    this.#files.close();
  }

  // There is always room for the marks of a row; each cell asks for what it needs on top.
  #reserve(bytes: number): void {
    const needed = this.#at + bytes;
    if (needed <= this.#out.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#out.length * 2));
    this.#out.copy(larger, 0, 0, this.#at);
    this.#out = larger;
  }

  #writeBytes(column: number): string | undefined {
    const from = this.#bytes[column];
    if (!from) return undefined;
    const start = this.#starts[column] ?? 0;
    const end = this.#ends[column] ?? 0;
    const length = end - start;
    if (length > this.#options.limits.maxCellBytes) return this.#tooLong(length);
    this.#reserve(length * 2 + this.#columns.length + 4);
    const out = this.#out;
    let at = this.#at;
    if (length === 0) {
      out[at++] = quote;
      out[at++] = quote;
      this.#at = at;
      return undefined;
    }
    for (let next = start; next < end; next++) {
      const byte = from[next] ?? 0;
      // Only control characters can be marks.
      if (
        byte < 32 &&
        (byte === delimiter || byte === LF || byte === CR || byte === quote || byte === 0)
      ) {
        return this.#writeQuoted(from, start, end);
      }
      out[at++] = byte;
    }
    this.#at = at;
    return undefined;
  }

  #writeText(column: number): string | undefined {
    const text = this.#texts[column] ?? '';
    if (text.length > this.#options.limits.maxCellBytes) return this.#tooLong(text.length);
    if (text === '' || /[\0\x02\n\r\x1f]/.test(text)) {
      const bytes = Buffer.from(text);
      this.#reserve(bytes.length * 2 + this.#columns.length + 4);
      return this.#writeQuoted(bytes, 0, bytes.length);
    }
    this.#reserve(text.length * 3 + this.#columns.length + 4);
    this.#at += this.#out.write(text, this.#at);
    return undefined;
  }

  #writeQuoted(from: Uint8Array, start: number, end: number): string | undefined {
    const out = this.#out;
    let at = this.#at;
    out[at++] = quote;
    for (let next = start; next < end; next++) {
      const byte = from[next] ?? 0;
      if (byte === 0) return 'The value has a NUL character';
      if (byte === quote) out[at++] = quote;
      out[at++] = byte;
    }
    out[at++] = quote;
    this.#at = at;
    return undefined;
  }

  #tooLong(length: number): string {
    return `The value has ${length} bytes, more than ${this.#options.limits.maxCellBytes}; leave the field out with excludeFields, or raise BUCKETQL_MAX_CELL_BYTES`;
  }

  #valueOf(column: number): string {
    const text =
      this.#cells[column] === asText
        ? (this.#texts[column] ?? '')
        : Buffer.from(
            this.#bytes[column]?.subarray(
              this.#starts[column],
              (this.#starts[column] ?? 0) + 800,
            ) ?? [],
          ).toString();
    // Rejected rows go into a table of texts, which cannot hold NUL.
    return text.slice(0, 200).replaceAll('\0', '\ufffd');
  }

  /** Writes the buffered rows. */
  #flush(): void {
    if (this.#rowEnds.length === 0) return;
    this.#files.write({
      bytes: this.#out,
      rowEnds: this.#rowEnds,
      widths: this.#widths,
      longest: this.#longest,
    });
    this.#options.onProgress?.();
    this.#rowEnds.length = 0;
    this.#widths = [];
    this.#at = 0;
    if (this.#out.length > bufferBytes * 8) this.#out = Buffer.allocUnsafe(bufferBytes * 2);
  }
}
