import { AppError } from '../../errors.js';
import { parsePath } from './path.js';
import { decodeText } from './text.js';
import type { RowSink } from '../rows.js';

const longestSource = 64 * 1024;

/**
 * A place in the records: the key of an object, or a position of a list. Each remembers which key came after it, so that
 * records whose keys stand in the same order are read by comparing bytes.
 */
export class Field {
  /** -1 until the sink was asked. */
  column = -1;
  readonly children = new Map<string, Field>();
  first: Field | null = null;
  next: Field | null = null;
  /** A list here becomes rows. */
  flatten = false;
  /** Nobody wants it. */
  excluded = false;
  /** A null here is no value, but an object that is missing. */
  object = false;
  /** A list was met here. */
  listed = false;
  /** The object that had this key last, and how many cells and elements its record had then. */
  seenIn = 0;
  cellsBefore = 0;
  elementsBefore = 0;

  constructor(
    readonly index: number,
    readonly source: string,
    readonly name: string,
    readonly key: Buffer,
    readonly parent: Field | null,
    /** Other keys have led to the same source: {"a.b": 1} and {"a": {"b": 1}}. */
    readonly occurrence: number,
  ) {}
}

/** What makes fields of keys. */
export interface FieldRules {
  readonly flatten: readonly string[];
  readonly excludeFields: readonly string[];
  /** Path of the records, which may stand before the paths in `flatten`. */
  readonly dataTag: string;
}

/** A name in `flatten` and the list it stands for. */
interface FlattenName {
  readonly written: string;
  readonly path: string;
  /** A name without dots may be the last one of a longer path: the first list of that name. */
  bound: Field | null;
}

/** All fields of a file's records. */
export class FieldTree {
  readonly fields: Field[] = [];
  /** The sink's column of each field, by its index. */
  columns = new Int32Array(256);
  readonly root: Field;
  /** Objects that were met: each has its number, so that a key that comes twice in one is seen. */
  objectCount = 0;
  /** Sources that are known to be objects: a null there is no column. */
  objects: ReadonlySet<string> = new Set();
  private readonly excluded: ReadonlySet<string>;
  private readonly flatten: readonly FlattenName[];
  private readonly onTheWay = new Set<string>();
  private readonly repeated = new Map<string, Field[]>();
  private readonly occurrences = new Map<string, number>();

  constructor(
    rules: FieldRules,
    private readonly warn: (message: string) => void,
  ) {
    this.excluded = new Set(rules.excludeFields);
    const before = parsePath(rules.dataTag).join('.');
    this.flatten = rules.flatten.map((written) => {
      const path = parsePath(written).join('.');
      const inside = before !== '' && path.startsWith(`${before}.`);
      return { written, path: inside ? path.slice(before.length + 1) : path, bound: null };
    });
    for (const { path } of this.flatten) {
      // A list inside of a list can only be spread when the outer one is.
      const names = path.split('.');
      names.forEach((_, at) => this.onTheWay.add(names.slice(0, at + 1).join('.')));
    }
    this.root = new Field(0, '', '', Buffer.alloc(0), null, 0);
    this.fields.push(this.root);
  }

  /** The field of a key that stands in the file at `start`; `escaped`: with escapes. */
  child(parent: Field, bytes: Buffer, start: number, end: number, escaped: boolean): Field {
    const name = escaped ? decodeText(bytes, start, end) : bytes.toString('utf8', start, end);
    return (
      parent.children.get(name) ??
      this.add(parent, name, Buffer.from(bytes.subarray(start, end)), true)
    );
  }

  /** The field of a name that stands nowhere as a key. */
  named(name: string): Field {
    return this.root.children.get(name) ?? this.add(this.root, name, Buffer.from(name), true);
  }

  /** The columns of a header, in order; equal names are columns of their own. */
  header(names: readonly string[]): Field[] {
    const counts = new Map<string, number>();
    return names.map((name) => {
      const before = counts.get(name) ?? 0;
      counts.set(name, before + 1);
      if (before === 0) return this.named(name);
      let repeated = this.repeated.get(name);
      if (!repeated) this.repeated.set(name, (repeated = []));
      return (repeated[before - 1] ??= this.add(this.root, name, Buffer.from(name), false));
    });
  }

  /** Makes a column of a field that has none. @throws TOO_MANY_COLUMNS */
  register(field: Field, sink: Pick<RowSink, 'column'>): void {
    field.column = sink.column(field.source, field.occurrence);
    if (field.index >= this.columns.length) {
      const larger = new Int32Array(Math.max(field.index + 1, this.columns.length * 2));
      larger.set(this.columns);
      this.columns = larger;
    }
    this.columns[field.index] = field.column;
  }

  /** Told of the first list at a field. */
  metList(field: Field): void {
    field.listed = true;
    for (const name of this.flatten) {
      if (name.path === field.source) name.bound ??= field;
      else if (name.path === field.name && name.bound === null) {
        name.bound = field;
        field.flatten = true;
      } else if (name.path === field.name && name.bound !== field)
        this.warn(
          `"${name.written}" in flatten was taken for "${name.bound?.source}"; there is "${field.source}" too: write its whole path`,
        );
    }
  }

  /** The names in `flatten` that no list had. */
  unmatched(): string[] {
    return this.flatten
      .filter(({ bound, path }) => bound === null && !this.known(path)?.listed)
      .map(({ written }) => written);
  }

  private known(path: string): Field | undefined {
    return this.fields.find(({ source }) => source === path);
  }

  private add(parent: Field, name: string, key: Buffer, reachable: boolean): Field {
    const source = parent.parent === null ? name : `${parent.source}.${name}`;
    // Joined names grow with the depth: a few long keys would cost as much as a large file.
    if (source.length > longestSource)
      throw new AppError(
        'CELL_TOO_LONG',
        `The keys on the way to a field ("${source.slice(0, 60)}…") have more than ${longestSource} characters together`,
        { details: { limit: longestSource } },
      );
    const occurrence = this.occurrences.get(source) ?? 0;
    this.occurrences.set(source, occurrence + 1);
    const field = new Field(this.fields.length, source, name, key, parent, occurrence);
    field.flatten = this.onTheWay.has(source);
    field.excluded = this.excluded.has(source);
    field.object = this.objects.has(source);
    this.fields.push(field);
    if (reachable) parent.children.set(name, field);
    return field;
  }
}
