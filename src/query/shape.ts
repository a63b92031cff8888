import type { Dialect, ValueType } from '../dialect.js';
import { join, literal, sql, type Sql } from '../sql.js';
import type { Json } from './query.js';

/** What the parts of a shape are in SQL. */
export interface Scope {
  column(name: string): { readonly sql: Sql; readonly type: ValueType };
  /** SQL of a row's cursor as text. */
  cursor(): Sql;
  /** SQL of a bucket's end as TIMESTAMP. */
  bucketEnd(key: string): Sql;
}

type Piece = string | Sql;

/** The JSON text of one row. Text that is the same for every row costs nothing: neighbours become one literal. */
export function rowText(shape: Json, scope: Scope, dialect: Dialect): Sql {
  const merged: Piece[] = [];
  for (const piece of pieces(shape, scope, dialect)) {
    const last = merged.at(-1);
    if (typeof piece === 'string' && typeof last === 'string')
      merged[merged.length - 1] = last + piece;
    else merged.push(piece);
  }
  const parts = merged.map((piece) => (typeof piece === 'string' ? literal(piece) : piece));
  return parts.length === 1 && parts[0] ? parts[0] : sql`concat(${join(parts)})`;
}

/** The names of the columns that shapes read, each once. */
export function columnsOf(shapes: readonly Json[]): string[] {
  const names = new Set<string>();
  const visit = (shape: Json): void => {
    if (shape.kind === 'column') names.add(shape.column);
    else if (shape.kind === 'object') shape.members.forEach((member) => visit(member.value));
    else if (shape.kind === 'array') shape.items.forEach(visit);
    else if (shape.kind === 'present') visit(shape.value);
  };
  shapes.forEach(visit);
  return [...names];
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
      return [dialect.jsonText(column.sql, column.type)];
    }
    case 'cursor':
      // Base64 needs no escapes.
      return ['"', scope.cursor(), '"'];
    case 'bucketEnd':
      return [dialect.jsonText(scope.bucketEnd(shape.key), { type: 'TIMESTAMP' })];
  }
}
