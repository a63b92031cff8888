import type { ColumnType } from '../../../src/columns.js';

/** A column as both sides of a comparison know it. */
export interface ReadColumn {
  readonly name: string;
  readonly type: ColumnType;
}

/** A value as one text, whatever it was read from; null for NULL. */
export type Cell = string | null;

/** A file as a reader of its format found it. */
export interface ReadTable {
  /** Headers in the order of the file; undefined where a file without rows has none. */
  readonly columns: readonly string[] | undefined;
  /** What the file calls the columns that it has, where it has not all of them by their names. */
  readonly sources?: ReadonlyMap<string, string>;
  readonly rows: readonly (readonly Cell[])[];
}

/** A value of a GraphQL answer as text. */
export function shown(value: unknown, type: ColumnType): Cell {
  if (value === null || value === undefined) return null;
  if (type === 'JSON') return JSON.stringify(value);
  if (type === 'DOUBLE') return number(value as number);
  return `${value as string}`;
}

/** A text that stands for a value of a type, as {@link shown} gives the value itself. */
export function fromText(text: string, type: ColumnType): Cell {
  if (type === 'JSON') return JSON.stringify(JSON.parse(text));
  if (type === 'DOUBLE') return number(Number(text));
  return text;
}

// Minus zero is zero to every comparison, and texts of it differ.
const number = (value: number) => String(value === 0 ? 0 : value);

/** A decimal without the zeros and the exponent that only tell how it was written: 1.50 and 15e-1 are 1.5. */
export function plainDecimal(text: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] =
    /^(-?)(\d*)\.?(\d*)(?:e([+-]?\d+))?$/i.exec(text) ?? [];
  const scale = fraction.length - Number(exponent);
  const digits = `${whole}${fraction}${'0'.repeat(Math.max(0, -scale))}`.padStart(scale + 1, '0');
  const point = digits.length - Math.max(0, scale);
  const plain = `${BigInt(digits.slice(0, point))}.${digits.slice(point)}`.replace(/\.?0*$/, '');
  return plain === '0' ? plain : sign + plain;
}
