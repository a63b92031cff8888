/**
 * The only way to write SQL: text comes from template literals in our own source, everything else enters as a quoted
 * identifier, a quoted literal or a bound value. There is no function that takes raw SQL text.
 */

/** What can be bound to a placeholder. */
export type SqlValue = string | number | bigint | boolean | null | Uint8Array;

/** SQL text with numbered placeholders `$1 …` and the values bound to them. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly SqlValue[];
}

type Part = string | { readonly value: SqlValue };

/** A piece of SQL. Only the functions of this file make one. */
export class Sql {
  readonly #parts: readonly Part[];

  private constructor(parts: readonly Part[]) {
    this.#parts = parts;
  }

  /** Text and bound values in order; for this file only. */
  static of(parts: readonly Part[]): Sql {
    return new Sql(parts);
  }

  static parts(sql: Sql): readonly Part[] {
    return sql.#parts;
  }
}

/** Template tag: sql`select ${ident(column)} from ${table} where ${ident(column)} >= ${value(v)}`. */
export function sql(text: TemplateStringsArray, ...inserts: readonly Sql[]): Sql {
  const parts: Part[] = [];
  text.forEach((piece, index) => {
    add(parts, piece);
    const insert = inserts[index];
    if (insert) for (const part of Sql.parts(insert)) add(parts, part);
  });
  return Sql.of(parts);
}

// Neighbouring texts become one, so that a statement over thousands of columns has few parts.
function add(parts: Part[], part: Part): void {
  const last = parts.at(-1);
  if (typeof part === 'string' && typeof last === 'string') parts[parts.length - 1] = last + part;
  else if (part !== '') parts.push(part);
}

/** Nothing: for optional clauses. */
export const empty: Sql = Sql.of([]);

/** A quoted identifier; several names make a qualified one. */
export function ident(...names: readonly string[]): Sql {
  return Sql.of([names.map((name) => `"${refuseNul(name).replaceAll('"', '""')}"`).join('.')]);
}

/** A bound value: it never becomes part of the SQL text. */
export function value(bound: SqlValue): Sql {
  return Sql.of([{ value: bound }]);
}

/** A quoted text literal, for the places where an engine takes no placeholder (options of table functions, COPY). */
export function literal(text: string): Sql {
  return Sql.of([`'${refuseNul(text).replaceAll("'", "''")}'`]);
}

/** A whole number as a literal: LIMIT, ordinals, precision and scale. */
export function integer(number: number | bigint): Sql {
  if (typeof number === 'number' && !Number.isSafeInteger(number)) {
    throw new RangeError(`${number} is not a whole number that JavaScript holds exactly`);
  }
  return Sql.of([String(number)]);
}

/** Pieces with a separator between them. (Default separator: ", ") */
export function join(pieces: readonly Sql[], separator: Sql = sql`, `): Sql {
  const parts: Part[] = [];
  pieces.forEach((piece, index) => {
    if (index > 0) for (const part of Sql.parts(separator)) add(parts, part);
    for (const part of Sql.parts(piece)) add(parts, part);
  });
  return Sql.of(parts);
}

/** The text with placeholders and the values for them. */
export function toStatement(query: Sql): Statement {
  const parameters: SqlValue[] = [];
  const text = Sql.parts(query).map((part) => {
    if (typeof part === 'string') return part;
    parameters.push(part.value);
    return `$${parameters.length}`;
  });
  return { sql: text.join(''), parameters };
}

function refuseNul(text: string): string {
  if (text.includes('\0')) throw new RangeError('SQL text cannot hold a NUL character');
  return text;
}
