import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { growingFile } from '../../src/pipeline/growing-file.js';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bucketql-growing-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

async function textOf(path: string, writing: Promise<unknown>): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of growingFile(path, writing)) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}

describe('a file that somebody appends to', () => {
  it('is given whole, also when it comes late, and with what was written last', async () => {
    const path = join(dir, 'late');
    let expected = '';
    const write = async () => {
      await pause(20);
      for (let n = 0; n < 200; n++) {
        const text = `${n} `.repeat(n * 50);
        expected += text;
        await appendFile(path, text);
        if (n % 50 === 0) await pause(12);
      }
    };
    const text = await textOf(path, write());
    expect(text.length).toBe(expected.length);
    expect(text === expected).toBe(true);
  });

  it('is given before its writer is done', async () => {
    const path = join(dir, 'open');
    let finish: () => void = () => undefined;
    const writing = writeFile(path, 'first').then(
      () => new Promise<void>((resolve) => (finish = resolve)),
    );
    const pieces = growingFile(path, writing);
    expect((await pieces.next()).value?.toString()).toBe('first');
    await appendFile(path, 'last');
    finish();
    expect((await pieces.next()).value?.toString()).toBe('last');
    expect((await pieces.next()).done).toBe(true);
  });

  it('fails as its writer does', async () => {
    const failing = Promise.reject(new Error('the disk is full'));
    await expect(textOf(join(dir, 'none'), failing)).rejects.toThrow('the disk is full');
    const path = join(dir, 'half');
    const half = writeFile(path, 'half').then(async () => {
      await pause(20);
      throw new Error('the disk is full');
    });
    await expect(textOf(path, half)).rejects.toThrow('the disk is full');
  });

  it('is empty when nothing was written', async () => {
    const path = join(dir, 'empty');
    await expect(textOf(path, writeFile(path, ''))).resolves.toBe('');
  });
});
