import type { RowSink } from '../rows.js';

/** A place of a record that values come from; its column is made with its first value. */
export interface Slot {
  readonly source: string;
  column: number;
}

const unknown = -1;
/** {@link XmlColumns.of} of a place that is left out. */
export const leftOut = -2;

/** The columns of a file's records by the path of names that leads to them. */
export class XmlColumns {
  private readonly slots = new Map<string, Slot>();
  private readonly sources = new Map<string, number>();
  private readonly excluded: readonly string[];

  constructor(
    private readonly sink: RowSink,
    excludeFields: readonly string[],
  ) {
    this.excluded = excludeFields;
  }

  /**
   * The place at a path (names joined by /, which no name has: an element `a.b` is not the b of an a, although both
   * columns have the source a.b).
   */
  slot(path: string): Slot {
    const known = this.slots.get(path);
    if (known) return known;
    const source = path.replaceAll('/', '.');
    const slot: Slot = { source, column: this.isExcluded(source) ? leftOut : unknown };
    // What is left out makes no column, so no limit would keep their number down.
    if (slot.column !== leftOut) this.slots.set(path, slot);
    return slot;
  }

  /** The column of a place, {@link leftOut} if it has none. @throws TOO_MANY_COLUMNS */
  of(slot: Slot): number {
    if (slot.column !== unknown) return slot.column;
    const occurrence = this.sources.get(slot.source) ?? 0;
    this.sources.set(slot.source, occurrence + 1);
    slot.column = this.sink.column(slot.source, occurrence);
    return slot.column;
  }

  /** A field that is excluded takes with it what lies in it. */
  private isExcluded(source: string): boolean {
    return this.excluded.some((field) => source === field || source.startsWith(`${field}.`));
  }
}
