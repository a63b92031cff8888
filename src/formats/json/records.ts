import type { AppError } from '../../errors.js';
import type { RecordCells } from './cells.js';
import type { Field } from './fields.js';
import { ListHeader } from './header.js';
import { HeldRecords } from './held.js';
import type { RecordKeys } from './keys.js';
import { Nesting } from './nesting.js';
import type { Reading } from './reading.js';
import { JsonRecord } from './record.js';
import {
  isInRecord,
  roleListOnTheWay,
  roleObjectOnTheWay,
  roleRecordList,
  roleRecordObject,
  roleRecords,
  roleRoot,
  roleSkippedList,
  roleSkippedObject,
  scalarNull,
  scalarUnkept,
  type Scalar,
} from './roles.js';
import { Survey } from './survey.js';
import { tooDeep, tooLarge } from './too-much.js';
import { PathWalk } from './walk.js';

const quote = 0x22;

/** Finds the records in what a {@link JsonScanner} reads. Positions count in the window unless they say otherwise. */
export class JsonRecords {
  /** The sink has enough. */
  done = false;
  /** The records, or what is named by dataTag, were met. */
  found = false;
  readonly nesting: Nesting;
  readonly survey: Survey;
  readonly record: JsonRecord;
  /** Of the record. */
  readonly keys: RecordKeys;
  private readonly cells: RecordCells;
  private readonly walk: PathWalk;
  private readonly header: ListHeader;
  private readonly held: HeldRecords;
  /** The record's text is held, and read later. */
  private holding = false;
  /** Offset in the file of the header that is read, and its depth; 0: there is none. */
  private headerStart = 0;
  private headerDepth = 0;

  constructor(private readonly reading: Reading) {
    const { plan, tree, source, limits } = reading;
    const levels = limits.maxNesting + 2;
    this.nesting = new Nesting(tree.root, limits.maxNesting);
    this.survey = new Survey(plan.dataTag.length > 0);
    this.walk = new PathWalk(plan.dataTag, plan.headerTag, levels);
    this.header = new ListHeader(plan, tree, source, limits);
    this.held = new HeldRecords(reading);
    this.record = new JsonRecord(reading, this.nesting, this.header, levels, (line) =>
      this.tooLarge(line),
    );
    this.keys = this.record.keys;
    this.cells = this.record.cells;
  }

  /** Keys are for nothing here. */
  get skipsKeys(): boolean {
    return this.nesting.role === roleSkippedObject && !this.survey.wanted;
  }

  /** Values are for nothing here, but as a part of the text around them. */
  get skipsValues(): boolean {
    const { role } = this.nesting;
    return role <= roleObjectOnTheWay || (role === roleRoot && this.onPath);
  }

  private get onPath(): boolean {
    return this.walk.wanted;
  }

  private get lines(): boolean {
    return this.record.line > 0;
  }

  /** Records of a line below a path: what follows them in the line may still be wrong. */
  private get waitsForLine(): boolean {
    return this.lines && this.onPath;
  }

  /** What must stay in sight of the window when reading stopped at `at`. */
  keepFrom(at: number): number {
    if (this.headerDepth > 0) return this.headerStart - this.reading.window.offset;
    return this.record.keepFrom(at);
  }

  /** A value begins at the top, in the line with this number where lines are records (0: they are not). */
  beginTop(line: number): void {
    this.record.line = line;
    this.beginDocument();
  }

  private beginDocument(): void {
    this.walk.begin();
    if (this.lines && this.nesting.depth > 0) return;
    this.header.nextDocument();
  }

  /** A key was read. */
  key(start: number, end: number, escaped: boolean): void {
    const { depth, role } = this.nesting;
    const { bytes } = this.reading.window;
    if (role === roleRecordObject) {
      this.keys.read(bytes, start, end, escaped);
      return;
    }
    const onTheWay = role === roleObjectOnTheWay;
    if (onTheWay ? this.survey.nearWanted : this.survey.wanted)
      this.survey.key(depth, bytes, start, end, escaped, onTheWay);
    if (onTheWay) this.walk.key(depth, bytes, start, end);
  }

  /** The first value of a list begins. */
  beginList(object: boolean): void {
    if (!object) return;
    if (this.nesting.role === roleRecordList && !this.header.expected) {
      // A list of objects is no record, but more records.
      this.nesting.become(roleRecords);
      this.record.undo();
    } else if (this.record.inCellList) this.survey.recordList(this.nesting.owner.source);
  }

  /** A string, a number or a literal was read. */
  scalar(start: number, end: number, kind: Scalar): void {
    const { nesting } = this;
    const { role } = nesting;
    if (role === roleRecordObject) this.cells.scalar(nesting.field!, start, end, kind);
    else if (isInRecord(role)) this.record.element(start, end, kind);
    else if (role === roleRecords || (role === roleRoot && !this.onPath))
      this.scalarRecord(start, end, kind);
    else if (role === roleObjectOnTheWay && kind === scalarNull && this.walk.atRecords)
      this.found = true;
  }

  private scalarRecord(start: number, end: number, kind: Scalar): void {
    const { record } = this;
    const { window, tree } = this.reading;
    if (this.waitsForLine && !record.fault.ahead) {
      const quoted = start > 0 && window.bytes[start - 1] === quote ? 1 : 0;
      record.number++;
      this.hold(window.bytes.subarray(start - quoted, end + quoted));
      return;
    }
    record.begin(kind === scalarUnkept ? end : start);
    this.cells.scalar(tree.named('value'), start, end, kind);
    // The closing quote belongs to a text.
    this.endRecord(end);
  }

  /** A list or an object begins. */
  open(object: boolean, at: number, line: number): void {
    const { nesting } = this;
    const { role } = nesting;
    if (nesting.full) throw this.tooDeep(line);
    if (role === roleRecordObject) this.record.enterField(nesting.field!, object, at, false);
    else if (isInRecord(role)) this.record.enterElement(object, at);
    else if (role === roleRecords) this.openRecord(object, at);
    else if (role <= roleSkippedObject) {
      if (!object && this.survey.wanted) this.survey.list(nesting.depth);
      this.skip(object);
    } else if (this.onPath) this.openOnTheWay(object, at);
    else if (this.reading.plan.array && !object) nesting.enter(roleRecords, nesting.owner);
    else this.openRecord(object, at);
  }

  private openOnTheWay(object: boolean, at: number): void {
    const { walk, nesting } = this;
    const inList = nesting.role === roleListOnTheWay;
    if (inList) walk.element(nesting.depth);
    if (this.survey.nearWanted && !object) this.survey.list(nesting.depth);
    if (walk.atRecords) {
      this.found = true;
      this.survey.end();
      if (object) this.openRecord(true, at);
      else nesting.enter(roleRecords, nesting.owner);
    } else if (walk.atHeader && !object) {
      this.skip(object);
      this.headerStart = this.reading.window.offset + at;
      this.headerDepth = nesting.depth;
    } else if (walk.leadsOn) {
      // Each element of a list at the top is a document of its own.
      if (inList && nesting.depth === 1) {
        this.endDocument();
        this.beginDocument();
      }
      nesting.enter(object ? roleObjectOnTheWay : roleListOnTheWay, nesting.owner);
      walk.enter(nesting.depth);
    } else this.skip(object);
    if (this.survey.nearWanted) this.survey.enter(nesting.depth);
  }

  private openRecord(object: boolean, at: number): void {
    const { record, nesting } = this;
    record.begin(at);
    this.holding = this.header.missing || this.waitsForLine;
    if (this.holding) this.skip(object);
    else if (object) record.enterObject(nesting.owner, at);
    else {
      this.header.beginRecord();
      nesting.enter(roleRecordList, nesting.owner);
    }
  }

  private skip(object: boolean): void {
    const { nesting, survey } = this;
    nesting.enter(object ? roleSkippedObject : roleSkippedList, nesting.owner);
    if (survey.wanted) survey.enter(nesting.depth);
  }

  /** The innermost list or object ends before `at`. */
  close(at: number): void {
    const { nesting, record } = this;
    const { role, owner, depth } = nesting;
    nesting.leave();
    if (record.open) {
      if (!this.holding) record.left(role, owner, at);
      if (nesting.depth === record.depth) this.endRecord(at);
    } else if (depth === this.headerDepth) this.readHeader(at);
    if (nesting.depth === 0) this.endDocument();
  }

  private endRecord(at: number): void {
    if (this.holding) {
      this.holding = false;
      this.hold(this.record.take(at));
      return;
    }
    this.record.finish(at);
    // What follows in the line may still be wrong.
    if (this.lines && this.record.depth === 0) return;
    this.emit();
  }

  private emit(): void {
    this.record.emit();
    this.done = this.reading.sink.full;
  }

  private hold(text: Buffer): void {
    if (this.held.add(text, this.record.number)) return;
    throw this.lines ? this.tooLarge(this.record.line) : this.header.tooLate();
  }

  private readHeader(at: number): void {
    const { bytes, offset } = this.reading.window;
    this.headerDepth = 0;
    this.header.read(bytes, this.headerStart - offset, at);
    if (!this.lines) this.release();
  }

  /** Reads the records that waited. */
  private release(): void {
    this.held.release(this.header.fields, this.record.line);
    this.done ||= this.reading.sink.full;
  }

  private endDocument(): void {
    // A line's records wait for the line's end; records at the top for nothing.
    if (this.lines || !this.onPath) return;
    this.endWaiting();
  }

  private endWaiting(): void {
    this.header.endDocument(!this.held.empty);
    this.release();
  }

  /** A line's end was reached, and all of the line was right. */
  endLine(): void {
    if (this.record.open) this.emit();
    this.endWaiting();
  }

  /** Records that wait for a header take positions for names when only a part of the file was read. */
  end(): void {
    this.endDocument();
  }

  /** The record cannot be taken: it is set aside when it ends. */
  poison(reason: string): void {
    if (this.record.open || !this.skipsValues) this.record.poison(reason);
  }

  /** A text that begins at `at` is longer than a cell may be: its record needs no longer be kept. */
  poisonCell(at: number, limit: number): void {
    if (!this.skipsValues) this.record.poisonCell(at, limit);
  }

  /** Records come that waited. @param number of the first, or of all when they stand in one line */
  replay(header: readonly Field[] | null, number: number, oneLine: boolean): void {
    this.header.give(header);
    this.record.inLine = oneLine ? number : 0;
    this.record.number = number - 1;
  }

  /** Forgets everything that is open: the line is wrong. */
  abandon(): void {
    this.nesting.clear();
    this.record.abandon();
    this.holding = false;
    this.headerDepth = 0;
    this.held.drop();
    this.header.nextDocument();
  }

  private tooDeep(line: number): AppError {
    const { source, limits } = this.reading;
    return tooDeep(source.origin, line, limits);
  }

  /** The record that is read is more than may be kept. */
  tooLarge(line: number): AppError {
    const { source, limits } = this.reading;
    return tooLarge(source.origin, this.record.number, line, this.survey.recordLists(), limits);
  }
}
