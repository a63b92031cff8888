import {
  AMPERSAND,
  APOSTROPHE,
  CLOSE_BRACKET,
  controls,
  CR,
  EQUALS,
  GREATER,
  LESS,
  nameBytes,
  QUOTE,
  SLASH,
  SPACE,
  spaces,
  textStops,
  valueStops,
} from './bytes.js';
import type { Slot } from './columns.js';
import type { ElementShape } from './shapes.js';

/** How a cell's bytes are to be read. */
export const Reading = { AsIs: 0, Content: 1, Value: 2 } as const;

/** Not a record that can be read this way (or one that does not end in the window). */
export const irregular = -1;

/**
 * Reads records that look like the ones before: no element twice at a place, no mixed content, comments or CDATA.
 * Names are compared with the bytes of the name that is expected there, values stay where they are in the window, so
 * nothing is allocated for a record. Whatever is out of the ordinary, errors included, is left to the tree reader.
 */
export class FastRecordReader {
  /** The record's cells in document order. */
  count = 0;
  readonly slots: Slot[] = [];
  readonly from: number[] = [];
  readonly to: number[] = [];
  readonly readings: number[] = [];
  private serial = 0;

  constructor(
    private readonly maxDepth: number,
    private readonly maxCellBytes: number,
  ) {}

  /** Behind the record whose `<` stands at a position, or {@link irregular}. `depth`: how deep the record lies. */
  read(bytes: Buffer, start: number, end: number, record: ElementShape, depth: number): number {
    const serial = ++this.serial;
    const maxDepth = this.maxDepth - depth;
    this.count = 0;
    let shape = record;
    let at = start + 1 + record.name.length;
    /** The last child that was closed where we are; null just after a start tag. */
    let last: ElementShape | null = null;
    for (;;) {
      // Behind the name of a start tag.
      let byte = at < end ? bytes[at]! : 0;
      let hasAttributes = false;
      if (byte !== GREATER) {
        if (byte !== SLASH) {
          const before = this.count;
          at = this.attributes(bytes, at, end, shape, serial);
          if (at === irregular) return irregular;
          hasAttributes = this.count > before;
          byte = bytes[at]!;
        }
        if (byte === SLASH) {
          if (at + 1 >= end || bytes[at + 1] !== GREATER) return irregular;
          if (!hasAttributes && shape !== record) this.cell(shape.text, at, at, Reading.AsIs);
          at += 2;
          if (shape === record) return at;
          last = shape;
          shape = shape.parent!;
        } else {
          at++;
          last = null;
        }
      } else {
        at++;
        last = null;
      }
      // Content, until a start tag.
      for (;;) {
        while (at < end && bytes[at]! <= SPACE && spaces[bytes[at]!] === 1) at++;
        if (at + 1 >= end) return irregular;
        if (bytes[at] !== LESS) {
          // Text: only all alone in its element.
          if (last !== null) return irregular;
          const from = at;
          let reading: number = Reading.AsIs;
          for (;;) {
            while (at < end && textStops[bytes[at]!] === 0) at++;
            if (at + 1 >= end) return irregular;
            const stop = bytes[at]!;
            if (stop === LESS) break;
            if (stop === AMPERSAND || stop === CR) reading = Reading.Content;
            else if (stop !== CLOSE_BRACKET || bytes[at + 1] === CLOSE_BRACKET) return irregular;
            at++;
          }
          if (bytes[at + 1] !== SLASH || at - from > this.maxCellBytes) return irregular;
          let to = at;
          while (spaces[bytes[to - 1]!] === 1) to--;
          this.cell(shape.text, from, to, reading);
          hasAttributes = true;
        }
        if (bytes[at + 1] !== SLASH) break;
        // The end tag must be the one of where we are.
        const name = shape.name;
        const length = name.length;
        const close = at + 2 + length;
        if (close >= end || bytes[close] !== GREATER) return irregular;
        for (let index = 0; index < length; index++)
          if (bytes[at + 2 + index] !== name[index]) return irregular;
        if (last === null && !hasAttributes && shape !== record)
          this.cell(shape.text, at, at, Reading.AsIs);
        at = close + 1;
        if (shape === record) return at;
        last = shape;
        shape = shape.parent!;
      }
      // A start tag, most likely of the element that came here the last time.
      const from = at + 1;
      const expected: ElementShape | null = last === null ? shape.firstChild : last.next;
      let child: ElementShape | null = null;
      if (expected !== null && isNamed(bytes, from, end, expected.name)) child = expected;
      else {
        const second: ElementShape | null = expected === null ? null : expected.next;
        if (second !== null && isNamed(bytes, from, end, second.name)) child = second;
        else {
          if (nameBytes[bytes[from]!] !== 1) return irregular;
          let to = from;
          while (to < end && nameBytes[bytes[to]!] !== 0) to++;
          if (to >= end) return irregular;
          child = shape.child(bytes, from, to);
          if (child === null) return irregular;
          if (expected === null) {
            if (last === null) shape.firstChild = child;
            else last.next = child;
          }
        }
      }
      if (child.serial === serial || child.picked || child.depth > maxDepth) return irregular;
      child.serial = serial;
      shape = child;
      at = from + child.name.length;
    }
  }

  /** At the `>` or `/` that ends a start tag. */
  private attributes(
    bytes: Buffer,
    start: number,
    end: number,
    shape: ElementShape,
    serial: number,
  ): number {
    let at = start;
    for (let index = 0; ; index++) {
      const before = at;
      while (at < end && spaces[bytes[at]!] === 1) at++;
      if (at >= end) return irregular;
      if (bytes[at] === GREATER || bytes[at] === SLASH) return at;
      if (at === before) return irregular;
      let attribute = index < shape.attributes.length ? shape.attributes[index]! : null;
      if (attribute === null || !isAttribute(bytes, at, end, attribute.name)) {
        if (nameBytes[bytes[at]!] !== 1) return irregular;
        let to = at;
        while (to < end && nameBytes[bytes[to]!] !== 0) to++;
        if (to >= end || bytes[to] !== EQUALS) return irregular;
        attribute = shape.attribute(bytes, at, to, index);
        if (attribute === null) return irregular;
      }
      if (attribute.serial === serial) return irregular;
      attribute.serial = serial;
      at += attribute.name.length + 1;
      if (at >= end) return irregular;
      const quote = bytes[at]!;
      if (quote !== QUOTE && quote !== APOSTROPHE) return irregular;
      const from = ++at;
      let reading: number = Reading.AsIs;
      for (;;) {
        while (at < end && valueStops[bytes[at]!] === 0) at++;
        if (at >= end) return irregular;
        const stop = bytes[at]!;
        if (stop === quote) break;
        if (stop === LESS || controls[stop] === 1) return irregular;
        if (stop === AMPERSAND || spaces[stop] === 1) reading = Reading.Value;
        at++;
      }
      if (at - from > this.maxCellBytes) return irregular;
      if (attribute.slot !== null) this.cell(attribute.slot, from, at, reading);
      else if (reading !== Reading.AsIs) return irregular;
      at++;
    }
  }

  private cell(slot: Slot, from: number, to: number, reading: number): void {
    const index = this.count++;
    this.slots[index] = slot;
    this.from[index] = from;
    this.to[index] = to;
    this.readings[index] = reading;
  }
}

function isNamed(bytes: Buffer, from: number, end: number, name: Buffer): boolean {
  const length = name.length;
  if (from + length >= end || nameBytes[bytes[from + length]!] !== 0) return false;
  for (let index = 0; index < length; index++)
    if (bytes[from + index] !== name[index]) return false;
  return true;
}

function isAttribute(bytes: Buffer, from: number, end: number, name: Buffer): boolean {
  const length = name.length;
  if (from + length >= end || bytes[from + length] !== EQUALS) return false;
  for (let index = 0; index < length; index++)
    if (bytes[from + index] !== name[index]) return false;
  return true;
}
