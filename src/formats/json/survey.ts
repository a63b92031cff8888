import { decodeText } from './text.js';

const enoughLists = 20;
const enoughKeys = 10_000;
const longestKey = 200;

/** Notes where a file has lists, for people who ask for others: some of the first ones, at little cost. */
export class Survey {
  private readonly names: string[] = [];
  private readonly found = new Set<string>();
  private readonly ofObjects = new Set<string>();
  private keys = 0;
  private nearKeys = 0;
  /** Lists that lie on the way to records, or beside it, are still to be noted: there are few keys as a rule. */
  nearWanted: boolean;

  /** @param wanted lists outside of records are to be noted */
  constructor(public wanted: boolean) {
    this.nearWanted = wanted;
  }

  /** A key was read in the object at this depth. */
  key(
    depth: number,
    bytes: Buffer,
    start: number,
    end: number,
    escaped: boolean,
    near: boolean,
  ): void {
    if (near) this.nearWanted = ++this.nearKeys < enoughKeys;
    else this.wanted = ++this.keys < enoughKeys;
    const cut = Math.min(end, start + longestKey);
    this.names[depth] = escaped
      ? decodeText(bytes, start, cut)
      : bytes.toString('utf8', start, cut);
  }

  /** A list or an object begins at this depth. */
  enter(depth: number): void {
    this.names[depth] = '';
  }

  /** A list is the value of the last key at this depth. */
  list(depth: number): void {
    const path = this.names.slice(1, depth + 1).filter((name) => name !== '');
    if (path.length > 0) this.found.add(path.join('.'));
    if (this.found.size >= enoughLists) this.end();
  }

  /** A list of objects lies in a record. */
  recordList(source: string): void {
    if (source !== '' && this.ofObjects.size < enoughLists) this.ofObjects.add(source);
  }

  /** The records were found. */
  end(): void {
    this.wanted = this.nearWanted = false;
  }

  /** Paths of the lists outside of records. */
  lists(): string[] {
    return [...this.found];
  }

  /** Paths of the lists of objects in the records. */
  recordLists(): string[] {
    return [...this.ofObjects];
  }
}
