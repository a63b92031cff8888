import { describe, expect, it } from '@jest/globals';
import { isPlain, numberOf, numberText, unescaped } from '../../../src/formats/excel/values.js';

const plain = (text: string) => isPlain(Buffer.from(text), 0, Buffer.byteLength(text));
const number = (text: string) => numberOf(Buffer.from(text), 0, Buffer.byteLength(text));

describe('numbers of spreadsheets', () => {
  it.each([
    [1e20, '100000000000000000000'],
    [1.5e-7, '0.00000015'],
    [-2.5e-7, '-0.00000025'],
    [1.1, '1.1'],
    [-0, '0'],
    [0.1 + 0.2, '0.30000000000000004'],
    [1.234e25, '12340000000000000000000000'],
    [1e-38, `0.${'0'.repeat(37)}1`],
    [1e300, '1e+300'],
    [5e-324, '5e-324'],
  ])('%p is written %s', (value, text) => {
    expect(numberText(value)).toBe(text);
    expect(Number(numberText(value))).toBe(value === 0 ? 0 : value);
  });

  it('stay as they are when nothing is wrong with them', () => {
    for (const text of [
      '0',
      '7',
      '-7',
      '0.5',
      '-0.5',
      '1.10',
      '9007199254740993',
      '123456789012.345',
    ])
      expect([text, plain(text)]).toEqual([text, true]);
    for (const text of [
      '',
      '-',
      '-0',
      '007',
      '.5',
      '5.',
      '+1',
      '1e5',
      '0.30000000000000004',
      ' 1',
      'x',
    ])
      expect([text, plain(text)]).toEqual([text, false]);
  });

  it('are read to the last bit', () => {
    for (const text of ['0', '43831', '43831.999988426', '-1.5', '0.1', '1E-5', ' 12 ', '1.', '.5'])
      expect(number(text)).toBe(Number(text));
    for (let n = 0; n < 2000; n++) {
      const text = (Math.sin(n) * 10 ** (n % 9)).toFixed(n % 10);
      expect(number(text)).toBe(Number(text));
    }
    for (const text of ['', 'x', '1..2', '0x10', 'Infinity', 'NaN', '1_000'])
      expect(number(text)).toBeNaN();
  });
});

describe('escapes of characters', () => {
  it('are decoded once', () => {
    expect(unescaped('a_x000D_b_x0009_')).toBe('a\rb\t');
    expect(unescaped('_x005F_x000D_')).toBe('_x000D_');
    expect(unescaped('_xD83D__xDE00_')).toBe('😀');
    expect(unescaped('_x00_ _xZZZZ_ _X000D_')).toBe('_x00_ _xZZZZ_ _X000D_');
  });
});
