import type { XmlNode } from './xpath-nodes.js';
import { childrenOf, descendantsOf, inDocumentOrder } from './xpath-nodes.js';

/** A condition in brackets. */
export interface Predicate {
  readonly holds: (node: XmlNode, position: number) => boolean;
  /** It looks at the position. */
  readonly positional: boolean;
  /** It looks into the node; else the name and the attributes are enough. */
  readonly needsTree: boolean;
}

/** Whether a step is about a node. */
export type NodeTest = (node: XmlNode) => boolean;

/** The axes that look downwards. */
export type Axis = 'child' | 'descendant' | 'descendant-or-self' | 'attribute' | 'self';

/** One step of a path inside a tree. */
export interface TreeStep {
  readonly axis: Axis;
  readonly test: NodeTest;
  readonly predicates: readonly Predicate[];
}

/** All axes by name. */
export const axes: readonly Axis[] = [
  'child',
  'descendant',
  'descendant-or-self',
  'attribute',
  'self',
];

/** The root of a node's tree. */
export function documentOf(node: XmlNode): XmlNode {
  let at = node;
  while (at.nodeType !== 9 && at.parent) at = at.parent;
  return at;
}

/** Goes the steps of a path; `apart`: none of the nodes lies in another. */
export function walk(
  from: readonly XmlNode[],
  steps: readonly TreeStep[],
  apart: boolean,
): readonly XmlNode[] {
  let nodes = from;
  for (const { axis, test, predicates } of steps) {
    const several = nodes.length > 1;
    const found: XmlNode[] = [];
    for (const node of nodes) {
      const kept = filter(onAxis(node, axis).filter(test), predicates);
      for (const each of kept) found.push(each);
    }
    // Nodes that lie in each other give what is in them out of order, or twice.
    nodes = several && !apart ? inDocumentOrder(found) : found;
    if (axis === 'descendant' || axis === 'descendant-or-self') apart = false;
  }
  return nodes;
}

function onAxis(node: XmlNode, axis: Axis): readonly XmlNode[] {
  switch (axis) {
    case 'child':
      return childrenOf(node);
    case 'descendant':
      return descendantsOf(node);
    case 'descendant-or-self':
      return [node, ...descendantsOf(node)];
    case 'attribute':
      return node.nodeType === 1 ? node.attributes : [];
    case 'self':
      return [node];
  }
}

/** The nodes for which conditions hold, one after the other: each counts what the ones before it let through. */
export function filter(
  nodes: readonly XmlNode[],
  predicates: readonly Predicate[],
): readonly XmlNode[] {
  let kept = nodes;
  for (const { holds } of predicates) kept = kept.filter((node, index) => holds(node, index + 1));
  return kept;
}

/** The step `.` */
export const self: TreeStep = { axis: 'self', test: () => true, predicates: [] };
/** The step in `//` */
export const anyInside: TreeStep = { axis: 'descendant-or-self', test: () => true, predicates: [] };
