import type { Slot, XmlColumns } from './columns.js';
import { isNamespaceDeclaration, spaceAttribute } from './tree.js';
import { isXmlName } from './bytes.js';

/** An attribute as it has been seen before. */
export class AttributeShape {
  /** The last record that had it. */
  serial = 0;
  constructor(
    readonly name: Buffer,
    /** Null: no column (a namespace's declaration, or attributes are not wanted). */
    readonly slot: Slot | null,
  ) {}
}

/** An element of a record as it has been seen before: its name in bytes, and what was in it, in which order. */
export class ElementShape {
  /** The last record that had it. */
  serial = 0;
  firstChild: ElementShape | null = null;
  /** What came behind it the last time. */
  next: ElementShape | null = null;
  readonly children = new Map<string, ElementShape>();
  readonly attributes: AttributeShape[] = [];
  private readonly attributesByName = new Map<string, AttributeShape>();

  constructor(
    private readonly shapes: RecordShapes,
    readonly name: Buffer,
    readonly parent: ElementShape | null,
    /** Path inside the record, '' for the record itself. */
    private readonly path: string,
    readonly depth: number,
    readonly text: Slot,
    /** It may be a record of its own. */
    readonly picked: boolean,
  ) {}

  /** The child of a name, null when it is nothing that can be read by shape. */
  child(bytes: Buffer, from: number, to: number): ElementShape | null {
    const key = bytes.toString('latin1', from, to);
    const known = this.children.get(key);
    if (known) return known;
    const name = this.shapes.nameOf(bytes, from, to);
    if (name === null) return null;
    const shape = this.shapes.element(name, this, this.path === '' ? name : `${this.path}/${name}`);
    this.children.set(key, shape);
    return shape;
  }

  /** As {@link child}, for an attribute; `index` is where it stood. */
  attribute(bytes: Buffer, from: number, to: number, index: number): AttributeShape | null {
    const key = bytes.toString('latin1', from, to);
    let shape = this.attributesByName.get(key);
    if (!shape) {
      const name = this.shapes.nameOf(bytes, from, to);
      // What keeps its white space is read as a tree.
      if (name === null || name === spaceAttribute) return null;
      shape = this.shapes.attribute(name, this.path === '' ? `@${name}` : `${this.path}/@${name}`);
      this.attributesByName.set(key, shape);
    }
    this.attributes[index] = shape;
    return shape;
  }
}

/** More different places than this in records are not kept: such records are read as trees. */
const maxShapes = 20_000;

/** The shapes of a file's records. */
export class RecordShapes {
  private readonly records = new Map<string, ElementShape>();
  private count = 0;

  constructor(
    private readonly columns: XmlColumns,
    private readonly withAttributes: boolean,
    private readonly mayPick: (name: string) => boolean,
  ) {}

  /** The shape of records with this element's name, null if there are too many. */
  record(name: string): ElementShape | null {
    const known = this.records.get(name);
    if (known) return known;
    if (this.count >= maxShapes) return null;
    this.count++;
    const shape = new ElementShape(
      this,
      Buffer.from(name),
      null,
      '',
      0,
      this.columns.slot(name),
      false,
    );
    this.records.set(name, shape);
    return shape;
  }

  /** A name in UTF-8, if it is one and there is room for it. */
  nameOf(bytes: Buffer, from: number, to: number): string | null {
    if (this.count >= maxShapes) return null;
    const name = bytes.toString('utf8', from, to);
    return isXmlName(name) ? name : null;
  }

  element(name: string, parent: ElementShape, path: string): ElementShape {
    this.count++;
    return new ElementShape(
      this,
      Buffer.from(name),
      parent,
      path,
      parent.depth + 1,
      this.columns.slot(path),
      this.mayPick(name),
    );
  }

  attribute(name: string, path: string): AttributeShape {
    this.count++;
    const wanted = this.withAttributes && !isNamespaceDeclaration(name);
    return new AttributeShape(Buffer.from(name), wanted ? this.columns.slot(path) : null);
  }
}
