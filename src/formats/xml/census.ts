import { XmlElement } from './tree.js';

const maxPaths = 1000;
const shownPaths = 20;
/** Elements of records that are counted; the beginning of a file tells enough. */
const maxCounted = 100_000;

interface CountedPath {
  readonly path: string;
  count: number;
  /** Something stands in it. */
  holds: boolean;
  readonly children: Map<string, CountedPath>;
}

/** Counts the element paths of a document, to say which may be records. It remembers at most 1,000 paths. */
export class PathCensus {
  private readonly top: CountedPath = { path: '', count: 0, holds: false, children: new Map() };
  private readonly open: (CountedPath | null)[] = [this.top];
  private paths = 0;
  private counted = 0;
  /** Elements inside the outermost one. */
  inner = 0;

  /** An element opens. */
  enter(name: string, attributes: number): void {
    if (this.open.length === 2) this.inner++;
    const path = this.child(this.open.at(-1) ?? null, name);
    if (path && attributes > 0) path.holds = true;
    this.open.push(path);
  }

  /** The innermost element closes. */
  leave(): void {
    this.open.pop();
  }

  /** The innermost element has so many more children of a name, which are read by others. */
  again(name: string, count: number): void {
    const path = this.open.at(-1)?.children.get(name);
    if (path) path.count += count;
  }

  /** The innermost element is in memory: what stands in it. */
  inside(element: XmlElement): void {
    const rest: [XmlElement, CountedPath][] = [];
    if (this.open.length === 2) this.inner += element.children.length;
    const innermost = this.open.at(-1);
    if (innermost) rest.push([element, innermost]);
    for (let next = rest.pop(); next && this.counted < maxCounted; next = rest.pop())
      for (const child of next[0].children) {
        if (!(child instanceof XmlElement)) continue;
        this.counted++;
        const path = this.child(next[1], child.name);
        if (!path) continue;
        if (child.attributes.length > 0) path.holds = true;
        rest.push([child, path]);
      }
  }

  /** The paths that repeat, the most frequent first; of equal ones those that hold something, then in document order. */
  repeated(): string[] {
    const found: CountedPath[] = [];
    const rest = [this.top];
    for (let next = rest.pop(); next; next = rest.pop()) {
      if (next.count > 1) found.push(next);
      rest.push(...[...next.children.values()].reverse());
    }
    found.sort((a, b) => b.count - a.count || Number(b.holds) - Number(a.holds));
    return found.slice(0, shownPaths).map(({ path }) => path);
  }

  private child(parent: CountedPath | null, name: string): CountedPath | null {
    if (!parent) return null;
    let path = parent.children.get(name);
    if (!path) {
      if (this.paths >= maxPaths) return null;
      this.paths++;
      parent.holds = true;
      path = { path: `${parent.path}/${name}`, count: 0, holds: false, children: new Map() };
      parent.children.set(name, path);
    }
    path.count++;
    return path;
  }
}
