import type { FieldNode } from 'graphql';
import type { Json } from '../../query/query.js';
import { GraphQLBigInt, GraphQLDateTime } from '../scalars.js';
import { typeNames, type TypeNames } from '../names.js';
import { selectedFields, type Scope, type SelectedField } from './collect.js';
import type { Template } from './plan.js';
import type { FreshnessFacts } from './reader.js';
import type { Table } from './table.js';
import type { TableTypes } from './types.js';

/** The selection under one generated field: its nodes, the operation they stand in, and the dataset's table. */
export interface Selection extends Scope {
  readonly nodes: readonly FieldNode[];
  readonly names: TypeNames;
  readonly types: TableTypes;
  readonly table: Table;
  /** The most rows one list may have. */
  readonly maxLimit: number;
}

/** A selection on the rows of a table. */
export function selectionOn(
  table: Table,
  nodes: readonly FieldNode[],
  { fragments, variableValues, maxLimit }: Scope & Pick<Selection, 'maxLimit'>,
): Selection {
  const { dataset, types } = table;
  const names = typeNames(dataset.name);
  return { nodes, fragments, variableValues, maxLimit, table, types, names };
}

const freshnessFacts: Readonly<Record<string, (facts: FreshnessFacts) => unknown>> = {
  generation: ({ generation }) => generation,
  importedAt: ({ importedAt }) => GraphQLDateTime.serialize(importedAt),
  fileCount: ({ fileCount }) => fileCount,
  rowCount: ({ rowCount }) => GraphQLBigInt.serialize(rowCount),
  rejectedRowCount: ({ rejectedRowCount }) => GraphQLBigInt.serialize(rejectedRowCount),
  stale: ({ stale }) => stale,
};

/** Which state of the table the answer is of. */
export function freshness(field: SelectedField, scope: Scope): Template {
  return objectOf(field.nodes, scope, 'Freshness', ({ name }) => ({
    kind: 'fact',
    of: (facts) => freshnessFacts[name]?.(facts.freshness),
  }));
}

/** An object of a template with a member for each field asked for. */
export function objectOf(
  nodes: readonly FieldNode[],
  scope: Scope,
  typeName: string,
  valueOf: (field: SelectedField) => Template,
): Template {
  return {
    kind: 'object',
    members: selectedFields(nodes, scope).map((field) => ({
      key: field.key,
      value: field.name === '__typename' ? { kind: 'fact', of: () => typeName } : valueOf(field),
    })),
  };
}

/** An object of a shape with a member for each field asked for. */
export function shapeOf(
  nodes: readonly FieldNode[],
  scope: Scope,
  typeName: string,
  valueOf: (field: SelectedField) => Json,
): Json {
  return {
    kind: 'object',
    members: selectedFields(nodes, scope).map((field) => ({
      key: field.key,
      value: field.name === '__typename' ? text(typeName) : valueOf(field),
    })),
  };
}

/** A text that is the same for every row. */
export function text(value: string): Json {
  return { kind: 'literal', text: JSON.stringify(value) };
}
