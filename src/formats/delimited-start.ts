import { parseSample } from '../delimited-parse.js';
import { engineReads, fieldsOf, RecordScanner, UnclosedQuote } from '../delimited-text.js';
import { AppError } from '../errors.js';
import type { DelimitedDialect } from '../relation.js';

/** Where the text of a sample comes from and whether it is the whole file. */
export interface StartSource {
  /** Object key, or `archive.zip!member`. */
  readonly origin: string;
  readonly complete: boolean;
}

/** How a file begins. */
export interface Start {
  readonly headers: readonly string[];
  /** Physical lines before the first record. */
  readonly skipLines: number;
  readonly warnings: readonly string[];
}

/** A record of the sample: its fields, for the first one, and their number. */
interface Shape {
  readonly line: number;
  readonly width: number;
  readonly fields?: readonly string[];
  /** Physical lines up to its end. */
  readonly lines: number;
}

const enoughRecords = 1000;

/**
 * Reads the header, or counts the columns where there is none.
 * @param linesBefore physical lines before the header
 * @returns undefined when there is no record
 */
export function readStart(
  text: Buffer,
  dialect: DelimitedDialect,
  linesBefore: number,
  file: StartSource,
  withHeaders: boolean,
): Start | undefined {
  const scanner = new RecordScanner(dialect, 0);
  const { at, passed } = scanner.skipLines(text, 0, linesBefore, file.complete);
  if (passed < linesBefore) {
    if (file.complete) return undefined;
    throw notText(file.origin, `its first ${text.length} bytes have only ${passed} line ends`);
  }
  const { shapes, openQuote } = engineReads(dialect)
    ? scannedShapes(text, at, scanner, dialect, file.complete)
    : parsedShapes(text, at, scanner.line, dialect, file.complete);
  const [first] = shapes;
  if (!first?.fields) {
    if (openQuote !== null) throw new UnclosedQuote(file.origin, openQuote, openQuote);
    if (file.complete) return undefined;
    throw notText(file.origin, `its first ${text.length} bytes hold no whole line`);
  }
  if (withHeaders) {
    const warnings = warningsOf(first, shapes.slice(1), file.origin);
    return { headers: first.fields, skipLines: first.lines, warnings };
  }
  const { width } = commonWidth(shapes);
  const headers = Array.from({ length: width }, (_, position) => `column${position}`);
  return { headers, skipLines: linesBefore, warnings: [] };
}

function scannedShapes(
  text: Buffer,
  from: number,
  scanner: RecordScanner,
  dialect: DelimitedDialect,
  complete: boolean,
): { shapes: Shape[]; openQuote: number | null } {
  const shapes: Shape[] = [];
  let unclosed: number | null = null;
  scanner.scan(text, from, complete, (record) => {
    if (record.fault === 'UNCLOSED_QUOTE') unclosed = record.quoteLine;
    else if (shapes.length < enoughRecords) {
      const { line, fields: width, start, end, lastLine: lines } = record;
      if (shapes.length > 0) shapes.push({ line, width, lines });
      else {
        const fields = fieldsOf(text.toString('utf8', start, end), dialect);
        shapes.push({ line, width, lines, fields });
      }
    }
    return shapes.length < enoughRecords;
  });
  return { shapes, openQuote: unclosed ?? scanner.openQuote };
}

function parsedShapes(
  text: Buffer,
  from: number,
  line: number,
  dialect: DelimitedDialect,
  complete: boolean,
): { shapes: Shape[]; openQuote: number | null } {
  const { records, openQuote } = parseSample(text, dialect, { from, line }, complete);
  const shapes = records.slice(0, enoughRecords).map(({ line, lastLine, fields }) => ({
    line,
    width: fields.length,
    fields,
    lines: lastLine,
  }));
  return { shapes, openQuote };
}

/** The number of fields that most records have: one odd row must not decide how many columns there are. */
function commonWidth(shapes: readonly Shape[]): { width: number; share: number } {
  const counts = new Map<number, number>();
  for (const { width } of shapes) counts.set(width, (counts.get(width) ?? 0) + 1);
  const [[width, count] = [0, 0]] = [...counts].sort((a, b) => b[1] - a[1] || b[0] - a[0]);
  return { width, share: count / Math.max(1, shapes.length) };
}

// Rows with more fields than the header are rejected; where that is most of them the header is to blame.
function warningsOf(header: Shape, rows: readonly Shape[], origin: string): string[] {
  const { width, share } = commonWidth(rows);
  if (width <= header.width || share < 0.5) return [];
  const found = `${origin}, line ${header.line}: the header has ${header.width} ${header.width === 1 ? 'field' : 'fields'}, but most rows have ${width}, and rows with more fields than the header are rejected`;
  if (header.width > 1 && width === header.width + 1) {
    return [
      `${found}; if the header lacks a name for row numbers, set headers to false and dataStartRow to ${header.lines + 1}, or have the name added`,
    ];
  }
  const further = rows.find((row) => row.width === width);
  return [
    `${found}; if title or comment lines stand in front of the header, set headerStartRow${further ? `, perhaps to ${further.line}` : ''}`,
  ];
}

/** The error for a file that is something else. */
export function notText(origin: string, why: string): AppError {
  return new AppError(
    'NOT_DELIMITED_TEXT',
    `${origin} is not delimited text: ${why}; choose another type or compression, or narrow the selection`,
    { details: { file: origin } },
  );
}
