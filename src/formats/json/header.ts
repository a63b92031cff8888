import { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import type { Field, FieldTree } from './fields.js';
import type { RecordsPlan } from './reading.js';
import { minify } from './text.js';
import type { RowSource } from '../rows.js';

const nameKeys = ['name', 'label', 'title', 'id', 'field'];

/** The names of columns where records are lists of values. */
export class ListHeader {
  /** The columns, null: not known (yet). */
  fields: readonly Field[] | null = null;
  private given: readonly Field[] | null = null;
  private last: readonly Field[] | null = null;
  private readonly positions: Field[] = [];
  private position = 0;

  constructor(
    private readonly plan: RecordsPlan,
    private readonly tree: FieldTree,
    private readonly source: RowSource,
    private readonly limits: FormatLimits,
  ) {}

  /** Whether there are names, or will be. */
  get expected(): boolean {
    return this.plan.headerTag.length > 0 || this.given !== null;
  }

  /** The names are known from elsewhere. */
  give(fields: readonly Field[] | null): void {
    this.fields = this.given = fields;
  }

  /** Whether records must wait for their names. */
  get missing(): boolean {
    return this.plan.headerTag.length > 0 && this.fields === null;
  }

  /** A record that is a list of values begins. */
  beginRecord(): void {
    this.position = 0;
  }

  /** The column of the record's next value, undefined: there are fewer names. Without a header positions are names. */
  next(): Field | undefined {
    const position = this.position++;
    if (this.fields !== null) return this.fields[position];
    return (this.positions[position] ??= this.tree.named(`column${position}`));
  }

  /** A document begins, which may have a header of its own. */
  nextDocument(): void {
    this.fields = this.given;
  }

  /** Takes the names out of the list that headerTag leads to. */
  read(bytes: Buffer, start: number, end: number): void {
    const list: unknown = JSON.parse(minify(bytes, start, end, this.plan.escapeBackslash));
    this.fields = this.tree.header((list as unknown[]).map(nameOf));
  }

  /** A document is over: without a header of its own it has that of the one before. @param waiting records wait for it */
  endDocument(waiting: boolean): void {
    if (waiting) this.fields ??= this.last;
    this.last = this.fields ?? this.last;
    if (waiting && this.missing && !this.source.partial)
      throw new AppError(
        'RECORDS_NOT_FOUND',
        `${this.source.origin} has no list at headerTag "${this.plan.headerTag.join('.')}"; name the list of column names, or leave headerTag out`,
        { details: { file: this.source.origin, headerTag: this.plan.headerTag.join('.') } },
      );
  }

  /** Too many records came before it. */
  tooLate(): AppError {
    const { maxDocumentBytes } = this.limits;
    return new AppError(
      'DOCUMENT_TOO_LARGE',
      `${this.source.origin} has the header "${this.plan.headerTag.join('.')}" behind its records, which are kept until it is known: they take more than ${maxDocumentBytes} bytes; write the header in front of them or raise BUCKETQL_MAX_DOCUMENT_BYTES`,
      { details: { file: this.source.origin, limit: maxDocumentBytes } },
    );
  }
}

/** Services describe columns by objects with a name in one of some keys. */
function nameOf(entry: unknown, position: number): string {
  const named =
    typeof entry === 'object' && entry !== null
      ? nameKeys.map((key) => new Map<string, unknown>(Object.entries(entry)).get(key))
      : [entry];
  for (const name of named) {
    if (typeof name === 'string' && (name !== '' || named.length === 1)) return name;
    if (typeof name === 'number' || typeof name === 'boolean') return String(name);
  }
  return `column${position}`;
}
