/** What a file may cost. Every limit has a setting, and the error that it raises names it. */
export interface FormatLimits {
  /** BUCKETQL_MAX_COLUMNS */
  readonly maxColumns: number;
  /** Bytes of one value in UTF-8, and of one record of delimited text. BUCKETQL_MAX_CELL_BYTES */
  readonly maxCellBytes: number;
  /** How deep lists and objects (JSON) or elements (XML) may lie in each other. BUCKETQL_MAX_NESTING */
  readonly maxNesting: number;
  /** Bytes of a file that must be held in memory as a whole: XML for an XPath that does not stream, XLS. BUCKETQL_MAX_DOCUMENT_BYTES */
  readonly maxDocumentBytes: number;
}

/** The limits where nobody sets others. */
export const defaultFormatLimits: FormatLimits = {
  maxColumns: 2000,
  maxCellBytes: 64 * 2 ** 20,
  maxNesting: 100,
  maxDocumentBytes: 64 * 2 ** 20,
};
