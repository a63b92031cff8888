import type { XmlElement } from './tree.js';
import type { Step } from './xpath-path.js';

interface NumberedStep extends Step {
  readonly bit: number;
  /** Bit of the step before, 0 for the first of a path. */
  readonly before: number;
}

/** How many children of an element passed each predicate of a step, by step and predicate. */
type Passed = Map<string, number>;

/** What is known of one open element (or of the document, at depth 0). */
interface Frame {
  /** Steps that this element is the end of. */
  matched: number;
  /** Steps that this element or one around it is the end of. */
  inherited: number;
  /** Null: none was counted yet. */
  passed: Passed | null;
}

/** An element that is picked, or will be if what lies in it is as wanted. */
export interface Candidate {
  /** It must be read as a whole before one knows. */
  readonly conditional: boolean;
  /** Whether it is picked. To be asked once, when all of the element is there, and in document order. */
  readonly holds: (element: XmlElement) => boolean;
}

const picked: Candidate = { conditional: false, holds: () => true };

/**
 * Follows location paths through a document while it is read: told of each element that opens and closes, it says
 * which are picked. The work for an element does not depend on the size of the document.
 */
export class XPathMatcher {
  private readonly steps: NumberedStep[] = [];
  private finals = 0;
  private readonly frames: Frame[] = [{ matched: 0, inherited: 0, passed: null }];
  private depth = 0;
  /** An element was on the path of the parent of what is looked for, or only the conditions were missed. */
  near = false;
  /** Whether an element is picked depends on its name and its parent only. */
  readonly static: boolean;
  /** Something inside a picked element may be picked too. */
  readonly nests: boolean;
  private parents = 0;

  constructor(private readonly paths: readonly (readonly Step[])[]) {
    for (const path of paths) {
      let before = 0;
      path.forEach((step, index) => {
        const bit = 1 << this.steps.length;
        this.steps.push({ ...step, bit, before });
        if (index === path.length - 1) {
          this.finals |= bit;
          this.parents |= before;
        }
        before = bit;
      });
    }
    this.static = this.steps.every((step) => step.predicates.length === 0);
    this.nests = paths.length > 1 || this.steps.some((step) => step.axis === 'descendant');
  }

  /** Whether an element of this name could be picked somewhere. */
  mayPick(name: string): boolean {
    return this.paths.some((path) => path.at(-1)!.test(name));
  }

  /** An element opens; `startTag` gives it with its attributes. Null: it is not picked. */
  open(name: string, startTag: () => XmlElement): Candidate | null {
    const parent = this.frames[this.depth]!;
    let matched = 0;
    let element: XmlElement | null = null;
    let late: ((element: XmlElement) => boolean)[] | null = null;
    for (const step of this.steps) {
      if (step.before !== 0) {
        const context = step.axis === 'child' ? parent.matched : parent.inherited;
        if ((context & step.before) === 0) continue;
      } else if (step.axis === 'child' && this.depth > 0) continue;
      if (!step.test(name)) continue;
      if ((step.bit & this.finals) !== 0) this.near = true;
      const passed = step.positional ? (parent.passed ??= new Map<string, number>()) : null;
      if (step.early > 0 && !passes(step, 0, step.early, (element ??= startTag()), passed))
        continue;
      if (step.early === step.predicates.length) matched |= step.bit;
      else (late ??= []).push((whole) => passes(step, step.early, Infinity, whole, passed));
    }
    if ((matched & this.parents) !== 0) this.near = true;
    this.depth++;
    const frame = this.frames[this.depth];
    if (frame) {
      frame.matched = matched;
      frame.inherited = parent.inherited | matched;
      frame.passed = null;
    } else this.frames.push({ matched, inherited: parent.inherited | matched, passed: null });
    const certain = (matched & this.finals) !== 0;
    if (late === null) return certain ? picked : null;
    const conditions = late;
    return {
      conditional: true,
      // All of them are asked, because they count.
      holds: (whole) => conditions.reduce((holds, condition) => condition(whole) || holds, certain),
    };
  }

  /** The innermost element closes. */
  close(): void {
    this.depth--;
  }

  /** Goes back to where only so many elements were open, and the innermost had just been opened. */
  rewind(depth: number): void {
    this.depth = depth;
    this.frames[depth]!.passed = null;
  }
}

/** Whether predicates of a step hold, each counting what the ones before it let through. */
function passes(
  step: NumberedStep,
  from: number,
  to: number,
  element: XmlElement,
  passed: Passed | null,
): boolean {
  const { predicates } = step;
  for (let index = from; index < predicates.length && index < to; index++) {
    let position = 0;
    if (passed) {
      const key = `${step.bit}.${index}`;
      position = (passed.get(key) ?? 0) + 1;
      passed.set(key, position);
    }
    if (!predicates[index]!.holds(element, position)) return false;
  }
  return true;
}
