import type { Column, ColumnType } from '../columns.js';
import { decimalSize, type TypeDecision } from '../inference.js';

/** A column's type and the size of a DECIMAL. */
type Typed = Pick<Column, 'type' | 'decimal'>;

/** A type, and how many digits its numbers really have in front of the point. (Default: as many as the type holds) */
export type JoinedType = Typed & { readonly wholeDigits?: number };

const integerDigits: Partial<Record<ColumnType, number>> = { INTEGER: 10, BIGINT: 19 };
const defaultDecimal = { precision: 38, scale: 9 };

/**
 * The type of a column that held values of one type and gets values of another.
 * @returns undefined when that depends on the texts the values were read from
 */
export function joinTypes(before: JoinedType, found: JoinedType): TypeDecision | undefined {
  const [a, b] = [digitsOf(before), digitsOf(found)];
  if (a && b) {
    if (a.scale === 0 && b.scale === 0 && before.type !== 'DECIMAL' && found.type !== 'DECIMAL') {
      return { type: before.type === 'BIGINT' ? before.type : found.type };
    }
    const whole = Math.max(a.whole, b.whole);
    const decimal = decimalSize({ wholeDigits: whole, scale: Math.max(a.scale, b.scale) });
    return decimal && { type: 'DECIMAL', decimal };
  }
  if (before.type === found.type) return { type: before.type };
  // Any integer of 32 bits is a double.
  if (before.type === 'INTEGER' && found.type === 'DOUBLE') return { type: 'DOUBLE' };
  if (before.type === 'DOUBLE' && found.type === 'INTEGER') return { type: 'DOUBLE' };
  if (before.type === 'DOUBLE' || found.type === 'DOUBLE') {
    return a || b ? undefined : { type: 'STRING' };
  }
  return { type: 'STRING' };
}

/** Whether values of one type, cast to another, are what reading their texts as the other would have given. */
export function castsExactly(from: Typed, to: Typed): boolean {
  if (from.type === to.type) return true;
  switch (from.type) {
    case 'INTEGER':
      return ['BIGINT', 'DECIMAL', 'DOUBLE', 'STRING'].includes(to.type);
    case 'BIGINT':
      return ['DECIMAL', 'STRING'].includes(to.type);
    case 'DATE':
    case 'JSON':
      return to.type === 'STRING';
    default:
      return false;
  }
}

/** Whether two columns hold the same values in the same way. */
export function sameType(a: Typed, b: Typed): boolean {
  return (
    a.type === b.type &&
    a.decimal?.precision === b.decimal?.precision &&
    a.decimal?.scale === b.decimal?.scale
  );
}

function digitsOf({ type, decimal, wholeDigits }: JoinedType) {
  const { precision, scale } =
    type === 'DECIMAL' ? (decimal ?? defaultDecimal) : { precision: integerDigits[type], scale: 0 };
  return precision === undefined ? undefined : { whole: wholeDigits ?? precision - scale, scale };
}
