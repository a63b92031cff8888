import { describe, expect, it } from '@jest/globals';
import { recentTexts } from '../../src/graphql/recent-texts.js';

describe('recent texts', () => {
  it('forget what was not asked for the longest when there is no room', () => {
    const texts = recentTexts(3 * (1 + 100 + 256));
    for (const key of ['a', 'b', 'c']) texts.set(key, key.repeat(100));
    texts.get('a');
    texts.set('d', 'd'.repeat(100));
    expect(['a', 'b', 'c', 'd'].map((key) => texts.get(key)?.length)).toEqual([
      100,
      undefined,
      100,
      100,
    ]);
  });

  it('count small ones with what they take besides', () => {
    const texts = recentTexts(100 * 260);
    for (let i = 0; i < 10_000; i++) texts.set(String(i), '');
    expect(texts.size).toBeLessThanOrEqual(101);
    expect(texts.get('9999')).toBe('');
  });

  it('do not keep one that takes more than all', () => {
    const texts = recentTexts(1000);
    texts.set('a', 'a'.repeat(2000));
    expect([texts.size, texts.get('a')]).toEqual([0, undefined]);
  });
});
