import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Transform } from 'node:stream';
import { invalidArgument, ServiceError } from './service-error.js';

/**
 * How an object is kept. Keys of S3 and KMS are only remembered and echoed; a customer's key really
 * encrypts the bytes, and only a salted digest of it is kept.
 */
export type Encryption =
  | { readonly kind: 'AES256' }
  | { readonly kind: 'aws:kms' | 'aws:kms:dsse'; readonly keyId: string }
  | {
      readonly kind: 'customer';
      readonly keyMd5: string;
      readonly salt: string;
      readonly verifier: string;
    };

/** A customer's key as its three headers brought it. */
export interface CustomerKey {
  readonly key: Buffer;
  readonly md5: string;
}

const copySource = 'x-amz-copy-source-';
const prefix = 'x-amz-server-side-encryption';

/** The encryption a write asks for. (Default: AES256, as S3 does since 2023) */
export function requestedEncryption(
  headers: IncomingHttpHeaders,
  key: CustomerKey | undefined,
  kmsKey: (named: string | undefined) => string,
): Encryption {
  const kind = text(headers, prefix);
  const keyId = text(headers, `${prefix}-aws-kms-key-id`);
  if (key !== undefined) {
    if (kind !== undefined) {
      throw invalidArgument(
        prefix,
        kind,
        'Server Side Encryption with Customer provided key is incompatible with the encryption method specified',
      );
    }
    const salt = randomBytes(16).toString('hex');
    return { kind: 'customer', keyMd5: key.md5, salt, verifier: verifierOf(salt, key.key) };
  }
  switch (kind) {
    case undefined:
    case 'AES256':
      return { kind: 'AES256' };
    case 'aws:kms':
    case 'aws:kms:dsse':
      return { kind, keyId: kmsKey(keyId) };
    default:
      throw invalidArgument(prefix, kind, 'The encryption method specified is not supported');
  }
}

/** The customer's key in a request (which AWS takes over TLS only; loopback stands for it), checked against its MD5; undefined when none was sent. */
export function customerKey(
  headers: IncomingHttpHeaders,
  of: 'object' | 'copy source' = 'object',
): CustomerKey | undefined {
  const start = `${of === 'object' ? 'x-amz-' : copySource}server-side-encryption-customer`;
  const algorithm = text(headers, `${start}-algorithm`);
  const key = text(headers, `${start}-key`);
  const md5 = text(headers, `${start}-key-md5`);
  if (algorithm === undefined && key === undefined && md5 === undefined) return undefined;
  if (algorithm !== 'AES256') {
    throw invalidArgument(
      `${start}-algorithm`,
      algorithm ?? 'null',
      'Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.',
    );
  }
  if (key === undefined || md5 === undefined) {
    throw invalidArgument(
      `${start}-key`,
      'null',
      'Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.',
    );
  }
  const bytes = Buffer.from(key, 'base64');
  if (bytes.length !== 32) {
    throw invalidArgument(
      `${start}-key`,
      'null',
      'The secret key was invalid for the specified algorithm.',
    );
  }
  if (createHash('md5').update(bytes).digest('base64') !== md5) {
    throw invalidArgument(
      `${start}-key-MD5`,
      md5,
      'The calculated MD5 hash of the key did not match the hash that was provided.',
    );
  }
  return { key: bytes, md5 };
}

/** The key to read an object with; refuses a missing, wrong or needless one as S3 does. */
export function keyFor(encryption: Encryption, given: CustomerKey | undefined): Buffer | undefined {
  if (encryption.kind !== 'customer') {
    if (given === undefined) return undefined;
    throw new ServiceError(
      400,
      'InvalidRequest',
      'The encryption parameters are not applicable to this object.',
    );
  }
  if (given === undefined) {
    throw new ServiceError(
      400,
      'InvalidRequest',
      'The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.',
    );
  }
  if (verifierOf(encryption.salt, given.key) !== encryption.verifier) {
    throw new ServiceError(403, 'AccessDenied', 'Access Denied');
  }
  return given.key;
}

/** The headers that tell how an object is encrypted. */
export function encryptionHeaders(encryption: Encryption): Record<string, string> {
  switch (encryption.kind) {
    case 'AES256':
      return { [prefix]: 'AES256' };
    case 'customer':
      return {
        [`${prefix}-customer-algorithm`]: 'AES256',
        [`${prefix}-customer-key-md5`]: encryption.keyMd5,
      };
    case 'aws:kms':
    case 'aws:kms:dsse':
      return { [prefix]: encryption.kind, [`${prefix}-aws-kms-key-id`]: encryption.keyId };
  }
}

/** Encrypts a stream with AES-256 in counter mode, which lets any range be read later. */
export function encrypt(key: Buffer, iv: Buffer): Transform {
  return createCipheriv('aes-256-ctr', key, iv);
}

/** Decrypts what starts `offset` bytes into an encrypted stream. */
export function decrypt(key: Buffer, iv: Buffer, offset: number): Transform {
  const block = Math.floor(offset / 16);
  const counter = (BigInt(`0x${iv.toString('hex')}`) + BigInt(block)) % (1n << 128n);
  const start = Buffer.from(counter.toString(16).padStart(32, '0'), 'hex');
  const decipher = createDecipheriv('aes-256-ctr', key, start);
  decipher.update(Buffer.alloc(offset % 16));
  return decipher;
}

function verifierOf(salt: string, key: Buffer): string {
  return createHmac('sha256', salt).update(key).digest('hex');
}

function text(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' ? value : undefined;
}
