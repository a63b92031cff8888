import type { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import type { RowSink } from '../rows.js';
import { RecordCells } from './cells.js';
import type { Field, FieldTree } from './fields.js';
import type { ListHeader } from './header.js';
import { RecordKeys } from './keys.js';
import type { Nesting } from './nesting.js';
import type { Reading } from './reading.js';
import { RecordFault } from './record-fault.js';
import {
  roleRecordObject,
  roleSkippedList,
  roleSkippedObject,
  roleSpreadList,
  scalarNull,
  type Role,
  type Scalar,
} from './roles.js';
import { excerpt } from './text.js';
import type { JsonWindow } from './window.js';

/** The record that is read: its values become cells, and when it is whole its cells become rows. */
export class JsonRecord {
  /** One is being read, or waits for the end of its line. */
  open = false;
  /** Counts the records. */
  number = 0;
  /** What it lies in, by its depth. */
  depth = 0;
  /** Where lines are records: the line of the value at the top. 0: they are not. */
  line = 0;
  /** All records stand in this line of the file; 0: each has its own number. */
  inLine = 0;
  readonly keys: RecordKeys;
  readonly cells: RecordCells;
  readonly fault = new RecordFault();
  private readonly window: JsonWindow;
  private readonly tree: FieldTree;
  private readonly sink: RowSink;
  private readonly limits: FormatLimits;
  /** Offsets in the file. */
  private start = 0;
  private end = 0;
  /** It need not stay in sight. */
  private unkept = false;
  /** Offset in the file of the object in it that began last. */
  private objectStart = 0;
  /** Offset in the file of the list that becomes a cell as it stands, and its depth; 0: there is none. */
  private listStart = 0;
  private listDepth = 0;

  constructor(
    { window, tree, plan, sink, limits }: Reading,
    private readonly nesting: Nesting,
    private readonly header: ListHeader,
    levels: number,
    private readonly tooLarge: (line: number) => AppError,
  ) {
    this.window = window;
    this.tree = tree;
    this.sink = sink;
    this.limits = limits;
    // A cell costs some twenty bytes: as many as go with what a record may have.
    this.cells = new RecordCells(
      window,
      tree,
      sink,
      plan.escapeBackslash,
      Math.max(4096, limits.maxDocumentBytes / 16),
      () => tooLarge(this.line),
    );
    this.keys = new RecordKeys(nesting, tree, this.cells, sink, levels);
  }

  /** Where it begins in the window, `at` when it need not stay in sight. */
  keepFrom(at: number): number {
    return this.open && !this.unkept ? this.start - this.window.offset : at;
  }

  /** A record begins. */
  begin(at: number): void {
    this.open = true;
    this.fault.begin();
    this.unkept = this.fault.raw !== null;
    this.start = this.window.offset + at;
    this.depth = this.nesting.depth;
    this.number++;
    this.cells.begin(this.start);
  }

  /** Whether the innermost is a list that becomes a cell, or rows. */
  get inCellList(): boolean {
    const { role, depth } = this.nesting;
    return role === roleSpreadList || this.listDepth === depth;
  }

  /** A string, a number or a literal was read in a list whose values are cells. */
  element(start: number, end: number, kind: Scalar): void {
    const { role, owner } = this.nesting;
    if (role === roleSpreadList) {
      this.cells.openElement(owner);
      this.cells.scalar(owner, start, end, kind);
      this.cells.closeElement();
    } else {
      const field = this.nextPosition(kind === scalarNull);
      if (field) this.cells.scalar(field, start, end, kind);
    }
  }

  private nextPosition(isNull: boolean): Field | undefined {
    const field = this.header.next();
    if (!field && !isNull)
      this.poison(
        `The list has more values than the header has names (${this.header.fields?.length})`,
      );
    return field;
  }

  /** A list or an object begins in a list whose values are cells. */
  enterElement(object: boolean, at: number): void {
    const { role, owner } = this.nesting;
    if (role === roleSpreadList) {
      this.cells.openElement(owner);
      this.enterField(owner, object, at, true);
    } else {
      const field = this.nextPosition(false);
      if (field) this.enterField(field, object, at, false);
      else this.nesting.enter(object ? roleSkippedObject : roleSkippedList, owner);
    }
  }

  /** A list or an object is the value of a field, or an element of the list that is. */
  enterField(field: Field, object: boolean, at: number, element: boolean): void {
    if (field.excluded) {
      this.cells.note(field);
      this.nesting.enter(object ? roleSkippedObject : roleSkippedList, field);
    } else if (object) this.enterObject(field, at);
    else {
      if (!field.listed) this.tree.metList(field);
      if (field.flatten && !element) this.nesting.enter(roleSpreadList, field);
      else {
        this.nesting.enter(roleSkippedList, field);
        this.listStart = this.window.offset + at;
        this.listDepth = this.nesting.depth;
      }
    }
  }

  /** An object whose keys are fields begins. */
  enterObject(field: Field, at: number): void {
    this.objectStart = this.window.offset + at;
    this.nesting.enter(roleRecordObject, field);
    this.keys.enterObject();
  }

  /** A list or an object has ended in it, before `at`. */
  left(role: Role, owner: Field, at: number): void {
    const { nesting } = this;
    const spread = nesting.role === roleSpreadList;
    if (role === roleRecordObject) {
      // An object without keys has no columns of its own.
      if (nesting.field === null && !spread && nesting.depth !== this.depth)
        this.cells.json(owner, this.objectStart, at);
      this.keys.leaveObject(nesting.depth + 1);
    } else if (this.listDepth === nesting.depth + 1) {
      this.cells.json(owner, this.listStart, at);
      this.listDepth = 0;
    }
    if (spread) this.cells.closeElement();
    nesting.field = owner;
  }

  /** It was none. */
  undo(): void {
    this.open = false;
    this.number--;
  }

  /** All of it was read. */
  finish(at: number): void {
    this.end = this.window.offset + at;
  }

  /** The finished record as it stands in the file. */
  take(at: number): Buffer {
    this.open = false;
    return this.window.bytes.subarray(this.start - this.window.offset, at);
  }

  /** Gives the finished record to the sink. */
  emit(): void {
    const { bytes, offset } = this.window;
    const start = this.start - offset;
    const number = this.inLine || this.line || this.number;
    this.open = false;
    const length = this.end - this.start;
    if (this.fault.reason !== null)
      this.sink.reject({
        record: number,
        column: null,
        value: null,
        reason: this.fault.reason,
        raw: this.fault.raw ?? excerpt(bytes, start, start + length),
      });
    else if (length > this.limits.maxDocumentBytes) throw this.tooLarge(this.line);
    else this.cells.emit(number);
  }

  /** It, or the one that comes, cannot be taken: it is set aside when it ends. */
  poison(reason: string): void {
    this.fault.add(reason, this.open);
  }

  /** A text that begins at `at` is longer than a cell may be: the record needs no longer be kept. */
  poisonCell(at: number, limit: number): void {
    const { role, field } = this.nesting;
    const place = role === roleRecordObject && field !== null ? ` in "${field.source}"` : '';
    this.poison(`A text is longer than ${limit} bytes${place}; raise BUCKETQL_MAX_CELL_BYTES`);
    this.fault.drop(excerpt(this.window.bytes, this.keepFrom(at), this.window.end), this.open);
    if (this.open) this.unkept = true;
  }

  /** Forgets it. */
  abandon(): void {
    this.open = false;
    this.listDepth = 0;
    this.fault.clear();
  }
}
