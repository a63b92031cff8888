import { describe, expect, it } from '@jest/globals';
import { decimalSize, emptyProfile, mergeProfiles, typeOfProfile } from '../src/inference.js';

const numbers = { ...emptyProfile, values: 2, whole: 2, bigints: 2, integers: 2, wholeDigits: 3 };
const fractions = { ...emptyProfile, values: 1, fractions: 1, wholeDigits: 1, scale: 4 };

describe('typeOfProfile', () => {
  it('is STRING without a text', () => {
    expect(typeOfProfile(emptyProfile)).toEqual({ type: 'STRING' });
  });

  it('adds up over files', () => {
    expect(typeOfProfile(numbers)).toEqual({ type: 'INTEGER' });
    expect(typeOfProfile(mergeProfiles(numbers, emptyProfile))).toEqual({ type: 'INTEGER' });
    expect(typeOfProfile(mergeProfiles(numbers, fractions))).toEqual({
      type: 'DECIMAL',
      decimal: { precision: 18, scale: 4 },
    });
    const dates = { ...emptyProfile, values: 1, dates: 1 };
    expect(typeOfProfile(dates)).toEqual({ type: 'DATE' });
    expect(typeOfProfile(mergeProfiles(numbers, dates))).toEqual({ type: 'STRING' });
  });

  it('gives a decimal 18 digits as long as they do, then 38', () => {
    const size = (wholeDigits: number, scale: number) =>
      decimalSize({ ...emptyProfile, wholeDigits, scale });
    expect(size(12, 6)).toEqual({ precision: 18, scale: 6 });
    expect(size(13, 6)).toEqual({ precision: 38, scale: 6 });
    expect(size(38, 0)).toEqual({ precision: 38, scale: 0 });
    expect(size(38, 1)).toBeUndefined();
  });
});
