import { describe, expect, it } from '@jest/globals';
import { difference } from '../../src/demo/compare.js';

describe('difference', () => {
  it('is none where numbers, texts and nulls are the same', () => {
    const answer = [
      ['Texas', '1495', 163.38259292837716, null],
      ['', '0', 150, null],
    ];
    const file = [
      ['Texas', '1495', '163.38259292837716', ''],
      [null, '0', '150.0', null],
    ];
    expect(difference(answer, file)).toBeUndefined();
  });

  it.each([
    ['a row is missing', [['a'], ['b']], [['a']], 'the answer has 2 rows, the file 1'],
    [
      'a value is missing',
      [['a', 'b']],
      [['a']],
      'row 1 has 2 values in the answer, 1 in the file',
    ],
    [
      'a text differs',
      [['a'], ['b']],
      [['a'], ['c']],
      'row 2, value 1: "b" in the answer, "c" in the file',
    ],
    [
      'a number differs',
      [[1.5]],
      [['1.25']],
      'row 1, value 1: 1.5 in the answer, "1.25" in the file',
    ],
    ['zero became nothing', [[0]], [['']], 'row 1, value 1: 0 in the answer, "" in the file'],
    [
      'nothing became zero',
      [[null]],
      [['0']],
      'row 1, value 1: null in the answer, "0" in the file',
    ],
    [
      'digits were lost',
      [['1.10']],
      [['1.1']],
      'row 1, value 1: "1.10" in the answer, "1.1" in the file',
    ],
  ])('says where when %s', (_what, answer, file, expected) => {
    expect(difference(answer, file)).toBe(expected);
  });
});
