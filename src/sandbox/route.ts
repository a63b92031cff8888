import type { IncomingHttpHeaders } from 'node:http';
import { notImplemented, ServiceError } from './service-error.js';

/** The operations of S3 that the sandbox knows. */
export type Operation =
  | 'ListBuckets'
  | 'CreateBucket'
  | 'HeadBucket'
  | 'DeleteBucket'
  | 'GetBucketLocation'
  | 'ListObjects'
  | 'ListObjectsV2'
  | 'DeleteObjects'
  | 'GetObject'
  | 'HeadObject'
  | 'PutObject'
  | 'CopyObject'
  | 'DeleteObject'
  | 'GetObjectTagging'
  | 'PutObjectTagging'
  | 'CreateMultipartUpload'
  | 'UploadPart'
  | 'UploadPartCopy'
  | 'CompleteMultipartUpload'
  | 'AbortMultipartUpload'
  | 'ListParts'
  | 'ListMultipartUploads';

/** Where a request goes, before anything is known about who sends it. */
export interface Address {
  readonly rawPath: string;
  readonly query: URLSearchParams;
  readonly bucketName: string;
  readonly key: string;
}

// Parts of S3 that are chosen by a query parameter and left out here.
const leftOut = [
  'accelerate',
  'acl',
  'analytics',
  'attributes',
  'cors',
  'encryption',
  'intelligent-tiering',
  'inventory',
  'legal-hold',
  'lifecycle',
  'logging',
  'metrics',
  'notification',
  'object-lock',
  'ownershipControls',
  'policy',
  'policyStatus',
  'publicAccessBlock',
  'replication',
  'requestPayment',
  'restore',
  'retention',
  'select',
  'tagging',
  'torrent',
  'versionId',
  'versioning',
  'versions',
  'website',
];

/** Reads the target of a request in path style, or in virtual-host style below `.localhost`. */
export function readAddress(target: string, host: string | undefined): Address {
  const mark = target.indexOf('?');
  const rawPath = mark < 0 ? target : target.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : target.slice(mark + 1));
  if (!rawPath.startsWith('/')) throw invalidUri();
  const virtual = /^(.+)\.localhost(?::\d+)?$/.exec(host ?? '')?.[1];
  const slash = rawPath.indexOf('/', 1);
  const end = slash < 0 ? rawPath.length : slash;
  const bucketName = virtual ?? decodePath(rawPath.slice(1, end));
  const key = decodePath(virtual === undefined ? rawPath.slice(end + 1) : rawPath.slice(1));
  if (Buffer.byteLength(key) > 1024) {
    throw new ServiceError(400, 'KeyTooLongError', 'Your key is too long', {
      Size: String(Buffer.byteLength(key)),
      MaxSizeAllowed: '1024',
    });
  }
  return { rawPath, query, bucketName, key };
}

/** Which operation a method and an address mean. */
export function operationOf(
  method: string,
  { bucketName, key, query }: Address,
  headers: IncomingHttpHeaders,
): Operation {
  const operation =
    bucketName === ''
      ? method === 'GET' && 'ListBuckets'
      : key === ''
        ? bucketOperation(method, query)
        : objectOperation(method, query, headers);
  if (operation) return operation;
  throw new ServiceError(
    405,
    'MethodNotAllowed',
    'The specified method is not allowed against this resource.',
    { Method: method },
  );
}

function bucketOperation(method: string, query: URLSearchParams): Operation | undefined {
  refuseLeftOut(query);
  switch (method) {
    case 'GET':
      if (query.has('location')) return 'GetBucketLocation';
      if (query.has('uploads')) return 'ListMultipartUploads';
      return query.get('list-type') === '2' ? 'ListObjectsV2' : 'ListObjects';
    case 'HEAD':
      return 'HeadBucket';
    case 'PUT':
      return 'CreateBucket';
    case 'DELETE':
      return 'DeleteBucket';
    case 'POST':
      return query.has('delete') ? 'DeleteObjects' : undefined;
    default:
      return undefined;
  }
}

function objectOperation(
  method: string,
  query: URLSearchParams,
  headers: IncomingHttpHeaders,
): Operation | undefined {
  if (method === 'GET' && query.has('tagging')) return 'GetObjectTagging';
  if (method === 'PUT' && query.has('tagging')) return 'PutObjectTagging';
  refuseLeftOut(query);
  if ((method === 'GET' || method === 'HEAD') && query.has('partNumber')) {
    throw notImplemented('reading one part of an object');
  }
  const upload = query.has('uploadId');
  const copies = headers['x-amz-copy-source'] !== undefined;
  switch (method) {
    case 'GET':
      return upload ? 'ListParts' : 'GetObject';
    case 'HEAD':
      return 'HeadObject';
    case 'PUT':
      if (upload) return copies ? 'UploadPartCopy' : 'UploadPart';
      return copies ? 'CopyObject' : 'PutObject';
    case 'POST':
      if (query.has('uploads')) return 'CreateMultipartUpload';
      return upload ? 'CompleteMultipartUpload' : undefined;
    case 'DELETE':
      return upload ? 'AbortMultipartUpload' : 'DeleteObject';
    default:
      return undefined;
  }
}

function refuseLeftOut(query: URLSearchParams): void {
  const name = leftOut.find((parameter) => query.has(parameter));
  if (name !== undefined) throw notImplemented(`the subresource "${name}"`);
}

/** Percent-decodes a path; what is not UTF-8 is InvalidURI. */
export function decodePath(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUri();
  }
}

function invalidUri(): ServiceError {
  return new ServiceError(400, 'InvalidURI', "Couldn't parse the specified URI.");
}
