import { getArgumentValues } from 'graphql';
import { AppError } from '../../errors.js';
import type { Aggregate, ColumnAggregateName, Json } from '../../query/query.js';
import type { TypeNames } from '../names.js';
import type { SelectedField } from './collect.js';
import { shapeOf, type Selection } from './shapes.js';

type Unnamed<A> = A extends unknown ? Omit<A, 'as'> : never;

/** The aggregates one query computes, each once, however often the selection asks for it. */
export interface AggregateList {
  readonly aggregates: readonly Aggregate[];
  /** @returns the name of the aggregate's output column */
  add(aggregate: Unnamed<Aggregate>): string;
}

/** An empty list; output columns are named a0, a1 … */
export function aggregateList(): AggregateList {
  const byText = new Map<string, Aggregate>();
  const aggregates: Aggregate[] = [];
  return {
    aggregates,
    add(unnamed) {
      const text = JSON.stringify(unnamed);
      const known = byText.get(text);
      if (known) return known.as;
      const aggregate = { ...unnamed, as: `a${aggregates.length}` };
      byText.set(text, aggregate);
      aggregates.push(aggregate);
      return aggregate.as;
    },
  };
}

/** A measure of an aggregate or group (`count`, `sum { amount }`, `quantile(q: 0.9) { amount }`) as JSON. */
export function measureShape(
  field: SelectedField,
  list: AggregateList,
  selection: Selection,
): Json {
  if (field.name === 'count') return { kind: 'column', column: list.add({ kind: 'count' }) };
  const q = field.name === 'quantile' ? quantileOf(field, selection) : undefined;
  const typeName = typeNameOf(field.name, selection.names);
  return shapeOf(field.nodes, selection, typeName, ({ name: column }) => {
    const kind = field.name as ColumnAggregateName;
    const aggregate =
      q === undefined ? { kind, column } : ({ kind: 'quantile', column, q } as const);
    return { kind: 'column', column: list.add(aggregate) };
  });
}

/** The quantile a caller asks for. @throws INVALID_INPUT outside of 0 to 1 */
export function checkedQuantile(q: number): number {
  if (q >= 0 && q <= 1) return q;
  throw new AppError('INVALID_INPUT', `\`q\` of quantile is ${q}; it goes from 0 to 1`, {
    details: { argument: 'q', value: q },
  });
}

function quantileOf({ name, nodes }: SelectedField, selection: Selection): number {
  // Groups have the same field with the same argument.
  const definition = selection.types.aggregate.getFields()[name];
  const node = nodes[0];
  if (!definition || !node) throw new TypeError(`There is no field ${name}`);
  const { q } = getArgumentValues(definition, node, selection.variableValues);
  return checkedQuantile(q as number);
}

function typeNameOf(measure: string, names: TypeNames): string {
  switch (measure) {
    case 'countNonNull':
    case 'countDistinct':
    case 'approxCountDistinct':
      return names.counts;
    case 'sum':
      return names.sums;
    case 'min':
    case 'max':
      return names.values;
    default:
      return names.numbers;
  }
}
