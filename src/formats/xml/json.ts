import { trimSpace } from './text.js';
import { XmlElement, XmlText } from './tree.js';

/** The element's own text, its pieces joined, without white space at the ends. */
export function ownText(element: XmlElement): string {
  let text = '';
  for (const child of element.children) if (child instanceof XmlText) text += child.data;
  return trimSpace(text);
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
    for (const { name, value } of element.attributes)
      members.push(`${JSON.stringify(`@${name}`)}:${textJson(value)}`);
  for (const [name, group] of childrenByName(element)) {
    const value =
      group.length === 1 ? elementJson(group[0]!, withAttributes) : listJson(group, withAttributes);
    members.push(`${JSON.stringify(name)}:${value}`);
  }
  const text = ownText(element);
  if (members.length === 0) return textJson(text);
  if (text !== '') members.push(`"#text":${JSON.stringify(text)}`);
  return `{${members.join(',')}}`;
}

function textJson(text: string): string {
  return text === '' ? 'null' : JSON.stringify(text);
}
