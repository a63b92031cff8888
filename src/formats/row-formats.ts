import type { FormatLimits } from '../limits.js';
import { encodingOf } from './encoding.js';
import type { RowParser, RowSink, RowSource } from './rows.js';

/** Options of a row format, as the dataset's definition has them. */
export type RowOptions = Readonly<Record<string, unknown>>;

/** What the parts of a workbook may inflate to. */
export interface PartLimits {
  readonly maxInflatedBytes: number;
  readonly maxInflationRatio: number;
}

/** How a row format is read: piece by piece in UTF-8 while the file arrives, or from the whole file. */
export type RowFormat =
  | {
      readonly kind: 'stream';
      /** WHATWG name of the encoding of a file that begins so. */
      readonly encoding: (beginning: Buffer) => string;
      readonly parser: (
        source: RowSource,
        options: RowOptions,
        sink: RowSink,
        limits: FormatLimits,
      ) => RowParser;
    }
  | {
      readonly kind: 'file';
      readonly read: (
        path: string,
        source: RowSource,
        options: RowOptions,
        sink: RowSink,
        limits: FormatLimits,
        parts: PartLimits,
      ) => Promise<void>;
    };

// Loaded where they are used: a service that reads CSV only needs none of them.
const rowFormats = {
  async JSON(): Promise<RowFormat> {
    const { jsonParser } = await import('./json/json.js');
    return { kind: 'stream', encoding: encodingOf, parser: jsonParser };
  },
  async XML(): Promise<RowFormat> {
    const { xmlParser, xmlEncoding } = await import('./xml/parser.js');
    return {
      kind: 'stream',
      encoding: (beginning) => encodingOf(beginning, xmlEncoding(beginning)),
      parser: (source, options, sink, limits) =>
        xmlParser(source, { xpath: '/*/*', ...options }, sink, limits),
    };
  },
  async XLS(): Promise<RowFormat> {
    const { readXls } = await import('./excel/xls.js');
    return { kind: 'file', read: readXls };
  },
  async XLSX(): Promise<RowFormat> {
    const { readXlsx } = await import('./excel/xlsx.js');
    return { kind: 'file', read: readXlsx };
  },
} as const;

/** The file types that are read row by row. */
export type RowType = keyof typeof rowFormats;

/** The reader of a file type. */
export function rowFormat(type: RowType): Promise<RowFormat> {
  return rowFormats[type]();
}
