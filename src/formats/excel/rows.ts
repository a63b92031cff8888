import { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import { cellTooLong, lastColumn, lastRow, maxCellBytesOf, type ExcelOptions } from './options.js';
import type { RowSink, RowSource } from '../rows.js';

/** Rows that are looked at before the columns are laid out, and the bytes that these may have. */
const rowsToLayOut = 32;
const bytesToLayOut = 2 ** 20;

/** What a held cell costs beside its text. */
const cellCost = 32;

/** A row whose fate is not known yet: the columns are not laid out, or it may be a footer. */
interface HeldRow {
  readonly record: number;
  readonly columns: number[];
  readonly values: string[];
  readonly faults: {
    readonly column: number;
    readonly value: string | null;
    readonly reason: string;
  }[];
  bytes: number;
}

/** What becomes of the row that is being read. */
type Fate = 'skip' | 'header' | 'hold' | 'give';

/**
 * Makes a table of the cells of a sheet: finds the header and the data, leaves out what has no cell, and keeps back
 * the footer. Columns are those that have a header or a value; a value beside the header gets a column without name.
 */
export class SheetRows {
  readonly #origin: string;
  readonly #options: ExcelOptions;
  readonly #sink: RowSink;
  readonly #limits: FormatLimits;
  readonly #cellLimit: number;
  readonly #headerRow: number;
  readonly #footer: number;
  /** Position in the sink by position in the sheet, -1: none yet. */
  readonly #columns = new Int32Array(lastColumn).fill(-1);
  /** Headers by position in the sheet. */
  readonly #headers = new Map<number, string>();
  readonly #occurrences = new Map<string, number>();
  #headerDone: boolean;
  #laidOut = false;
  #dataRow: number;
  #held: HeldRow[] = [];
  /** How many rows at the beginning of `#held` were given already. */
  #given = 0;
  #heldBytes = 0;
  #row: HeldRow | undefined;
  #fate: Fate = 'skip';
  #record = 0;
  #empty = true;
  #rowBytes = 0;
  #formulas = 0;

  /** @throws INVALID_OPTIONS */
  constructor(options: ExcelOptions, source: RowSource, sink: RowSink, limits: FormatLimits) {
    this.#origin = source.origin;
    this.#options = options;
    this.#sink = sink;
    this.#limits = limits;
    this.#cellLimit = maxCellBytesOf(limits);
    this.#headerRow = this.#option('headerStartRow', 1) ?? 1;
    this.#footer = this.#option('footerRowsToSkip', 0) ?? 0;
    this.#headerDone = options.headers === false;
    this.#dataRow = this.#option('dataStartRow', 1) ?? 1;
    if (!this.#headerDone && options.dataStartRow && options.dataStartRow <= this.#headerRow)
      throw this.#invalid('dataStartRow', `is ${this.#dataRow}, not behind the header`);
  }

  /** There are enough rows. */
  get full(): boolean {
    return this.#sink.full;
  }

  /** The current row does not matter, so its cells need not be read. */
  get skipping(): boolean {
    return this.#fate === 'skip';
  }

  /** Begins a row of the sheet, counted from 1. Only rows that have cells need be told of. */
  beginRow(row: number): void {
    if (row <= this.#record) {
      this.#sink.warn(
        `${this.#origin} has rows out of order (${row} after ${this.#record}); they were read as they come`,
      );
      row = Math.min(this.#record + 1, lastRow);
    }
    this.#record = row;
    this.#empty = true;
    this.#rowBytes = 0;
    if (!this.#headerDone) this.#fate = row < this.#headerRow ? 'skip' : 'header';
    else if (row < this.#dataRow) this.#fate = 'skip';
    else this.#fate = this.#laidOut && this.#footer === 0 ? 'give' : 'hold';
    if (this.#fate === 'hold')
      this.#row = { record: row, columns: [], values: [], faults: [], bytes: 0 };
  }

  /** Sets the cell in the column of the sheet (from 0); an empty text is no value. */
  text(column: number, value: string): void {
    if (this.#fate === 'skip' || value === '') return;
    if (3 * value.length > this.#cellLimit) this.#count(column, Buffer.byteLength(value));
    else this.#count(column, value.length);
    if (this.#fate === 'give') this.#sink.text(this.#column(column), value);
    else if (this.#fate === 'header') this.#headers.set(column, value);
    else this.#hold(column, value);
  }

  /** Like {@link SheetRows.text}; the bytes must stay as they are for good. */
  bytes(column: number, from: Buffer, start: number, end: number): void {
    if (this.#fate === 'skip' || start === end) return;
    if (this.#fate === 'give') {
      this.#count(column, end - start);
      this.#sink.bytes(this.#column(column), from, start, end);
    } else {
      if (end - start > this.#cellLimit) this.#count(column, end - start);
      this.text(column, from.toString('utf8', start, end));
    }
  }

  /** The cell has no value that can be read: it is null, and reported. */
  fault(column: number, value: string | null, reason: string): void {
    if (this.#fate === 'skip') return;
    this.#empty = false;
    if (this.#fate === 'header') this.#headers.set(column, value ?? '');
    else if (this.#fate === 'hold') {
      if (this.#row) this.#row.bytes += cellCost + reason.length;
      this.#row?.faults.push({ column, value, reason });
    } else this.#note(this.#record, column, value, reason);
  }

  /** The cell is a formula without a value. */
  formula(): void {
    if (this.#fate === 'skip') return;
    this.#empty = false;
    this.#formulas++;
  }

  endRow(): void {
    const fate = this.#fate;
    this.#fate = 'skip';
    if (this.#empty || fate === 'skip') return;
    if (fate === 'give') this.#sink.endRow(this.#record);
    else if (fate === 'header') this.#endHeader();
    else if (this.#row) this.#keep(this.#row);
  }

  /** The sheet has no more rows, or nobody wants them. @throws INVALID_OPTIONS for a header that is not there */
  end(): void {
    if (!this.#headerDone && this.#headerRow > 1)
      throw this.#invalid(
        'headerStartRow',
        `is ${this.#headerRow}, but the sheet's last row with cells is ${this.#record}`,
      );
    if (!this.#headerDone) this.#sink.warn(`The sheet of ${this.#origin} has no cells`);
    else if (!this.#laidOut) this.#layOut(this.#footer);
    if (this.#formulas > 0)
      this.#sink.warn(
        `${this.#formulas} formulas of ${this.#origin} have no value and are null: ` +
          'open the workbook in Excel and save it',
      );
  }

  #endHeader(): void {
    if (this.#record > this.#headerRow) {
      if (this.#headerRow > 1)
        throw this.#invalid('headerStartRow', `is ${this.#headerRow}, but that row has no cell`);
      this.#sink.warn(
        `Row 1 of ${this.#origin} has no cell, so the header is row ${this.#record}, the first that has`,
      );
      this.#sink.detected('headerStartRow', this.#record);
    }
    const { dataStartRow } = this.#options;
    if (dataStartRow && dataStartRow <= this.#record)
      throw this.#invalid(
        'dataStartRow',
        `is ${dataStartRow}, but the header is row ${this.#record}`,
      );
    this.#headerDone = true;
    this.#dataRow = dataStartRow ?? this.#record + 1;
  }

  #keep(row: HeldRow): void {
    this.#held.push(row);
    this.#heldBytes += row.bytes;
    if (!this.#laidOut) {
      const seen = this.#held.length - this.#footer;
      if (seen >= rowsToLayOut || (seen > 0 && this.#heldBytes > bytesToLayOut))
        this.#layOut(this.#footer);
    } else this.#release(this.#footer);
    if (this.#heldBytes > this.#limits.maxDocumentBytes)
      throw this.#invalid(
        'footerRowsToSkip',
        `is ${this.#footer}, and so many rows of this sheet have more than ` +
          `${this.#limits.maxDocumentBytes} bytes (BUCKETQL_MAX_DOCUMENT_BYTES)`,
      );
  }

  /** Makes the columns in the sheet's order, as far as the first rows show them; gives all rows but the last `kept`. */
  #layOut(kept: number): void {
    this.#laidOut = true;
    const used = new Set(this.#headers.keys());
    const rows = this.#held.slice(0, Math.max(0, this.#held.length - kept));
    for (const row of rows) {
      for (const column of row.columns) used.add(column);
      for (const { column } of row.faults) used.add(column);
    }
    // Gaps are columns too; but one cell far away must not make thousands of them.
    const inHeader = [...(this.#headers.size > 0 ? this.#headers.keys() : used)];
    const first = inHeader.reduce((a, b) => Math.min(a, b), lastColumn);
    const last = inHeader.reduce((a, b) => Math.max(a, b), -1);
    if (last - first < this.#limits.maxColumns)
      for (let column = first; column <= last; column++) used.add(column);
    for (const column of [...used].sort((a, b) => a - b)) this.#column(column);
    this.#release(kept);
  }

  #release(kept: number): void {
    while (this.#held.length - this.#given > kept && !this.#sink.full) {
      const row = this.#held[this.#given++]!;
      this.#heldBytes -= row.bytes;
      row.columns.forEach((column, n) => this.#sink.text(this.#column(column), row.values[n]!));
      for (const { column, value, reason } of row.faults)
        this.#note(row.record, column, value, reason);
      this.#sink.endRow(row.record);
    }
    if (this.#sink.full) this.#held = [];
    // Moving the rest up costs its length, so only when as many were given.
    else if (this.#given < Math.max(64, this.#held.length / 2)) return;
    else this.#held.splice(0, this.#given);
    this.#given = 0;
  }

  #hold(column: number, value: string): void {
    this.#row?.columns.push(column);
    this.#row?.values.push(value);
    if (this.#row) this.#row.bytes += value.length + cellCost;
  }

  #note(record: number, column: number, value: string | null, reason: string): void {
    this.#column(column);
    const source = this.#sourceOf(column);
    this.#sink.note({ record, column: source, value, reason, raw: null });
  }

  #column(column: number): number {
    const known = this.#columns[column]!;
    return known === -1 ? this.#newColumn(column) : known;
  }

  #newColumn(column: number): number {
    const source = this.#sourceOf(column);
    const occurrence = this.#occurrences.get(source) ?? 0;
    this.#occurrences.set(source, occurrence + 1);
    return (this.#columns[column] = this.#sink.column(source, occurrence));
  }

  #sourceOf(column: number): string {
    if (this.#options.headers !== false) return this.#headers.get(column) ?? '';
    const known = this.#columns[column]!;
    return `column${known === -1 ? this.#occurrences.size : known}`;
  }

  #count(column: number, bytes: number): void {
    this.#empty = false;
    this.#rowBytes += bytes;
    if (bytes > this.#cellLimit)
      throw cellTooLong(
        this.#origin,
        `Column ${column + 1} in row ${this.#record}`,
        this.#cellLimit,
      );
    if (this.#rowBytes > this.#limits.maxCellBytes)
      throw cellTooLong(this.#origin, `Row ${this.#record}`, this.#limits.maxCellBytes);
  }

  #option(name: 'headerStartRow' | 'dataStartRow' | 'footerRowsToSkip', least: number) {
    const value = this.#options[name] ?? undefined;
    if (value !== undefined && (!Number.isSafeInteger(value) || value < least))
      throw this.#invalid(name, `is ${value}, but must be a whole number from ${least}`);
    return value;
  }

  #invalid(option: string, why: string): AppError {
    return new AppError('INVALID_OPTIONS', `The option ${option} ${why} (${this.#origin})`, {
      details: { file: this.#origin, option },
    });
  }
}
