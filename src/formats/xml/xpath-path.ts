import { UnknownPart, XPathCursor } from './xpath-cursor.js';
import { ExpressionParser } from './xpath-expression.js';
import { nameTest } from './xpath-names.js';
import type { Predicate } from './xpath-steps.js';

/** One step of a location path. */
export interface Step {
  readonly axis: 'child' | 'descendant';
  readonly test: (name: string) => boolean;
  readonly predicates: readonly Predicate[];
  /** So many predicates, the first ones, can be decided when the element opens. */
  readonly early: number;
  /** Some predicate looks at the position. */
  readonly positional: boolean;
}

/** The paths of a union, or the part of the XPath that only a whole document can answer. */
export type ParsedXPath =
  | { readonly streams: true; readonly paths: readonly (readonly Step[])[] }
  | { readonly streams: false; readonly part: string };

/** Steps of all paths are bits of one number. */
const maxSteps = 30;

/** The step to any element. */
export const anyElement: Step = {
  axis: 'child',
  test: () => true,
  predicates: [],
  early: 0,
  positional: false,
};

/**
 * Reads an XPath as location paths of child and descendant steps, joined by `|`, with predicates on attributes and
 * positions, and on the last step on whatever the element holds. A name without prefix tests the local name, one with
 * a prefix the name as it is written in the file.
 */
export function parseXPath(xpath: string): ParsedXPath {
  try {
    const paths = new PathParser(new XPathCursor(xpath)).union();
    const steps = paths.reduce((sum, path) => sum + path.length, 0);
    return steps <= maxSteps
      ? { streams: true, paths }
      : { streams: false, part: `more than ${maxSteps} steps` };
  } catch (error) {
    if (error instanceof UnknownPart) return { streams: false, part: error.part };
    throw error;
  }
}

class PathParser {
  private readonly expressions: ExpressionParser;
  /** Where the first predicate of the last step begins that looks into the element. */
  private into: number | null = null;

  constructor(private readonly cursor: XPathCursor) {
    this.expressions = new ExpressionParser(cursor, false);
  }

  union(): Step[][] {
    const paths = [this.path()];
    while (this.cursor.take('|')) paths.push(this.path());
    if (this.cursor.peek()) throw this.cursor.unknown();
    return paths;
  }

  private path(): Step[] {
    const { cursor } = this;
    const steps: Step[] = [];
    let axis: Step['axis'] = 'child';
    if (cursor.take('//')) axis = 'descendant';
    // The document itself: its one element stands for it.
    else if (cursor.take('/') && (!cursor.peek() || cursor.is('|'))) return [anyElement];
    this.into = null;
    for (;;) {
      // What lies in an element is known when it ends, too late for the elements in it.
      if (this.into !== null) throw cursor.unknown(this.into);
      if (cursor.take('.')) {
        // `.` alone is where one stands; //. would be every node.
        if (axis === 'descendant' || cursor.is('[')) throw cursor.unknown(cursor.at - 1);
      } else steps.push(this.step(axis));
      if (cursor.take('//')) axis = 'descendant';
      else if (cursor.take('/')) axis = 'child';
      else break;
    }
    return steps.length === 0 ? [anyElement] : steps;
  }

  private step(slashes: Step['axis']): Step {
    const { cursor } = this;
    const from = cursor.at;
    let axis = slashes;
    let positions = true;
    const first = cursor.peek();
    if (first?.role === 'axis') {
      if (first.text !== 'child' && first.text !== 'descendant') throw cursor.unknown();
      if (first.text === 'descendant') {
        axis = 'descendant';
        // descendant::a[1] counts over the whole tree, //a[1] within each parent.
        positions = false;
      }
      cursor.at += 2;
    }
    const token = cursor.peek();
    if (token?.role !== 'test') throw cursor.unknown(from);
    cursor.at++;
    const predicates = this.predicates();
    const positional = predicates.some((predicate) => predicate.positional);
    if (positional && !positions) throw cursor.unknown(from);
    const late = predicates.findIndex(({ needsTree }) => needsTree);
    const early = late < 0 ? predicates.length : late;
    return { axis, test: nameTest(token.text), predicates, early, positional };
  }

  private predicates(): Predicate[] {
    const { cursor } = this;
    const predicates: Predicate[] = [];
    while (cursor.is('[')) {
      const begin = cursor.at;
      try {
        const predicate = this.expressions.predicate();
        predicates.push(predicate);
        if (predicate.needsTree) this.into ??= begin;
      } catch (error) {
        throw error instanceof UnknownPart ? cursor.unknown(begin) : error;
      }
    }
    return predicates;
  }
}
