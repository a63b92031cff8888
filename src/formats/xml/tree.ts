import type { XmlScanner } from './scanner.js';
import { Token } from './scanner.js';
import type { Complain } from './text.js';
import { decodeCdata } from './text.js';
import type { Candidate, XPathMatcher } from './xpath-matcher.js';

/** A name as it is written and its two parts. The prefix stands for the namespace, declared or not. */
export interface XmlName {
  readonly written: string;
  readonly local: string;
  readonly prefix: string | null;
}

/** What an XPath engine wants to know of a node with a name. */
abstract class NamedNode<Parent> {
  constructor(
    readonly naming: XmlName,
    readonly parent: Parent,
  ) {}

  get name(): string {
    return this.naming.written;
  }
  get nodeName(): string {
    return this.naming.written;
  }
  get localName(): string {
    return this.naming.local;
  }
  get prefix(): string | null {
    return this.naming.prefix;
  }
  get namespaceURI(): string | null {
    return this.naming.prefix;
  }
}

/** An element in memory. */
export class XmlElement extends NamedNode<XmlElement | XmlDocument | null> {
  readonly nodeType = 1;
  attributes: readonly XmlAttribute[] = nothing;
  children: readonly (XmlElement | XmlText)[] = nothing;
  /** Among its parent's children. */
  index = 0;
  /** It says that its white space is text (xml:space, XML 1.0, 2.10); what lies in it has to say so itself. */
  keepsSpace = false;
}

const nothing: readonly never[] = [];

/** An attribute; declarations of namespaces are none. */
export class XmlAttribute extends NamedNode<XmlElement> {
  readonly nodeType = 2;
  constructor(
    naming: XmlName,
    readonly value: string,
    parent: XmlElement,
  ) {
    super(naming, parent);
  }
}

/** Text, sections of CDATA included. */
export class XmlText {
  readonly nodeType = 3;
  readonly nodeName = '#text';
  index = 0;
  constructor(
    public data: string,
    readonly parent: XmlElement,
  ) {}
}

/** What stands around the outermost element. */
export class XmlDocument {
  readonly nodeType = 9;
  readonly nodeName = '#document';
  readonly children: XmlElement[] = [];
}

/** Names are shared between elements; more different ones than this are not kept. */
const maxKnownNames = 10_000;

/** What a tree may cost, as errors. */
export interface TreeLimits {
  readonly maxDepth: number;
  readonly maxNodes: number;
  readonly maxTextBytes: number;
  readonly tooDeep: (at: number) => Error;
  readonly tooManyNodes: (at: number) => Error;
  readonly tooLong: (at: number) => Error;
}

/** An element that was read with all that is in it. */
export interface ReadTree {
  readonly root: XmlElement;
  /** Behind its end tag. */
  readonly after: number;
  /** Elements inside that the XPath may pick too, in document order. */
  readonly inside: readonly { readonly element: XmlElement; readonly candidate: Candidate }[];
}

/** Reads single elements into memory. */
export class TreeReader {
  private readonly names = new Map<string, XmlName>();

  constructor(
    private readonly scanner: XmlScanner,
    private readonly complain: Complain,
    private readonly limits: TreeLimits,
  ) {}

  /**
   * Reads the element whose start tag stands at a position, `depth` elements deep. `matcher` (at the element itself) is
   * asked what is picked inside. Null if the window ends before the element does.
   */
  read(
    bytes: Buffer,
    at: number,
    end: number,
    depth: number,
    matcher: XPathMatcher | null,
  ): ReadTree | null {
    const { scanner, limits } = this;
    const document = new XmlDocument();
    const inside: ReadTree['inside'][number][] = [];
    let open: OpenElement | null = null;
    let nodes = 0;
    let textBytes = 0;
    for (;;) {
      const token = at >= end ? Token.Unfinished : scanner.next(bytes, at, end, true);
      switch (token) {
        case Token.Unfinished:
          return null;
        case Token.Start:
        case Token.Empty: {
          if (depth + (open ? open.depth : 0) > limits.maxDepth) throw limits.tooDeep(at);
          const element: XmlElement = new XmlElement(
            this.naming(scanner.name(bytes)),
            open?.element ?? document,
          );
          this.attributes(bytes, element);
          nodes += 1 + scanner.attributeCount;
          if (open) {
            open.add(element);
            const candidate = matcher?.open(element.name, () => element);
            if (candidate) inside.push({ element, candidate });
          } else document.children.push(element);
          if (token === Token.Start) {
            open = new OpenElement(element, open);
            textBytes = 0;
          } else if (open) matcher?.close();
          else return { root: element, after: scanner.after, inside };
          break;
        }
        case Token.End: {
          const name = scanner.name(bytes);
          if (name !== open!.element.name)
            throw this.complain(at, `</${name}> where </${open!.element.name}> was expected`);
          open!.finish();
          const closed = open!.element;
          open = open!.outer;
          textBytes = 0;
          if (!open) return { root: closed, after: scanner.after, inside };
          matcher?.close();
          break;
        }
        case Token.Text:
        case Token.Cdata:
          nodes++;
          textBytes += scanner.to - scanner.from;
          if (textBytes > limits.maxTextBytes) throw limits.tooLong(at);
          open!.text(
            token === Token.Text
              ? scanner.text(bytes)
              : decodeCdata(bytes, scanner.from, scanner.to),
            token === Token.Text && scanner.blank,
          );
          break;
        case Token.Doctype:
          throw this.complain(at, 'a DOCTYPE inside an element');
        default:
        // Comments and processing instructions are nothing.
      }
      if (nodes > limits.maxNodes) throw limits.tooManyNodes(at);
      at = scanner.after;
    }
  }

  /** The element whose start tag the scanner has just read, with its attributes only. */
  startTag(bytes: Buffer): XmlElement {
    const element = new XmlElement(this.naming(this.scanner.name(bytes)), null);
    this.attributes(bytes, element);
    return element;
  }

  private naming(written: string): XmlName {
    const known = this.names.get(written);
    if (known) return known;
    const colon = written.indexOf(':');
    const naming = {
      written,
      local: written.slice(colon + 1),
      prefix: colon < 0 ? null : written.slice(0, colon),
    };
    if (this.names.size < maxKnownNames) this.names.set(written, naming);
    return naming;
  }

  private attributes(bytes: Buffer, element: XmlElement): void {
    const { scanner } = this;
    if (scanner.attributeCount === 0) return;
    const attributes: XmlAttribute[] = [];
    for (let index = 0; index < scanner.attributeCount; index++) {
      const name = scanner.attributeName(bytes, index);
      if (isNamespaceDeclaration(name)) continue;
      const value = scanner.attributeValue(bytes, index);
      if (name === spaceAttribute) element.keepsSpace = value === 'preserve';
      attributes.push(new XmlAttribute(this.naming(name), value, element));
    }
    if (attributes.length > 0) element.attributes = attributes;
  }
}

/** The attribute that says what becomes of white space: it is no value of its element. */
export const spaceAttribute = 'xml:space';

/** Whether an attribute declares a namespace. */
export function isNamespaceDeclaration(name: string): boolean {
  return name === 'xmlns' || name.startsWith('xmlns:');
}

class OpenElement {
  readonly depth: number;
  private readonly children: (XmlElement | XmlText)[] = [];
  private hasText = false;
  private hasBlank = false;

  constructor(
    readonly element: XmlElement,
    readonly outer: OpenElement | null,
  ) {
    this.depth = (outer?.depth ?? 0) + 1;
  }

  add(element: XmlElement): void {
    this.children.push(element);
  }

  text(data: string, blank: boolean): void {
    if (data === '') return;
    if (blank) this.hasBlank = true;
    else this.hasText = true;
    const last = this.children.at(-1);
    if (last instanceof XmlText) last.data += data;
    else this.children.push(new XmlText(data, this.element));
  }

  finish(): void {
    // White space between elements is nothing, unless it is part of a text.
    const isMarkup = !this.element.keepsSpace || this.children.length > 1;
    const children =
      this.hasBlank && !this.hasText && isMarkup
        ? this.children.filter((child) => child instanceof XmlElement)
        : this.children;
    if (children.length === 0) return;
    for (let index = 0; index < children.length; index++) children[index]!.index = index;
    this.element.children = children;
  }
}
