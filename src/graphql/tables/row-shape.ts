import { getArgumentValues, type FieldNode } from 'graphql';
import type { Json } from '../../query/query.js';
import { checkedCount, defaultRows, toOrderings } from './arguments.js';
import type { SelectedField } from './collect.js';
import { toFilter } from './conditions.js';
import type { RowsInput } from './root-arguments.js';
import { selectionOn, shapeOf, type Selection } from './shapes.js';
import type { TableRelation } from './table.js';

/** The JSON of a row with what was asked for; `columns` gets the names of its own columns. */
export function rowShape(
  nodes: readonly FieldNode[],
  selection: Selection,
  columns: Set<string>,
): Json {
  return shapeOf(nodes, selection, selection.names.row, (field) => {
    const relation = selection.table.relations.get(field.name);
    if (relation) return relatedShape(relation, field, selection);
    columns.add(field.name);
    return { kind: 'column', column: field.name };
  });
}

/** What a relation leads to. @throws INVALID_INPUT, LIMIT_TOO_LARGE */
function relatedShape(
  { many, link, target }: TableRelation,
  field: SelectedField,
  selection: Selection,
): Json {
  const value = rowShape(field.nodes, selectionOn(target, field.nodes, selection), new Set());
  if (!many) return { kind: 'relatedRow', link, value };
  const input = argumentsOf(field, selection);
  const where = toFilter(input.where, target);
  return {
    kind: 'relatedRows',
    link,
    ...(where && { where }),
    orderBy: toOrderings(input.orderBy),
    limit: checkedCount('limit', input.limit ?? defaultRows, selection.maxLimit),
    value,
  };
}

function argumentsOf({ name, nodes }: SelectedField, { types, variableValues }: Selection) {
  const definition = types.row.getFields()[name];
  // Validation has seen to it that all nodes of one key have the same arguments.
  const node = nodes[0];
  if (!definition || !node) throw new TypeError(`There is no field ${name}`);
  return getArgumentValues(definition, node, variableValues) as RowsInput;
}
