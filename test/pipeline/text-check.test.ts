import { describe, expect, it } from '@jest/globals';
import { TextCheck } from '../../src/pipeline/text-check.js';

function isPlain(bytes: Buffer, size: number): boolean {
  const check = new TextCheck();
  for (let at = 0; at < bytes.length; at += size) check.add(bytes.subarray(at, at + size));
  return check.plain;
}

describe('the check of a text', () => {
  const sizes = [1, 2, 3, 5, 100];

  it.each(sizes)('takes characters of all lengths in pieces of %d bytes', (size) => {
    expect(isPlain(Buffer.from('aé€😀\r\n'.repeat(20)), size)).toBe(true);
    expect(isPlain(Buffer.alloc(0), size)).toBe(true);
  });

  it.each(sizes)('finds NUL, wrong bytes and a cut character in pieces of %d bytes', (size) => {
    const wrong: number[][] = [
      [0],
      [0xff],
      [0x80],
      [0xc3, 0x28],
      [0xe2, 0x82],
      [0xed, 0xa0, 0x80],
      [0xf0, 0x9f, 0x98],
      [0xf5, 0x80, 0x80, 0x80],
    ];
    for (const bytes of wrong) {
      for (const behind of ['', 'abc€']) {
        const text = Buffer.concat([Buffer.from('ab€'), Buffer.from(bytes), Buffer.from(behind)]);
        expect([bytes, behind, isPlain(text, size)]).toEqual([bytes, behind, false]);
      }
    }
  });
});
