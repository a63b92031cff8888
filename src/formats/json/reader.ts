import type { FormatLimits } from '../../limits.js';
import type { RowSink, RowSource } from '../rows.js';
import { FieldTree, type FieldRules } from './fields.js';
import type { JsonPath } from './path.js';
import type { Reading, RecordsPlan } from './reading.js';
import { JsonRecords } from './records.js';
import { JsonScanner } from './scanner.js';
import type { SeenShape } from './shape.js';
import { JsonWindow } from './window.js';

/** What is to be read of a file, its options in the parser's words. */
export interface ReaderOptions {
  readonly dataTag: JsonPath;
  readonly headerTag: JsonPath;
  readonly escapeBackslash: boolean;
  readonly rules: FieldRules;
}

/** The parts that read one file together. */
export interface JsonReader {
  readonly tree: FieldTree;
  readonly records: JsonRecords;
  readonly scanner: JsonScanner;
}

/** Puts the parts together that read a file of this shape. */
export function jsonReader(
  source: RowSource,
  options: ReaderOptions,
  shape: SeenShape,
  sink: RowSink,
  limits: FormatLimits,
): JsonReader {
  const { dataTag, headerTag, escapeBackslash } = options;
  const tree = new FieldTree(options.rules, (message) => sink.warn(message));
  const read = (plan: RecordsPlan, seen: SeenShape): JsonReader => {
    const reading: Reading = { source, plan, window: new JsonWindow(), tree, sink, limits };
    const records = new JsonRecords(reading);
    const scanner = new JsonScanner(reading, seen, records);
    return { tree, records, scanner };
  };
  // Records that had to wait are read by a second reader.
  let replaying: JsonReader | undefined;
  const plan: RecordsPlan = {
    dataTag,
    headerTag,
    array: shape.shape === 'array',
    escapeBackslash,
    replay(held, header, number, oneLine) {
      replaying ??= read(
        { ...plan, dataTag: [], headerTag: [], array: false },
        { shape: 'concatenated', open: false },
      );
      replaying.records.replay(header, number, oneLine);
      // A line end stands behind each record, so nothing stays open.
      replaying.scanner.push(held);
    },
  };
  return read(plan, shape);
}

/**
 * Sources that are objects in a file's beginning and nothing else but null: `{"customer": null}` before
 * `{"customer": {"id": 1}}` is no column "customer". What is wrong in the beginning is left to whoever reads the file.
 */
export function objectsIn(
  beginning: Buffer,
  options: ReaderOptions,
  shape: SeenShape,
  limits: FormatLimits,
): ReadonlySet<string> {
  if (!beginning.includes('null')) return new Set();
  const columns = new Map<string, number>();
  const valued = new Set<number>();
  const taste: RowSink = {
    column(name, occurrence = 0) {
      const key = `${occurrence} ${name}`;
      const known = columns.get(key);
      if (known !== undefined) return known;
      columns.set(key, columns.size);
      return columns.size - 1;
    },
    text: (column) => void valued.add(column),
    bytes: (column) => void valued.add(column),
    json: (column) => void valued.add(column),
    endRow() {},
    reject() {},
    note() {},
    full: false,
    warn() {},
    detected() {},
  };
  const { tree, scanner } = jsonReader(
    { origin: '', partial: true },
    options,
    shape,
    taste,
    limits,
  );
  try {
    scanner.push(beginning);
    scanner.end();
  } catch {
    // Met again, and reported, when the file is read.
  }
  return new Set(
    tree.fields
      .filter(({ children, column }) => children.size > 0 && !valued.has(column))
      .map(({ source }) => source),
  );
}
