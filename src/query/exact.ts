/** An exact decimal number: `digits` x 10^-`scale`. */
export interface Exact {
  readonly digits: bigint;
  readonly scale: number;
}

const decimalText = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/** Reads a decimal number of at most 400 characters, with or without an exponent; undefined if the text is none. */
export function parseExact(text: string): Exact | undefined {
  const match = text.length <= 400 ? decimalText.exec(text) : null;
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale < 0 ? { digits: digits * 10n ** BigInt(-scale), scale: 0 } : { digits, scale };
}

/** Where a number lies among those that a decimal type can hold. */
export type Place =
  | { readonly kind: 'at'; readonly text: string }
  /** Between two neighbours; `text` is the lower one. */
  | { readonly kind: 'above'; readonly text: string }
  /** Smaller or larger than all of them. */
  | { readonly kind: 'below all' }
  | { readonly kind: 'above all' };

/**
 * Places a number among the decimals of a precision and scale, so that a comparison can be done in the column's own
 * type: neither the number nor the column is ever rounded.
 */
export function placeExact(number: Exact, precision: number, scale: number): Place {
  const { quotient, exact } = floorTo(number, scale);
  const limit = 10n ** BigInt(precision);
  if (quotient >= limit) return { kind: 'above all' };
  if (quotient <= -limit) return { kind: 'below all' };
  return { kind: exact ? 'at' : 'above', text: formatExact(quotient, scale) };
}

/** The whole number, or undefined if there is a fraction. */
export function wholeNumber(number: Exact): bigint | undefined {
  const { quotient, exact } = floorTo(number, 0);
  return exact ? quotient : undefined;
}

function floorTo(number: Exact, scale: number): { quotient: bigint; exact: boolean } {
  if (number.scale <= scale) {
    return { quotient: number.digits * 10n ** BigInt(scale - number.scale), exact: true };
  }
  const divisor = 10n ** BigInt(number.scale - scale);
  const quotient = number.digits / divisor;
  const exact = quotient * divisor === number.digits;
  // BigInt division rounds towards zero.
  return { quotient: !exact && number.digits < 0n ? quotient - 1n : quotient, exact };
}

function formatExact(digits: bigint, scale: number): string {
  if (scale === 0) return String(digits);
  const text = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
  return `${digits < 0n ? '-' : ''}${text.slice(0, -scale)}.${text.slice(-scale)}`;
}
