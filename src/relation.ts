import type { ColumnType } from './columns.js';
import type { DecimalSize } from './inference.js';

/**
 * Words. A *Relation* is data that says what an engine can read rows `FROM`: local files and how to read them.
 * Formats describe one, the engine reads it; neither knows the other.
 */
export type Relation = TextRelation | ParquetRelation;

/** What is read as text, and typed by what the texts are. */
export type TextRelation = DelimitedRelation | RowRelation;

/** How the fields of a delimited text file are told apart. The quote is one character, and "" stands for none. */
export interface DelimitedDialect {
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
}

/** UTF-8 text files of one dialect whose records have the same columns in the same order. All fields are text. */
export interface DelimitedRelation {
  readonly kind: 'delimited';
  readonly files: readonly LocalFile[];
  readonly dialect: DelimitedDialect;
  /** Headers as they stand in the files, in order; repeated and empty ones are allowed. */
  readonly headers: readonly string[];
  /** Physical lines before the first data record, header included. */
  readonly skipLines: number;
  /** Physical lines behind the last data record. (Default: 0) */
  readonly footerLines?: number;
  /** Texts that mean NULL when they are a whole field. */
  readonly nullValues: readonly string[];
}

/** Parquet files. Each may have the columns in its own order, and lack some. */
export interface ParquetRelation {
  readonly kind: 'parquet';
  readonly files: readonly ParquetFile[];
  /** What their columns are, for all files together. */
  readonly columns: readonly ParquetColumn[];
}

/** A Parquet file whose footer was checked: an engine must see no other. */
export interface ParquetFile extends LocalFile {
  readonly rows: number;
  /** The columns as the file names them, in order; repeated and empty names are allowed. */
  readonly fields: readonly ParquetField[];
}

/** A column of a file: a value, or a group of them (list, struct, map). */
export interface ParquetField {
  readonly name: string;
  /** A FLOAT16, which the engine reads as a FLOAT. */
  readonly half: boolean;
}

/** What a column of Parquet files is to us. */
export interface ParquetColumn {
  /** Its name in the file; repeated and empty ones are allowed. */
  readonly source: string;
  readonly type: ColumnType;
  readonly decimal?: DecimalSize;
  /** Bytes that are not all valid UTF-8: the text is their base64. (Default: false) */
  readonly base64?: boolean;
}

/** Rows that a format wrote in our own text. They number their records, and all have the same columns. */
export interface RowRelation {
  readonly kind: 'rows';
  readonly files: readonly RowFile[];
  /** Sources of the columns, in order. */
  readonly headers: readonly string[];
}

/**
 * How a quote stands in a text: not at all, somewhere behind two spaces or with only spaces between it and another one
 * (where readers differ in what that means), or otherwise.
 */
export type Quotes = 'NONE' | 'PLAIN' | 'SPACED';

/** What a look at all bytes of a text has found. */
export interface TextFacts {
  /** They are valid UTF-8 without a NUL byte. */
  readonly plain: boolean;
  /** Bytes of its longest physical line; lines below 1 MiB may count as none. */
  readonly longestLine: number;
  /** How the character `"` stands in it. */
  readonly quotes: Quotes;
}

/** A file on this machine and the object (or archive member) that it came from. What is not known of it is left out. */
export interface LocalFile extends Partial<TextFacts> {
  readonly path: string;
  /** Object key, or `archive.zip!member`. */
  readonly origin: string;
  /** Files with what stands before in the same text: its lines go on from theirs. (Default: none) */
  readonly earlier?: readonly string[];
}

/**
 * Rows of the formats that are no text of records by themselves (JSON, XML, spreadsheets) as text of our own, which the
 * engine's fastest reader takes: one row a line, the record's number first, then the cells. The marks are control
 * characters, so that hardly a text needs quotes; NULL is nothing at all, an empty text is a pair of quotes.
 */
export const rowDialect = { delimiter: '\x1f', quote: '\x02', escape: '\x02' } as const;

/** What the cells of a column in one file were: only lists and objects, or texts too. Undefined: none was set. */
export type CellKind = 'nested' | 'text' | undefined;

/** A column as its rows came by. */
export interface RowColumn {
  readonly source: string;
  /** 0-based among equal sources. */
  readonly occurrence: number;
  readonly kind?: CellKind;
}

/** A file of rows that all have the same number of cells. The rows of one origin may stand in several, in order. */
export interface RowFile extends LocalFile {
  readonly rows: number;
  readonly bytes: number;
  /** The longest line. */
  readonly maxLineBytes: number;
  readonly columns: readonly RowColumn[];
}
