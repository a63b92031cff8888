import type { XmlAttribute, XmlDocument, XmlElement, XmlText } from './tree.js';

/** A node of a tree in memory. */
export type XmlNode = XmlElement | XmlText | XmlAttribute | XmlDocument;

type Inner = XmlElement | XmlText;

/** What stands directly in a node; attributes are not among it. */
export function childrenOf(node: XmlNode): readonly Inner[] {
  return node.nodeType === 1 || node.nodeType === 9 ? node.children : [];
}

/** What lies in a node, in document order, without the node itself. Trees may be deep, so no call nests. */
export function descendantsOf(node: XmlNode): Inner[] {
  const found: Inner[] = [];
  let at: Inner | undefined = childrenOf(node)[0];
  while (at) {
    found.push(at);
    let next: Inner | undefined = childrenOf(at)[0];
    while (!next) {
      const parent: XmlElement | XmlDocument = at.parent!;
      next = parent.children[at.index + 1];
      if (next || parent === node || parent.nodeType === 9) break;
      at = parent;
    }
    at = next;
  }
  return found;
}

/** The string-value of a node (XPath 1.0, 5). */
export function textOf(node: XmlNode): string {
  if (node.nodeType === 2) return node.value;
  if (node.nodeType === 3) return node.data;
  const only = node.children.length === 1 ? node.children[0]! : null;
  if (only?.nodeType === 3) return only.data;
  let text = '';
  for (const inner of descendantsOf(node)) if (inner.nodeType === 3) text += inner.data;
  return text;
}

/** The nodes in document order, each once. Attributes of one element stay as they come (XPath 1.0, 5: any order). */
export function inDocumentOrder(nodes: readonly XmlNode[]): XmlNode[] {
  return [...new Set(nodes)].sort(compareNodes);
}

function parentOf(node: XmlNode): XmlNode | null {
  return node.nodeType === 9 ? null : node.parent;
}

function depthOf(node: XmlNode): number {
  let depth = 0;
  for (let at = parentOf(node); at; at = parentOf(at)) depth++;
  return depth;
}

/** Attributes come before what stands in their element. */
function placeOf(node: XmlNode): number {
  return node.nodeType === 1 || node.nodeType === 3 ? node.index : -1;
}

function compareNodes(one: XmlNode, other: XmlNode): number {
  const deeper = depthOf(one) - depthOf(other);
  for (let count = deeper; count > 0; count--) one = parentOf(one)!;
  for (let count = deeper; count < 0; count++) other = parentOf(other)!;
  if (one === other) return deeper;
  while (parentOf(one) !== parentOf(other)) {
    one = parentOf(one)!;
    other = parentOf(other)!;
  }
  return placeOf(one) - placeOf(other);
}
