import { UnknownPart, XPathCursor } from './xpath-cursor.js';
import type { ValueType } from './xpath-functions.js';
import { xpathFunctions } from './xpath-functions.js';
import { attributeTest, nameTest } from './xpath-names.js';
import type { XmlNode } from './xpath-nodes.js';
import { inDocumentOrder } from './xpath-nodes.js';
import type { Axis, NodeTest, Predicate, TreeStep } from './xpath-steps.js';
import { anyInside, axes, documentOf, filter, self, walk } from './xpath-steps.js';
import type { Comparison, XPathValue } from './xpath-values.js';
import { compare, toBoolean, toNumber } from './xpath-values.js';

/** What an expression is evaluated on. */
export interface Context {
  readonly node: XmlNode;
  /** From 1. */
  readonly position: number;
}

/** An expression of XPath 1.0. */
export interface Expression {
  readonly type: ValueType;
  readonly evaluate: (context: Context) => XPathValue;
}

type Operator = (one: XPathValue, other: XPathValue) => XPathValue;

interface Level {
  readonly operators: ReadonlyMap<string, Operator>;
  readonly type: ValueType;
}

const comparisons = (...operators: readonly Comparison[]): Level => ({
  type: 'boolean',
  operators: new Map(
    operators.map((operator): [string, Operator] => [
      operator,
      (one, other) => compare(operator, one, other),
    ]),
  ),
});

const arithmetic = (
  operators: Readonly<Record<string, (one: number, other: number) => number>>,
): Level => ({
  type: 'number',
  operators: new Map(
    Object.entries(operators).map(([name, apply]): [string, Operator] => [
      name,
      (one, other) => apply(toNumber(one), toNumber(other)),
    ]),
  ),
});

/** Binary operators, from those that bind least. */
const levels: readonly Level[] = [
  comparisons('=', '!='),
  comparisons('<', '<=', '>', '>='),
  arithmetic({ '+': (one, other) => one + other, '-': (one, other) => one - other }),
  arithmetic({
    '*': (one, other) => one * other,
    div: (one, other) => one / other,
    mod: (one, other) => one % other,
  }),
];

/** Functions that are tests of nodes. */
const nodeTests: ReadonlyMap<string, NodeTest> = new Map<string, NodeTest>([
  ['text', (node) => node.nodeType === 3],
  ['node', () => true],
]);

/** An XPath as an expression over a whole document, null if it is none of XPath 1.0 that looks downwards only. */
export function parseExpression(xpath: string): Expression | null {
  const cursor = new XPathCursor(xpath);
  try {
    const expression = new ExpressionParser(cursor, true).expression();
    return cursor.peek() ? null : expression;
  } catch (error) {
    if (error instanceof UnknownPart) return null;
    throw error;
  }
}

/**
 * Parses expressions of XPath 1.0 (sections 3 and 4) that look downwards from a node. Operators of one kind are
 * evaluated in a loop, so calls nest only as brackets do.
 * @throws UnknownPart for other expressions
 */
export class ExpressionParser {
  private positional = false;
  private needsTree = false;

  constructor(
    private readonly cursor: XPathCursor,
    /** Paths may begin at the document. */
    private readonly absolute: boolean,
  ) {}

  /** Parses a condition with its brackets. */
  predicate(): Predicate {
    const { cursor } = this;
    const outer = { positional: this.positional, needsTree: this.needsTree };
    this.positional = false;
    this.needsTree = false;
    cursor.expect('[');
    const { type, evaluate } = this.expression();
    cursor.expect(']');
    const { needsTree } = this;
    const positional = this.positional || type === 'number';
    this.positional = outer.positional;
    this.needsTree = outer.needsTree || needsTree;
    return {
      positional,
      needsTree,
      holds: (node, position) => {
        const value = evaluate({ node, position });
        return type === 'number' ? value === position : toBoolean(value);
      },
    };
  }

  /** Parses an expression (production 14). */
  expression(): Expression {
    return this.logical('or', () => this.logical('and', () => this.binary(0)));
  }

  /** Operands that are looked at until one decides. */
  private logical(operator: 'or' | 'and', operand: () => Expression): Expression {
    const first = operand();
    if (!this.cursor.is(operator)) return first;
    const operands = [first];
    while (this.cursor.take(operator)) operands.push(operand());
    const decides = operator === 'or';
    return {
      type: 'boolean',
      evaluate: (context) =>
        operands.some(({ evaluate }) => toBoolean(evaluate(context)) === decides) === decides,
    };
  }

  private binary(index: number): Expression {
    const level = levels[index];
    if (!level) return this.unary();
    const { cursor } = this;
    const first = this.binary(index + 1);
    const rest: { readonly apply: Operator; readonly operand: Expression }[] = [];
    for (;;) {
      const token = cursor.peek();
      const apply = token && cursor.is(token.text) ? level.operators.get(token.text) : undefined;
      if (!apply) break;
      cursor.at++;
      rest.push({ apply, operand: this.binary(index + 1) });
    }
    if (rest.length === 0) return first;
    return {
      type: level.type,
      evaluate: (context) => {
        let value = first.evaluate(context);
        for (const { apply, operand } of rest) value = apply(value, operand.evaluate(context));
        return value;
      },
    };
  }

  private unary(): Expression {
    let signs = 0;
    while (this.cursor.take('-')) signs++;
    const { type, evaluate } = this.union();
    if (signs === 0) return { type, evaluate };
    const sign = signs % 2 === 0 ? 1 : -1;
    return { type: 'number', evaluate: (context) => sign * toNumber(evaluate(context)) };
  }

  private union(): Expression {
    const { cursor } = this;
    const from = cursor.at;
    const first = this.path();
    if (!cursor.is('|')) return first;
    const paths = [first];
    while (cursor.take('|')) paths.push(this.path());
    if (paths.some(({ type }) => type !== 'nodes')) throw cursor.unknown(from);
    return {
      type: 'nodes',
      evaluate: (context) =>
        inDocumentOrder(paths.flatMap(({ evaluate }) => evaluate(context) as readonly XmlNode[])),
    };
  }

  /** A path (production 19): steps from the node, or a value with conditions and steps behind it. */
  private path(): Expression {
    const { cursor } = this;
    const from = cursor.at;
    const value = this.value();
    if (!value) return this.locationPath();
    const predicates = this.predicates();
    const steps: TreeStep[] = [];
    this.furtherSteps(steps);
    if (predicates.length === 0 && steps.length === 0) return value;
    if (value.type !== 'nodes') throw cursor.unknown(from);
    return {
      type: 'nodes',
      evaluate: (context) => {
        const nodes = value.evaluate(context) as readonly XmlNode[];
        return walk(filter(nodes, predicates), steps, false);
      },
    };
  }

  /** A text, a number, an expression in parentheses or a call; null: a location path begins here. */
  private value(): Expression | null {
    const { cursor } = this;
    const token = cursor.peek();
    if (token?.kind === 'literal') {
      cursor.at++;
      const text = token.text.slice(1, -1);
      return { type: 'text', evaluate: () => text };
    }
    if (token?.kind === 'number') {
      cursor.at++;
      const value = Number(token.text);
      return { type: 'number', evaluate: () => value };
    }
    if (cursor.take('(')) {
      const inner = this.expression();
      cursor.expect(')');
      return inner;
    }
    return token?.role === 'function' && !nodeTests.has(token.text) ? this.call(token.text) : null;
  }

  private call(name: string): Expression {
    const { cursor } = this;
    const from = cursor.at++;
    cursor.expect('(');
    if (name === 'position') {
      cursor.expect(')');
      this.positional = true;
      return { type: 'number', evaluate: ({ position }) => position };
    }
    const called = xpathFunctions.get(name);
    if (!called) throw cursor.unknown(from);
    const values: Expression[] = [];
    while (!cursor.is(')') && values.length < called.most) {
      if (values.length > 0) cursor.expect(',');
      values.push(this.expression());
    }
    cursor.expect(')');
    if (values.length === 0 && called.ofContext) {
      if (called.ofContext === 'content') this.needsTree = true;
      return { type: called.type, evaluate: ({ node }) => called.evaluate([node]) };
    }
    if (values.length < called.least) throw cursor.unknown(from);
    if (called.ofNodes && values.some(({ type }) => type !== 'nodes')) throw cursor.unknown(from);
    return {
      type: called.type,
      evaluate: (context) => called.evaluate(...values.map(({ evaluate }) => evaluate(context))),
    };
  }

  private locationPath(): Expression {
    const { cursor } = this;
    const steps: TreeStep[] = [];
    const absolute = cursor.is('/') || cursor.is('//');
    if (absolute && !this.absolute) throw cursor.unknown();
    if (cursor.take('//')) steps.push(anyInside, this.step());
    else if (!cursor.take('/') || this.stepFollows()) steps.push(this.step());
    if (steps.length > 0) this.furtherSteps(steps);
    // An attribute of the node itself is all that is known from its start tag.
    if (steps[0]?.axis !== 'attribute') this.needsTree = true;
    return {
      type: 'nodes',
      evaluate: ({ node }) => walk([absolute ? documentOf(node) : node], steps, true),
    };
  }

  private stepFollows(): boolean {
    const token = this.cursor.peek();
    return token !== undefined && (token.kind === 'name' || ['@', '*', '.'].includes(token.text));
  }

  private furtherSteps(steps: TreeStep[]): void {
    const { cursor } = this;
    for (;;) {
      if (cursor.take('//')) steps.push(anyInside);
      else if (!cursor.take('/')) return;
      steps.push(this.step());
    }
  }

  private step(): TreeStep {
    const { cursor } = this;
    const from = cursor.at;
    if (cursor.take('.')) {
      if (cursor.is('[')) throw cursor.unknown(from);
      return self;
    }
    let axis: Axis = 'child';
    const name = cursor.peek();
    if (cursor.take('@')) axis = 'attribute';
    else if (name?.role === 'axis') {
      const known = axes.find((each) => each === name.text);
      if (!known) throw cursor.unknown();
      axis = known;
      cursor.at += 2;
    }
    const test = this.nodeTest(axis, from);
    return { axis, test, predicates: this.predicates() };
  }

  private nodeTest(axis: Axis, from: number): NodeTest {
    const { cursor } = this;
    const token = cursor.peek();
    const ofNodes = token?.role === 'function' ? nodeTests.get(token.text) : undefined;
    cursor.at++;
    if (ofNodes) {
      cursor.expect('(');
      cursor.expect(')');
      return ofNodes;
    }
    if (token?.role !== 'test') throw cursor.unknown(from);
    const matches = axis === 'attribute' ? attributeTest(token.text) : nameTest(token.text);
    const kind = axis === 'attribute' ? 2 : 1;
    return (node) => node.nodeType === kind && matches(node.name);
  }

  private predicates(): Predicate[] {
    const predicates: Predicate[] = [];
    while (this.cursor.is('[')) predicates.push(this.predicate());
    return predicates;
  }
}
