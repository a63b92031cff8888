import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { checkedText, TextCheck } from '../../src/pipeline/text-check.js';

function isPlain(bytes: Buffer, size: number): boolean {
  const check = new TextCheck();
  for (let at = 0; at < bytes.length; at += size) check.add(bytes.subarray(at, at + size));
  return check.found.plain;
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

  it('measures the longest line that reaches over pieces, also behind what is no text', () => {
    const check = new TextCheck();
    for (const piece of ['a,b\n1', '2\0', '34\n5,', '6\n']) check.add(Buffer.from(piece));
    expect(check.found).toEqual({ plain: false, longestLine: 5, quotes: 'NONE' });
  });
});

describe('the check of a text in a file', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-text-check-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it('says whether it is plain and how long its longest line is', async () => {
    const path = join(dir, 'long.csv');
    const line = 'é'.repeat(2 ** 20);
    await writeFile(path, `a\n${line}\n`);
    expect(await checkedText({ path, origin: 'in/long.csv' })).toEqual({
      path,
      origin: 'in/long.csv',
      plain: true,
      longestLine: Buffer.byteLength(line),
      quotes: 'NONE',
    });
  });

  it('does not look again where its download has looked', async () => {
    const facts = { plain: false, longestLine: 9, quotes: 'PLAIN' } as const;
    const file = { path: join(dir, 'gone.csv'), origin: 'a', ...facts };
    expect(await checkedText(file)).toBe(file);
  });
});
