import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { AppError } from '../errors.js';
import type { SecretKey } from './secret-keys.js';

/** Encrypts what must not stand in the database in clear (AES-256-GCM). */
export interface Secrets {
  /** Seals secrets for the record of that id; for any other record they cannot be opened. */
  seal(secrets: Readonly<Record<string, string>>, record: string): string;
  /** @throws DATABASE_DAMAGED when they were sealed with another key, for another record, or were changed */
  open(sealed: string, record: string): Record<string, string>;
}

/** What stands in front of a sealed text. */
export interface Seal {
  readonly version: 'v1' | 'v2';
  /** The key that opens it; version 1 did not say. */
  readonly keyId: string | null;
}

/** What can be known about a sealed text without opening it; undefined when it is none. */
export function sealOf(sealed: string): Seal | undefined {
  const [version, keyId = ''] = sealed.split('.');
  if (version === 'v1') return { version, keyId: null };
  return version === 'v2' ? { version, keyId } : undefined;
}

/** Secrets under a key. `onSecret` is told each one that passes, so that it can be kept out of logs and messages. */
export function secretsUnder(
  key: SecretKey,
  onSecret: (secret: string) => void = () => undefined,
): Secrets {
  const told = (secrets: Readonly<Record<string, string>>) =>
    Object.values(secrets).forEach(onSecret);
  return {
    seal(secrets, record) {
      told(secrets);
      return sealText(JSON.stringify(secrets), record, key);
    },
    open(sealed, record) {
      const secrets = JSON.parse(openText(sealed, record, [key])) as Record<string, string>;
      told(secrets);
      return secrets;
    },
  };
}

/**
 * A sealed text under another key.
 * @throws DATABASE_DAMAGED when none of the old keys opens it
 */
export function sealAgain(
  sealed: string,
  record: string,
  keys: { readonly from: readonly SecretKey[]; readonly to: SecretKey },
): string {
  return sealText(openText(sealed, record, keys.from), record, keys.to);
}

function sealText(text: string, record: string, key: SecretKey): string {
  const iv = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', key.bytes, iv);
  cipher.setAAD(Buffer.from(record, 'utf8'));
  const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
  const parts = [iv, cipher.getAuthTag(), body].map((part) => part.toString('base64'));
  return ['v2', key.id, ...parts].join('.');
}

function openText(sealed: string, record: string, keys: readonly SecretKey[]): string {
  const seal = sealOf(sealed);
  const fitting = keys.filter(({ id }) => seal?.keyId === null || seal?.keyId === id);
  let cause: unknown;
  for (const { bytes } of fitting) {
    try {
      const [iv = '', tag = '', body = ''] = sealed.split('.').slice(seal?.keyId === null ? 1 : 2);
      const decipher = createDecipheriv('aes-256-gcm', bytes, Buffer.from(iv, 'base64'), {
        // A shorter tag would be easier to forge.
        authTagLength: 16,
      });
      if (seal?.version === 'v2') decipher.setAAD(Buffer.from(record, 'utf8'));
      decipher.setAuthTag(Buffer.from(tag, 'base64'));
      return decipher.update(body, 'base64', 'utf8') + decipher.final('utf8');
    } catch (error) {
      cause = error;
    }
  }
  const needed = seal?.keyId ? ` (it needs key ${seal.keyId})` : '';
  throw new AppError(
    'DATABASE_DAMAGED',
    fitting.length === 0
      ? `The stored secret of ${record} was sealed under another key${needed}`
      : `The stored secret of ${record} was changed outside this program, or belongs to another record; give the connection its keys again, or restore a backup`,
    { details: { record }, cause },
  );
}
