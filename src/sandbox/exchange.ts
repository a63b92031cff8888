import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { callerContext, denialOf } from './accounts.js';
import type { Accounts, Identity } from './accounts.js';
import type { KmsKeys } from './kms.js';
import { readAll, receivePayload } from './payload.js';
import type { Payload } from './payload.js';
import type { Operation } from './route.js';
import { noSuchKey, ServiceError } from './service-error.js';
import type { PayloadClaim } from './signature.js';
import type { Bucket, Store, StoredObject } from './store.js';
import { parseXml } from './xml.js';

/** What every request is answered from. */
export interface World {
  readonly store: Store;
  readonly accounts: Accounts;
  readonly kms: KmsKeys;
  readonly region: string;
  readonly minSessionSeconds: number;
  readonly clock: () => Date;
}

/** What is sent back. A stream goes out as it is read; `length` is its size. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Readable;
  readonly length?: number;
}

/** One authenticated S3 request, with what its handler needs. */
export interface Exchange {
  readonly world: World;
  readonly operation: Operation;
  /** Empty for the requests that name no bucket or no key. */
  readonly bucketName: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly identity: Identity | undefined;
  /** The region of the signature. */
  readonly region: string;
  /** An object's ETag as this answer tells it; the fault `changedETag` makes it another. */
  readonly etagOf: (object: StoredObject) => string;
  readonly payload: () => Payload;
}

/** Answers one operation. */
export type Handler = (exchange: Exchange) => Answer | Promise<Answer>;

/** A payload that is opened when the handler asks for it, so that refusals cost no reading. */
export function payloadOf(request: IncomingMessage, claim: PayloadClaim): () => Payload {
  return () => receivePayload(request, claim);
}

/** The request's XML document, at most 2 MB of it. */
export async function readXml(
  exchange: Exchange,
  root: string,
): Promise<Readonly<Record<string, unknown>>> {
  const body = await readAll(exchange.payload().stream, 2 * 1024 * 1024);
  return parseXml(body.toString('utf8'), root);
}

/** The bucket of the request, in the region the request was signed for. */
export function bucketOf(exchange: Exchange, name = exchange.bucketName): Bucket {
  const bucket = exchange.world.store.buckets.get(name);
  if (bucket === undefined) {
    throw new ServiceError(404, 'NoSuchBucket', 'The specified bucket does not exist', {
      BucketName: name,
    });
  }
  // Asking where a bucket is must not require knowing it.
  if (bucket.region !== exchange.region && exchange.operation !== 'GetBucketLocation') {
    throw new ServiceError(
      301,
      'PermanentRedirect',
      'The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.',
      { Endpoint: `s3.${bucket.region}.amazonaws.com`, Bucket: name },
      { 'x-amz-bucket-region': bucket.region },
    );
  }
  const expectedOwner = exchange.headers['x-amz-expected-bucket-owner'];
  if (expectedOwner !== undefined && expectedOwner !== bucket.accountId) {
    throw new ServiceError(403, 'AccessDenied', 'Access Denied');
  }
  return bucket;
}

/** The time as S3 keeps it for objects: whole seconds, so that listings and headers agree. */
export function wholeSeconds(now: Date): string {
  return new Date(Math.floor(now.getTime() / 1000) * 1000).toISOString();
}

/** What an action is asked on. */
export interface ActionTarget {
  readonly bucket?: Pick<Bucket, 'name' | 'accountId'> & { readonly region?: string };
  readonly key?: string;
  /** Condition keys beside the ones every request has, in lower case. */
  readonly context?: Readonly<Record<string, string | null>>;
}

/** Throws AccessDenied in AWS's words unless the caller may do this. */
export function allow(exchange: Exchange, action: string, target: ActionTarget): void {
  const reason = refusal(exchange, action, target);
  if (reason === undefined) return;
  const region = target.bucket?.region;
  const headers = region === undefined ? {} : { 'x-amz-bucket-region': region };
  throw new ServiceError(403, 'AccessDenied', reason, {}, headers);
}

/** The object, or the error that a caller without s3:ListBucket must not tell from a refusal. */
export function objectOf(exchange: Exchange, bucket: Bucket, key = exchange.key): StoredObject {
  const object = bucket.find(key);
  if (object !== undefined) return object;
  allow(exchange, 's3:ListBucket', { bucket });
  throw noSuchKey(key);
}

function refusal(exchange: Exchange, action: string, target: ActionTarget): string | undefined {
  const { identity, headers } = exchange;
  if (identity === undefined) return 'Access Denied';
  const { bucket, key } = target;
  const resource =
    bucket === undefined
      ? 'arn:aws:s3:::*'
      : `arn:aws:s3:::${bucket.name}${key === undefined ? '' : `/${key}`}`;
  const context = callerContext(identity);
  for (const name of ['x-amz-server-side-encryption', 'x-amz-storage-class', 'if-none-match']) {
    const value = headers[name];
    if (typeof value === 'string') context.set(`s3:${name}`, value);
  }
  for (const [name, value] of Object.entries(target.context ?? {})) {
    if (value !== null) context.set(name, value);
  }
  const crossAccount = bucket !== undefined && bucket.accountId !== identity.accountId;
  const why =
    denialOf(identity, { action, resource, context }) ??
    // Buckets here have no policies of their own, so nothing lets another account in.
    (crossAccount ? `because no resource-based policy allows the ${action} action` : undefined);
  if (why === undefined) return undefined;
  return `User: ${identity.arn} is not authorized to perform: ${action} on resource: "${resource}" ${why}`;
}
