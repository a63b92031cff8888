import { allow, bucketOf, objectOf, wholeSeconds } from './exchange.js';
import type { Exchange, Handler } from './exchange.js';
import { allowDecryption } from './kms.js';
import { storePart } from './multipart.js';
import { allowWrite, commit, describe, describedHeaders, etagFor, xmlAnswer } from './objects.js';
import { readIsDue, writeCheck } from './preconditions.js';
import { decodePath } from './route.js';
import {
  invalidArgument,
  notImplemented,
  preconditionFailed,
  ServiceError,
} from './service-error.js';
import { customerKey, encryptionHeaders, keyFor } from './sse.js';
import type { Bucket, StoredObject } from './store.js';

interface Source {
  readonly bucket: Bucket;
  readonly object: StoredObject;
  readonly key: Buffer | undefined;
}

/** PUT with x-amz-copy-source: a new object with the bytes of another. */
export const copyObject: Handler = async (exchange) => {
  const { headers, key } = exchange;
  const bucket = bucketOf(exchange);
  allowWrite(exchange, bucket);
  const source = sourceOf(exchange);
  const replaces = headers['x-amz-metadata-directive'] === 'REPLACE';
  const described = describe(exchange, bucket);
  const asked = describedHeaders(headers);
  const storageClass = asked['x-amz-storage-class'];
  const secret = customerKey(headers);
  const same = source.bucket.name === bucket.name && source.object.key === key;
  const changes = replaces || storageClass || headers['x-amz-server-side-encryption'] || secret;
  if (same && !changes) {
    throw new ServiceError(
      400,
      'InvalidRequest',
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    );
  }
  const check = writeCheck(headers, key);
  check(bucket.find(key));
  const { 'x-amz-storage-class': _sourceClass, ...sourceHeaders } = source.object.headers;
  const tagging =
    headers['x-amz-tagging-directive'] === 'REPLACE' ? described.tagging : source.object.tagging;
  const whole = { start: 0, end: source.object.size - 1 };
  const { segment, md5 } = await bucket.write(
    source.bucket.read(source.object, whole, source.key),
    secret?.key,
  );
  const object: StoredObject = {
    key,
    headers: replaces
      ? asked
      : { ...sourceHeaders, ...(storageClass && { 'x-amz-storage-class': storageClass }) },
    encryption: described.encryption,
    size: segment.size,
    etag: etagFor(described.encryption, md5),
    lastModified: wholeSeconds(exchange.world.clock()),
    segments: [segment],
    ...(tagging !== undefined && { tagging }),
  };
  commit(bucket, object, check);
  const answer = xmlAnswer('CopyObjectResult', {
    LastModified: object.lastModified,
    ETag: exchange.etagOf(object),
  });
  return { ...answer, headers: { ...answer.headers, ...encryptionHeaders(object.encryption) } };
};

/** PUT of a part with x-amz-copy-source and, mostly, x-amz-copy-source-range. */
export const uploadPartCopy: Handler = async (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:PutObject', { bucket, key: exchange.key });
  const source = sourceOf(exchange);
  const range = copyRange(exchange.headers['x-amz-copy-source-range'], source.object.size);
  const part = await storePart(exchange, bucket, {
    stream: source.bucket.read(source.object, range, source.key),
    checksum: () => undefined,
  });
  return xmlAnswer('CopyPartResult', { LastModified: part.lastModified, ETag: part.etag });
};

function sourceOf(exchange: Exchange): Source {
  const { headers } = exchange;
  const text = headers['x-amz-copy-source'] as string;
  if (text.includes('?versionId=')) throw notImplemented('copies of versions');
  const [name, ...rest] = decodePath(text).replace(/^\//, '').split('/');
  const key = rest.join('/');
  if (!name || key === '') {
    throw invalidArgument(
      'x-amz-copy-source',
      text,
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    );
  }
  const bucket = bucketOf(exchange, name);
  allow(exchange, 's3:GetObject', { bucket, key });
  const object = objectOf(exchange, bucket, key);
  if (!readIsDue(headers, object.etag, object.lastModified, 'x-amz-copy-source-')) {
    throw preconditionFailed('x-amz-copy-source-If-None-Match');
  }
  allowDecryption(exchange, object.encryption);
  return { bucket, object, key: keyFor(object.encryption, customerKey(headers, 'copy source')) };
}

function copyRange(header: string | string[] | undefined, size: number) {
  if (header === undefined) return { start: 0, end: size - 1 };
  const match = /^bytes=(\d+)-(\d+)$/.exec(String(header));
  const [start, end] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && start <= end && end < size) return { start, end };
  throw invalidArgument(
    'x-amz-copy-source-range',
    String(header),
    `Range specified is not valid for source object of size: ${size}`,
  );
}
