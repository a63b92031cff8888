import { createHash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { allow, bucketOf, objectOf, readXml, wholeSeconds } from './exchange.js';
import type { Answer, Exchange, Handler } from './exchange.js';
import { allowDecryption, keyForWriting } from './kms.js';
import type { Checksum } from './payload.js';
import { readIsDue, writeCheck } from './preconditions.js';
import { invalidArgument, ServiceError } from './service-error.js';
import { customerKey, encryptionHeaders, keyFor, requestedEncryption } from './sse.js';
import type { Encryption } from './sse.js';
import type { Bucket, ByteRange, StoredObject } from './store.js';
import { malformedXml, s3Namespace, xmlDocument, xmlText } from './xml.js';

const storageClasses = [
  'STANDARD',
  'REDUCED_REDUNDANCY',
  'STANDARD_IA',
  'ONEZONE_IA',
  'INTELLIGENT_TIERING',
  'GLACIER',
  'DEEP_ARCHIVE',
  'GLACIER_IR',
];

/** PUT of a whole object. */
export const putObject: Handler = async (exchange) => {
  const { headers, key } = exchange;
  const bucket = bucketOf(exchange);
  allowWrite(exchange, bucket);
  const check = writeCheck(headers, key);
  // A refusal is told before the body is read, and decided again when the object is made visible.
  check(bucket.find(key));
  const secret = customerKey(headers);
  const described = describe(exchange, bucket);
  const payload = exchange.payload();
  const { segment, md5 } = await bucket.write(payload.stream, secret?.key);
  const checksum = payload.checksum();
  const object: StoredObject = {
    ...described,
    key,
    size: segment.size,
    etag: etagFor(described.encryption, md5),
    lastModified: wholeSeconds(exchange.world.clock()),
    segments: [segment],
    ...(checksum && { checksum }),
  };
  commit(bucket, object, check);
  return {
    status: 200,
    headers: {
      ETag: exchange.etagOf(object),
      ...encryptionHeaders(object.encryption),
      ...checksumHeaders(checksum),
    },
  };
};

/** GET and HEAD of an object, whole or a range. */
export const getObject: Handler = (exchange) => {
  const { headers, query } = exchange;
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:GetObject', { bucket, key: exchange.key });
  const object = objectOf(exchange, bucket);
  const secret = keyFor(object.encryption, customerKey(headers));
  const etag = exchange.etagOf(object);
  const about = {
    ETag: etag,
    'Last-Modified': new Date(object.lastModified).toUTCString(),
    'Accept-Ranges': 'bytes',
    ...object.headers,
    ...encryptionHeaders(object.encryption),
    ...(object.tagging !== undefined && {
      'x-amz-tagging-count': String([...new URLSearchParams(object.tagging)].length),
    }),
  };
  if (!readIsDue(headers, etag, object.lastModified)) {
    return { status: 304, headers: { ETag: etag, 'Last-Modified': about['Last-Modified'] } };
  }
  const range = readRange(headers.range, object.size);
  const { start, end } = range ?? { start: 0, end: object.size - 1 };
  const sending = exchange.operation === 'GetObject';
  if (sending) allowDecryption(exchange, object.encryption);
  const archived = object.headers['x-amz-storage-class'];
  if (sending && (archived === 'GLACIER' || archived === 'DEEP_ARCHIVE')) {
    throw new ServiceError(
      403,
      'InvalidObjectState',
      "The operation is not valid for the object's storage class",
      { StorageClass: archived },
    );
  }
  return {
    status: range ? 206 : 200,
    headers: {
      ...about,
      ...overrides(query),
      ...(range && { 'Content-Range': `bytes ${start}-${end}/${object.size}` }),
      ...(!range &&
        headers['x-amz-checksum-mode']?.toString().toUpperCase() === 'ENABLED' &&
        checksumHeaders(object.checksum)),
    },
    length: end - start + 1,
    ...(sending && { body: bucket.read(object, { start, end }, secret) }),
  };
};

/** DELETE of one object; an absent one is a success too. */
export const deleteObject: Handler = (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:DeleteObject', { bucket, key: exchange.key });
  bucket.remove(exchange.key);
  return { status: 204 };
};

/** DELETE of up to a thousand objects, each judged by itself. */
export const deleteObjects: Handler = async (exchange) => {
  const bucket = bucketOf(exchange);
  const document = await readXml(exchange, 'Delete');
  const entries = (document.Object ?? []) as readonly Readonly<Record<string, unknown>>[];
  if (entries.length === 0 || entries.length > 1000) throw malformedXml();
  const deleted: { Key: string }[] = [];
  const errors: { Key: string; Code: string; Message: string }[] = [];
  for (const entry of entries) {
    const key = xmlText(entry, 'Key');
    if (key === undefined) throw malformedXml();
    try {
      allow(exchange, 's3:DeleteObject', { bucket, key });
      bucket.remove(key);
      deleted.push({ Key: key });
    } catch (error) {
      const { code, message } = error as ServiceError;
      errors.push({ Key: key, Code: code, Message: message });
    }
  }
  const quiet = xmlText(document, 'Quiet') === 'true';
  return xmlAnswer('DeleteResult', { Deleted: quiet ? [] : deleted, Error: errors });
};

/** Demands what writing an object demands. */
export function allowWrite(exchange: Exchange, bucket: Bucket): void {
  const target = { bucket, key: exchange.key };
  allow(exchange, 's3:PutObject', target);
  if (exchange.headers['x-amz-tagging'] !== undefined) {
    allow(exchange, 's3:PutObjectTagging', target);
  }
}

/** What the headers of a write say about the object to be. */
export function describe(
  exchange: Exchange,
  bucket: Bucket,
): Pick<StoredObject, 'headers' | 'encryption' | 'tagging'> {
  const { headers } = exchange;
  const tagging = headers['x-amz-tagging'];
  return {
    headers: describedHeaders(headers),
    encryption: requestedEncryption(headers, customerKey(headers), (named) =>
      keyForWriting(exchange, bucket, named),
    ),
    ...(typeof tagging === 'string' && { tagging: checkTagging(tagging) }),
  };
}

/** Content-Type and its kin, user metadata and storage class. */
export function describedHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const kept: Record<string, string> = { 'content-type': 'binary/octet-stream' };
  let metadataBytes = 0;
  for (const [name, value] of Object.entries(headers)) {
    if (typeof value !== 'string') continue;
    if (name.startsWith('x-amz-meta-')) {
      metadataBytes += name.length - 'x-amz-meta-'.length + value.length;
      kept[name] = value;
    } else if (keptHeaders.has(name)) {
      kept[name] = value;
    }
  }
  // The framing of the upload is no property of the object.
  const encoding = (kept['content-encoding'] ?? '').split(',').map((part) => part.trim());
  const remaining = encoding.filter((part) => part !== 'aws-chunked' && part !== '').join(',');
  delete kept['content-encoding'];
  if (remaining !== '') kept['content-encoding'] = remaining;
  const storageClass = kept['x-amz-storage-class'];
  if (storageClass !== undefined && !storageClasses.includes(storageClass)) {
    throw new ServiceError(
      400,
      'InvalidStorageClass',
      'The storage class you specified is not valid',
      { StorageClassRequested: storageClass },
    );
  }
  if (storageClass === 'STANDARD') delete kept['x-amz-storage-class'];
  if (metadataBytes > 2048) {
    throw new ServiceError(
      400,
      'MetadataTooLarge',
      'Your metadata headers exceed the maximum allowed metadata size',
      { Size: String(metadataBytes), MaxSizeAllowed: '2048' },
    );
  }
  return kept;
}

const keptHeaders = new Set([
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
  'x-amz-storage-class',
  'x-amz-website-redirect-location',
]);

/** Tags in the form of a query, checked by S3's rules. */
export function checkTagging(tagging: string): string {
  const tags = [...new URLSearchParams(tagging)];
  const names = new Set(tags.map(([name]) => name));
  const fits = ([name, value]: [string, string]) => name.length <= 128 && value.length <= 256;
  if (tags.length > 10 || names.size < tags.length || names.has('') || !tags.every(fits)) {
    throw invalidArgument(
      'x-amz-tagging',
      tagging,
      'The header x-amz-tagging must be at most ten distinct tags in the form of URL query parameters',
    );
  }
  return tagging;
}

/** An ETag from the MD5 of the content, or from something else where S3's is not the MD5 either. */
export function etagFor(encryption: Encryption, md5: Buffer): string {
  if (encryption.kind === 'AES256') return `"${md5.toString('hex')}"`;
  return `"${createHash('md5').update(md5).update(randomBytes(16)).digest('hex')}"`;
}

/** Makes an object visible, or drops its bytes when the check refuses. */
export function commit(
  bucket: Bucket,
  object: StoredObject,
  check?: (current: StoredObject | undefined) => void,
): void {
  try {
    bucket.commit(object, check);
  } catch (error) {
    bucket.discard(object.segments);
    throw error;
  }
}

/** The header that carries a checksum. */
export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  return checksum === undefined ? {} : { [`x-amz-checksum-${checksum.name}`]: checksum.value };
}

/** A 200 with a result document. */
export function xmlAnswer(root: string, value: Parameters<typeof xmlDocument>[1]): Answer {
  return {
    status: 200,
    headers: { 'Content-Type': 'application/xml' },
    body: xmlDocument(root, value, s3Namespace),
  };
}

// A header that is not one range is ignored, as RFC 9110 section 14.2 allows and S3 does.
function readRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (match === null || (match[1] === '' && match[2] === '')) return undefined;
  const [first, last] = [match[1]!, match[2]!];
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first);
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1);
  if (start >= size) {
    throw new ServiceError(416, 'InvalidRange', 'The requested range is not satisfiable', {
      RangeRequested: header!,
      ActualObjectSize: String(size),
    });
  }
  return { start, end };
}

function overrides(query: URLSearchParams): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, value] of query) {
    if (!name.startsWith('response-')) continue;
    const header = name.slice('response-'.length);
    if (!keptHeaders.has(header) || header.startsWith('x-amz-')) continue;
    if (!/^[\t\x20-\x7e]*$/.test(value)) {
      throw invalidArgument(name, value, 'Header value cannot be represented using ISO-8859-1.');
    }
    found[header] = value;
  }
  return found;
}
