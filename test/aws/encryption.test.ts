import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import {
  checkEncryption,
  customerKeyInput,
  unconfirmed,
  type Encryption,
} from '../../src/aws/encryption.js';

const id = '1234abcd-12ab-34cd-56ef-1234567890ab';
const arn = `arn:aws:kms:eu-central-1:222222222222:key/${id}`;
const alias = 'alias/orders';
const aliasArn = `arn:aws:kms:eu-central-1:222222222222:${alias}`;
const customer: Encryption = { kind: 'SSE_C', key: randomBytes(32) };
const kms = (keyId?: string): Encryption => ({ kind: 'SSE_KMS', keyId });
const kmsReply = (SSEKMSKeyId?: string) => ({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId });

describe('an answer', () => {
  it.each<[string, Encryption, object]>([
    ['SSE_S3', { kind: 'SSE_S3' }, { ServerSideEncryption: 'AES256' }],
    ['SSE_C', customer, customerKeyInput(customer)],
    ['any key, when none was named', kms(), kmsReply(arn)],
    ['no key, when none was named', kms(), kmsReply()],
    ['the same ARN', kms(arn), kmsReply(arn)],
    ['the ARN of an id', kms(id), kmsReply(arn)],
    ['the id of an ARN', kms(arn), kmsReply(id)],
    ['the key of an alias', kms(alias), kmsReply(arn)],
    ['the key of an alias by ARN', kms(aliasArn), kmsReply(arn)],
    ['the alias itself', kms(alias), kmsReply(alias)],
    ['the ARN of the alias', kms(alias), kmsReply(aliasArn)],
    ['a name as MinIO gives it', kms('orders'), kmsReply('arn:aws:kms:orders')],
    ['a name as Ceph gives it', kms('testkey-1'), kmsReply('testkey-1')],
  ])('confirms: %s', (_, encryption, reply) => {
    expect(unconfirmed(encryption, reply)).toBeUndefined();
  });

  it.each<[string, Encryption, object, string]>([
    ['nothing for SSE_S3', { kind: 'SSE_S3' }, {}, 'none'],
    ['nothing for SSE_KMS', kms(arn), {}, 'none'],
    ['nothing for SSE_C', customer, {}, 'none'],
    ["S3's key for KMS's", kms(), { ServerSideEncryption: 'AES256' }, 'AES256'],
    ["KMS's key for S3's", { kind: 'SSE_S3' }, kmsReply(arn), 'aws:kms'],
    ['another key', kms(arn), kmsReply(arn.replace('1234abcd', '0000abcd')), '0000abcd'],
    ["another account's key", kms(arn), kmsReply(arn.replaceAll('2222', '3333')), '3333'],
    ['the key of another account', kms(aliasArn), kmsReply(arn.replace('2222', '3333')), '3333'],
    ['another alias', kms(alias), kmsReply('alias/others'), 'alias/others'],
    ['no key for one that was named', kms(id), kmsReply(), 'no key'],
    [
      'another key of the customer',
      customer,
      customerKeyInput({ kind: 'SSE_C', key: randomBytes(32) }),
      'another key',
    ],
  ])('does not confirm: %s', (_, encryption, reply, why) => {
    expect(unconfirmed(encryption, reply)).toContain(why);
  });
});

describe("a customer's key", () => {
  it.each([
    null,
    'https://s3.example.com',
    'http://127.0.0.1:9000',
    'http://[::1]:9000',
    'http://localhost:9000',
    'http://acme.localhost',
  ])('may be sent to %s', (endpoint) => {
    checkEncryption(customer, endpoint);
  });

  it.each(['http://s3.example.com', 'http://10.0.0.7:9000', 'http://localhost.example.com'])(
    'may not be sent to %s',
    (endpoint) => {
      expect(() => checkEncryption(customer, endpoint)).toThrow('plain http');
      checkEncryption({ kind: 'SSE_KMS', keyId: 'k' }, endpoint);
    },
  );
});
