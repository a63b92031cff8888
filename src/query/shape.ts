import type { Dialect, ValueType } from '../dialect.js';
import { AppError } from '../errors.js';
import { join, literal, sql, type Sql } from '../sql.js';
import type { Json, RelatedJson } from './query.js';

/** What the parts of a shape are in SQL. */
export interface Scope {
  column(name: string): { readonly sql: Sql; readonly type: ValueType };
  /** SQL of a row's cursor as text. */
  cursor(): Sql;
  /** SQL of a bucket's end as TIMESTAMP. */
  bucketEnd(key: string): Sql;
  /** SQL of the JSON that a link finds: of the row or `null`, or of all rows, joined by commas. */
  related(shape: RelatedJson): Sql;
}

type Piece = string | Sql;

/**
 * The JSON text of one row, behind what stands `before` it. Text that is the same for every row costs nothing: neighbours become
 * one literal.
 */
export function rowText(shape: Json, scope: Scope, dialect: Dialect, before = ''): Sql {
  const merged: Piece[] = before === '' ? [] : [before];
  for (const piece of pieces(shape, scope, dialect)) {
    const last = merged.at(-1);
    if (typeof piece === 'string' && typeof last === 'string')
      merged[merged.length - 1] = last + piece;
    else merged.push(piece);
  }
  const parts = merged.map((piece) => (typeof piece === 'string' ? literal(piece) : piece));
  return parts.length === 1 && parts[0] ? parts[0] : sql`concat(${join(parts)})`;
}

/** The names of the columns that shapes read, each once: values, and what links start from. */
export function columnsOf(shapes: readonly Json[]): string[] {
  const names = leavesOf(shapes).flatMap((leaf) => {
    if (leaf.kind === 'column') return [leaf.column];
    return isRelated(leaf) ? leaf.link.keys.map(({ column }) => column) : [];
  });
  return [...new Set(names)];
}

/** The links that shapes follow from their own rows, in order. */
export function relatedOf(shapes: readonly Json[]): RelatedJson[] {
  return leavesOf(shapes).filter(isRelated);
}

function isRelated(shape: Json): shape is RelatedJson {
  return shape.kind === 'relatedRow' || shape.kind === 'relatedRows';
}

/** What shapes are made of. What a link finds is a shape of other rows, so it is not looked into. */
function leavesOf(shapes: readonly Json[]): Json[] {
  return shapes.flatMap((shape) => {
    switch (shape.kind) {
      case 'object':
        return leavesOf(shape.members.map(({ value }) => value));
      case 'array':
        return leavesOf(shape.items);
      case 'present':
        return leavesOf([shape.value]);
      default:
        return [shape];
    }
  });
}

function pieces(shape: Json, scope: Scope, dialect: Dialect): Piece[] {
  switch (shape.kind) {
    case 'literal':
      return [shape.text];
    case 'object':
      return [
        '{',
        ...shape.members.flatMap(({ key, value }, index) => [
          `${index === 0 ? '' : ','}${JSON.stringify(key)}:`,
          ...pieces(value, scope, dialect),
        ]),
        '}',
      ];
    case 'array':
      if (shape.items.some(({ kind }) => kind === 'present')) {
        // concat_ws leaves out items that are NULL, and their commas.
        const items = shape.items.map((item) => rowText(item, scope, dialect));
        return ['[', sql`concat_ws(',', ${join(items)})`, ']'];
      }
      return [
        '[',
        ...shape.items.flatMap((item, index) => [
          index === 0 ? '' : ',',
          ...pieces(item, scope, dialect),
        ]),
        ']',
      ];
    case 'present': {
      const text = rowText(shape.value, scope, dialect);
      return [sql`case when ${scope.column(shape.column).sql} is not null then ${text} end`];
    }
    case 'column': {
      const column = scope.column(shape.column);
      return [...dialect.jsonPieces(column.sql, column.type)];
    }
    case 'relatedRow':
      return [scope.related(shape)];
    case 'relatedRows':
      return ['[', scope.related(shape), ']'];
    case 'cursor':
      // Base64 needs no escapes.
      return ['"', scope.cursor(), '"'];
    case 'bucketEnd':
      return [...dialect.jsonPieces(scope.bucketEnd(shape.key), { type: 'TIMESTAMP' })];
  }
}

/** The parts of shapes that a kind of query does not have. */
export const outside: Omit<Scope, 'column'> = {
  cursor() {
    throw new AppError('INTERNAL', 'Only rows have cursors');
  },
  bucketEnd() {
    throw new AppError('INTERNAL', 'Only groups have buckets');
  },
  related() {
    throw new AppError('INTERNAL', 'Only rows have related rows');
  },
};
