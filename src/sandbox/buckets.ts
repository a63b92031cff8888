import type { IncomingHttpHeaders } from 'node:http';
import { allow, bucketOf, readXml } from './exchange.js';
import type { Handler } from './exchange.js';
import { xmlAnswer } from './objects.js';
import { ServiceError } from './service-error.js';
import { isBucketName } from './store.js';
import { s3Namespace, xmlDocument, xmlText } from './xml.js';

/** GET / : the buckets of the caller's account. */
export const listBuckets: Handler = (exchange) => {
  allow(exchange, 's3:ListAllMyBuckets', {});
  const accountId = exchange.identity!.accountId;
  const own = [...exchange.world.store.buckets.values()]
    .filter((bucket) => bucket.accountId === accountId)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return xmlAnswer('ListAllMyBucketsResult', {
    Owner: { ID: accountId },
    Buckets: {
      Bucket: own.map(({ name, createdAt, region }) => ({
        Name: name,
        CreationDate: createdAt,
        BucketRegion: region,
      })),
    },
  });
};

/** PUT of a bucket, in the region its document names. */
export const createBucket: Handler = async (exchange) => {
  const { bucketName: name, identity, world } = exchange;
  if (!isBucketName(name)) {
    throw new ServiceError(400, 'InvalidBucketName', 'The specified bucket is not valid.', {
      BucketName: name,
    });
  }
  allow(exchange, 's3:CreateBucket', { bucket: { name, accountId: identity?.accountId ?? '' } });
  const empty = exchange.headers['content-length'] === '0' || !hasBody(exchange.headers);
  const document = empty ? {} : await readXml(exchange, 'CreateBucketConfiguration');
  const region = xmlText(document, 'LocationConstraint') ?? world.region;
  const existing = world.store.buckets.get(name);
  if (existing !== undefined) {
    throw existing.accountId === identity!.accountId
      ? new ServiceError(
          409,
          'BucketAlreadyOwnedByYou',
          'Your previous request to create the named bucket succeeded and you already own it.',
          { BucketName: name },
        )
      : new ServiceError(
          409,
          'BucketAlreadyExists',
          'The requested bucket name is not available. The bucket namespace is shared by all users of the system. Please select a different name and try again.',
          { BucketName: name },
        );
  }
  await world.store.createBucket({
    name,
    region,
    accountId: identity!.accountId,
    createdAt: world.clock().toISOString(),
  });
  return { status: 200, headers: { Location: `/${name}` } };
};

/** HEAD of a bucket: is it there, where is it, may I list it? */
export const headBucket: Handler = (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:ListBucket', { bucket });
  return { status: 200, headers: { 'x-amz-bucket-region': bucket.region } };
};

/** DELETE of an empty bucket. */
export const deleteBucket: Handler = async (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:DeleteBucket', { bucket });
  if (bucket.keys().length > 0) {
    throw new ServiceError(409, 'BucketNotEmpty', 'The bucket you tried to delete is not empty', {
      BucketName: bucket.name,
    });
  }
  await exchange.world.store.deleteBucket(bucket.name);
  return { status: 204 };
};

/** GET ?location: the region, empty for us-east-1 as it has always been. */
export const getBucketLocation: Handler = (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:GetBucketLocation', { bucket });
  const region = bucket.region === 'us-east-1' ? '' : bucket.region;
  return {
    status: 200,
    headers: { 'Content-Type': 'application/xml' },
    // The only result of S3 whose root is text.
    body: xmlDocument('LocationConstraint', {}, s3Namespace).replace(
      '</LocationConstraint>',
      `${region}</LocationConstraint>`,
    ),
  };
};

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}
