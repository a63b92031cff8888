import { describe, expect, it } from '@jest/globals';
import type { ColumnType } from '../../src/columns.js';
import { castsExactly, joinTypes, sameType } from '../../src/pipeline/widen.js';

const decimal = (precision: number, scale: number) => ({
  type: 'DECIMAL' as const,
  decimal: { precision, scale },
});
const plain = (type: ColumnType) => ({ type });

describe('columns that get further values', () => {
  it.each([
    [plain('INTEGER'), plain('BIGINT'), plain('BIGINT')],
    [plain('BIGINT'), plain('INTEGER'), plain('BIGINT')],
    [plain('INTEGER'), decimal(18, 2), decimal(18, 2)],
    [
      { ...plain('BIGINT'), wholeDigits: 11 },
      { ...decimal(18, 2), wholeDigits: 3 },
      decimal(18, 2),
    ],
    [plain('BIGINT'), decimal(18, 2), decimal(38, 2)],
    [decimal(18, 2), { ...decimal(18, 3), wholeDigits: 2 }, decimal(38, 3)],
    [{ ...decimal(18, 2), wholeDigits: 5 }, { ...decimal(18, 3), wholeDigits: 2 }, decimal(18, 3)],
    [plain('INTEGER'), plain('DOUBLE'), plain('DOUBLE')],
    [plain('DATE'), plain('TIMESTAMP'), plain('STRING')],
    [plain('BOOLEAN'), plain('INTEGER'), plain('STRING')],
    [plain('STRING'), plain('INTEGER'), plain('STRING')],
    [plain('JSON'), plain('STRING'), plain('STRING')],
    [plain('TIME'), plain('TIME'), plain('TIME')],
  ])('%j beside %j: %j', (before, found, joined) => {
    expect(joinTypes(before, found)).toEqual(joined);
  });

  it('need their texts where those decide', () => {
    // 9007199254740993 is no double, 5 is.
    expect(joinTypes(plain('BIGINT'), plain('DOUBLE'))).toBeUndefined();
    expect(joinTypes(decimal(38, 30), { ...plain('BIGINT'), wholeDigits: 19 })).toBeUndefined();
  });

  it('are cast where the text of a value cannot have been another', () => {
    expect(castsExactly(plain('INTEGER'), plain('STRING'))).toBe(true);
    expect(castsExactly(plain('BIGINT'), decimal(38, 2))).toBe(true);
    expect(castsExactly(plain('DATE'), plain('STRING'))).toBe(true);
    expect(castsExactly(decimal(18, 2), plain('STRING'))).toBe(false);
    expect(castsExactly(plain('BOOLEAN'), plain('STRING'))).toBe(false);
    expect(castsExactly(plain('TIMESTAMP'), plain('STRING'))).toBe(false);
    expect(castsExactly(plain('DOUBLE'), plain('STRING'))).toBe(false);
  });

  it('are the same with the same size only', () => {
    expect(sameType(decimal(18, 2), decimal(18, 2))).toBe(true);
    expect(sameType(decimal(18, 2), decimal(18, 3))).toBe(false);
  });
});
