import type { ColumnType } from './columns.js';

/**
 * What the texts of a column are: each text counts in exactly one of the shapes, or in none. Profiles of several files
 * add up, so a column's type is decided once over all of them.
 */
export interface TextProfile {
  /** Texts that are not null. */
  readonly values: number;
  readonly booleans: number;
  /** Whole numbers without leading zeros or a plus sign. */
  readonly whole: number;
  readonly fractions: number;
  /** Numbers with an exponent. */
  readonly exponents: number;
  /** Numbers of the three shapes above that a double holds digit by digit. */
  readonly doubles: number;
  readonly dates: number;
  readonly times: number;
  readonly timestamps: number;
  readonly timestampsTz: number;
  /** The most digits in front of the point and behind it. */
  readonly wholeDigits: number;
  readonly scale: number;
  /** Whole numbers that INTEGER and BIGINT hold. */
  readonly integers: number;
  readonly bigints: number;
}

/** Digits in all and behind the point. */
export interface DecimalSize {
  readonly precision: number;
  readonly scale: number;
}

/** A column's type, with the size of a DECIMAL. */
export interface TypeDecision {
  readonly type: ColumnType;
  readonly decimal?: DecimalSize;
}

/** The profile of no texts. */
export const emptyProfile: TextProfile = {
  values: 0,
  booleans: 0,
  whole: 0,
  fractions: 0,
  exponents: 0,
  doubles: 0,
  dates: 0,
  times: 0,
  timestamps: 0,
  timestampsTz: 0,
  wholeDigits: 0,
  scale: 0,
  integers: 0,
  bigints: 0,
};

/** The profile of the texts of both. */
export function mergeProfiles(a: TextProfile, b: TextProfile): TextProfile {
  const merged = { ...a } as Record<keyof TextProfile, number>;
  for (const key of Object.keys(a) as (keyof TextProfile)[]) {
    merged[key] =
      key === 'wholeDigits' || key === 'scale' ? Math.max(a[key], b[key]) : a[key] + b[key];
  }
  return merged;
}

/**
 * The narrowest type that holds every text without changing it: BOOLEAN; INTEGER, BIGINT, DECIMAL to 38 digits; DOUBLE
 * only for exponents; dates and times of ISO 8601; STRING for everything else and for columns without a text.
 */
export function typeOfProfile(profile: TextProfile): TypeDecision {
  const { values } = profile;
  if (values === 0) return { type: 'STRING' };
  const all = (count: number) => count === values;
  if (all(profile.booleans)) return { type: 'BOOLEAN' };
  if (all(profile.integers)) return { type: 'INTEGER' };
  if (all(profile.bigints)) return { type: 'BIGINT' };
  if (all(profile.whole + profile.fractions)) {
    const decimal = decimalSize(profile);
    return decimal ? { type: 'DECIMAL', decimal } : { type: 'STRING' };
  }
  if (profile.exponents > 0 && all(profile.doubles)) return { type: 'DOUBLE' };
  if (all(profile.dates)) return { type: 'DATE' };
  if (all(profile.times)) return { type: 'TIME' };
  if (all(profile.timestamps)) return { type: 'TIMESTAMP' };
  if (all(profile.timestampsTz)) return { type: 'TIMESTAMP_TZ' };
  return { type: 'STRING' };
}

/** The size of a DECIMAL for the plain numbers of a profile; undefined when 38 digits do not do. */
export function decimalSize({
  wholeDigits,
  scale,
}: Pick<TextProfile, 'wholeDigits' | 'scale'>): DecimalSize | undefined {
  // Up to 18 digits fit in 64 bits, and a wider decimal costs ten times as much; so 18 as long as they do.
  if (wholeDigits + scale <= 18) return { precision: 18, scale };
  return wholeDigits + scale <= 38 ? { precision: 38, scale } : undefined;
}
