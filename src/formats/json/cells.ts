import { AppError } from '../../errors.js';
import type { Field, FieldTree } from './fields.js';
import { scalarEscaped, scalarPlain, type Scalar } from './roles.js';
import { decodeText, minify } from './text.js';
import type { JsonWindow } from './window.js';
import type { RowSink } from '../rows.js';

/** What stands between `start` and `end` of a cell. */
export type Cell = number;
/** Nothing, or what is not wanted: only its column counts. */
export const cellNone = 0;
/** Text as it is. */
export const cellPlain = 1;
/** Text with escapes. */
export const cellEscaped = 2;
/** A list or an object. */
export const cellJson = 3;

/** Rows that one record may become by lists beside each other. */
export const maxProduct = 1_000_000;

// Fields between two looks at whether the sink still takes columns.
const fieldsAtOnce = 1000;

/** Lists of one record that are still to be combined with what has been chosen. */
interface Open {
  readonly elements: readonly number[];
  readonly rest: Open | null;
}

/**
 * The cells of one record, until it is whole: fields behind a list are repeated for its elements too. A cell is some
 * numbers in typed arrays; cells belong to elements (0: the record itself), elements to the element they lie in.
 */
export class RecordCells {
  count = 0;
  elements = 0;
  private current = 0;
  // One list whose elements have no lists themselves: rows are the record's cells and an element's.
  private simple = true;
  private fresh = false;
  private registered = 0;
  private field = new Int32Array(1024);
  private start = new Int32Array(1024);
  private end = new Int32Array(1024);
  private next = new Int32Array(1024);
  private kind = new Uint8Array(1024);
  private firstCell = new Int32Array(256);
  private lastCell = new Int32Array(256);
  private listOf = new Int32Array(256);
  private parentOf = new Int32Array(256);
  /** Offset in the file of the record's first byte. */
  private recordStart = 0;
  private bytes: Buffer = Buffer.alloc(0);
  private base = 0;
  // Cells that are repeated are decoded once.
  private readonly decoded = new Map<number, string | Buffer>();

  constructor(
    private readonly window: JsonWindow,
    private readonly tree: FieldTree,
    private readonly sink: RowSink,
    private readonly escapeBackslash: boolean,
    /** Cells and elements that one record may have. */
    private readonly limit: number,
    private readonly tooMany: () => AppError,
  ) {}

  /** Begins a record. @param start offset in the file of its first byte */
  begin(start: number): void {
    this.recordStart = start;
    this.count = 0;
    this.elements = 1;
    this.current = 0;
    this.simple = true;
    this.firstCell[0] = this.lastCell[0] = -1;
  }

  /** A string, a number or a literal is the value of a field. */
  scalar(field: Field, start: number, end: number, kind: Scalar): void {
    if (field.excluded) this.note(field);
    else if (kind <= scalarEscaped) {
      const record = this.recordStart - this.window.offset;
      this.add(field, start - record, end - record, kind === scalarPlain ? cellPlain : cellEscaped);
    } else if (!field.flatten && !field.object) this.note(field);
  }

  /** A list or an object is the value of a field, as it stands from the offset `start` in the file on. */
  json(field: Field, start: number, end: number): void {
    const { recordStart, window } = this;
    this.add(field, start - recordStart, window.offset + end - recordStart, cellJson);
  }

  /** Adds a cell; `start` and `end` count from the record's first byte. */
  private add(field: Field, start: number, end: number, kind: Cell): void {
    if (field.column === -1) this.fresh = true;
    const cell = this.count;
    if (cell === this.field.length) this.grow();
    this.count = cell + 1;
    this.field[cell] = field.index;
    this.start[cell] = start;
    this.end[cell] = end;
    this.kind[cell] = kind;
    this.next[cell] = -1;
    const element = this.current;
    const last = this.lastCell[element]!;
    if (last === -1) this.firstCell[element] = cell;
    else this.next[last] = cell;
    this.lastCell[element] = cell;
  }

  /** Sees to it that a field becomes a column, though it has no value here. */
  note(field: Field): void {
    if (field.column === -1) this.add(field, 0, 0, cellNone);
  }

  /** Begins an element of a list that becomes rows. */
  openElement(list: Field): void {
    const element = this.elements;
    if (element === this.firstCell.length) this.growElements();
    if (this.current !== 0 || (element > 1 && this.listOf[element - 1] !== list.index))
      this.simple = false;
    this.elements = element + 1;
    this.firstCell[element] = this.lastCell[element] = -1;
    this.listOf[element] = list.index;
    this.parentOf[element] = this.current;
    this.current = element;
  }

  closeElement(): void {
    this.current = this.parentOf[this.current]!;
  }

  /** Takes back what a key gave before it came again in its object. */
  takeBack(field: Field): void {
    for (let cell = field.cellsBefore; cell < this.count; cell++) {
      if (!this.lies(this.field[cell]!, field)) break;
      this.kind[cell] = cellNone;
    }
    for (let element = field.elementsBefore; element < this.elements; element++) {
      if (!this.lies(this.listOf[element]!, field)) break;
      this.listOf[element] = -1;
    }
  }

  /** Makes columns of fields that have none yet, in the order in which they came. */
  register(): void {
    this.fresh = false;
    this.registered = this.tree.fields.length;
    for (let cell = 0; cell < this.count; cell++) {
      const field = this.tree.fields[this.field[cell]!]!;
      if (field.column === -1) this.tree.register(field, this.sink);
    }
  }

  /** To be called when there may be new fields: one record cannot have more of them than the sink takes. */
  checkFields(): void {
    if (this.tree.fields.length - this.registered > fieldsAtOnce) this.register();
  }

  /** Gives the record's rows to the sink. */
  emit(record: number): void {
    if (this.fresh) this.register();
    this.bytes = this.window.bytes;
    this.base = this.recordStart - this.window.offset;
    if (this.elements === 1) {
      this.cells(0);
      this.sink.endRow(record);
    } else if (this.simple) this.emitList(record);
    else this.emitProduct(record);
    if (this.decoded.size > 0) this.decoded.clear();
  }

  private emitList(record: number): void {
    let rows = 0;
    for (let element = 1; element < this.elements && !this.sink.full; element++) {
      if (this.listOf[element] === -1) continue;
      this.cells(0);
      this.cells(element);
      this.sink.endRow(record);
      rows++;
    }
    if (rows > 0) return;
    this.cells(0);
    this.sink.endRow(record);
  }

  private emitProduct(record: number): void {
    const lists = this.listsOfElements();
    const rows = this.countProduct(lists);
    // One list in the other has no more rows than the file has elements: only products are limited.
    if (rows > maxProduct && rows > this.elements)
      throw new AppError(
        'INVALID_OPTIONS',
        `Record ${record} becomes ${rows} rows, more than ${maxProduct}: flatten names lists that lie beside each other, and each element of one is combined with each of the other. Flatten fewer lists`,
        { details: { record, limit: maxProduct } },
      );
    const chosen = [0];
    const spread = (open: Open | null): void => {
      if (open === null) {
        for (const element of chosen) this.cells(element);
        this.sink.endRow(record);
        return;
      }
      for (const element of open.elements) {
        if (this.sink.full) return;
        chosen.push(element);
        spread(opened(lists[element], open.rest));
        chosen.pop();
      }
    };
    spread(opened(lists[0], null));
  }

  /** For each element the lists in it, by the order in which they came. */
  private listsOfElements(): (Map<number, number[]> | undefined)[] {
    const lists: (Map<number, number[]> | undefined)[] = [];
    for (let element = 1; element < this.elements; element++) {
      const list = this.listOf[element]!;
      if (list === -1) continue;
      const inside = (lists[this.parentOf[element]!] ??= new Map<number, number[]>());
      const elements = inside.get(list);
      if (elements) elements.push(element);
      else inside.set(list, [element]);
    }
    return lists;
  }

  private countProduct(lists: readonly (Map<number, number[]> | undefined)[]): number {
    const counts = new Float64Array(this.elements);
    // An element comes behind the one it lies in.
    for (let element = this.elements - 1; element >= 0; element--) {
      let rows = 1;
      for (const elements of lists[element]?.values() ?? [])
        rows *= elements.reduce((sum, inner) => sum + counts[inner]!, 0);
      counts[element] = rows;
    }
    return counts[0]!;
  }

  private cells(element: number): void {
    const { sink, bytes, base } = this;
    for (let cell = this.firstCell[element]!; cell !== -1; cell = this.next[cell]!) {
      const kind = this.kind[cell]!;
      if (kind === cellPlain)
        sink.bytes(
          this.tree.columns[this.field[cell]!]!,
          bytes,
          base + this.start[cell]!,
          base + this.end[cell]!,
        );
      else if (kind !== cellNone) this.decodedCell(cell, kind);
    }
  }

  private decodedCell(cell: number, kind: number): void {
    const json = kind === cellJson;
    const column = this.tree.columns[this.field[cell]!]!;
    const known = this.decoded.get(cell);
    if (known !== undefined && typeof known !== 'string') {
      this.sink.bytes(column, known, 0, known.length);
      return;
    }
    const start = this.base + this.start[cell]!;
    const end = this.base + this.end[cell]!;
    if (json) {
      const text = known ?? minify(this.bytes, start, end, this.escapeBackslash);
      if (this.elements > 1) this.decoded.set(cell, text);
      this.sink.json(column, text);
      return;
    }
    const text = decodeText(this.bytes, start, end);
    this.sink.text(column, text);
    // The further rows of the record take its bytes, which costs less than encoding it again.
    if (this.elements > 1) this.decoded.set(cell, Buffer.from(text));
  }

  private lies(index: number, within: Field): boolean {
    for (let at = this.tree.fields[index] ?? null; at !== null; at = at.parent)
      if (at === within) return true;
    return false;
  }

  private grow(): void {
    if (this.count + this.elements >= this.limit) throw this.tooMany();
    const length = this.field.length * 2;
    this.field = enlarged(this.field, length);
    this.start = enlarged(this.start, length);
    this.end = enlarged(this.end, length);
    this.next = enlarged(this.next, length);
    const kind = new Uint8Array(length);
    kind.set(this.kind);
    this.kind = kind;
  }

  private growElements(): void {
    if (this.count + this.elements >= this.limit) throw this.tooMany();
    const length = this.firstCell.length * 2;
    this.firstCell = enlarged(this.firstCell, length);
    this.lastCell = enlarged(this.lastCell, length);
    this.listOf = enlarged(this.listOf, length);
    this.parentOf = enlarged(this.parentOf, length);
  }
}

function opened(lists: Map<number, number[]> | undefined, rest: Open | null): Open | null {
  let open = rest;
  for (const elements of [...(lists?.values() ?? [])].reverse()) open = { elements, rest: open };
  return open;
}

function enlarged(old: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(old);
  return larger;
}
