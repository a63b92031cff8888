import type { RowSink } from '../rows.js';
import type { RecordCells } from './cells.js';
import type { Field, FieldTree } from './fields.js';
import type { Nesting } from './nesting.js';
import { roleRecordObject } from './roles.js';

const quote = 0x22;

/** Tells which fields the keys of a record's objects stand for. */
export class RecordKeys {
  /** Objects are numbered, so that a key that comes twice in one is seen. */
  private object = 0;
  private readonly outerObjects: Float64Array;

  constructor(
    private readonly nesting: Nesting,
    private readonly tree: FieldTree,
    private readonly cells: RecordCells,
    private readonly sink: RowSink,
    levels: number,
  ) {
    this.outerObjects = new Float64Array(levels);
  }

  /** The innermost object has begun. */
  enterObject(): void {
    this.outerObjects[this.nesting.depth] = this.object;
    this.object = ++this.tree.objectCount;
    this.nesting.field = null;
  }

  /** The object at this depth has ended. */
  leaveObject(depth: number): void {
    this.object = this.outerObjects[depth]!;
  }

  /**
   * The usual next key, if it stands at `at`: where its closing quote stands, else -1. Records mostly have the same keys
   * in the same order, so comparing bytes spares looking names up.
   */
  known(bytes: Buffer, at: number, end: number): number {
    const { role, owner, field } = this.nesting;
    if (role !== roleRecordObject) return -1;
    let guess = field === null ? owner.first : field.next;
    for (let tries = 0; guess !== null && tries < 2; tries++) {
      const { key } = guess;
      const close = at + 1 + key.length;
      if (close < end && bytes[close] === quote) {
        let index = 0;
        while (index < key.length && bytes[at + 1 + index] === key[index]) index++;
        if (index === key.length) {
          this.take(guess);
          return close;
        }
      }
      guess = guess.next;
    }
    return -1;
  }

  /** Any key was read. */
  read(bytes: Buffer, start: number, end: number, escaped: boolean): void {
    const { owner, field } = this.nesting;
    const found = this.tree.child(owner, bytes, start, end, escaped);
    if (field === null) owner.first = found;
    else if (field !== found) field.next = found;
    this.take(found);
    this.cells.checkFields();
  }

  private take(field: Field): void {
    if (field.seenIn === this.object) {
      this.sink.warn(
        `An object has the key "${field.name.slice(0, 100)}" more than once: its last value was taken`,
      );
      this.cells.takeBack(field);
    }
    field.seenIn = this.object;
    field.cellsBefore = this.cells.count;
    field.elementsBefore = this.cells.elements;
    this.nesting.field = field;
  }
}
