import { describe, expect, it } from '@jest/globals';
import { partsOf } from '../../src/aws/parts.js';

async function* chunksOf(...texts: readonly string[]): AsyncGenerator<Buffer> {
  await Promise.resolve();
  for (const text of texts) yield Buffer.from(text);
}

async function cut(texts: readonly string[], partBytes: number, most = 10) {
  const take = partsOf(chunksOf(...texts), most, 'k');
  const parts: [number, string, boolean][] = [];
  for (;;) {
    const part = await take(Buffer.alloc(partBytes));
    if (part === undefined) return parts;
    parts.push([part.number, part.bytes.toString(), part.last]);
  }
}

describe('the parts of a stream', () => {
  it('are as long as asked, the last one shorter', async () => {
    const parts = [
      [1, 'abcd', false],
      [2, 'efgh', false],
      [3, 'i', true],
    ];
    expect(await cut(['abcdefghi'], 4)).toEqual(parts);
    expect(await cut(['a', 'bc', '', 'defg', 'hi', ''], 4)).toEqual(parts);
  });

  it('end with a full part when the stream does', async () => {
    expect(await cut(['abcd', 'efgh'], 4)).toEqual([
      [1, 'abcd', false],
      [2, 'efgh', true],
    ]);
    expect(await cut(['abcd', ''], 4)).toEqual([[1, 'abcd', true]]);
  });

  it('are one empty part for an empty stream', async () => {
    expect(await cut([], 4)).toEqual([[1, '', true]]);
    expect(await cut([''], 4)).toEqual([[1, '', true]]);
  });

  it('follow each other when several are taken at once', async () => {
    const take = partsOf(chunksOf('abc', 'defgh', 'i'), 10, 'k');
    const taken = await Promise.all(Array.from({ length: 6 }, () => take(Buffer.alloc(2))));
    expect(taken.map((part) => part?.bytes.toString())).toEqual([
      'ab',
      'cd',
      'ef',
      'gh',
      'i',
      undefined,
    ]);
  });

  it('are FILE_TOO_LARGE beyond the number that S3 takes', async () => {
    expect(await cut(['abcdef'], 2, 3)).toHaveLength(3);
    await expect(cut(['abcdefg'], 2, 3)).rejects.toMatchObject({
      code: 'FILE_TOO_LARGE',
      details: { key: 'k', limit: 6 },
    });
  });
});
