/**
 * What the answers of queries are, in plain JavaScript over plain rows: three-valued logic, ordering with nulls, grouping,
 * counts and exact sums. It shares nothing with src/query, and is as slow as it is short.
 */
export type Cell = boolean | number | string | null;

/** A row as the API gives it, in the order of the load. */
export type Row = Readonly<Record<string, Cell>>;

/** The columns that the reference can compare, and how. */
export const compared = {
  id: 'number',
  flag: 'boolean',
  small: 'number',
  big: 'integer',
  exact: 'decimal',
  words: 'text',
  day: 'text',
  clock: 'text',
  local: 'text',
  moment: 'moment',
} as const;

/** A column of {@link compared}. */
export type Name = keyof typeof compared;

/** True, false, or null where it is unknown. */
export type Truth = boolean | null;

/** A negative number, 0 or a positive one as `a` comes before, with or after `b`. */
export function compare(name: Name, a: Cell, b: Cell): number {
  const [left, right] = [comparable(name, a), comparable(name, b)];
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right);
  return left < right ? -1 : left > right ? 1 : 0;
}

function comparable(name: Name, cell: Cell): boolean | number | bigint | Uint8Array {
  switch (compared[name]) {
    case 'boolean':
    case 'number':
      return cell as boolean | number;
    case 'integer':
      return BigInt(cell as string);
    case 'decimal':
      return units(cell as string);
    case 'moment':
      return Buffer.from((cell as string).replace('Z', ''));
    case 'text':
      return Buffer.from(cell as string);
  }
}

/** A decimal with nine digits behind the point as a whole number of its smallest unit. */
function units(text: string): bigint {
  const [whole = '', fraction = ''] = text.split('.');
  return BigInt(whole + fraction.padEnd(9, '0'));
}

/** Every comparison that two values can have. */
export const operators = {
  eq: (order: number) => order === 0,
  ne: (order: number) => order !== 0,
  lt: (order: number) => order < 0,
  lte: (order: number) => order <= 0,
  gt: (order: number) => order > 0,
  gte: (order: number) => order >= 0,
} as const;

export function and(parts: readonly Truth[]): Truth {
  return parts.includes(false) ? false : parts.includes(null) ? null : true;
}

export function or(parts: readonly Truth[]): Truth {
  return parts.includes(true) ? true : parts.includes(null) ? null : false;
}

export function not(part: Truth): Truth {
  return part === null ? null : !part;
}

export interface Order {
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** Compares two cells under a direction; nulls have their own place. */
export function ordered(name: Name, { descending, nullsFirst }: Order, a: Cell, b: Cell): number {
  if (a === null || b === null) {
    if (a === b) return 0;
    return (a === null) === nullsFirst ? -1 : 1;
  }
  return descending ? compare(name, b, a) : compare(name, a, b);
}

/** Rows by the values they have in some columns, in the order in which those were first met. */
export function grouped(rows: readonly Row[], names: readonly Name[]): Row[][] {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const key = JSON.stringify(names.map((name) => row[name]));
    const group = groups.get(key);
    if (group) group.push(row);
    else groups.set(key, [row]);
  }
  return [...groups.values()];
}

function present(rows: readonly Row[], name: Name): Exclude<Cell, null>[] {
  return rows.map((row) => row[name] ?? null).filter((cell) => cell !== null);
}

/** The aggregates of some rows, as the API writes them. */
export const aggregates = {
  countNonNull: (rows: readonly Row[], name: Name) => String(present(rows, name).length),
  countDistinct: (rows: readonly Row[], name: Name) => String(new Set(present(rows, name)).size),
  min: (rows: readonly Row[], name: Name) => extreme(rows, name, -1),
  max: (rows: readonly Row[], name: Name) => extreme(rows, name, 1),
  sum(rows: readonly Row[], name: 'id' | 'small' | 'big' | 'exact') {
    const cells = present(rows, name);
    if (cells.length === 0) return null;
    if (name !== 'exact') {
      return String(cells.reduce((sum, cell) => sum + BigInt(cell as string | number), 0n));
    }
    const sum = cells.reduce((total, cell) => total + units(cell as string), 0n);
    const digits = String(sum < 0n ? -sum : sum).padStart(10, '0');
    return `${sum < 0n ? '-' : ''}${digits.slice(0, -9)}.${digits.slice(-9)}`;
  },
} as const;

function extreme(rows: readonly Row[], name: Name, side: -1 | 1): Cell {
  return present(rows, name).reduce<Cell>(
    (best, cell) => (best === null || compare(name, cell, best) * side > 0 ? cell : best),
    null,
  );
}
