import type { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { AppError } from '../errors.js';
import type { BucketAccess, Purpose } from './access.js';
import { s3Client } from './client.js';
import { credentialsFor, type StsSettings } from './credentials.js';
import { download } from './download.js';
import { customerKeyInput, checkEncryption, type Encryption } from './encryption.js';
import { allowedEndpoint } from './endpoint.js';
import { awsError, statusOf, unquoted, type Attempt } from './errors.js';
import { putObject, type PutOptions, type StoredObject } from './put.js';
import { abortUpload, openUploads, type ListedUpload } from './upload.js';

export type { PutOptions, StoredObject } from './put.js';
export type { ListedUpload, NotedUpload, Uploads } from './upload.js';

/** An object as a listing shows it. Size in bytes; the ETag without its quotes. */
export interface ObjectSummary {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: Date;
}

/** What an object carries with it, as a HEAD tells. */
export interface ObjectMetadata {
  readonly etag: string;
  /** Bytes. */
  readonly size: number;
  /** User metadata, its names in lower case and without x-amz-meta-. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** One connection's bucket below its prefix, for one kind of job. Every method throws the errors of aws/errors.ts. */
export interface Bucket {
  /**
   * Objects below a full key prefix, in UTF-8 byte order of their keys, `pageSize` in a request. (Default: as many as S3 gives,
   * 1,000)
   */
  list(
    prefix: string,
    options?: { signal?: AbortSignal | undefined; pageSize?: number },
  ): AsyncIterable<ObjectSummary>;
  /** Folder names (with a trailing slash) directly below a full key prefix. */
  folders(prefix: string, signal?: AbortSignal): Promise<string[]>;
  /** One object by its exact key, for where listing is not allowed. */
  head(key: string, signal?: AbortSignal): Promise<ObjectSummary>;
  /**
   * The bytes of an object, only while it still has this ETag: OBJECT_CHANGED otherwise. Broken connections are continued
   * where they broke; `size` (as listed) tells a short body from a whole one.
   */
  open(
    key: string,
    options: { etag?: string; size?: number; signal?: AbortSignal },
  ): Promise<Readable>;
  /**
   * Stores a stream under a key: whole or not at all, and encrypted as asked or not at all.
   * @throws OBJECT_EXISTS when `overwrite` is false and the key is taken, also under a race; ENCRYPTION_REFUSED,
   * INVALID_INPUT, FILE_TOO_LARGE, and what the stream throws
   */
  put(key: string, body: Readable, options: PutOptions): Promise<StoredObject>;
  /**
   * What an object carries with it; undefined when it is not there. An object under SSE_C needs its key. It needs the right to
   * read, which sessions for writing do not have.
   * @throws ACCESS_DENIED without s3:GetObject, also for an absent object without s3:ListBucket
   */
  metadataOf(key: string, encryption?: Encryption): Promise<ObjectMetadata | undefined>;
  /** The multipart uploads under way under a key. */
  openUploads(key: string): Promise<readonly ListedUpload[]>;
  /** Aborts a multipart upload, if it is still there. */
  abortUpload(key: string, uploadId: string): Promise<void>;
  /** Proves that the bucket can be written, and leaves nothing behind. */
  probeWrite(key: string): Promise<void>;
  /** The bucket's region: the connection's, until an answer has named another. */
  region(): Promise<string>;
  close(): void;
}

/** What opening buckets needs from configuration. */
export interface BucketSettings extends StsSettings {
  readonly allowedEndpoints: readonly string[];
  /** Longest silence of S3 while it is read. (Default: 30) */
  readonly readTimeoutSeconds?: number;
}

/** Opens a connection's bucket. Nothing is sent yet. */
export function openBucket(
  access: BucketAccess,
  purpose: Purpose,
  settings: BucketSettings,
): Bucket {
  const readTimeoutMs = (settings.readTimeoutSeconds ?? 30) * 1000;
  const client = s3Client(
    access,
    credentialsFor(access, purpose, settings),
    settings.allowedEndpoints,
    settings.resolve,
    readTimeoutMs,
  );
  const attempt = (action: string, key?: string): Attempt => ({
    action,
    bucket: access.bucket,
    region: access.region,
    ...(key === undefined ? {} : { key }),
  });
  const writing = (key: string) => ({ ...attempt('s3:PutObject'), key });
  const options = (signal?: AbortSignal): SendOptions => ({
    requestTimeout: readTimeoutMs,
    ...(signal ? { abortSignal: signal } : {}),
  });
  const withinPrefix = (key: string) => {
    if (!key.startsWith(access.prefix)) {
      throw new AppError(
        'FORBIDDEN',
        `Key ${key} lies outside the connection's prefix ${access.prefix}`,
        { details: { key, prefix: access.prefix } },
      );
    }
  };

  return {
    async *list(prefix, { signal, pageSize } = {}) {
      withinPrefix(prefix);
      const listing = { prefix, pageSize };
      for await (const page of pages(client, access.bucket, listing, attempt, options(signal))) {
        for (const object of page.Contents ?? []) {
          yield summary(decodeKey(object.Key ?? ''), object);
        }
      }
    },

    async folders(prefix, signal) {
      withinPrefix(prefix);
      const folders: string[] = [];
      const listing = { prefix, delimiter: '/' };
      for await (const page of pages(client, access.bucket, listing, attempt, options(signal))) {
        for (const folder of page.CommonPrefixes ?? [])
          folders.push(decodeKey(folder.Prefix ?? ''));
      }
      return folders;
    },

    async head(key, signal) {
      withinPrefix(key);
      try {
        const { ContentLength, ETag, LastModified } = await client.send(
          new HeadObjectCommand({ Bucket: access.bucket, Key: key }),
          options(signal),
        );
        return summary(key, { Size: ContentLength, ETag, LastModified });
      } catch (error) {
        throw awsError(error, attempt('s3:GetObject', key));
      }
    },

    async open(key, options) {
      withinPrefix(key);
      return await download({
        client,
        key,
        attempt: attempt('s3:GetObject', key),
        readTimeoutMs,
        ...options,
      });
    },

    async put(key, body, putting) {
      withinPrefix(key);
      const { isAws, url } = allowedEndpoint(access.endpoint, settings.allowedEndpoints);
      const target = { client, endpoint: url, isAws, attempt: writing(key) };
      return await putObject(target, body, putting);
    },

    async metadataOf(key, encryption) {
      withinPrefix(key);
      checkEncryption(encryption, access.endpoint);
      const head = { Bucket: access.bucket, Key: key, ...customerKeyInput(encryption) };
      try {
        const found = await client.send(new HeadObjectCommand(head), options());
        const { ETag, ContentLength, Metadata } = found;
        return { etag: unquoted(ETag), size: ContentLength ?? 0, metadata: Metadata ?? {} };
      } catch (error) {
        if (statusOf(error) === 404) return undefined;
        throw awsError(error, attempt('s3:GetObject', key));
      }
    },

    async openUploads(key) {
      withinPrefix(key);
      return await openUploads({ client, attempt: writing(key) });
    },

    async abortUpload(key, uploadId) {
      withinPrefix(key);
      await abortUpload({ client, attempt: writing(key) }, uploadId);
    },

    async probeWrite(key) {
      withinPrefix(key);
      const place = { Bucket: access.bucket, Key: key };
      const failures: AppError[] = [];
      const tryTo = async <T>(action: string, send: () => Promise<T>): Promise<T | undefined> =>
        send().catch((error: unknown) => {
          failures.push(awsError(error, attempt(action, key)));
          return undefined;
        });
      const upload = await tryTo('s3:PutObject', () =>
        client.send(new CreateMultipartUploadCommand(place)),
      );
      if (upload) {
        const { UploadId } = upload;
        const part = { ...place, UploadId, PartNumber: 1, Body: Buffer.from('bucketql') };
        await tryTo('s3:PutObject', () => client.send(new UploadPartCommand(part)));
        await tryTo('s3:ListMultipartUploadParts', () =>
          client.send(new ListPartsCommand({ ...place, UploadId })),
        );
        await tryTo('s3:AbortMultipartUpload', () =>
          client.send(new AbortMultipartUploadCommand({ ...place, UploadId })),
        );
      }
      if (failures[0]) throw failures[0];
    },

    region: () => client.config.region(),

    close() {
      client.destroy();
    },
  };
}

interface SendOptions {
  readonly requestTimeout: number;
  readonly abortSignal?: AbortSignal;
}

async function* pages(
  client: S3Client,
  bucket: string,
  listing: {
    readonly prefix: string;
    readonly delimiter?: string;
    readonly pageSize?: number | undefined;
  },
  attempt: (action: string) => Attempt,
  options: SendOptions,
) {
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: listing.prefix,
      ...(listing.delimiter === undefined ? {} : { Delimiter: listing.delimiter }),
      ...(listing.pageSize === undefined ? {} : { MaxKeys: listing.pageSize }),
      // Keys may hold characters that XML cannot.
      EncodingType: 'url',
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await client.send(command, options).catch((error: unknown) => {
      throw awsError(error, attempt('s3:ListBucket'));
    });
    yield page;
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

interface ObjectFacts {
  readonly Size?: number | undefined;
  readonly ETag?: string | undefined;
  readonly LastModified?: Date | undefined;
}

function summary(key: string, { Size, ETag, LastModified }: ObjectFacts): ObjectSummary {
  return {
    key,
    size: Size ?? 0,
    etag: unquoted(ETag),
    lastModified: LastModified ?? new Date(0),
  };
}

const decodeKey = (encoded: string) => decodeURIComponent(encoded.replaceAll('+', ' '));
