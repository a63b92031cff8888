/** What a row of the registry says. */
interface FormatRow {
  readonly type: string;
  readonly kind: 'delimited' | 'rows' | 'parquet';
  readonly options: 'csv' | 'json' | 'xml' | 'excel' | undefined;
  /** Endings of names, each with its dot. */
  readonly extensions: readonly string[];
  /** Its reader follows a file while that arrives. (Default: false) */
  readonly follows?: boolean;
  /** Its files are workbooks that are ZIP archives themselves. (Default: false) */
  readonly zipped?: boolean;
}

/**
 * The registry: one row for each file type. `kind` says how it is read: delimited text by the engine's own reader, rows
 * by a parser of ours (row-formats.ts), Parquet by the engine. `options` names the part of a dataset's format that says
 * more. The API's enum of file types is made of it.
 */
export const fileTypes = [
  { type: 'CSV', kind: 'delimited', options: 'csv', extensions: ['.csv'] },
  { type: 'TSV', kind: 'delimited', options: 'csv', extensions: ['.tsv', '.tab'] },
  { type: 'TXT', kind: 'delimited', options: 'csv', extensions: ['.txt'] },
  {
    type: 'JSON',
    kind: 'rows',
    options: 'json',
    extensions: ['.json', '.jsonl', '.ndjson'],
    follows: true,
  },
  { type: 'XML', kind: 'rows', options: 'xml', extensions: ['.xml'], follows: true },
  { type: 'XLS', kind: 'rows', options: 'excel', extensions: ['.xls'] },
  { type: 'XLSX', kind: 'rows', options: 'excel', extensions: ['.xlsx', '.xlsm'], zipped: true },
  { type: 'PARQUET', kind: 'parquet', options: undefined, extensions: ['.parquet', '.pq'] },
] as const satisfies readonly FormatRow[];

/** A file type that can be imported, with what belongs to it. */
export type Format = (typeof fileTypes)[number] & FormatRow;

/** The name of a file type. */
export type FileType = Format['type'];

/** The row of a file type. */
export function formatOf(type: FileType): Format {
  const format = fileTypes.find((row) => row.type === type);
  if (!format) throw new RangeError(`No format reads ${type}`);
  return format;
}
