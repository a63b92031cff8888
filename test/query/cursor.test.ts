import { describe, expect, it } from '@jest/globals';
import { decodeCursor, orderingFingerprint } from '../../src/query/cursor.js';
import type { Ordering } from '../../src/query/query.js';

const orderBy: Ordering[] = [{ column: 'amount', descending: true, nulls: 'last' }];
const generation = '7';
const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64');
const good = ['7', '42', ['1.20'], orderingFingerprint(orderBy)];
const code = (text: string, expected = { generation, orderBy }) => {
  try {
    decodeCursor(text, expected);
    return 'OK';
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe('cursors', () => {
  it('give back the position, in either alphabet of base64', () => {
    const position = { values: ['1.20'], row: '42' };
    expect(decodeCursor(encode(good), { generation, orderBy })).toEqual(position);
    const url = Buffer.from(JSON.stringify(good)).toString('base64url');
    expect(decodeCursor(url, { generation, orderBy })).toEqual(position);
  });

  it.each([
    '',
    'x',
    '42',
    '🦆',
    '"); drop table',
    encode(null),
    encode({}),
    encode([]),
    encode(good.slice(0, 3)),
    encode([...good, 1]),
    encode([7, '42', ['1.20'], good[3]]),
    encode(['7', 42, ['1.20'], good[3]]),
    encode(['7', '-1', ['1.20'], good[3]]),
    encode(['7', '1e3', ['1.20'], good[3]]),
    encode(['7', '9'.repeat(30), ['1.20'], good[3]]),
    encode(['7', '42', [1.2], good[3]]),
    encode(['7', '42', [], good[3]]),
    encode(['7', '42', '1', good[3]]),
    `${encode(good)}\n`,
    encode(good).slice(0, -6),
  ])('refuse garbage: %j', (text) => expect(code(text)).toBe('INVALID_CURSOR'));

  it('refuse another ordering: column, direction, nulls or length', () => {
    const [key] = orderBy as [Ordering];
    for (const other of [
      [],
      [{ ...key, column: 'id' }],
      [{ ...key, descending: false }],
      [{ ...key, nulls: 'first' as const }],
      [key, key],
    ]) {
      expect(code(encode(good), { generation, orderBy: other })).toBe('INVALID_CURSOR');
    }
  });

  it('say so when the generation is gone', () => {
    expect(code(encode(good), { generation: '8', orderBy })).toBe('GENERATION_GONE');
  });
});
