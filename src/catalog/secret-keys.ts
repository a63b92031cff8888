import { createHash, createHmac, randomBytes, scrypt } from 'node:crypto';
import { chmod, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { AppError } from '../errors.js';

/** A key that secrets are sealed with. */
export interface SecretKey {
  /** Names the key without giving anything of it away; sealed texts carry it. */
  readonly id: string;
  /** 32 bytes. */
  readonly bytes: Buffer;
}

/** A key of 32 bytes. */
export function secretKey(bytes: Buffer): SecretKey {
  const id = createHmac('sha256', bytes).update('bucketql key id').digest('hex').slice(0, 12);
  return { id, bytes };
}

/** A key as a setting gives it: 32 bytes in hex or base64, or else a passphrase, which is stretched (scrypt). */
export async function keyFromText(text: string, salt: string): Promise<SecretKey> {
  if (/^[0-9a-f]{64}$/i.test(text)) return secretKey(Buffer.from(text, 'hex'));
  if (/^[\w+/-]{43}=?$/.test(text)) return secretKey(Buffer.from(text, 'base64'));
  // 64 MiB and two passes for each guess: one of the costs that OWASP's Password Storage Cheat Sheet takes for enough.
  const cost = { N: 2 ** 16, r: 8, p: 2, maxmem: 2 ** 27 };
  return new Promise((resolve, reject) => {
    scrypt(text.normalize('NFKC'), salt, 32, cost, (error, bytes) => {
      if (error) reject(error);
      else resolve(secretKey(bytes));
    });
  });
}

/** What a key file holds, and whether others than its owner could read it until now. */
export interface KeyFile {
  readonly key: SecretKey;
  readonly wasReadable: boolean;
}

/**
 * The key in a file; undefined where there is none. Rights of others are taken away.
 * @throws INVALID_INPUT when the file holds no key, or others can read it and that cannot be changed
 */
export async function readKeyFile(path: string): Promise<KeyFile | undefined> {
  let content: Buffer;
  let mode: number;
  try {
    content = await readFile(path);
    mode = (await stat(path)).mode;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  if (content.length < 32) {
    throw new AppError(
      'INVALID_INPUT',
      `${path} holds ${content.length} bytes and is no key; restore it from a backup, or delete it if no connection has a secret`,
    );
  }
  const wasReadable = (mode & 0o077) !== 0;
  if (wasReadable) {
    await chmod(path, 0o600).catch((cause: unknown) => {
      throw new AppError(
        'INVALID_INPUT',
        `${path} can be read by others than its owner and its rights cannot be changed; run: chmod 600 ${path}`,
        { cause },
      );
    });
  }
  return { key: secretKey(createHash('sha256').update(content).digest()), wasReadable };
}

/** Makes a key file that only its owner can read. It is whole on disk before anything is sealed with it. */
export async function makeKeyFile(path: string): Promise<SecretKey> {
  const content = randomBytes(32);
  const unfinished = `${path}.new`;
  const file = await open(unfinished, 'w', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(unfinished, path);
  const folder = await open(dirname(path), 'r');
  await folder.sync().finally(() => folder.close());
  return secretKey(createHash('sha256').update(content).digest());
}
