import { fileNameColumn, type Column } from '../../columns.js';
import type { TableDataset } from './types.js';

/** What the schema says of a column, wherever it stands. */
export interface ColumnNotes {
  readonly description: string;
  readonly deprecationReason?: string;
}

/** Which dataset something is of. */
export function aboutDataset({ name, origin }: Pick<TableDataset, 'name' | 'origin'>): string {
  return `Dataset \`${name}\`: ${origin}`;
}

/** All that is known of a dataset: where its rows come from, how many there are and since when, what people say of it. */
export function describeDataset(dataset: TableDataset): string {
  const { title, description, freshness } = dataset;
  const state =
    freshness &&
    `Imported ${seconds(freshness.importedAt)}: ${counted(freshness.rowCount, 'row')} of ${counted(freshness.fileCount, `${freshness.fileType} file`)}`;
  return [aboutDataset(dataset), state, title, description].filter(Boolean).join('\n\n');
}

/** What a column is called in its files, how its dates are written there, and what people say about it. */
export function columnNotes(column: Column): ColumnNotes {
  const { name, source, dateFormat, description } = column;
  if (name === fileNameColumn) return { description: originText };
  const header = source === '' ? 'No source header' : `Source header \`${source}\``;
  const place = dateFormat === undefined ? header : `${header}, ${dateFormat}`;
  // The pattern of a column's dates describes it where nobody has.
  const more = description === dateFormat ? undefined : description;
  return { description: more ? `${place}. ${more}` : place, ...deprecation(column) };
}

/** The same in a few words, for the many types beside that of rows: most of a schema is what they repeat. */
export function briefNotes(column: Column): ColumnNotes {
  const { name, source } = column;
  if (name === fileNameColumn) return { description: 'Key of the object' };
  return {
    description: source === '' ? 'No header' : `Header \`${source}\``,
    ...deprecation(column),
  };
}

const originText = 'Key of the object the row came from; archive!member inside archives';

function deprecation({ absentSince }: Column): Pick<ColumnNotes, 'deprecationReason'> {
  if (absentSince === undefined) return {};
  const since = seconds(new Date(absentSince));
  return { deprecationReason: `No file of the import of ${since} or of later ones has it` };
}

function seconds(moment: Date): string {
  return moment.toISOString().replace(/\.\d+Z$/, 'Z');
}

function counted(count: bigint | number, what: string): string {
  return `${count.toLocaleString('en-US')} ${what}${Number(count) === 1 ? '' : 's'}`;
}
