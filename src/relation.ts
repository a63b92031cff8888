/**
 * Words. A *Relation* is data that says what an engine can read rows `FROM`: local files and how to read them.
 * Formats describe one, the engine reads it; neither knows the other.
 */
export type Relation = DelimitedRelation;

/** How the fields of a delimited text file are told apart. Quote and escape are one ASCII character, or "" for none. */
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

/** A file on this machine and the object (or archive member) that it came from. */
export interface LocalFile {
  readonly path: string;
  /** Object key, or `archive.zip!member`. */
  readonly origin: string;
}
