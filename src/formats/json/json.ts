import { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import type { FieldTree } from './fields.js';
import { parsePath } from './path.js';
import { jsonReader, objectsIn, type JsonReader, type ReaderOptions } from './reader.js';
import type { JsonRecords } from './records.js';
import { detectShape, shapeSampleBytes, type JsonShape, type SeenShape } from './shape.js';
import type { RowParser, RowSink, RowSource } from '../rows.js';

/** How a JSON file is read. */
export interface JsonOptions {
  /** One record a line: a wrong line is set aside. (Default: detected) */
  readonly lines?: boolean;
  /** Path of the records, "data.items": a list of records, or an object that is one; lists on the way are walked through. (Default: the values at the top) */
  readonly dataTag?: string;
  /** Path of a list of column names, where records are lists of values; names or objects with one. (Default: column0, column1 …) */
  readonly headerTag?: string;
  /**
   * Paths of lists in a record that become one row for each element; everything else of the record is repeated, and
   * lists beside each other are combined. Lists on the way to such a list are spread too. The last name of a path is
   * enough. (Default: none, lists are JSON columns)
   */
  readonly flatten?: readonly string[];
  /**
   * Backslashes in strings are not escaped in this file: one that begins none of the escapes \" \\ \/ \b \f \n \r \t
   * \uXXXX stands for itself, as in "C:\dir". One that looks like an escape is one: "C:\new" has a line break, and
   * a string cannot end with a single backslash. (Default: false, such a backslash is an error)
   */
  readonly escapeBackslash?: boolean;
  /** Accepted for compatibility: every file is read in bounded memory. */
  readonly large?: boolean;
  /** Sources of columns that nobody needs, with everything below them. (Default: none) */
  readonly excludeFields?: readonly string[];
}

// Kept of a file's beginning, to see which fields are objects before the first row is given.
const sampleBytes = 1 << 20;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * Reads JSON (RFC 8259, strictly): one document, a list, lines, or values in a row (also RFC 7464). Nested objects are
 * columns "parent.child", lists are JSON columns unless they are flattened. Memory is bounded by one record.
 * @throws MALFORMED_FILE INVALID_ENCODING RECORDS_NOT_FOUND NESTED_TOO_DEEP DOCUMENT_TOO_LARGE INVALID_OPTIONS, and what
 * the sink throws
 */
export function jsonParser(
  source: RowSource,
  options: JsonOptions,
  sink: RowSink,
  limits: FormatLimits,
): RowParser {
  const dataTag = parsePath(options.dataTag ?? '');
  const headerTag = parsePath(options.headerTag ?? '');
  if (headerTag.length > 0 && dataTag.length === 0)
    throw new AppError(
      'INVALID_OPTIONS',
      'headerTag names the columns of records that lie in a document: set dataTag, the path of the records, too',
    );
  const reader: ReaderOptions = {
    dataTag,
    headerTag,
    escapeBackslash: options.escapeBackslash ?? false,
    rules: {
      flatten: options.flatten ?? [],
      excludeFields: options.excludeFields ?? [],
      dataTag: options.dataTag ?? '',
    },
  };
  let reading: JsonReader | undefined;
  let start: Buffer[] = [];
  let startBytes = 0;

  const begin = (last: boolean) => {
    const bytes = start.length === 1 ? (start[0] ?? Buffer.alloc(0)) : Buffer.concat(start);
    start = [bytes];
    const marked = bytes.subarray(0, 3).equals(byteOrderMark);
    const text = marked ? bytes.subarray(3) : bytes;
    const seen = text.subarray(0, shapeSampleBytes);
    const shape = shapeOf(seen, last && seen.length === text.length, options.lines);
    if (!shape) return;
    reading = jsonReader(source, reader, shape, sink, limits);
    reading.tree.objects = objectsIn(text.subarray(0, sampleBytes), reader, shape, limits);
    start = [];
    reading.scanner.push(text);
  };

  return {
    push(piece) {
      if (reading) {
        reading.scanner.push(piece);
        return;
      }
      // The caller may use the piece's memory again.
      start.push(Buffer.from(piece));
      startBytes += piece.length;
      if (startBytes >= sampleBytes) begin(false);
    },
    end() {
      if (!reading) begin(!source.partial);
      if (!reading) begin(true);
      if (!reading) return;
      const { tree, records, scanner } = reading;
      const shape = scanner.end();
      if (options.lines === undefined && shape) sink.detected('shape', shape);
      if (!records.done) records.end();
      report(tree, records, shape);
    },
  };

  function report(tree: FieldTree, records: JsonRecords, shape: JsonShape | undefined): void {
    const lists = records.survey.recordLists();
    if (shape === 'document' && dataTag.length === 0 && lists.length > 0)
      sink.detected('recordPaths', lists);
    if (records.done || shape === undefined) return;
    if (dataTag.length > 0 && !records.found) {
      const message = notFound(records.survey.lists());
      if (!source.partial)
        throw new AppError('RECORDS_NOT_FOUND', message, {
          details: { file: source.origin, dataTag: options.dataTag, lists: records.survey.lists() },
        });
      sink.warn(`${message}; only its beginning was read`);
    }
    if (source.partial || records.record.number === 0) return;
    for (const name of tree.unmatched())
      sink.warn(`No record of ${source.origin} has a list at "${name}", which flatten names`);
  }

  function notFound(lists: readonly string[]): string {
    const has =
      lists.length > 0 ? `its lists are ${lists.join(', ')}` : 'no lists with a name were found';
    return `${source.origin} has no records at dataTag "${options.dataTag ?? ''}": ${has}`;
  }
}

function shapeOf(start: Buffer, last: boolean, lines: boolean | undefined): SeenShape | undefined {
  if (lines === true) return { shape: 'lines', open: false };
  const seen = detectShape(start, last);
  if (lines === false && seen?.shape === 'lines') return { shape: 'concatenated', open: false };
  return seen;
}
