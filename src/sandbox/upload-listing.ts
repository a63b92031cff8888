import { allow, bucketOf } from './exchange.js';
import type { Handler } from './exchange.js';
import { listingParameters } from './listing.js';
import { uploadOf } from './multipart.js';
import { xmlAnswer } from './objects.js';
import type { Upload } from './store.js';
import { compareUtf8 } from './utf8.js';

/** GET ?uploadId: the parts that have arrived. */
export const listParts: Handler = (exchange) => {
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:ListMultipartUploadParts', { bucket, key: exchange.key });
  const upload = uploadOf(exchange, bucket);
  const { maxKeys } = listingParameters(exchange.query, 'max-parts');
  const marker = Number(exchange.query.get('part-number-marker') ?? 0);
  const later = [...upload.parts.values()]
    .filter((part) => part.number > marker)
    .sort((a, b) => a.number - b.number);
  const page = later.slice(0, maxKeys);
  const truncated = later.length > page.length;
  return xmlAnswer('ListPartsResult', {
    Bucket: bucket.name,
    Key: upload.key,
    UploadId: upload.id,
    PartNumberMarker: marker,
    NextPartNumberMarker: truncated ? page.at(-1)?.number : undefined,
    MaxParts: maxKeys,
    IsTruncated: truncated,
    Part: page.map((part) => ({
      PartNumber: part.number,
      LastModified: part.lastModified,
      ETag: part.etag,
      Size: part.segment.size,
      ...(part.checksum && {
        [`Checksum${part.checksum.name.toUpperCase()}`]: part.checksum.value,
      }),
    })),
    StorageClass: upload.describe.headers['x-amz-storage-class'] ?? 'STANDARD',
  });
};

/** GET ?uploads: the uploads under way, by key and then by start. */
export const listMultipartUploads: Handler = (exchange) => {
  const { query } = exchange;
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:ListBucketMultipartUploads', { bucket });
  const { prefix, maxKeys, encode, encodingType } = listingParameters(query, 'max-uploads');
  const keyMarker = query.get('key-marker') ?? '';
  const idMarker = query.get('upload-id-marker');
  const found = [...bucket.uploads.values()]
    .filter((upload) => upload.key.startsWith(prefix))
    .sort(
      (a, b) =>
        compareUtf8(a.key, b.key) ||
        compareUtf8(a.startedAt, b.startedAt) ||
        compareUtf8(a.id, b.id),
    );
  const passed = (upload: Upload) =>
    compareUtf8(upload.key, keyMarker) < 0 || (upload.key === keyMarker && idMarker === null);
  const resumeAt = idMarker === null ? -1 : found.findIndex((upload) => upload.id === idMarker);
  const later =
    resumeAt >= 0
      ? found.slice(resumeAt + 1)
      : found.filter((upload) => keyMarker === '' || !passed(upload));
  const page = later.slice(0, maxKeys);
  const truncated = later.length > page.length;
  const last = page.at(-1);
  return xmlAnswer('ListMultipartUploadsResult', {
    Bucket: bucket.name,
    KeyMarker: encode(keyMarker),
    UploadIdMarker: idMarker ?? '',
    NextKeyMarker: truncated && last ? encode(last.key) : undefined,
    NextUploadIdMarker: truncated ? last?.id : undefined,
    Prefix: prefix === '' ? undefined : encode(prefix),
    EncodingType: encodingType,
    MaxUploads: maxKeys,
    IsTruncated: truncated,
    Upload: page.map((upload) => ({
      Key: encode(upload.key),
      UploadId: upload.id,
      Initiated: upload.startedAt,
      StorageClass: upload.describe.headers['x-amz-storage-class'] ?? 'STANDARD',
    })),
  });
};
