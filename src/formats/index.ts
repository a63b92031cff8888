/**
 * The registry: one row for each file type. `kind` says how it is read: delimited text by the engine's own reader, rows
 * by a parser of ours (row-formats.ts), Parquet by the engine. `options` names the part of a dataset's format that says
 * more. The API's enum of file types is made of it.
 */
export const fileTypes = [
  { type: 'CSV', kind: 'delimited', options: 'csv', extensions: ['.csv'] },
  { type: 'TSV', kind: 'delimited', options: 'csv', extensions: ['.tsv', '.tab'] },
  { type: 'TXT', kind: 'delimited', options: 'csv', extensions: ['.txt'] },
  { type: 'JSON', kind: 'rows', options: 'json', extensions: ['.json', '.jsonl', '.ndjson'] },
  { type: 'XML', kind: 'rows', options: 'xml', extensions: ['.xml'] },
  { type: 'XLS', kind: 'rows', options: 'excel', extensions: ['.xls'] },
  { type: 'XLSX', kind: 'rows', options: 'excel', extensions: ['.xlsx', '.xlsm'] },
  { type: 'PARQUET', kind: 'parquet', options: undefined, extensions: ['.parquet', '.pq'] },
] as const;

/** A file type that can be imported, with what belongs to it. */
export type Format = (typeof fileTypes)[number];

/** The name of a file type. */
export type FileType = Format['type'];

/** The row of a file type. */
export function formatOf(type: FileType): Format {
  const format = fileTypes.find((row) => row.type === type);
  if (!format) throw new RangeError(`No format reads ${type}`);
  return format;
}
