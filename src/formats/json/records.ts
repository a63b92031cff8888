import type { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import type { Field, FieldTree } from './fields.js';
import { ListHeader } from './header.js';
import { HeldRecords } from './held.js';
import type { JsonPath } from './path.js';
import { cellEscaped, cellJson, cellPlain, RecordCells } from './cells.js';
import {
  scalarPlain,
  scalarEscaped,
  scalarNull,
  scalarUnkept,
  roleSkippedList,
  roleSkippedObject,
  roleListOnTheWay,
  roleObjectOnTheWay,
  roleRecords,
  roleRecordObject,
  roleRecordList,
  roleSpreadList,
  roleRoot,
  captureNone,
  captureCell,
  captureHeader,
  captureHeld,
  type Capture,
  type Role,
  type Scalar,
} from './roles.js';
import { RecordFault } from './record-fault.js';
import { Survey } from './survey.js';
import { excerpt } from './text.js';
import { tooDeep, tooLarge } from './too-much.js';
import { PathWalk } from './walk.js';
import type { JsonWindow } from './window.js';
import type { RowSink, RowSource } from '../rows.js';

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

/** Makes records of what a {@link JsonScanner} reads. Positions count in the window unless they say otherwise. */
export class JsonRecords {
  /** The sink has enough. */
  done = false;
  depth = 0;
  /** The last record's number. */
  record = 0;
  /** The records, or what is named by dataTag, were met. */
  found = false;
  readonly survey: Survey;
  private readonly rows: RecordCells;
  private readonly header: ListHeader;
  private readonly held: HeldRecords;
  private readonly walk: PathWalk;

  private role: Role = roleRoot;
  /** The field whose value the innermost list or object is. */
  private owner: Field;
  /** The last key of the innermost object. */
  private field: Field | null = null;
  private readonly roles: Uint8Array;
  private readonly owners: Field[] = [];
  /** Objects are numbered, so that a key that comes twice in one is seen. */
  private object = 0;
  /** Offset in the file of the object that began last. */
  private objectStart = 0;
  private readonly outerObjects: Float64Array;
  private inRecord = false;
  /** Offset in the file of the record's first byte. */
  private recordStart = 0;
  private recordDepth = 0;
  /** The record need not stay in sight. */
  private unkept = false;
  private readonly fault = new RecordFault();
  private lines = false;
  private topLine = 0;
  /** All records stand in this line; 0: each has its own number. */
  private inLine = 0;
  /** A line's record that waits for the line's end; its last byte's offset. */
  private waitingEnd = 0;
  private position = 0;
  private capture: Capture = captureNone;
  private captureDepth = 0;
  private captureStart = 0;

  constructor(
    readonly window: JsonWindow,
    private readonly tree: FieldTree,
    private readonly plan: RecordsPlan,
    private readonly source: RowSource,
    private readonly sink: RowSink,
    private readonly limits: FormatLimits,
  ) {
    const levels = limits.maxNesting + 2;
    this.roles = new Uint8Array(levels);
    this.roles[0] = roleRoot;
    this.outerObjects = new Float64Array(levels);
    this.owner = this.owners[0] = tree.root;
    this.walk = new PathWalk(plan.dataTag, plan.headerTag, levels);
    this.held = new HeldRecords(limits.maxDocumentBytes);
    this.survey = new Survey(plan.dataTag.length > 0);
    this.header = new ListHeader(plan, tree, source, limits);
    // A cell costs some twenty bytes: as many as go with what a record may have.
    this.rows = new RecordCells(
      tree,
      sink,
      plan.escapeBackslash,
      Math.max(4096, limits.maxDocumentBytes / 16),
      () => this.tooLarge(this.topLine),
    );
  }

  /** Whether the innermost is an object. */
  get inObject(): boolean {
    return (this.role & 1) === 1;
  }

  get skipsKeys(): boolean {
    return this.role === roleSkippedObject && !this.survey.wanted;
  }

  get skipsValues(): boolean {
    return this.role <= roleObjectOnTheWay || (this.role === roleRoot && this.onPath);
  }

  private get onPath(): boolean {
    return this.walk.wanted;
  }

  /** A value begins at the top, in the line with this number where lines are records (0: they are not). */
  beginTop(line: number, lines: boolean): void {
    this.topLine = line;
    this.lines = lines;
    this.beginDocument();
  }

  private beginDocument(): void {
    this.walk.begin();
    if (this.lines && this.depth > 0) return;
    this.header.nextDocument();
  }

  /** What must stay in sight of the window when reading stopped at `at`. */
  keepFrom(at: number): number {
    if (this.inRecord && !this.unkept) return this.recordStart - this.window.offset;
    return this.capture === captureHeader ? this.captureStart - this.window.offset : at;
  }

  /**
   * The usual next key, if it stands at `at`: where its closing quote stands, else -1. Records mostly have the same keys
   * in the same order, so comparing bytes spares looking names up.
   */
  knownKey(at: number, end: number): number {
    if (this.role !== roleRecordObject) return -1;
    const { bytes } = this.window;
    let guess = this.field === null ? this.owner.first : this.field.next;
    for (let tries = 0; guess !== null && tries < 2; tries++) {
      const { key } = guess;
      const close = at + 1 + key.length;
      if (close < end && bytes[close] === 0x22) {
        let index = 0;
        while (index < key.length && bytes[at + 1 + index] === key[index]) index++;
        if (index === key.length) {
          this.enter(guess);
          return close;
        }
      }
      guess = guess.next;
    }
    return -1;
  }

  /** A key was read. */
  key(start: number, end: number, escaped: boolean): void {
    const { bytes } = this.window;
    if (this.role === roleRecordObject) {
      const found = this.tree.child(this.owner, bytes, start, end, escaped);
      if (this.field === null) this.owner.first = found;
      else if (this.field !== found) this.field.next = found;
      this.enter(found);
      this.rows.checkFields();
      return;
    }
    const onTheWay = this.role === roleObjectOnTheWay;
    if (onTheWay ? this.survey.nearWanted : this.survey.wanted)
      this.survey.key(this.depth, bytes, start, end, escaped, onTheWay);
    if (!onTheWay) return;
    this.walk.key(this.depth, bytes, start, end);
  }

  private enter(field: Field): void {
    if (field.seenIn === this.object) {
      this.sink.warn(
        `An object has the key "${field.name.slice(0, 100)}" more than once: its last value was taken`,
      );
      this.rows.takeBack(field);
    }
    field.seenIn = this.object;
    field.cellsBefore = this.rows.count;
    field.elementsBefore = this.rows.elements;
    this.field = field;
  }

  /** The first value of a list begins. */
  beginList(object: boolean): void {
    if (!object) return;
    if (this.role === roleRecordList && !this.header.expected) {
      // A list of objects is no record, but more records.
      if (this.depth === this.recordDepth + 1 && this.position === 0) {
        this.role = this.roles[this.depth] = roleRecords;
        this.inRecord = false;
        this.record--;
      }
    } else if (
      this.role === roleSpreadList ||
      (this.capture === captureCell && this.captureDepth === this.depth)
    )
      this.survey.recordList(this.owner.source);
  }

  /** A string, a number or a literal was read. */
  scalar(start: number, end: number, kind: Scalar): void {
    switch (this.role) {
      case roleRecordObject:
        this.cell(this.field!, start, end, kind);
        return;
      case roleSpreadList:
        this.rows.openElement(this.owner);
        this.cell(this.owner, start, end, kind);
        this.rows.closeElement();
        return;
      case roleRecordList: {
        const field = this.nextPosition(kind === scalarNull);
        if (field) this.cell(field, start, end, kind);
        return;
      }
      case roleRoot:
      case roleRecords:
        if (this.role === roleRoot && this.onPath) return;
        if (this.waitsForLine && !this.fault.ahead) {
          const quoted = start > 0 && this.window.bytes[start - 1] === 0x22 ? 1 : 0;
          this.record++;
          this.hold(start - quoted, end + quoted);
          return;
        }
        this.beginRecord(kind === scalarUnkept ? end : start);
        this.cell(this.tree.named('value'), start, end, kind);
        // The closing quote belongs to a text.
        this.endRecord(end);
        return;
      case roleObjectOnTheWay:
        if (kind === scalarNull && this.walk.atRecords) this.found = true;
        return;
      default:
    }
  }

  private cell(field: Field, start: number, end: number, kind: Scalar): void {
    if (field.excluded) this.rows.note(field);
    else if (kind <= scalarEscaped) {
      const record = this.recordStart - this.window.offset;
      this.rows.add(
        field,
        start - record,
        end - record,
        kind === scalarPlain ? cellPlain : cellEscaped,
      );
    } else if (!field.flatten && !field.object) this.rows.note(field);
  }

  /** A list or an object begins. */
  open(object: boolean, at: number, line: number): void {
    if (this.depth >= this.limits.maxNesting) throw tooDeep(this.source.origin, line, this.limits);
    this.objectStart = this.window.offset + at;
    switch (this.role) {
      case roleSkippedList:
      case roleSkippedObject:
        if (!object && this.survey.wanted) this.survey.list(this.depth);
        this.enterSkipped(object);
        return;
      case roleRecordObject:
        this.openField(this.field!, object, at, false);
        return;
      case roleSpreadList:
        this.rows.openElement(this.owner);
        this.openField(this.owner, object, at, true);
        return;
      case roleRecordList: {
        const field = this.nextPosition(false);
        if (field) this.openField(field, object, at, false);
        else this.enterSkipped(object);
        return;
      }
      case roleRecords:
        this.openRecord(object, at);
        return;
      default:
        this.openOutside(object, at);
    }
  }

  private openOutside(object: boolean, at: number): void {
    if (!this.onPath) {
      if (this.plan.array && !object) this.push(roleRecords, this.tree.root);
      else this.openRecord(object, at);
      return;
    }
    const { walk } = this;
    const inList = this.role === roleListOnTheWay;
    if (inList) walk.element(this.depth);
    if (this.survey.nearWanted && !object) this.survey.list(this.depth);
    if (walk.atRecords) {
      this.found = true;
      this.survey.end();
      if (object) this.openRecord(true, at);
      else this.push(roleRecords, this.tree.root);
    } else if (walk.atHeader && !object) {
      this.enterSkipped(object);
      this.startCapture(captureHeader, at);
    } else if (walk.leadsOn) {
      // Each element of a list at the top is a document of its own.
      if (inList && this.depth === 1) {
        this.endDocument();
        this.beginDocument();
      }
      this.push(object ? roleObjectOnTheWay : roleListOnTheWay, this.tree.root);
      walk.enter(this.depth);
    } else this.enterSkipped(object);
    if (this.survey.nearWanted) this.survey.enter(this.depth);
  }

  private openRecord(object: boolean, at: number): void {
    this.beginRecord(at);
    if (this.header.missing || this.waitsForLine) {
      this.enterSkipped(object);
      this.startCapture(captureHeld, at);
    } else if (object) this.enterObject(this.tree.root);
    else {
      this.position = 0;
      this.push(roleRecordList, this.tree.root);
    }
  }

  private openField(field: Field, object: boolean, at: number, element: boolean): void {
    if (field.excluded) {
      this.rows.note(field);
      this.enterSkipped(object, field);
    } else if (object) this.enterObject(field);
    else {
      if (!field.listed) this.tree.metList(field);
      if (field.flatten && !element) this.push(roleSpreadList, field);
      else {
        this.enterSkipped(false, field);
        this.startCapture(captureCell, at);
      }
    }
  }

  private enterObject(field: Field): void {
    this.push(roleRecordObject, field);
    this.outerObjects[this.depth] = this.object;
    this.object = ++this.tree.objectCount;
    this.field = null;
  }

  private enterSkipped(object: boolean, field: Field = this.owner): void {
    this.push(object ? roleSkippedObject : roleSkippedList, field);
    if (this.survey.wanted) this.survey.enter(this.depth);
  }

  private push(role: Role, owner: Field): void {
    this.depth++;
    this.role = this.roles[this.depth] = role;
    this.owner = this.owners[this.depth] = owner;
  }

  /** The innermost list or object ends before `at`. */
  close(at: number): void {
    const closed = this.role;
    const owner = this.owner;
    const empty = closed === roleRecordObject && this.field === null;
    if (closed === roleRecordObject) this.object = this.outerObjects[this.depth]!;
    if (this.capture !== captureNone && this.captureDepth === this.depth) this.endCapture(at);
    this.depth--;
    const role = this.roles[this.depth]!;
    this.role = role;
    this.owner = this.owners[this.depth]!;
    if (this.inRecord) {
      // An object without keys has no columns of its own.
      if (empty && role !== roleSpreadList && this.depth !== this.recordDepth)
        this.json(owner, this.objectStart - this.window.offset, at);
      if (role === roleSpreadList) this.rows.closeElement();
      if (this.depth === this.recordDepth) this.endRecord(at);
    }
    this.field = owner;
    if (this.depth === 0) this.endDocument();
  }

  private json(field: Field, start: number, end: number): void {
    const record = this.recordStart - this.window.offset;
    this.rows.add(field, start - record, end - record, cellJson);
  }

  private startCapture(capture: Capture, at: number): void {
    this.capture = capture;
    this.captureDepth = this.depth;
    this.captureStart = this.window.offset + at;
  }

  private endCapture(at: number): void {
    const { bytes, offset } = this.window;
    const start = this.captureStart - offset;
    const capture = this.capture;
    this.capture = captureNone;
    if (capture === captureCell) this.json(this.owner, start, at);
    else if (capture === captureHeld) {
      this.hold(start, at);
      this.inRecord = false;
    } else {
      this.header.read(bytes, start, at);
      if (!this.lines) this.release();
    }
  }

  /** Records of a line below a path: what follows them in the line may still be wrong. */
  private get waitsForLine(): boolean {
    return this.lines && this.onPath;
  }

  private hold(start: number, end: number): void {
    if (this.held.add(this.window.bytes.subarray(start, end), this.record)) return;
    throw this.lines ? this.tooLarge(this.topLine) : this.header.tooLate();
  }

  /** Reads the records that waited. */
  private release(): void {
    const { fields } = this.header;
    for (const field of fields ?? []) if (field.column === -1) this.tree.register(field, this.sink);
    if (!this.held.empty) {
      const { first } = this.held;
      this.plan.replay(this.held.take(), fields, this.lines ? this.topLine : first, this.lines);
    }
    this.done ||= this.sink.full;
  }

  private endDocument(): void {
    // A line's records wait for the line's end; records at the top for nothing.
    if (this.lines || !this.onPath) return;
    this.header.endDocument(!this.held.empty);
    this.release();
  }

  private nextPosition(isNull: boolean): Field | undefined {
    const position = this.position++;
    const { fields } = this.header;
    if (fields === null) return this.header.unnamed(position);
    const field = fields[position];
    if (!field && !isNull)
      this.poison(`The list has more values than the header has names (${fields.length})`);
    return field;
  }

  private beginRecord(at: number): void {
    this.inRecord = true;
    this.fault.begin();
    this.unkept = this.fault.raw !== null;
    this.recordStart = this.window.offset + at;
    this.recordDepth = this.depth;
    this.record++;
    this.rows.begin();
  }

  private endRecord(at: number): void {
    this.waitingEnd = this.window.offset + at;
    // What follows in the line may still be wrong.
    if (this.lines && this.recordDepth === 0) return;
    this.emit();
  }

  /** A line's end was reached, and all of the line was right. */
  endLine(): void {
    if (this.inRecord) this.emit();
    this.header.endDocument(!this.held.empty);
    this.release();
  }

  private emit(): void {
    const { bytes, offset } = this.window;
    const start = this.recordStart - offset;
    const number = this.inLine || (this.lines ? this.topLine : this.record);
    this.inRecord = false;
    const length = this.waitingEnd - this.recordStart;
    if (this.fault.reason !== null)
      this.sink.reject({
        record: number,
        column: null,
        value: null,
        reason: this.fault.reason,
        raw: this.fault.raw ?? excerpt(bytes, start, start + length),
      });
    else if (length > this.limits.maxDocumentBytes) throw this.tooLarge(this.topLine);
    else this.rows.emit(bytes, start, number);
    this.done = this.sink.full;
  }

  /** The record cannot be taken: it is set aside when it ends. */
  poison(reason: string): void {
    if (this.inRecord || !this.skipsValues) this.fault.add(reason, this.inRecord);
  }

  /** A text that begins at `at` is longer than a cell may be: its record needs no longer be kept. */
  poisonCell(at: number, limit: number): void {
    if (this.skipsValues) return;
    const place = this.role === roleRecordObject && this.field ? ` in "${this.field.source}"` : '';
    this.poison(`A text is longer than ${limit} bytes${place}; raise BUCKETQL_MAX_CELL_BYTES`);
    const start = this.inRecord && !this.unkept ? this.recordStart - this.window.offset : at;
    this.fault.drop(excerpt(this.window.bytes, start, this.window.end), this.inRecord);
    if (this.inRecord) this.unkept = true;
  }

  /** Records that wait for a header take positions for names when only a part of the file was read. */
  end(): void {
    this.endDocument();
  }

  /** Records come that waited. @param number of the first, or of all when they stand in one line */
  replay(header: readonly Field[] | null, number: number, oneLine: boolean): void {
    this.header.give(header);
    this.inLine = oneLine ? number : 0;
    this.record = number - 1;
  }

  /** Forgets everything that is open: the line is wrong. */
  abandon(): void {
    this.depth = 0;
    this.role = roleRoot;
    this.owner = this.tree.root;
    this.inRecord = false;
    this.capture = captureNone;
    this.fault.clear();
    this.held.drop();
    this.header.nextDocument();
  }

  /** The record that is read is more than may be kept. */
  tooLarge(line: number): AppError {
    return tooLarge(this.source.origin, this.record, line, this.survey.recordLists(), this.limits);
  }
}
