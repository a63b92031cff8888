/**
 * The registry: one row for each file type. `kind` says which options it takes and how it is read. The API's enum of
 * file types is made of it.
 */
export const fileTypes = [
  { type: 'CSV', kind: 'delimited', extensions: ['.csv'] },
  { type: 'TSV', kind: 'delimited', extensions: ['.tsv', '.tab'] },
  { type: 'TXT', kind: 'delimited', extensions: ['.txt'] },
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
