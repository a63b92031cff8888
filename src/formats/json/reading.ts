import type { FormatLimits } from '../../limits.js';
import type { RowSink, RowSource } from '../rows.js';
import type { Field, FieldTree } from './fields.js';
import type { JsonPath } from './path.js';
import type { JsonWindow } from './window.js';

/** Where the records are. */
export interface RecordsPlan {
  readonly dataTag: JsonPath;
  readonly headerTag: JsonPath;
  /** The list at the top is the list of records. */
  readonly array: boolean;
  readonly escapeBackslash: boolean;
  /** Reads records that were held back until their header was known. */
  replay(held: Buffer, header: readonly Field[] | null, number: number, oneLine: boolean): void;
}

/** What the parts share that read one file together. */
export interface Reading {
  readonly source: RowSource;
  readonly plan: RecordsPlan;
  readonly window: JsonWindow;
  readonly tree: FieldTree;
  readonly sink: RowSink;
  readonly limits: FormatLimits;
}
