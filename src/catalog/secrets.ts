import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { AppError } from '../errors.js';

/** Encrypts what must not stand in the database in clear (AES-256-GCM). */
export interface Secrets {
  seal(text: string): string;
  /** @throws DATABASE_DAMAGED when the text was sealed with another key or was changed */
  open(sealed: string): string;
}

/** Secrets under a key of any length; it is hashed to 32 bytes. */
export function secretsUnder(key: string | Uint8Array): Secrets {
  const key32 = createHash('sha256').update(key).digest();
  return {
    seal(text) {
      const iv = randomBytes(12);
      const cipher = createCipheriv('aes-256-gcm', key32, iv);
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
      return ['v1', iv, cipher.getAuthTag(), body]
        .map((part) => (typeof part === 'string' ? part : part.toString('base64')))
        .join('.');
    },
    open(sealed) {
      const [version, iv = '', tag = '', body = ''] = sealed.split('.');
      try {
        if (version !== 'v1') throw new Error(`unknown version ${version}`);
        const decipher = createDecipheriv('aes-256-gcm', key32, Buffer.from(iv, 'base64'));
        decipher.setAuthTag(Buffer.from(tag, 'base64'));
        return decipher.update(body, 'base64', 'utf8') + decipher.final('utf8');
      } catch (error) {
        throw new AppError(
          'DATABASE_DAMAGED',
          'A stored secret cannot be decrypted with this key; start with the file secret.key that wrote the database',
          { cause: error },
        );
      }
    },
  };
}

/** The key in a file that only its owner may read; made at the first start. */
export async function keyFromFile(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const key = randomBytes(32);
    await writeFile(path, key, { mode: 0o600, flag: 'wx' });
    return key;
  }
}
