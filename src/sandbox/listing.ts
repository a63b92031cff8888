import { allow, bucketOf } from './exchange.js';
import type { Exchange, Handler } from './exchange.js';
import { xmlAnswer } from './objects.js';
import { invalidArgument } from './service-error.js';
import type { Bucket, StoredObject } from './store.js';
import { compareUtf8 } from './utf8.js';

/** What a listing is asked for. */
export interface ListingRequest {
  readonly prefix: string;
  readonly delimiter: string;
  readonly maxKeys: number;
  /** Keys up to and including this one are passed over. */
  readonly after: string;
  /** A common prefix that an earlier page has given already. */
  readonly afterPrefix?: string;
}

/** One page: keys and common prefixes, and where the next page begins. */
export interface ListingPage {
  readonly keys: readonly string[];
  readonly commonPrefixes: readonly string[];
  readonly next?: { readonly kind: 'key' | 'prefix'; readonly value: string };
}

/** A page of the sorted keys. Common prefixes count as keys do, and are jumped over, not walked. */
export function listPage(sorted: readonly string[], request: ListingRequest): ListingPage {
  const { prefix, delimiter, maxKeys, after, afterPrefix } = request;
  const keys: string[] = [];
  const commonPrefixes: string[] = [];
  let last: ListingPage['next'];
  if (maxKeys === 0) return { keys, commonPrefixes };
  let at = firstIndex(sorted, 0, (key) => compareUtf8(key, prefix) >= 0);
  if (after !== '') at = firstIndex(sorted, at, (key) => compareUtf8(key, after) > 0);
  if (afterPrefix !== undefined) at = pastPrefix(sorted, at, afterPrefix);
  for (;;) {
    const key = sorted[at];
    if (key === undefined || !key.startsWith(prefix)) return { keys, commonPrefixes };
    if (keys.length + commonPrefixes.length === maxKeys) {
      return { keys, commonPrefixes, ...(last && { next: last }) };
    }
    const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    if (cut < 0) {
      keys.push(key);
      last = { kind: 'key', value: key };
      at += 1;
    } else {
      const common = key.slice(0, cut + delimiter.length);
      commonPrefixes.push(common);
      last = { kind: 'prefix', value: common };
      at = pastPrefix(sorted, at, common);
    }
  }
}

function pastPrefix(sorted: readonly string[], from: number, prefix: string): number {
  return firstIndex(sorted, from, (key) => !key.startsWith(prefix) && compareUtf8(key, prefix) > 0);
}

function firstIndex(
  sorted: readonly string[],
  from: number,
  holds: (key: string) => boolean,
): number {
  let low = from;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (holds(sorted[middle]!)) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** GET ?list-type=2. */
export const listObjectsV2: Handler = (exchange) => {
  const { query } = exchange;
  const bucket = allowedBucket(exchange);
  const { prefix, delimiter, maxKeys, encode, encodingType } = listingParameters(query);
  const token = query.get('continuation-token');
  const startAfter = query.get('start-after') ?? '';
  const position = token === null ? undefined : readToken(token);
  const page = listPage(bucket.keys(), {
    prefix,
    delimiter,
    maxKeys,
    after: position === undefined ? startAfter : position.kind === 'key' ? position.value : '',
    ...(position?.kind === 'prefix' && { afterPrefix: position.value }),
  });
  const fetchOwner = query.get('fetch-owner') === 'true';
  return xmlAnswer('ListBucketResult', {
    Name: bucket.name,
    Prefix: encode(prefix),
    StartAfter: query.has('start-after') ? encode(startAfter) : undefined,
    ContinuationToken: token ?? undefined,
    NextContinuationToken: page.next && writeToken(page.next),
    KeyCount: page.keys.length + page.commonPrefixes.length,
    MaxKeys: maxKeys,
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: encodingType,
    IsTruncated: page.next !== undefined,
    Contents: contents(bucket, page.keys, encode, fetchOwner),
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  });
};

/** GET of a bucket in the first version, with markers. */
export const listObjects: Handler = (exchange) => {
  const { query } = exchange;
  const bucket = allowedBucket(exchange);
  const { prefix, delimiter, maxKeys, encode, encodingType } = listingParameters(query);
  const marker = query.get('marker') ?? '';
  const markerIsPrefix = delimiter !== '' && marker.endsWith(delimiter);
  const page = listPage(bucket.keys(), {
    prefix,
    delimiter,
    maxKeys,
    after: marker,
    ...(markerIsPrefix && marker !== prefix && { afterPrefix: marker }),
  });
  return xmlAnswer('ListBucketResult', {
    Name: bucket.name,
    Prefix: encode(prefix),
    Marker: encode(marker),
    NextMarker: page.next && delimiter !== '' ? encode(page.next.value) : undefined,
    MaxKeys: maxKeys,
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: encodingType,
    IsTruncated: page.next !== undefined,
    Contents: contents(bucket, page.keys, encode, true),
    CommonPrefixes: page.commonPrefixes.map((common) => ({ Prefix: encode(common) })),
  });
};

/** The parameters every listing of S3 shares. */
export function listingParameters(query: URLSearchParams, limit = 'max-keys') {
  const asked = query.get(limit) ?? '1000';
  if (!/^\d{1,10}$/.test(asked)) {
    throw invalidArgument(limit, asked, `Provided ${limit} not an integer or within integer range`);
  }
  const encodingType = query.get('encoding-type') ?? undefined;
  if (encodingType !== undefined && encodingType !== 'url') {
    throw invalidArgument(
      'encoding-type',
      encodingType,
      'Invalid Encoding Method specified in Request',
    );
  }
  return {
    prefix: query.get('prefix') ?? '',
    delimiter: query.get('delimiter') ?? '',
    maxKeys: Math.min(Number(asked), 1000),
    encodingType,
    encode: encodingType === undefined ? (text: string) => text : urlEncode,
  };
}

function urlEncode(text: string): string {
  return encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%20', '+');
}

function allowedBucket(exchange: Exchange): Bucket {
  const { query } = exchange;
  const bucket = bucketOf(exchange);
  allow(exchange, 's3:ListBucket', {
    bucket,
    context: {
      's3:prefix': query.get('prefix'),
      's3:delimiter': query.get('delimiter'),
      's3:max-keys': query.get('max-keys'),
    },
  });
  return bucket;
}

function contents(
  bucket: Bucket,
  keys: readonly string[],
  encode: (text: string) => string,
  withOwner: boolean,
) {
  return keys.map((key) => {
    // The index and the sorted keys change together, so every listed key is there.
    const object: StoredObject = bucket.find(key)!;
    return {
      Key: encode(key),
      LastModified: object.lastModified,
      ETag: object.etag,
      ChecksumAlgorithm: object.checksum?.name.toUpperCase(),
      Size: object.size,
      Owner: withOwner ? { ID: bucket.accountId } : undefined,
      StorageClass: object.headers['x-amz-storage-class'] ?? 'STANDARD',
    };
  });
}

// Tokens are opaque to clients, and must look it: nobody should come to read keys out of them.
function writeToken({ kind, value }: NonNullable<ListingPage['next']>): string {
  return Buffer.from(JSON.stringify([kind, value])).toString('base64url');
}

function readToken(token: string): NonNullable<ListingPage['next']> {
  try {
    const [kind, value] = JSON.parse(Buffer.from(token, 'base64url').toString()) as unknown[];
    if ((kind === 'key' || kind === 'prefix') && typeof value === 'string') return { kind, value };
  } catch {
    // Falls through to S3's own words.
  }
  throw invalidArgument(
    'continuation-token',
    token,
    'The continuation token provided is incorrect',
  );
}
