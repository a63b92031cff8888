import type { DecimalSize, TypeDecision } from '../../inference.js';
import type { ParquetColumn } from '../../relation.js';

/**
 * The type that holds the values of both without changing one: whole numbers and decimals meet in what has digits for
 * both, DOUBLE takes numbers of 15 digits, a DATE is a TIMESTAMP; STRING for all else.
 */
export function widerType(a: TypeDecision, b: TypeDecision): TypeDecision {
  if (a.type === b.type && a.type !== 'DECIMAL') return { type: a.type };
  const [sizeA, sizeB] = [digitsOf(a), digitsOf(b)];
  if (sizeA && sizeB) return widerNumber(a, sizeA, b, sizeB);
  const both = [a, b];
  const other = a.type === 'DOUBLE' ? sizeB : b.type === 'DOUBLE' ? sizeA : undefined;
  // A double gives back any 15 digits, and no more.
  if (other && other.precision <= 15) return { type: 'DOUBLE' };
  if (both.every(({ type }) => type === 'DATE' || type === 'TIMESTAMP')) {
    return { type: 'TIMESTAMP' };
  }
  return { type: 'STRING' };
}

/** One column that holds the values of both. */
export function widerColumn(a: ParquetColumn, b: ParquetColumn): ParquetColumn {
  const base64 = (a.base64 ?? false) || (b.base64 ?? false);
  return { source: a.source, ...widerType(a, b), ...(base64 ? { base64 } : {}) };
}

/** Whether the type holds every value of the other. */
export function holdsType(wide: TypeDecision, narrow: TypeDecision): boolean {
  const both = widerType(wide, narrow);
  return (
    both.type === wide.type &&
    both.decimal?.precision === wide.decimal?.precision &&
    both.decimal?.scale === wide.decimal?.scale
  );
}

const maxDigits = 38;

function widerNumber(
  a: TypeDecision,
  sizeA: DecimalSize,
  b: TypeDecision,
  sizeB: DecimalSize,
): TypeDecision {
  if (a.type !== 'DECIMAL' && b.type !== 'DECIMAL') return { type: 'BIGINT' };
  const scale = Math.max(sizeA.scale, sizeB.scale);
  const whole = Math.max(sizeA.precision - sizeA.scale, sizeB.precision - sizeB.scale);
  const precision = whole + scale;
  return precision > maxDigits
    ? { type: 'STRING' }
    : { type: 'DECIMAL', decimal: { precision, scale } };
}

function digitsOf({ type, decimal }: TypeDecision): DecimalSize | undefined {
  switch (type) {
    case 'INTEGER':
      return { precision: 10, scale: 0 };
    case 'BIGINT':
      return { precision: 19, scale: 0 };
    case 'DECIMAL':
      return decimal ?? { precision: maxDigits, scale: 9 };
    default:
      return undefined;
  }
}
