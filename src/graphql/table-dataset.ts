import type { Connection } from '../catalog/connections.js';
import type { Dataset } from '../catalog/datasets.js';
import { primaryKeyNames } from '../pipeline/columns.js';
import { usableRelations, type ColumnsOf } from '../pipeline/relations.js';
import type { TableDataset } from './tables/types.js';

/** What the generated fields of a dataset are made of. */
export function tableDataset(
  dataset: Dataset,
  connection: Connection | undefined,
  columnsOf: ColumnsOf,
): TableDataset {
  const { name, definition } = dataset;
  const columns = dataset.current?.columns ?? [];
  return {
    name,
    columns,
    // A definition may have changed since the import: its key counts when the table has it.
    primaryKey: definition.primaryKey.every((key) =>
      columns.some((column) => !column.nullable && (column.source === key || column.name === key)),
    )
      ? primaryKeyNames(columns, definition.primaryKey)
      : [],
    relations: usableRelations({ name, definition, columns }, columnsOf),
    origin: originOf(dataset, connection),
    ...(dataset.current && {
      freshness: { ...dataset.current, fileType: definition.format.type },
    }),
    ...(definition.expose && { expose: definition.expose }),
    ...(definition.title === undefined ? {} : { title: definition.title }),
    ...(definition.description === undefined ? {} : { description: definition.description }),
  };
}

function originOf({ definition }: Dataset, connection: Connection | undefined): string {
  if (!connection) return 'a connection that is gone';
  const { bucket, prefix, name } = connection.access;
  const { selection } = definition;
  return `s3://${bucket}/${prefix}${selection.prefix}${patternOf(selection)} over connection ${name}`;
}

function patternOf({ fileName, fileNameMatch }: Dataset['definition']['selection']): string {
  if (fileName === undefined) return '*';
  switch (fileNameMatch) {
    case 'STARTS_WITH':
      return `${fileName}*`;
    case 'CONTAINS':
      return `*${fileName}*`;
    case 'EXACT':
    case 'GLOB':
      return fileName;
  }
}
