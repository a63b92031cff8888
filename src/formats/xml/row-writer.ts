import type { RowSink } from '../rows.js';
import type { Slot, XmlColumns } from './columns.js';
import { leftOut } from './columns.js';
import type { FastRecordReader } from './fast-record.js';
import { Reading } from './fast-record.js';
import { childrenByName, isKept, listJson, ownText, valueAttributes } from './json.js';
import type { Complain } from './text.js';
import { decodeContent, decodeValue, trimSpace } from './text.js';
import type { XmlElement } from './tree.js';

/** Rows that the lists of one record may make when they are spread over each other. */
const maxRowsOfRecord = 100_000;

interface Cell {
  readonly slot: Slot;
  readonly value: string | null;
  readonly json: boolean;
}

/** A row: groups of cells, which rows of one record share. */
type Row = readonly (readonly Cell[])[];

class TooManyRows extends Error {}

/** What of a record becomes columns. */
export interface RowOptions {
  readonly withAttributes: boolean;
  /** Sources of the elements that make a row each. */
  readonly flatten: readonly string[];
}

/** Writes records to the sink. */
export class XmlRowWriter {
  private record = 0;
  private readonly spread = new Set<string>();

  constructor(
    private readonly sink: RowSink,
    private readonly columns: XmlColumns,
    private readonly options: RowOptions,
    private readonly complain: Complain,
  ) {
    // What lies on the way to a list is spread too, should it repeat.
    for (const path of options.flatten) {
      const names = path.split('.');
      for (let count = 1; count <= names.length; count++)
        this.spread.add(names.slice(0, count).join('.'));
    }
  }

  /** Records so far. */
  get records(): number {
    return this.record;
  }

  /** Writes the record that was just read. */
  fast(bytes: Buffer, read: FastRecordReader): void {
    const { sink, columns } = this;
    this.record++;
    for (let index = 0; index < read.count; index++) {
      const column = columns.of(read.slots[index]!);
      const from = read.from[index]!;
      const to = read.to[index]!;
      const reading = read.readings[index]!;
      if (reading === Reading.AsIs) {
        if (column !== leftOut && from < to) sink.bytes(column, bytes, from, to);
        continue;
      }
      // What is left out must be well-formed all the same.
      const text =
        reading === Reading.Content
          ? trimSpace(decodeContent(bytes, from, to, this.complain))
          : decodeValue(bytes, from, to, this.complain);
      if (column !== leftOut && text !== '') sink.text(column, text);
    }
    sink.endRow(this.record);
  }

  /** Writes a record that is in memory. */
  tree(root: XmlElement): void {
    const { sink, columns } = this;
    this.record++;
    let rows: Row[];
    try {
      rows = this.rows(root, '', '', root);
    } catch (error) {
      if (!(error instanceof TooManyRows)) throw error;
      sink.reject({
        record: this.record,
        column: null,
        value: null,
        reason: `its lists make more than ${maxRowsOfRecord} rows when they are spread over each other; flatten fewer of them`,
        raw: null,
      });
      return;
    }
    for (const row of rows) {
      for (const cells of row)
        for (const { slot, value, json } of cells) {
          const column = columns.of(slot);
          if (column === leftOut || value === null) continue;
          if (json) sink.json(column, value);
          else sink.text(column, value);
        }
      sink.endRow(this.record);
      if (sink.full) return;
    }
  }

  /** Writes a record that is a value without a name. */
  value(text: string): void {
    this.record++;
    const column = this.columns.of(this.columns.slot('value'));
    const trimmed = trimSpace(text);
    if (column !== leftOut && trimmed !== '') this.sink.text(column, trimmed);
    this.sink.endRow(this.record);
  }

  /** The rows of an element: one, unless something in it is spread. */
  private rows(element: XmlElement, path: string, source: string, record: XmlElement): Row[] {
    const cells: Cell[] = [];
    const lists: Row[][] = [];
    this.collect(element, path, source, record, cells, lists);
    let rows: Row[] = [[cells]];
    for (const list of lists) {
      if (rows.length * list.length > maxRowsOfRecord) throw new TooManyRows();
      rows = rows.flatMap((row) => list.map((other) => [...row, ...other]));
    }
    return rows;
  }

  /** The place at a path, its column made: columns come in the order of the document, whatever is spread. */
  private place(path: string): Slot {
    const slot = this.columns.slot(path);
    this.columns.of(slot);
    return slot;
  }

  /** The nesting limit bounds how often this calls itself. */
  private collect(
    element: XmlElement,
    path: string,
    source: string,
    record: XmlElement,
    cells: Cell[],
    lists: Row[][],
  ): void {
    const below = path === '' ? '' : `${path}/`;
    const attributes = this.options.withAttributes ? valueAttributes(element) : [];
    for (const { name, value } of attributes)
      cells.push({
        slot: this.place(`${below}@${name}`),
        value: value === '' ? null : value,
        json: false,
      });
    const groups = childrenByName(element);
    const text = ownText(element);
    for (const [name, group] of groups) {
      const childPath = below + name;
      const childSource = source === '' ? name : `${source}.${name}`;
      if (this.spread.has(childSource)) {
        const list: Row[] = [];
        for (const child of group) {
          for (const row of this.rows(child, childPath, childSource, record)) list.push(row);
          if (list.length > maxRowsOfRecord) throw new TooManyRows();
        }
        lists.push(list);
      } else if (group.length === 1)
        this.collect(group[0]!, childPath, childSource, record, cells, lists);
      else {
        const slot = this.place(childPath);
        cells.push({ slot, value: listJson(group, this.options.withAttributes), json: true });
        if (slot.column !== leftOut)
          this.sink.warn(
            `The element ${childSource} repeats inside a record: where it does, its column holds a JSON list; flatten makes a row of each`,
          );
      }
    }
    if (groups.size > 0) {
      if (text !== '') cells.push({ slot: this.place(`${below}#text`), value: text, json: false });
      return;
    }
    const named = element === record ? element.name : path;
    if (text !== '' || (isKept(element) && element !== record))
      cells.push({ slot: this.place(named), value: text, json: false });
    // An element without anything is an empty value; one with attributes is there for them, a record for its row.
    else if (attributes.length === 0 && element !== record)
      cells.push({ slot: this.place(named), value: null, json: false });
  }
}
