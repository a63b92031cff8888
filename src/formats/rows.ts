/*
 * The formats that are no table of text by themselves (JSON, XML, spreadsheets) give rows: cells of text by column.
 * Whoever takes the rows writes them where the engine reads them; the format knows nothing of it.
 */

/** A record that cannot be read and was set aside. */
export interface UnreadRecord {
  /** 1-based record of JSON and XML (line, where records are lines), row of a sheet. */
  readonly record: number;
  /** Source of the column at fault, null: the record as a whole. */
  readonly column: string | null;
  readonly value: string | null;
  readonly reason: string;
  /** The record as it stands in the file, when it is text; at most some 1,000 characters. */
  readonly raw: string | null;
}

/** Takes the rows of one file, a cell after the other. What is not set is null. Calls are synchronous. */
export interface RowSink {
  /**
   * The position of a column, made when its source is new. Equal headers of one sheet are told apart by `occurrence`,
   * counted from 0.
   * @throws TOO_MANY_COLUMNS
   */
  column(source: string, occurrence?: number): number;
  /** Sets a cell of the current row. */
  text(column: number, value: string): void;
  /** Sets a cell of the current row to bytes of UTF-8, which must stay as they are until the row ends. */
  bytes(column: number, from: Uint8Array, start: number, end: number): void;
  /** Sets a cell to a list or an object, as JSON text: a column with nothing else is JSON. */
  json(column: number, value: string): void;
  /**
   * Ends the current row; `record` as in {@link UnreadRecord}. A cell that is too long or has a NUL sets the row aside.
   * @throws what {@link RowSink.reject} throws
   */
  endRow(record: number): void;
  /** Sets a record aside; drops the current row's cells. @throws INVALID_VALUE or MALFORMED_ROW when patience is at an end */
  reject(record: UnreadRecord): void;
  /** Reports a cell that could not be read and stays null; its row is kept. @throws as {@link RowSink.reject} does */
  note(record: UnreadRecord): void;
  /** There are enough rows (a preview): who can stop early stops. */
  readonly full: boolean;
  /** For people; equal ones count once. */
  warn(message: string): void;
  /** An option that was not given and what was found. */
  detected(option: string, value: unknown): void;
}

/** Reads one file, handed over piece by piece in UTF-8 (a byte order mark may stand at the beginning). */
export interface RowParser {
  /** Errors name the file's origin and the place. */
  push(piece: Buffer): void;
  /** After the last piece. */
  end(): void;
}

/** What a parser is told of the file. */
export interface RowSource {
  /** Object key, or `archive.zip!member`. */
  readonly origin: string;
  /** Only the beginning of the file is handed over (a preview): what is cut at its end is no error. */
  readonly partial: boolean;
}
