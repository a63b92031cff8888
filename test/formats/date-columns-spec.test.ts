import { describe, expect, it } from '@jest/globals';
import { parseDateColumnsSpec } from '../../src/formats/date-columns-spec.js';

const pairs = (spec: string, columns?: readonly string[]) =>
  parseDateColumnsSpec(spec, columns).map(({ column, format }) => [column, format]);

describe('parseDateColumnsSpec', () => {
  const spec = 'orderDate:dd-MM-yyyy,shipped:MMM d, yyyy HH:mm';
  const expected = [
    ['orderDate', 'dd-MM-yyyy'],
    ['shipped', 'MMM d, yyyy HH:mm'],
  ];

  it('ends a pattern where a comma is followed by a name and a colon', () => {
    expect(pairs(spec, ['id', 'orderDate', 'shipped'])).toEqual(expected);
    expect(pairs(spec)).toEqual(expected);
  });

  it('takes spaces around names and a comma at the end', () => {
    expect(pairs(' orderDate : dd-MM-yyyy , shipped: HH:mm, ', ['orderDate', 'shipped'])).toEqual([
      ['orderDate', 'dd-MM-yyyy'],
      ['shipped', 'HH:mm'],
    ]);
    expect(pairs('', ['a'])).toEqual([]);
  });

  it('knows names with colons, commas and spaces when it knows the columns', () => {
    const columns = ['a, b', 'time:utc', 'time'];
    expect(pairs('a, b:dd-MM-yyyy,time:utc:HH:mm,time:d, M yyyy', columns)).toEqual([
      ['a, b', 'dd-MM-yyyy'],
      ['time:utc', 'HH:mm'],
      ['time', 'd, M yyyy'],
    ]);
  });

  it('does not take hours or quoted text before a colon for a name', () => {
    const columns = ['a', 'b'];
    const text = "a:MMM d, yyyy, HH:mm:ss,b:MMM d, 'at' h:mm a, 'o':yyyy";
    expect(pairs(text, columns)).toEqual([
      ['a', 'MMM d, yyyy, HH:mm:ss'],
      ['b', "MMM d, 'at' h:mm a, 'o':yyyy"],
    ]);
    expect(pairs(text)).toEqual(pairs(text, columns));
  });

  it('splits whatever patterns stand beside each other', () => {
    const names = ['orderDate', 'shipped', 'a', 'Time', 'created at', 'x:y', 'n, m', 'day'];
    const patterns = [
      'dd-MM-yyyy',
      'MMM d, yyyy HH:mm',
      'EEE, d MMM yyyy HH:mm:ss Z',
      "yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
      "EEEE, MMMM d, yyyy 'at' h:mm a",
      'yyyy,MM,dd',
      'd,M,yyyy,H:m',
      'yyyy:MM:dd:HH:mm',
      'yyyy-MM-dd, HH:mm',
      "'day:'d,'month:'M,yyyy",
      "d 'a, shipped: 'MMMM yyyy",
    ];
    for (const [shift, first] of patterns.entries()) {
      for (const second of patterns) {
        for (const [index, name] of names.entries()) {
          const other = names[(index + 1 + (shift % (names.length - 1))) % names.length] ?? '';
          const expected = [
            [name, first],
            [other, second],
          ];
          const spec = `${name}:${first}, ${other}:${second}`;
          expect(pairs(spec, names)).toEqual(expected);
          if (!/[:,]/.test(name + other)) expect(pairs(spec)).toEqual(expected);
        }
      }
    }
  });

  it('refuses a name that no column has, and lists those there are', () => {
    for (const wrong of ['shiped:MMM d', 'orderDate:dd-MM-yyyy,shiped:MMM d']) {
      expect(() => pairs(wrong, ['orderDate', 'shipped'])).toThrow(
        expect.objectContaining({
          code: 'COLUMN_NOT_FOUND',
          message: expect.stringContaining('orderDate, shipped'),
          details: { column: 'shiped', columns: ['orderDate', 'shipped'] },
        }),
      );
    }
  });

  it('refuses what has no name or no pattern', () => {
    for (const wrong of ['dd-MM-yyyy', ':dd-MM-yyyy', 'a:', 'a:,b:yyyy']) {
      expect(() => pairs(wrong)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
    }
  });
});
