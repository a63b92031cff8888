import { describe, expect, it } from '@jest/globals';
import { parseExact, placeExact, wholeNumber } from '../../src/query/exact.js';

const place = (text: string, precision: number, scale: number) => {
  const exact = parseExact(text);
  return exact && placeExact(exact, precision, scale);
};

describe('exact numbers', () => {
  it.each([
    '',
    '.',
    '+',
    '1.2.3',
    '0x10',
    '1_000',
    'NaN',
    'Infinity',
    ' 1',
    '1 ',
    '1e',
    '1e1000',
    '١',
  ])('does not read %j', (text) => expect(parseExact(text)).toBeUndefined());

  it('does not read numbers of more than 400 characters', () => {
    expect(parseExact('1'.repeat(400))).toBeDefined();
    expect(parseExact('1'.repeat(401))).toBeUndefined();
  });

  it.each([
    ['1.5', 12, 2, { kind: 'at', text: '1.50' }],
    ['1.5000', 12, 2, { kind: 'at', text: '1.50' }],
    ['-.05', 12, 2, { kind: 'at', text: '-0.05' }],
    ['+15e-1', 12, 2, { kind: 'at', text: '1.50' }],
    ['1e3', 12, 0, { kind: 'at', text: '1000' }],
    ['-0', 12, 0, { kind: 'at', text: '0' }],
    ['1.239', 12, 2, { kind: 'above', text: '1.23' }],
    ['-1.231', 12, 2, { kind: 'above', text: '-1.24' }],
    ['-0.001', 12, 2, { kind: 'above', text: '-0.01' }],
    ['99.99', 4, 2, { kind: 'at', text: '99.99' }],
    ['99.999', 4, 2, { kind: 'above', text: '99.99' }],
    ['100', 4, 2, { kind: 'above all' }],
    ['-100', 4, 2, { kind: 'below all' }],
    ['1e400', 38, 0, { kind: 'above all' }],
  ])('places %s among DECIMAL(%d, %d)', (text, precision, scale, expected) =>
    expect(place(text, precision, scale)).toEqual(expected),
  );

  it('tells whole numbers from fractions', () => {
    const whole = (text: string) => wholeNumber(parseExact(text) ?? { digits: 0n, scale: 99 });
    expect(whole('9007199254740993')).toBe(9007199254740993n);
    expect(whole('4.20e1')).toBe(42n);
    expect(whole('4.2')).toBeUndefined();
  });
});
