import { createHash, randomBytes } from 'node:crypto';
import { createChecksum } from './checksums.js';
import { allow, bucketOf, readXml, wholeSeconds } from './exchange.js';
import type { Exchange, Handler } from './exchange.js';
import { allowDecryption } from './kms.js';
import { allowWrite, checksumHeaders, describe, etagFor, xmlAnswer } from './objects.js';
import type { Payload } from './payload.js';
import { writeCheck } from './preconditions.js';
import { invalidArgument, ServiceError } from './service-error.js';
import { customerKey, encryptionHeaders, keyFor } from './sse.js';
import type { Bucket, Part, StoredObject, Upload } from './store.js';
import { malformedXml, xmlText } from './xml.js';

const minPartBytes = 5 * 1024 * 1024;
const maxParts = 10_000;
const rememberedUploads = 100;

/** POST ?uploads. */
export const createMultipartUpload: Handler = (exchange) => {
  const bucket = bucketOf(exchange);
  allowWrite(exchange, bucket);
  const upload: Upload = {
    id: randomBytes(48).toString('base64url'),
    key: exchange.key,
    startedAt: wholeSeconds(exchange.world.clock()),
    parts: new Map(),
    describe: describe(exchange, bucket),
  };
  bucket.uploads.set(upload.id, upload);
  const answer = xmlAnswer('InitiateMultipartUploadResult', {
    Bucket: bucket.name,
    Key: upload.key,
    UploadId: upload.id,
  });
  const algorithm = exchange.headers['x-amz-checksum-algorithm'];
  return {
    ...answer,
    headers: {
      ...answer.headers,
      ...encryptionHeaders(upload.describe.encryption),
      ...(typeof algorithm === 'string' && { 'x-amz-checksum-algorithm': algorithm }),
    },
  };
};

/** PUT ?partNumber&uploadId. */
export const uploadPart: Handler = async (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:PutObject', { bucket, key: exchange.key });
  const part = await storePart(exchange, bucket, exchange.payload());
  const { encryption } = uploadOf(exchange, bucket).describe;
  return {
    status: 200,
    headers: {
      ETag: part.etag,
      ...encryptionHeaders(encryption),
      ...checksumHeaders(part.checksum),
    },
  };
};

/** Writes a part's bytes and remembers it in its upload; a second one of its number replaces the first. */
export async function storePart(
  exchange: Exchange,
  bucket: Bucket,
  payload: Payload,
): Promise<Part> {
  const upload = uploadOf(exchange, bucket);
  const number = partNumber(exchange.query.get('partNumber'));
  const { encryption } = upload.describe;
  const secret = keyFor(encryption, customerKey(exchange.headers));
  allowDecryption(exchange, encryption);
  const { segment, md5 } = await bucket.write(payload.stream, secret);
  if (!bucket.uploads.has(upload.id)) {
    bucket.discard([segment]);
    throw noSuchUpload(upload.id);
  }
  const checksum = payload.checksum();
  const part: Part = {
    number,
    segment,
    md5,
    etag: etagFor(encryption, md5),
    lastModified: wholeSeconds(exchange.world.clock()),
    ...(checksum && { checksum }),
  };
  const replaced = upload.parts.get(number);
  if (replaced) bucket.discard([replaced.segment]);
  upload.parts.set(number, part);
  return part;
}

/** POST ?uploadId: the listed parts, in order, become the object. */
export const completeMultipartUpload: Handler = async (exchange) => {
  const { headers, key } = exchange;
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:PutObject', { bucket, key });
  const document = await readXml(exchange, 'CompleteMultipartUpload');
  const uploadId = exchange.query.get('uploadId') ?? '';
  // A client that lost the first answer asks again, and must not be told that its upload is gone.
  const before = bucket.completed.get(uploadId);
  if (before?.key === key) return completed(exchange, bucket, before);
  const upload = uploadOf(exchange, bucket);
  const parts = chosenParts(upload, document);
  const object: StoredObject = {
    ...upload.describe,
    key,
    size: parts.reduce((size, part) => size + part.segment.size, 0),
    etag: multipartEtag(parts),
    lastModified: wholeSeconds(exchange.world.clock()),
    segments: parts.map((part) => part.segment),
    ...compositeChecksum(parts),
  };
  // Not the shared commit: a refused completion leaves the upload and its parts where they are.
  bucket.commit(object, writeCheck(headers, key));
  bucket.uploads.delete(uploadId);
  const used = new Set(parts);
  bucket.discard([...upload.parts.values()].filter((p) => !used.has(p)).map((p) => p.segment));
  bucket.completed.set(uploadId, object);
  const [oldest] = bucket.completed.keys();
  if (bucket.completed.size > rememberedUploads) bucket.completed.delete(oldest!);
  return completed(exchange, bucket, object);
};

function completed(exchange: Exchange, bucket: Bucket, object: StoredObject) {
  const { checksum } = object;
  const answer = xmlAnswer('CompleteMultipartUploadResult', {
    Location: `http://${exchange.headers.host}/${bucket.name}/${encodeURIComponent(object.key)}`,
    Bucket: bucket.name,
    Key: object.key,
    ETag: exchange.etagOf(object),
    ...(checksum && {
      [`Checksum${checksum.name.toUpperCase()}`]: checksum.value,
      ChecksumType: 'COMPOSITE',
    }),
  });
  return { ...answer, headers: { ...answer.headers, ...encryptionHeaders(object.encryption) } };
}

/** DELETE ?uploadId: the upload and its parts are gone. */
export const abortMultipartUpload: Handler = (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:AbortMultipartUpload', { bucket, key: exchange.key });
  const upload = uploadOf(exchange, bucket);
  bucket.uploads.delete(upload.id);
  bucket.discard([...upload.parts.values()].map((part) => part.segment));
  return { status: 204 };
};

/** The upload of the request; NoSuchUpload when it is gone or another key's. */
export function uploadOf(exchange: Exchange, bucket: Bucket): Upload {
  const id = exchange.query.get('uploadId') ?? '';
  const upload = bucket.uploads.get(id);
  if (upload?.key !== exchange.key) throw noSuchUpload(id);
  return upload;
}

function chosenParts(upload: Upload, document: Readonly<Record<string, unknown>>): Part[] {
  const entries = (document.Part ?? []) as readonly Readonly<Record<string, unknown>>[];
  if (entries.length === 0) throw malformedXml();
  const parts: Part[] = [];
  for (const entry of entries) {
    const number = Number(xmlText(entry, 'PartNumber'));
    const etag = xmlText(entry, 'ETag')?.replaceAll('"', '');
    const part = upload.parts.get(number);
    if (part === undefined || part.etag.replaceAll('"', '') !== etag) throw invalidPart(number);
    const claimed = part.checksum && xmlText(entry, `Checksum${part.checksum.name.toUpperCase()}`);
    if (claimed !== undefined && claimed !== part.checksum?.value) throw invalidPart(number);
    if (number <= (parts.at(-1)?.number ?? 0)) {
      throw new ServiceError(
        400,
        'InvalidPartOrder',
        'The list of parts was not in ascending order. Parts must be ordered by part number.',
      );
    }
    parts.push(part);
  }
  for (const part of parts.slice(0, -1)) {
    if (part.segment.size < minPartBytes) {
      throw new ServiceError(
        400,
        'EntityTooSmall',
        'Your proposed upload is smaller than the minimum allowed size',
        {
          ProposedSize: String(part.segment.size),
          MinSizeAllowed: String(minPartBytes),
          PartNumber: String(part.number),
        },
      );
    }
  }
  return parts;
}

function multipartEtag(parts: readonly Part[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part.md5);
  return `"${hash.digest('hex')}-${parts.length}"`;
}

function compositeChecksum(parts: readonly Part[]): Pick<StoredObject, 'checksum'> {
  const name = parts[0]?.checksum?.name;
  // Of this one S3 knows only the checksum of the whole, which parts alone do not give.
  if (name === undefined || name === 'crc64nvme') return {};
  const digest = createChecksum(name);
  for (const { checksum } of parts) {
    if (checksum?.name !== name) return {};
    digest.update(Buffer.from(checksum.value, 'base64'));
  }
  return { checksum: { name, value: `${digest.digest().toString('base64')}-${parts.length}` } };
}

function partNumber(text: string | null): number {
  const number = /^\d{1,5}$/.test(text ?? '') ? Number(text) : 0;
  if (number >= 1 && number <= maxParts) return number;
  throw invalidArgument(
    'partNumber',
    text ?? '',
    `Part number must be an integer between 1 and ${maxParts}, inclusive`,
  );
}

function noSuchUpload(id: string): ServiceError {
  return new ServiceError(
    404,
    'NoSuchUpload',
    'The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.',
    { UploadId: id },
  );
}

function invalidPart(number: number): ServiceError {
  return new ServiceError(
    400,
    'InvalidPart',
    "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
    { PartNumber: String(number) },
  );
}
