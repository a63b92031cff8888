import { createHash } from 'node:crypto';
import { AppError } from '../errors.js';
import { addressKind } from './addresses.js';

/** How S3 keeps an object: under its own key, under one of KMS (the account's own one without `keyId`), or under one that each request brings. */
export type Encryption =
  | { readonly kind: 'SSE_S3' }
  | { readonly kind: 'SSE_KMS'; readonly keyId?: string | undefined }
  /** 32 bytes. S3 does not keep them. */
  | { readonly kind: 'SSE_C'; readonly key: Buffer };

/** What a command's input says of a customer's key; it goes with every part, and with every reading. */
export interface CustomerKeyInput {
  readonly SSECustomerAlgorithm?: 'AES256';
  readonly SSECustomerKey?: string;
  readonly SSECustomerKeyMD5?: string;
}

/** What the input of a command that begins an object says of its encryption. */
export interface EncryptionInput extends CustomerKeyInput {
  readonly ServerSideEncryption?: 'AES256' | 'aws:kms';
  readonly SSEKMSKeyId?: string;
}

/** What an answer says of an object's encryption. */
export interface EncryptionReply {
  readonly ServerSideEncryption?: string | undefined;
  readonly SSEKMSKeyId?: string | undefined;
  readonly SSECustomerAlgorithm?: string | undefined;
  readonly SSECustomerKeyMD5?: string | undefined;
}

/** What a command that begins an object asks for. */
export function encryptionInput(encryption: Encryption | undefined): EncryptionInput {
  switch (encryption?.kind) {
    case undefined:
      return {};
    case 'SSE_S3':
      return { ServerSideEncryption: 'AES256' };
    case 'SSE_KMS':
      return {
        ServerSideEncryption: 'aws:kms',
        ...(encryption.keyId === undefined ? {} : { SSEKMSKeyId: encryption.keyId }),
      };
    case 'SSE_C':
      return customerKeyInput(encryption);
  }
}

/** What the commands need that send or read bytes under a customer's key. */
export function customerKeyInput(encryption: Encryption | undefined): CustomerKeyInput {
  if (encryption?.kind !== 'SSE_C') return {};
  return {
    SSECustomerAlgorithm: 'AES256',
    SSECustomerKey: encryption.key.toString('base64'),
    SSECustomerKeyMD5: md5(encryption.key),
  };
}

/**
 * Refuses an encryption that cannot work, before anything is sent.
 * @param endpoint the connection's; null is AWS
 * @throws INVALID_INPUT for a key that has not 32 bytes, or that would cross a network in the clear
 */
export function checkEncryption(
  encryption: Encryption | undefined,
  endpoint: string | null = null,
): void {
  if (encryption?.kind === 'SSE_KMS' && encryption.keyId?.trim() === '') {
    throw new AppError('INVALID_INPUT', 'The id of the KMS key is empty; leave it out for aws/s3');
  }
  if (encryption?.kind !== 'SSE_C') return;
  if (encryption.key.length !== 32) {
    throw new AppError(
      'INVALID_INPUT',
      `A key for SSE_C has 32 bytes, 44 characters in base64; this one has ${encryption.key.length} bytes`,
      { details: { bytes: encryption.key.length } },
    );
  }
  // AWS refuses it too, but only when the key has arrived.
  if (endpoint !== null && !isPrivateLine(new URL(endpoint))) {
    throw new AppError(
      'INVALID_INPUT',
      `Encryption SSE_C sends its key with each request, and endpoint ${new URL(endpoint).origin} is plain http; use an https endpoint or another encryption`,
      { details: { encryption: 'SSE_C' } },
    );
  }
}

/** Why an answer does not confirm what was asked for; undefined when it does. */
export function unconfirmed(encryption: Encryption, reply: EncryptionReply): string | undefined {
  const { ServerSideEncryption, SSEKMSKeyId, SSECustomerAlgorithm, SSECustomerKeyMD5 } = reply;
  const found = ServerSideEncryption ?? (SSECustomerAlgorithm ? 'a key of the customer' : 'none');
  switch (encryption.kind) {
    case 'SSE_S3':
      return ServerSideEncryption === 'AES256' ? undefined : `it confirms ${found}`;
    case 'SSE_KMS':
      if (ServerSideEncryption !== 'aws:kms') return `it confirms ${found}`;
      return confirmsKey(encryption.keyId, SSEKMSKeyId)
        ? undefined
        : `it confirms ${SSEKMSKeyId === undefined ? 'no key' : `key ${SSEKMSKeyId}`} in place of ${encryption.keyId}`;
    case 'SSE_C':
      if (SSECustomerAlgorithm !== 'AES256') return `it confirms ${found}`;
      return SSECustomerKeyMD5 === md5(encryption.key) ? undefined : 'it confirms another key';
  }
}

// Asked by id, alias or ARN, KMS answers with an ARN. Which key an alias stands for, only KMS knows; it is one of the same account.
function confirmsKey(asked: string | undefined, answered: string | undefined): boolean {
  if (asked === undefined) return true;
  if (answered === undefined) return false;
  if (
    asked.startsWith('arn:') &&
    answered.startsWith('arn:') &&
    isAlias(asked) === isAlias(answered)
  )
    return asked === answered;
  if (isAlias(asked) && !isAlias(answered)) {
    return (
      !asked.startsWith('arn:') || !answered.startsWith('arn:') || owner(asked) === owner(answered)
    );
  }
  return lastName(asked) === lastName(answered);
}

const isAlias = (keyId: string) => /(?:^|:)alias\//.test(keyId);
// arn:aws:kms:REGION:ACCOUNT
const owner = (arn: string) => arn.split(':', 5).join(':');
const lastName = (keyId: string) => keyId.slice(keyId.search(/[^:/]*$/));

function isPrivateLine({ protocol, hostname }: URL): boolean {
  if (protocol === 'https:') return true;
  const bare = hostname.replace(/^\[|\]$|\.$/g, '');
  return /(?:^|\.)localhost$/.test(bare) || addressKind(bare) === 'loopback';
}

const md5 = (key: Buffer) => createHash('md5').update(key).digest('base64');
