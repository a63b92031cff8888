import type { Link } from '../../query/query.js';
import { tableInputs, type TableInputs } from './inputs.js';
import type { SharedTypes } from './shared.js';
import { tableTypes, type TableDataset, type TableTypes } from './types.js';

/** A dataset with columns, its part of the schema, and what its rows lead to. */
export interface Table {
  readonly dataset: TableDataset;
  readonly types: TableTypes;
  readonly inputs: TableInputs;
  /** By the name of the field. Complete when all tables are made. */
  readonly relations: ReadonlyMap<string, TableRelation>;
}

/** A relation whose two tables are there. */
export interface TableRelation {
  readonly name: string;
  readonly many: boolean;
  readonly link: Link;
  readonly target: Table;
}

/** The tables of all datasets that have columns, by name. */
export type Tables = ReadonlyMap<string, Table>;

/** Makes the types of all datasets. Relations to datasets that are not among them, or that are switched off, are left out. */
export function tablesOf(datasets: readonly TableDataset[], shared: SharedTypes): Tables {
  const tables = new Map<string, Table & { relations: Map<string, TableRelation> }>();
  for (const dataset of datasets) {
    if (dataset.columns.length === 0) continue;
    const relations = new Map<string, TableRelation>();
    // Types ask for what is related when the schema is put together: by then all tables are there.
    const related = () => [...relations.values()];
    const types = tableTypes(dataset, shared, related);
    const inputs = tableInputs(dataset, shared, related);
    tables.set(dataset.name, { dataset, types, inputs, relations });
  }
  for (const { dataset, relations } of tables.values()) {
    if (dataset.expose?.relations === false) continue;
    for (const { name, many, link } of dataset.relations ?? []) {
      const target = tables.get(link.dataset);
      if (target) relations.set(name, { name, many, link, target });
    }
  }
  return tables;
}
