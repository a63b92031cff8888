import { describe, expect, it } from '@jest/globals';
import { xxh64 } from '../../src/compression/xxh64.js';

describe('XXH64', () => {
  it.each([
    ['', 0xef46db3751d8e999n],
    ['a', 0xd24ec4f1a98c6e5bn],
    ['abc', 0x44bc2cf5ad770999n],
    ['Nobody inspects the spammish repetition', 0xfbcea83c8a378bf1n],
  ])('of "%s" is what its author says', (text, hash) => {
    expect(xxh64(Buffer.from(text))).toBe(hash);
  });
});
