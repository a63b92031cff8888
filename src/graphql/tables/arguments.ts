import { AppError } from '../../errors.js';
import {
  type Direction,
  type GroupKey,
  type GroupMeasure,
  type GroupOrdering,
  type Ordering,
  type TimeUnit,
} from '../../query/query.js';

/** How many rows a list or page has where nobody says. */
export const defaultRows = 100;

/** How many groups an answer has where nobody says. */
export const defaultGroups = 1000;

/** An orderBy entry: exactly one column. */
export type OrderInput = Readonly<Record<string, Direction>>;

/** One entry of `by`. */
export interface GroupByInput {
  readonly column?: string;
  readonly bucket?: {
    readonly column: string;
    readonly unit: TimeUnit;
    readonly timezone?: string | null;
    readonly fillGaps?: boolean | null;
  };
}

/** One entry of a group's orderBy: exactly one member. */
export interface GroupOrderInput {
  readonly key?: OrderInput;
  readonly bucket?: Direction;
  readonly count?: Direction;
  readonly sum?: OrderInput;
  readonly avg?: OrderInput;
  readonly min?: OrderInput;
  readonly max?: OrderInput;
}

/** `orderBy` of rows. */
export function toOrderings(orderBy: readonly OrderInput[] | null | undefined): Ordering[] {
  return (orderBy ?? []).map((entry) => {
    const [column, direction] = single(entry);
    return { column, ...direction };
  });
}

/** `by`, with an output name for each key. @throws INVALID_INPUT when it is empty or names a key twice */
export function toGroupKeys(
  by: readonly GroupByInput[],
  nameOf: (key: GroupByInput, position: number) => string,
): GroupKey[] {
  if (by.length === 0) throw new AppError('INVALID_INPUT', '`by` is empty; name what to group by');
  const columns = by.flatMap(({ column }) => column ?? []);
  const twice = columns.find((column, position) => columns.indexOf(column) !== position);
  if (twice) throw new AppError('INVALID_INPUT', `\`by\` names the column ${twice} twice`);
  return by.map((key, position): GroupKey => {
    const as = nameOf(key, position);
    if (!key.bucket) return { kind: 'column', column: key.column ?? '', as };
    const { column, unit, timezone, fillGaps } = key.bucket;
    return {
      kind: 'bucket',
      column,
      unit,
      timezone: timezone ?? 'UTC',
      fillGaps: fillGaps ?? false,
      as,
    };
  });
}

/** `orderBy` of groups. @throws INVALID_INPUT for a key or bucket that `by` does not name */
export function toGroupOrderings(
  orderBy: readonly GroupOrderInput[] | null | undefined,
  by: readonly GroupKey[],
): GroupOrdering[] {
  return (orderBy ?? []).map((entry): GroupOrdering => {
    if (entry.bucket) {
      if (!by.some(({ kind }) => kind === 'bucket')) {
        throw new AppError('INVALID_INPUT', '`orderBy` names the bucket, but `by` has none');
      }
      return { by: 'bucket', ...entry.bucket };
    }
    if (entry.count) return { by: 'measure', measure: { kind: 'count' }, ...entry.count };
    const [kind, order] = single(entry as Readonly<Record<'key' | ColumnMeasure, OrderInput>>);
    const [column, direction] = single(order);
    if (kind !== 'key') return { by: 'measure', measure: { kind, column }, ...direction };
    if (!by.some((key) => key.kind === 'column' && key.column === column)) {
      throw new AppError(
        'INVALID_INPUT',
        `\`orderBy\` names the key ${column}, which \`by\` does not group by`,
        { details: { column } },
      );
    }
    return { by: 'key', column, ...direction };
  });
}

/** A count of rows a caller may ask for. @throws INVALID_INPUT below 0, LIMIT_TOO_LARGE above `maxLimit` */
export function checkedCount(name: string, count: number, maxLimit = Infinity): number {
  if (count < 0) {
    throw new AppError('INVALID_INPUT', `\`${name}\` is ${count}; it cannot be negative`, {
      details: { argument: name, value: count },
    });
  }
  if (count > maxLimit) {
    throw new AppError(
      'LIMIT_TOO_LARGE',
      `\`${name}\` is ${count}, more than the ${maxLimit} rows one answer may have; ask for pages, or raise BUCKETQL_MAX_LIMIT`,
      { details: { argument: name, value: count, limit: maxLimit } },
    );
  }
  return count;
}

/** Which page first, last, after and before mean (Relay Cursor Connections Specification, section 4). */
export function pageSide(first: number | null | undefined, last: number | null | undefined) {
  if (first != null && last != null) {
    throw new AppError('INVALID_INPUT', '`first` and `last` are both given; ask for one of them');
  }
  return last != null
    ? ({ backwards: true, name: 'last', count: last } as const)
    : ({ backwards: false, name: 'first', count: first ?? defaultRows } as const);
}

type ColumnMeasure = Exclude<GroupMeasure['kind'], 'count'>;

/** The one member of a @oneOf input. */
function single<K extends string, V>(input: Readonly<Record<K, V>>): [K, V] {
  const entry = Object.entries(input)[0];
  if (!entry) throw new AppError('INVALID_INPUT', '`orderBy` has an entry without a member');
  return entry as [K, V];
}
