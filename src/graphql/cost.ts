import {
  getNamedType,
  getNullableType,
  isAbstractType,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  OperationTypeNode,
  valueFromAST,
  type FieldNode,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { defaultRows } from './tables/arguments.js';
import { selectedFields, type Scope } from './tables/collect.js';
import { readsTable } from './tables/relation-fields.js';

/** What a scan of a table costs, in points: about what it takes to write that many values. */
const scanCost = 10_000;
/** Items of a list that takes no limit: columns of a dataset, buckets of a group. */
const itemsUnasked = 10;
/** Arguments that say how many rows are wanted. */
const rowArguments = ['limit', 'first', 'last'];

/** What an operation may cost. */
export interface Cost {
  readonly points: number;
  /** The response key of the root field that costs the most. */
  readonly mostly: string;
}

/** A validated operation with coerced variables. */
export interface CostedOperation extends Scope {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  /** Longest list that a field gives; it refuses longer ones itself, so they cost nothing. */
  readonly maxLimit: number;
}

/**
 * Estimates what an operation costs before anything runs. Each field costs a point, and once more for each row of the
 * lists around it: the rows asked for, however many there are. What reads a whole table costs {@link scanCost} besides,
 * once, since lists in lists are read together. Introspection is free.
 */
export function costOf(costed: CostedOperation): Cost {
  const { schema, operation } = costed;
  const root = schema.getRootType(operation.operation);
  if (!root) return { points: 0, mostly: '' };
  let scans = 0;

  const pointsBelow = (
    nodes: readonly FieldNode[],
    parent: GraphQLCompositeType,
    rowsAbove?: number,
  ): number =>
    selectedFields(nodes, costed).reduce(
      (sum, selected) => sum + pointsOf(selected, parent, rowsAbove),
      0,
    );

  const pointsOf = (
    { name, nodes }: { readonly name: string; readonly nodes: readonly FieldNode[] },
    parent: GraphQLCompositeType,
    rowsAbove?: number,
  ): number => {
    if (name === '__schema' || name === '__type') return 0;
    const field = fieldOf(parent, name, schema);
    if (!field || !nodes[0]) return 1;
    if (isScan(field)) scans++;
    const type = getNamedType(field.type);
    if (!isCompositeType(type)) return 1;
    // What a mutation's limit cuts is written, not answered.
    const written = parent === root && operation.operation === OperationTypeNode.MUTATION;
    const asked = written ? undefined : rowsAsked(field, nodes[0], costed);
    if (!isListType(getNullableType(field.type))) return 1 + pointsBelow(nodes, type, asked);
    return 1 + (asked ?? rowsAbove ?? itemsUnasked) * pointsBelow(nodes, type);
  };

  let points = 0;
  let mostly = { key: '', points: -1 };
  const rootNode = { selectionSet: operation.selectionSet } as FieldNode;
  for (const selected of selectedFields([rootNode], costed)) {
    const before = scans;
    const own = pointsOf(selected, root) + (scans - before) * scanCost;
    points += own;
    if (own > mostly.points) mostly = { key: selected.key, points: own };
  }
  return { points, mostly: mostly.key };
}

type Field = GraphQLField<unknown, unknown>;

// A selection on an interface may have fields of one of its types, inside a fragment on that.
function fieldOf(
  parent: GraphQLCompositeType,
  name: string,
  schema: GraphQLSchema,
): Field | undefined {
  const own =
    isObjectType(parent) || isInterfaceType(parent) ? parent.getFields()[name] : undefined;
  if (own || !isAbstractType(parent)) return own;
  return schema
    .getPossibleTypes(parent)
    .map((type) => type.getFields()[name])
    .find((field) => field !== undefined);
}

/** How many rows a field is asked for: by its own limit, else as many as it gives by itself. */
function rowsAsked(
  { args }: Field,
  { arguments: given = [] }: FieldNode,
  { variableValues, maxLimit }: CostedOperation,
): number | undefined {
  const limits = args.filter(({ name }) => rowArguments.includes(name));
  if (limits.length === 0) return undefined;
  const numbers = limits.map(({ name, type, defaultValue }) => {
    const node = given.find((argument) => argument.name.value === name);
    return (node && valueFromAST(node.value, type, variableValues)) ?? defaultValue;
  });
  const rows = numbers.find((value) => typeof value === 'number') ?? defaultRows;
  return rows < 0 || rows > maxLimit ? 0 : rows;
}

/** Aggregates, groups, totals and relations: their work grows with the table, not with what is asked for. */
function isScan({ name, args, extensions }: Field): boolean {
  const takes = (argument: string) => args.some((arg) => arg.name === argument);
  return (
    extensions[readsTable] === true ||
    name === 'totalCount' ||
    takes('by') ||
    (takes('where') && !rowArguments.some((n) => takes(n)))
  );
}
