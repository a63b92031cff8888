import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { keyFromFile, secretsUnder } from '../../src/catalog/secrets.js';

describe('secrets', () => {
  it('come back as they were, and look different each time', () => {
    const secrets = secretsUnder('key');
    const sealed = secrets.seal('wJalrXUtnFEMI/ü');
    expect(sealed).not.toContain('wJalr');
    expect(secrets.seal('wJalrXUtnFEMI/ü')).not.toBe(sealed);
    expect(secrets.open(sealed)).toBe('wJalrXUtnFEMI/ü');
  });

  it('cannot be opened with another key, nor when they were changed', () => {
    const sealed = secretsUnder('key').seal('secret');
    expect(() => secretsUnder('other').open(sealed)).toThrow(
      expect.objectContaining({ code: 'DATABASE_DAMAGED' }),
    );
    const changed = sealed.slice(0, -4) + (sealed.endsWith('AAA=') ? 'BBB=' : 'AAA=');
    expect(() => secretsUnder('key').open(changed)).toThrow(
      expect.objectContaining({ code: 'DATABASE_DAMAGED' }),
    );
    expect(() => secretsUnder('key').open('v9.a.b.c')).toThrow();
  });

  it('have a key file that only its owner can read, made once', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'bucketql-key-'));
    try {
      const path = join(dir, 'secret.key');
      const key = await keyFromFile(path);
      expect(key).toHaveLength(32);
      expect((await stat(path)).mode & 0o777).toBe(0o600);
      expect(await keyFromFile(path)).toEqual(key);
      expect(await readFile(path)).toEqual(key);
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});
