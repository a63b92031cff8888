import { XMLParser } from 'fast-xml-parser';
import { ServiceError } from './service-error.js';

/** A tree to write: text, children by name, or a list that repeats its name. */
export type XmlValue =
  | string
  | number
  | boolean
  | undefined
  | readonly XmlValue[]
  | { readonly [name: string]: XmlValue };

/** Text as XML 1.0 carries it; control characters become references, as S3 sends them. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"\u0000-\u001f\u007f\ufffe\uffff]/g, (character) => {
    switch (character) {
      case '&':
        return '&amp;';
      case '<':
        return '&lt;';
      case '>':
        return '&gt;';
      case '"':
        return '&quot;';
      default:
        return `&#${character.charCodeAt(0)};`;
    }
  });
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (isList(value)) return value.map((item) => element(name, item)).join('');
  return `<${name}>${content(value)}</${name}>`;
}

function content(value: Exclude<XmlValue, readonly XmlValue[] | undefined>): string {
  if (typeof value !== 'object') return escapeXml(String(value));
  return Object.entries(value)
    .map(([name, child]) => element(name, child))
    .join('');
}

function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}

/** A whole document with the declaration AWS writes; undefined values are left out. */
export function xmlDocument(
  root: string,
  value: { readonly [name: string]: XmlValue },
  namespace?: string,
): string {
  const attribute = namespace === undefined ? '' : ` xmlns="${namespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${content(value)}</${root}>`;
}

/** The namespace of S3's results. */
export const s3Namespace = 'http://s3.amazonaws.com/doc/2006-03-01/';

const parser = new XMLParser({
  ignoreAttributes: true,
  parseTagValue: false,
  trimValues: false,
  removeNSPrefix: true,
  // The parser counts entities as an attack and would refuse a list of a thousand keys with '&' in them.
  processEntities: false,
  isArray: (name) => ['Part', 'Object', 'Tag'].includes(name),
});

/** What stands under the root of a request's document; MalformedXML when it is not that document. */
export function parseXml(text: string, root: string): Readonly<Record<string, unknown>> {
  // No request of S3 needs a document type, and entities are how XML attacks its readers.
  if (!text.includes('<!DOCTYPE')) {
    try {
      const document = parser.parse(text, true) as Record<string, unknown>;
      const value = document[root];
      if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
      if (typeof value === 'string' && value.trim() === '') return {};
    } catch {
      // Falls through to S3's own words.
    }
  }
  throw malformedXml();
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

/** The text of a child, with its character references resolved; undefined when there is none. */
export function xmlText(node: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = node[name];
  if (typeof value !== 'string') return undefined;
  return value.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|(amp|lt|gt|quot|apos));/gi,
    (_reference, hex?: string, decimal?: string, entity?: string) => {
      if (entity !== undefined) return entities[entity.toLowerCase()]!;
      const code = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
      if (code > 0x10ffff) throw malformedXml();
      return String.fromCodePoint(code);
    },
  );
}

/** The 400 for a request document that does not say what it must. */
export function malformedXml(): ServiceError {
  return new ServiceError(
    400,
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
  );
}
