import type { FieldNode } from 'graphql';
import { relatedDatasets } from '../../query/links.js';
import type { Filter, GroupKey, GroupsQuery, Json } from '../../query/query.js';
import { GraphQLBigInt } from '../scalars.js';
import type { SelectedField } from './collect.js';
import { aggregateList, measureShape, type AggregateList } from './measures.js';
import { plain, type Plan } from './plan.js';
import { freshness, objectOf, shapeOf, text, type Selection } from './shapes.js';

/** What groups are made by, and which of them are wanted. */
export type GroupsArguments = Pick<GroupsQuery, 'by' | 'orderBy'> & {
  readonly where: Filter | undefined;
  readonly having: GroupsQuery['having'] | undefined;
  readonly limit: number;
  readonly offset: number;
};

/** The plan of aggregates: all of them in one scan. */
export function aggregatePlan(where: Filter | undefined, selection: Selection): Plan {
  const { names } = selection;
  const list = aggregateList();
  const shapes: Json[] = [];
  const template = objectOf(selection.nodes, selection, names.aggregate, (field) => {
    if (field.name === 'freshness') return freshness(field, selection);
    const shape = measureShape(field, list, selection);
    return { kind: 'single', shape: shapes.push(shape) - 1 };
  });
  // `sum { __typename }` needs the row, though no value of it.
  if (list.aggregates.length === 0) list.add({ kind: 'count' });
  return {
    ...plain,
    ...(shapes.length > 0 && {
      query: ({ source, related }) => ({
        kind: 'aggregate',
        from: source,
        related,
        ...(where && { where }),
        aggregates: list.aggregates,
      }),
    }),
    related: relatedDatasets(where),
    shapes,
    template,
  };
}

/** The plan of groups. */
export function groupsPlan(args: GroupsArguments, selection: Selection): Plan {
  const list = aggregateList();
  const shapes: Json[] = [];
  let total = false;
  const template = objectOf(selection.nodes, selection, selection.names.groups, (field) => {
    switch (field.name) {
      case 'groups':
        return {
          kind: 'list',
          shape: shapes.push(groupShape(field.nodes, args.by, list, selection)) - 1,
        };
      case 'totalGroups':
        total = true;
        return { kind: 'fact', of: (facts) => GraphQLBigInt.serialize(facts.total) };
      case 'truncated':
        total = true;
        return {
          kind: 'fact',
          of: (facts) => BigInt(args.offset + facts.rowCount) < facts.total,
        };
      default:
        return freshness(field, selection);
    }
  });
  const { where, having, by, orderBy, limit, offset } = args;
  return {
    ...plain,
    ...((total || shapes.length > 0) && {
      query: ({ source, related }) => ({
        kind: 'groups',
        from: source,
        related,
        by,
        aggregates: list.aggregates,
        ...(where && { where }),
        ...(having && { having }),
        orderBy,
        limit,
        ...(offset > 0 && { offset }),
      }),
    }),
    related: relatedDatasets(where),
    shapes,
    total,
    template,
  };
}

function groupShape(
  nodes: readonly FieldNode[],
  by: readonly GroupKey[],
  list: AggregateList,
  selection: Selection,
): Json {
  const { names } = selection;
  return shapeOf(nodes, selection, names.group, (field) => {
    switch (field.name) {
      case 'key':
        return shapeOf(field.nodes, selection, names.values, ({ name }) => {
          const key = by.find((one) => one.kind === 'column' && one.column === name);
          return key ? { kind: 'column', column: key.as } : { kind: 'literal', text: 'null' };
        });
      case 'buckets':
        return {
          kind: 'array',
          items: by.flatMap((key) =>
            key.kind === 'bucket' ? bucketShape(key, field, selection) : [],
          ),
        };
      default:
        return measureShape(field, list, selection);
    }
  });
}

/** A bucket, left out for the group of rows that have no time. */
function bucketShape(
  key: Extract<GroupKey, { kind: 'bucket' }>,
  field: SelectedField,
  selection: Selection,
): Json {
  const value = shapeOf(field.nodes, selection, 'TimeBucket', ({ name }) => {
    switch (name) {
      case 'column':
        return text(key.column);
      case 'unit':
        return text(key.unit);
      case 'start':
        return { kind: 'column', column: key.as };
      default:
        return { kind: 'bucketEnd', key: key.as };
    }
  });
  return { kind: 'present', column: key.as, value };
}
