/** An element's name as it stands in the file, and the number of its local name. */
export interface ElementName {
  readonly bytes: Uint8Array;
  /** Position among the names that were asked for, counted from 1; 0: none of them. */
  readonly id: number;
}

/** Finds the names of elements by their bytes, without making strings. */
export class ElementNames {
  readonly #names = new Map<string, ElementName>();
  /** The last names by a hash of their bytes. */
  readonly #recent = new Array<ElementName | undefined>(256).fill(undefined);
  readonly #ids: ReadonlyMap<string, number>;

  /** `known` are local names. */
  constructor(known: readonly string[]) {
    this.#ids = new Map(known.map((name, position) => [name, position + 1]));
  }

  /** The name from `from` to `to`; `hash` may be any number that depends on its bytes only. */
  at(bytes: Buffer, from: number, to: number, hash: number): ElementName {
    const slot = hash & 255;
    const recent = this.#recent[slot];
    if (recent?.bytes.length === to - from) {
      let n = 0;
      while (n < recent.bytes.length && recent.bytes[n] === bytes[from + n]) n++;
      if (n === recent.bytes.length) return recent;
    }
    const written = bytes.toString('latin1', from, to);
    let name = this.#names.get(written);
    if (!name) {
      const local = written.slice(written.indexOf(':') + 1);
      name = { bytes: Buffer.from(written, 'latin1'), id: this.#ids.get(local) ?? 0 };
      // Names that nobody asked for may be as many as the file likes.
      if (name.id > 0) this.#names.set(written, name);
    }
    this.#recent[slot] = name;
    return name;
  }
}

/** An element's name as people read it. */
export function writtenName({ bytes }: ElementName): string {
  return Buffer.from(bytes).toString();
}
