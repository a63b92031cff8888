import { randomUUID } from 'node:crypto';
import { AppError } from '../errors.js';
import { callerContext, denialOf } from './accounts.js';
import type { Exchange } from './exchange.js';
import { ServiceError } from './service-error.js';
import type { Encryption } from './sse.js';
import type { Bucket } from './store.js';

/** A key of KMS: a name and nothing behind it. */
export interface KmsKey {
  readonly arn: string;
  readonly keyId: string;
  readonly accountId: string;
  readonly region: string;
  /** With its `alias/`. */
  readonly alias?: string;
}

/** The keys that there are. Until an account has one, any id is taken for a key of it that everybody may use. */
export interface KmsKeys {
  create(input: { accountId: string; region: string; alias?: string }): KmsKey;
  readonly all: readonly KmsKey[];
}

/** Starts without a key. */
export function createKmsKeys(): KmsKeys {
  const all: KmsKey[] = [];
  return {
    all,
    create({ accountId, region, alias }) {
      if (alias !== undefined && !/^alias\/(?!aws\/)[\w/-]+$/.test(alias)) {
        throw new AppError('INVALID_INPUT', `An alias is like alias/orders; found ${alias}`);
      }
      const keyId = randomUUID();
      const arn = `arn:aws:kms:${region}:${accountId}:key/${keyId}`;
      const key = { arn, keyId, accountId, region, ...(alias !== undefined && { alias }) };
      all.push(key);
      return key;
    },
  };
}

/** The ARN of the key that a write names, or of the account's own one; checked as KMS checks it for S3. */
export function keyForWriting(
  exchange: Exchange,
  bucket: Bucket,
  named: string | undefined,
): string {
  const { accountId, region } = bucket;
  if (named === undefined) return `arn:aws:kms:${region}:${accountId}:key/aws-managed-s3`;
  const here = exchange.world.kms.all.filter((key) => key.accountId === accountId);
  if (here.length === 0) return named;
  const aliasArn = (alias: string | undefined) => `arn:aws:kms:${region}:${accountId}:${alias}`;
  const key = here.find(
    ({ arn, keyId, alias }) => [arn, keyId, alias].includes(named) || named === aliasArn(alias),
  );
  if (key?.region !== region) {
    throw new ServiceError(400, 'KMS.NotFoundException', `Invalid keyId '${named}'`);
  }
  allowKey(exchange, 'kms:GenerateDataKey', key);
  return key.arn;
}

/** Demands what reading under a key demands; a part of an upload under a key is read too. */
export function allowDecryption(exchange: Exchange, encryption: Encryption): void {
  if (encryption.kind !== 'aws:kms' && encryption.kind !== 'aws:kms:dsse') return;
  const key = exchange.world.kms.all.find(({ arn }) => arn === encryption.keyId);
  if (key !== undefined) allowKey(exchange, 'kms:Decrypt', key);
}

function allowKey({ identity }: Exchange, action: string, key: KmsKey): void {
  if (identity === undefined) throw new ServiceError(403, 'AccessDenied', 'Access Denied');
  // A service that cuts its sessions down to S3 does not speak of keys where it does not know AWS, so sessions are not asked.
  const { sessionPolicy: _cut, ...alone } = identity;
  const context = callerContext(identity).set('kms:viaservice', `s3.${key.region}.amazonaws.com`);
  const why =
    identity.accountId === key.accountId
      ? denialOf(alone, { action, resource: key.arn, context })
      : `because no resource-based policy allows the ${action} action`;
  if (why === undefined) return;
  throw new ServiceError(
    403,
    'AccessDenied',
    `User: ${identity.arn} is not authorized to perform: ${action} on resource: ${key.arn} ${why}`,
  );
}
