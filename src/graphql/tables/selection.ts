import { decodeCursor } from '../../query/cursor.js';
import { relatedDatasets } from '../../query/links.js';
import type { Filter, Json, Ordering, Page } from '../../query/query.js';
import { GraphQLBigInt } from '../scalars.js';
import { plain, type Facts, type Plan, type Template } from './plan.js';
import { rowShape } from './row-shape.js';
import { freshness, objectOf, shapeOf, type Selection } from './shapes.js';

/** What a list of rows is cut to. */
export interface RowsArguments {
  readonly where: Filter | undefined;
  readonly orderBy: readonly Ordering[];
  readonly distinctOn: readonly string[];
  readonly limit: number;
  readonly offset: number;
}

/** A page of a connection. Cursors are read when the generation is known. */
export interface PageArguments {
  readonly where: Filter | undefined;
  readonly orderBy: readonly Ordering[];
  readonly backwards: boolean;
  readonly limit: number;
  readonly after: string | null;
  readonly before: string | null;
}

/** The plan of a list of rows; of one row or none with `single`. */
export function rowsPlan(args: RowsArguments, selection: Selection, single = false): Plan {
  const columns = new Set<string>();
  const shape = rowShape(selection.nodes, selection, columns);
  const { where, distinctOn, orderBy, limit, offset } = args;
  return {
    ...plain,
    related: relatedDatasets(where, [shape]),
    query: ({ source, related }) => ({
      kind: 'rows',
      from: source,
      related,
      columns: [...columns],
      ...(where && { where }),
      ...(distinctOn.length > 0 && { distinctOn }),
      orderBy,
      limit,
      ...(offset > 0 && { offset }),
    }),
    shapes: [shape],
    template: { kind: single ? 'single' : 'list', shape: 0 },
  };
}

/** The plan of a page of a connection. */
export function connectionPlan(args: PageArguments, selection: Selection): Plan {
  const columns = new Set<string>();
  const shapes: Json[] = [];
  const wants = { page: false, cursors: false, probe: false, count: false };
  const rows = (shape: Json): Template => {
    wants.page = true;
    return { kind: 'list', shape: shapes.push(shape) - 1 };
  };
  const template = objectOf(selection.nodes, selection, selection.names.connection, (field) => {
    switch (field.name) {
      case 'nodes':
        return rows(rowShape(field.nodes, selection, columns));
      case 'edges':
        return rows(
          shapeOf(field.nodes, selection, selection.names.edge, (member) => {
            if (member.name === 'node') return rowShape(member.nodes, selection, columns);
            wants.cursors = true;
            return { kind: 'cursor' };
          }),
        );
      case 'pageInfo':
        wants.page = true;
        return objectOf(field.nodes, selection, 'PageInfo', ({ name }) => {
          if (name === 'startCursor' || name === 'endCursor') wants.cursors = true;
          else wants.probe = true;
          return { kind: 'fact', of: pageFact(name, args) };
        });
      case 'totalCount':
        wants.count = true;
        return { kind: 'fact', of: ({ total }) => GraphQLBigInt.serialize(total) };
      default:
        return freshness(field, selection);
    }
  });
  const { where, orderBy, limit } = args;
  return {
    ...(wants.page && {
      query: ({ source, related, generation }) => ({
        kind: 'rows',
        from: source,
        related,
        columns: [...columns],
        ...(where && { where }),
        orderBy,
        limit,
        page: pageOf(args, generation),
      }),
    }),
    ...(wants.count && {
      count: ({ source, related }) => ({
        kind: 'aggregate',
        from: source,
        related,
        ...(where && { where }),
        aggregates: [{ kind: 'count', as: 'total' }],
      }),
    }),
    related: relatedDatasets(where, shapes),
    shapes,
    cursors: wants.cursors,
    probe: wants.probe,
    total: false,
    template,
  };
}

function pageOf(args: PageArguments, generation: string): Page {
  const { backwards, orderBy, after, before } = args;
  const expected = { generation, orderBy };
  return {
    backwards,
    ...(after !== null && { after: decodeCursor(after, expected) }),
    ...(before !== null && { before: decodeCursor(before, expected) }),
  };
}

// As the Relay specification allows, the side that is not paged to is told by its cursor: that row is one more.
function pageFact(name: string, { backwards, after, before }: PageArguments) {
  return (facts: Facts): unknown => {
    switch (name) {
      case 'hasNextPage':
        return before !== null || (!backwards && facts.hasMore);
      case 'hasPreviousPage':
        return after !== null || (backwards && facts.hasMore);
      case 'startCursor':
        return facts.firstCursor;
      default:
        return facts.lastCursor;
    }
  };
}
