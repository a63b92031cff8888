import { parse } from 'csv-parse/sync';
import { fromText, type Cell, type ReadColumn, type ReadTable } from './shown.js';

/** CSV or TSV by csv-parse; nothing between delimiters is NULL, `""` is an empty text, or either where it is a whole line. */
export function readDelimited(
  bytes: Buffer,
  columns: readonly ReadColumn[],
  delimiter: string,
): ReadTable {
  const cells = parse(bytes, {
    delimiter,
    cast: (text, { quoting }) => (text === '' && (!quoting || columns.length === 1) ? null : text),
  }) as unknown as Cell[][];
  const [header, ...rows] = cells;
  return {
    columns: header?.map((name) => name ?? ''),
    rows: rows.map((row) => row.map((cell, at) => typed(cell, columns[at]))),
  };
}

/** One JSON array of objects. */
export function readJson(bytes: Buffer, columns: readonly ReadColumn[]): ReadTable {
  const text = strictUtf8(bytes);
  const plain = JSON.parse(text) as Record<string, unknown>[];
  const digits = JSON.parse(quoteNumbers(text)) as Record<string, unknown>[];
  return fromObjects(plain, digits, columns);
}

/** An object a line. */
export function readNdjson(bytes: Buffer, columns: readonly ReadColumn[]): ReadTable {
  const text = strictUtf8(bytes);
  if (text !== '' && !text.endsWith('\n')) throw new Error('The last line has no end');
  const lines = text.split('\n').slice(0, -1);
  const plain = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
  const digits = lines.map((line) => JSON.parse(quoteNumbers(line)) as Record<string, unknown>);
  return fromObjects(plain, digits, columns);
}

/** Bytes as text; throws where they are no UTF-8, and leaves a byte order mark in. */
export function strictUtf8(bytes: Buffer): string {
  return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
}

// JSON.parse reads doubles, and 38 digits are more than these hold.
function quoteNumbers(json: string): string {
  return json.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
}

function fromObjects(
  plain: readonly Record<string, unknown>[],
  digits: readonly Record<string, unknown>[],
  columns: readonly ReadColumn[],
): ReadTable {
  const [first] = plain;
  const rows = plain.map((row, at) => {
    const names = Object.keys(row).join();
    if (names !== Object.keys(first ?? {}).join()) throw new Error(`Row ${at} has ${names}`);
    return columns.map(({ name, type }) => {
      const value = type === 'JSON' ? row[name] : digits[at]?.[name];
      if (value === null) return null;
      if (type === 'JSON') return JSON.stringify(value);
      // A number or a truth value is none in quotes.
      const isText = typeof row[name] === 'string';
      if (isText !== !['BOOLEAN', 'INTEGER', 'BIGINT', 'DECIMAL', 'DOUBLE'].includes(type)) {
        throw new Error(`${name} of row ${at} is ${JSON.stringify(row[name])}, and no ${type}`);
      }
      return fromText(`${value as string}`, type);
    });
  });
  return { columns: first && Object.keys(first), rows };
}

function typed(cell: Cell | undefined, column: ReadColumn | undefined): Cell {
  if (column === undefined || cell === undefined) throw new Error('A cell without a column');
  // A type without a digit before the point has none in its texts: .5 is 0.5 to whoever reads numbers.
  if (column.type === 'DECIMAL') return cell?.replace(/^(-?)\./, '$10.') ?? null;
  return cell === null ? null : fromText(cell, column.type);
}
