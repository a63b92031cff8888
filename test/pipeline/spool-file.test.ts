import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SpoolFile } from '../../src/pipeline/spool-file.js';

describe('a file of the spool', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-spool-file-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  it.each([1, 1000, 65_535, 65_536, 65_537, 700_000, 1 << 20])(
    'knows all it has taken, while pieces of %d bytes are on their way to the disk',
    async (size) => {
      const path = join(dir, String(size));
      const there: number[] = [];
      const file = await SpoolFile.create(path, (bytes) => there.push(bytes));
      const pieces = Array.from({ length: 5 }, (_, index) => Buffer.alloc(size, 97 + index));
      for (const [index, piece] of pieces.entries()) {
        await file.write(piece);
        expect(file.bytes).toBe((index + 1) * size);
      }
      await file.close();
      expect(file.bytes).toBe(5 * size);
      expect(there.at(-1)).toBe(5 * size);
      expect(there).toEqual(there.toSorted((a, b) => a - b));
      expect((await readFile(path)).equals(Buffer.concat(pieces))).toBe(true);
    },
  );

  it('is gone when it is discarded, also in the middle of a write', async () => {
    const file = await SpoolFile.create(join(dir, 'gone'), () => undefined);
    await file.write(Buffer.alloc(3 << 20));
    await file.discard();
    expect(await readdir(dir)).not.toContain('gone');
  });
});
