import { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import type { RowParser, RowSink, RowSource } from '../rows.js';
import { XmlColumns } from './columns.js';
import { checkDocumentXPath, checkSize, pickNodes, withoutConditions } from './document.js';
import { xmlLimits } from './errors.js';
import { XmlRowWriter } from './row-writer.js';
import type { RecordTaker } from './stream.js';
import { XmlStream } from './stream.js';
import type { XmlDocument } from './tree.js';
import { XmlElement, XmlText } from './tree.js';
import { XmlWindow } from './window.js';
import { XPathMatcher } from './xpath-matcher.js';
import { anyElement, parseXPath } from './xpath-path.js';

export { xmlEncoding } from './encoding.js';

/** How XML becomes rows. */
export interface XmlOptions {
  /** Picks the records, or attributes and texts: a row of one column `value` each. */
  readonly xpath: string;
  /** Attributes become columns `@name`. (Default: true) */
  readonly attributes?: boolean;
  /** Elements by the source of their column (`items.item`) that make a row each. (Default: none) */
  readonly flatten?: readonly string[];
  /** Sources of columns that are left out, with all that lies in them. (Default: none) */
  readonly excludeFields?: readonly string[];
}

/** Checks an XPath when a dataset is defined. @throws INVALID_OPTIONS */
export function checkXPath(xpath: string): void {
  if (xpath.trim() === '')
    throw new AppError(
      'INVALID_OPTIONS',
      'The option xpath is empty; it picks the records: /rows/row or //row',
      {
        details: { option: 'xpath' },
      },
    );
  checkSize(xpath);
  if (!parseXPath(xpath).streams) checkDocumentXPath(xpath);
}

/**
 * Reads XML in pieces of UTF-8. A record is a row: child elements by name (`parent.child`), attributes as `@name`, its
 * text under the element's name (beside child elements: `#text`). Where an element repeats inside a record its column
 * holds a JSON list for that record, unless `flatten` names it. Location paths stream, with conditions on what a record
 * holds; for any other XPath the document is held in memory. Of entities only the five predefined ones and numbers are expanded, and nothing is ever fetched.
 * @throws INVALID_OPTIONS, MALFORMED_FILE, INVALID_ENCODING, RECORDS_NOT_FOUND, NESTED_TOO_DEEP, CELL_TOO_LONG, DOCUMENT_TOO_LARGE
 */
export function xmlParser(
  source: RowSource,
  options: XmlOptions,
  sink: RowSink,
  limits: FormatLimits,
): RowParser {
  checkXPath(options.xpath);
  return new XmlRowParser(source, options, sink, limits);
}

class XmlRowParser implements RowParser {
  private readonly window: XmlWindow;
  private readonly matcher: XPathMatcher;
  private readonly stream: XmlStream;
  private readonly writer: XmlRowWriter;
  private readonly streams: boolean;
  /** A document in memory had what the XPath looks for, but for its conditions. */
  private near = false;

  constructor(
    private readonly source: RowSource,
    private readonly options: XmlOptions,
    private readonly sink: RowSink,
    limits: FormatLimits,
  ) {
    const parsed = parseXPath(options.xpath);
    this.streams = parsed.streams;
    const withAttributes = options.attributes ?? true;
    this.window = new XmlWindow(source.origin);
    const why = parsed.streams
      ? 'one record'
      : `the file must be held in memory, because this part of the XPath does not stream: ${parsed.part} — and it`;
    const xml = xmlLimits(source.origin, limits, this.window, why);
    const columns = new XmlColumns(sink, options.excludeFields ?? []);
    const rowOptions = { withAttributes, flatten: options.flatten ?? [] };
    const writer = new XmlRowWriter(sink, columns, rowOptions, this.window.complain);
    this.writer = writer;
    const taker: RecordTaker = {
      fast: (bytes, read) => writer.fast(bytes, read),
      tree: (record) => {
        if (parsed.streams) writer.tree(record);
        else this.pick(record.parent as XmlDocument);
      },
      get full() {
        return sink.full;
      },
    };
    // A document that must be in memory as a whole is one record: its outermost element.
    this.matcher = new XPathMatcher(parsed.streams ? parsed.paths : [[anyElement]]);
    this.stream = new XmlStream(this.window, this.matcher, taker, xml, {
      withAttributes,
      columns: parsed.streams ? columns : null,
      maxDocumentBytes: limits.maxDocumentBytes,
    });
  }

  push(piece: Buffer): void {
    if (this.sink.full) return;
    this.window.append(piece);
    this.stream.read(false);
    this.window.keep();
  }

  end(): void {
    const { stream, sink, source } = this;
    if (!sink.full) {
      if (!source.partial) this.window.finish();
      stream.read(true);
      if (!source.partial) stream.finish();
    }
    const paths = stream.census.repeated();
    if (paths.length > 0) sink.detected('recordPaths', paths);
    if (this.writer.records === 0) this.noRecords(paths);
  }

  private noRecords(paths: readonly string[]): void {
    const { xpath } = this.options;
    const { origin, partial } = this.source;
    const found =
      paths.length > 0
        ? `elements that repeat in it: ${paths.join(', ')}`
        : 'no element repeats in it';
    const near = (this.streams ? this.matcher.near : this.near) || this.stream.census.inner === 0;
    if (partial || near) {
      this.sink.warn(`${origin} has no records at ${xpath}; ${found}`);
      return;
    }
    throw new AppError(
      'RECORDS_NOT_FOUND',
      `${origin} has nothing at the XPath ${xpath}; ${found}. A name without a prefix means any namespace, and names are case-sensitive`,
      { details: { file: origin, xpath, recordPaths: paths } },
    );
  }

  /** Evaluates the XPath over the document. */
  private pick(document: XmlDocument): void {
    const { writer, sink, options } = this;
    for (const node of pickNodes(options.xpath, document)) {
      if (sink.full) return;
      if (node instanceof XmlElement) writer.tree(node);
      else if (node instanceof XmlText) writer.value(node.data);
      else if (node.nodeType === 9) writer.tree(node.children[0]!);
      else writer.value(node.value);
    }
    if (writer.records > 0) return;
    const wanted = withoutConditions(options.xpath);
    this.near = wanted !== options.xpath && pickNodes(wanted, document).length > 0;
  }
}
