import type { ColumnType } from '../columns.js';
import type { Dialect, ValueType } from '../dialect.js';
import { AppError } from '../errors.js';
import { sql, type Sql } from '../sql.js';
import type { Filter, Json, Link, LinkKey, Query, Source } from './query.js';
import { relatedOf } from './shape.js';
import { columnOf } from './source.js';

/** The tables that a query, or a part of one, reads. */
export type Reads = Pick<Query, 'from' | 'related'>;

/** A key of a link, and how each side is written so that both have one type. */
export interface LinkedTypes {
  readonly key: LinkKey;
  readonly left: (side: Sql, dialect: Dialect) => Sql;
  readonly right: (side: Sql, dialect: Dialect) => Sql;
}

/** The table that a link leads to. */
export function linkedSource({ dataset }: Link, { related = {} }: Reads): Source {
  // A dataset may be called `constructor`.
  const source = Object.hasOwn(related, dataset) ? related[dataset] : undefined;
  if (!source) throw new AppError('INTERNAL', `The query does not say where ${dataset} is`);
  return source;
}

/** How the keys of a link are compared. @throws COLUMN_NOT_FOUND, and INVALID_INPUT for types that cannot be compared exactly */
export function linkedTypes(link: Link, from: Source, to: Source): LinkedTypes[] {
  return link.keys.map((key) => {
    const left = columnOf(from, key.column);
    const right = columnOf(to, key.references);
    const type = commonType(left, right);
    if (!type) {
      throw new AppError(
        'INVALID_INPUT',
        `${key.column} is ${left.type} and ${key.references} of ${link.dataset} is ${right.type}, which cannot be compared exactly; give one of them another type in its dataset's columns`,
        { details: { column: key.column, dataset: link.dataset, references: key.references } },
      );
    }
    return { key, left: converted(left, type), right: converted(right, type) };
  });
}

/** The datasets that a filter and shapes lead to, each once. */
export function relatedDatasets(where: Filter | undefined, shapes: readonly Json[] = []): string[] {
  const names = new Set<string>();
  const visitFilter = (filter: Filter | undefined): void => {
    switch (filter?.kind) {
      case 'and':
      case 'or':
        filter.filters.forEach(visitFilter);
        break;
      case 'not':
        visitFilter(filter.filter);
        break;
      case 'related':
        names.add(filter.link.dataset);
        visitFilter(filter.where);
        break;
      case 'compare':
      case undefined:
    }
  };
  const visitShapes = (shapes: readonly Json[]): void => {
    for (const shape of relatedOf(shapes)) {
      names.add(shape.link.dataset);
      if (shape.kind === 'relatedRows') visitFilter(shape.where);
      visitShapes([shape.value]);
    }
  };
  visitFilter(where);
  visitShapes(shapes);
  return [...names];
}

interface CommonType extends ValueType {
  /** Both sides fit into it whatever they are. */
  readonly roomy: boolean;
}

const wholeDigits: Partial<Record<ColumnType, number>> = { INTEGER: 10, BIGINT: 19 };
const mostDigits = 38;

/**
 * A type in which values of two columns are equal exactly when they are the same: a value that does not fit into it is
 * one that the other column cannot hold.
 */
function commonType(left: ValueType, right: ValueType): CommonType | undefined {
  if (left.type === right.type && left.type !== 'DECIMAL') {
    return left.type === 'JSON' ? undefined : { type: left.type, roomy: true };
  }
  const sizes = [decimalSize(left), decimalSize(right)] as const;
  const [a, b] = sizes;
  if (!a || !b) return undefined;
  if (left.type !== 'DECIMAL' && right.type !== 'DECIMAL') return { type: 'BIGINT', roomy: true };
  const scale = Math.max(a.scale, b.scale);
  const precision = Math.max(a.precision - a.scale, b.precision - b.scale) + scale;
  return {
    type: 'DECIMAL',
    decimal: { precision: Math.min(precision, mostDigits), scale },
    roomy: precision <= mostDigits,
  };
}

function decimalSize({ type, decimal }: ValueType) {
  if (type === 'DECIMAL') return decimal ?? { precision: mostDigits, scale: 0 };
  const precision = wholeDigits[type];
  return precision === undefined ? undefined : { precision, scale: 0 };
}

function converted(from: ValueType, to: CommonType): (side: Sql, dialect: Dialect) => Sql {
  const { precision, scale } = from.decimal ?? {};
  const same =
    from.type === to.type && precision === to.decimal?.precision && scale === to.decimal?.scale;
  if (same) return (side) => side;
  return (side, dialect) =>
    to.roomy
      ? sql`cast(${side} as ${dialect.typeName(to)})`
      : sql`try_cast(${side} as ${dialect.typeName(to)})`;
}
