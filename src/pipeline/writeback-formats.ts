import type { TextFormat } from '../engine/export.js';

/** The options of a destination that belong to some formats only. */
export interface FormatOptions {
  readonly delimiter: string;
  readonly header: boolean;
  /** See {@link TextFormat}. */
  readonly escapeFormulas: boolean;
  readonly rootElement: string;
  readonly rowElement: string;
  readonly sheetName: string;
}

/** One of the options that belong to some formats only. */
export type FormatOption = keyof FormatOptions;

/** How the rows of a format get into its files. */
export type RowWriting =
  /** As text, while the engine makes them. */
  | { readonly kind: 'text'; readonly text: TextFormat }
  /** By the engine, into a local file, for its footer comes last. */
  | { readonly kind: 'parquet' }
  /** As the sheets of a workbook. */
  | { readonly kind: 'workbook'; readonly text: TextFormat };

interface WritebackFormatRow {
  readonly name: string;
  readonly extension: string;
  readonly contentType: string;
  /** Whether a compression around it makes sense. */
  readonly compressible: boolean;
  /** Whether its files can be kept below a size. */
  readonly divisible: boolean;
  readonly options: readonly FormatOption[];
  readonly writing: (options: FormatOptions) => RowWriting;
}

/** The file formats that a writeback can make. One row each. */
export const writebackFormats = [
  {
    name: 'CSV',
    extension: '.csv',
    contentType: 'text/csv; charset=utf-8',
    compressible: true,
    divisible: true,
    options: ['delimiter', 'header', 'escapeFormulas'],
    writing: ({ delimiter, header, escapeFormulas }) =>
      text({ kind: 'delimited', delimiter, header, escapeFormulas }),
  },
  {
    name: 'TSV',
    extension: '.tsv',
    contentType: 'text/tab-separated-values; charset=utf-8',
    compressible: true,
    divisible: true,
    options: ['header', 'escapeFormulas'],
    writing: ({ header, escapeFormulas }) =>
      text({ kind: 'delimited', delimiter: '\t', header, escapeFormulas }),
  },
  {
    name: 'JSON',
    extension: '.json',
    contentType: 'application/json',
    compressible: true,
    divisible: true,
    options: [],
    writing: () => text({ kind: 'json' }),
  },
  {
    name: 'NDJSON',
    extension: '.ndjson',
    contentType: 'application/x-ndjson',
    compressible: true,
    divisible: true,
    options: [],
    writing: () => text({ kind: 'ndjson' }),
  },
  {
    name: 'XML',
    extension: '.xml',
    contentType: 'application/xml',
    compressible: true,
    divisible: true,
    options: ['rootElement', 'rowElement'],
    writing: ({ rootElement, rowElement }) =>
      text({ kind: 'xml', root: rootElement, row: rowElement }),
  },
  {
    name: 'XLSX',
    extension: '.xlsx',
    contentType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet',
    compressible: false,
    // What a sheet comes to is known when the workbook is done, and rows cannot be taken back out of it.
    divisible: false,
    options: ['header', 'sheetName', 'escapeFormulas'],
    writing: ({ header, escapeFormulas }) => ({
      kind: 'workbook',
      text: { kind: 'sheet', header, escapeFormulas },
    }),
  },
  {
    name: 'PARQUET',
    extension: '.parquet',
    contentType: 'application/vnd.apache.parquet',
    compressible: false,
    divisible: true,
    options: [],
    writing: () => ({ kind: 'parquet' }),
  },
] as const satisfies readonly WritebackFormatRow[];

/** The name of a {@link writebackFormats} row. */
export type WritebackFormatName = (typeof writebackFormats)[number]['name'];

const rows = new Map<string, WritebackFormatRow>(writebackFormats.map((row) => [row.name, row]));

/** The row of a format. */
export function formatOf({ format }: { readonly format: WritebackFormatName }): WritebackFormatRow {
  // The names are those of the rows.
  return rows.get(format) ?? writebackFormats[0];
}

const text = (format: TextFormat): RowWriting => ({ kind: 'text', text: format });
