import { AppError } from '../../errors.js';
import {
  operatorNames,
  type Comparison,
  type Filter,
  type GroupMeasure,
  type HavingFilter,
  type OperatorName,
  type RelatedFilter,
  type Value,
} from '../../query/query.js';
import type { Table, TableRelation } from './table.js';

/** A filter argument as graphql-js coerces it: operators by column, filters by relation, and the combinators. */
export type FilterInput = Readonly<Record<string, unknown>>;

/** `where` as a filter on a table's rows; undefined keeps every row. */
export function toFilter(
  where: FilterInput | null | undefined,
  { relations }: Pick<Table, 'relations'>,
): Filter | undefined {
  if (!where) return undefined;
  return conditions<Comparison | RelatedFilter>(where, (name, value) => {
    const relation = relations.get(name);
    return relation ? onRelation(relation, value) : onColumn(name, value);
  });
}

/**
 * `having` as a filter on groups; undefined keeps every group.
 * @throws INVALID_INPUT for a relation: the types of `min` and `max` have them, but a smallest value leads nowhere
 */
export function toHaving(
  having: FilterInput | null | undefined,
  { relations }: Pick<Table, 'relations'>,
): HavingFilter | undefined {
  if (!having) return undefined;
  return conditions<HavingComparison>(having, (kind, value) => onMeasure(kind, value, relations));
}

type Conditions<C> =
  | { readonly kind: 'and' | 'or'; readonly filters: readonly Conditions<C>[] }
  | { readonly kind: 'not'; readonly filter: Conditions<C> }
  | C;

type HavingComparison = Extract<HavingFilter, { kind: 'compare' }>;
type ColumnMeasure = Exclude<GroupMeasure['kind'], 'count'>;

/** All members of an input must hold. A member that is null says nothing, as if it were not there. */
function conditions<C>(
  input: FilterInput,
  read: (name: string, value: FilterInput) => Conditions<C> | undefined,
): Conditions<C> | undefined {
  const always: Conditions<C> = { kind: 'and', filters: [] };
  const nested = (value: unknown) => conditions(value as FilterInput, read) ?? always;
  const parts = Object.entries(input).flatMap(([name, value]): readonly Conditions<C>[] => {
    if (value === null || value === undefined) return [];
    switch (name) {
      case '_and':
      case '_or':
        return [
          {
            kind: name === '_and' ? 'and' : 'or',
            filters: (value as readonly unknown[]).map(nested),
          },
        ];
      case '_not':
        return [{ kind: 'not', filter: nested(value) }];
      default: {
        const part = read(name, value as FilterInput);
        return part ? [part] : [];
      }
    }
  });
  return parts.length > 1 ? { kind: 'and', filters: parts } : parts[0];
}

function onRelation({ link, target }: TableRelation, value: FilterInput): RelatedFilter {
  const where = toFilter(value, target);
  return { kind: 'related', link, ...(where && { where }) };
}

function onColumn(column: string, operators: FilterInput): Conditions<Comparison> | undefined {
  return comparisons(column, operators, (operator, value) => ({
    kind: 'compare',
    column,
    operator,
    value,
  }));
}

function onMeasure(
  kind: string,
  value: FilterInput,
  relations: Table['relations'],
): Conditions<HavingComparison> | undefined {
  if (kind === 'count') return comparing(kind, { kind }, value);
  // sum and avg hold columns only, min and max are filters on rows with their combinators; one reading serves both.
  return conditions<HavingComparison>(value, (column, operators) => {
    if (relations.has(column)) {
      throw new AppError(
        'INVALID_INPUT',
        `\`having\` names the relation ${column} in ${kind}, which takes columns; filter the rows with \`where\``,
        { details: { relation: column } },
      );
    }
    return comparing(`${kind} of ${column}`, { kind: kind as ColumnMeasure, column }, operators);
  });
}

function comparing(
  name: string,
  measure: GroupMeasure,
  operators: FilterInput,
): Conditions<HavingComparison> | undefined {
  return comparisons(name, operators, (operator, value) => ({
    kind: 'compare',
    measure,
    operator,
    value,
  }));
}

function comparisons<C>(
  name: string,
  operators: FilterInput,
  compare: (operator: OperatorName, value: Value | readonly Value[]) => C,
): Conditions<C> | undefined {
  const parts = operatorNames.flatMap((operator): C[] => {
    const value = operators[operator];
    if (value === undefined) return [];
    // Dropping the condition would answer with every row, and SQL's `= NULL` with none: both hide a mistake.
    if (value === null) {
      throw new AppError(
        'INVALID_INPUT',
        `${operator} of ${name} is null; use isNull to look for nulls, or leave it out`,
        { details: { column: name, operator } },
      );
    }
    return [compare(operator, value as Value | readonly Value[])];
  });
  return parts.length > 1 ? { kind: 'and', filters: parts } : parts[0];
}
