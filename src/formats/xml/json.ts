import { trimSpace } from './text.js';
import { spaceAttribute, XmlElement, XmlText, type XmlAttribute } from './tree.js';

/** The element's own text, its pieces joined, without white space at the ends unless {@link isKept}. */
export function ownText(element: XmlElement): string {
  let text = '';
  for (const child of element.children) if (child instanceof XmlText) text += child.data;
  return isKept(element) ? text : trimSpace(text);
}

/** Whether an element is a text as it stands, an empty one too: it keeps its white space and has nothing else. */
export function isKept(element: XmlElement): boolean {
  return element.keepsSpace && element.children.every((child) => child instanceof XmlText);
}

/** The attributes that are values. */
export function valueAttributes({ attributes }: XmlElement): readonly XmlAttribute[] {
  return attributes.some(({ name }) => name === spaceAttribute)
    ? attributes.filter(({ name }) => name !== spaceAttribute)
    : attributes;
}

/** The child elements by name, in the order of each name's first. */
export function childrenByName(element: XmlElement): Map<string, XmlElement[]> {
  const groups = new Map<string, XmlElement[]>();
  for (const child of element.children) {
    if (!(child instanceof XmlElement)) continue;
    const group = groups.get(child.name);
    if (group) group.push(child);
    else groups.set(child.name, [child]);
  }
  return groups;
}

/** Elements of one name as a JSON list. */
export function listJson(elements: readonly XmlElement[], withAttributes: boolean): string {
  return `[${elements.map((element) => elementJson(element, withAttributes)).join(',')}]`;
}

/**
 * An element as JSON: its text where it has nothing else (null if that is empty), else an object with "@attribute",
 * children by name (a list where one repeats) and "#text". Elements do not lie deeper in each other than the limit
 * for nesting, so it may call itself.
 */
function elementJson(element: XmlElement, withAttributes: boolean): string {
  const members: string[] = [];
  if (withAttributes)
    for (const { name, value } of valueAttributes(element))
      members.push(`${JSON.stringify(`@${name}`)}:${textJson(value)}`);
  for (const [name, group] of childrenByName(element)) {
    const value =
      group.length === 1 ? elementJson(group[0]!, withAttributes) : listJson(group, withAttributes);
    members.push(`${JSON.stringify(name)}:${value}`);
  }
  const text = ownText(element);
  if (members.length === 0) return isKept(element) ? JSON.stringify(text) : textJson(text);
  if (text !== '') members.push(`"#text":${JSON.stringify(text)}`);
  return `{${members.join(',')}}`;
}

function textJson(text: string): string {
  return text === '' ? 'null' : JSON.stringify(text);
}
