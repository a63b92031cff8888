import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { AppError } from '../errors.js';
import type { BucketAccess, Purpose } from './access.js';
import { s3Client } from './client.js';
import { credentialsFor, type StsSettings } from './credentials.js';
import { awsError, type Attempt } from './errors.js';

/** An object as a listing shows it. Size in bytes; the ETag without its quotes. */
export interface ObjectSummary {
  readonly key: string;
  readonly size: number;
  readonly etag: string;
  readonly lastModified: Date;
}

/** What {@link Bucket.put} stored. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
}

/** One connection's bucket below its prefix, for one kind of job. Every method throws the errors of aws/errors.ts. */
export interface Bucket {
  /** Objects below a full key prefix, in UTF-8 byte order of their keys. */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectSummary>;
  /** Folder names (with a trailing slash) directly below a full key prefix. */
  folders(prefix: string, signal?: AbortSignal): Promise<string[]>;
  /** The bytes of an object, only while it still has this ETag: OBJECT_CHANGED otherwise. */
  open(key: string, options: { etag?: string; signal?: AbortSignal }): Promise<Readable>;
  /**
   * Stores a stream under a key: whole or not at all.
   * @throws OBJECT_EXISTS when `overwrite` is false and the key is taken, also under a race
   */
  put(
    key: string,
    body: Readable,
    options: {
      overwrite: boolean;
      contentType: string;
      contentEncoding?: string;
      signal?: AbortSignal;
    },
  ): Promise<StoredObject>;
  /** Proves that the bucket can be written, and leaves nothing behind. */
  probeWrite(key: string): Promise<void>;
  close(): void;
}

/** What opening buckets needs from configuration. */
export interface BucketSettings extends StsSettings {
  readonly allowedEndpoints: readonly string[];
}

// S3 lists at most 1,000 keys a page; parts of 8 MiB keep a 50 GB file under the 10,000 parts S3 allows.
const partBytes = 8 * 2 ** 20;

/** Opens a connection's bucket. Nothing is sent yet. */
export function openBucket(
  access: BucketAccess,
  purpose: Purpose,
  settings: BucketSettings,
): Bucket {
  const client = s3Client(
    access,
    credentialsFor(access, purpose, settings),
    settings.allowedEndpoints,
  );
  const attempt = (action: string, key?: string): Attempt => ({
    action,
    bucket: access.bucket,
    region: access.region,
    ...(key === undefined ? {} : { key }),
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
    async *list(prefix, signal) {
      withinPrefix(prefix);
      for await (const page of pages(client, access.bucket, { prefix }, attempt, signal)) {
        for (const object of page.Contents ?? []) {
          yield {
            key: decodeKey(object.Key ?? ''),
            size: object.Size ?? 0,
            etag: (object.ETag ?? '').replaceAll('"', ''),
            lastModified: object.LastModified ?? new Date(0),
          };
        }
      }
    },

    async folders(prefix, signal) {
      withinPrefix(prefix);
      const folders: string[] = [];
      const listing = { prefix, delimiter: '/' };
      for await (const page of pages(client, access.bucket, listing, attempt, signal)) {
        for (const folder of page.CommonPrefixes ?? [])
          folders.push(decodeKey(folder.Prefix ?? ''));
      }
      return folders;
    },

    async open(key, { etag, signal }) {
      withinPrefix(key);
      try {
        const { Body } = await client.send(
          new GetObjectCommand({
            Bucket: access.bucket,
            Key: key,
            ...(etag === undefined ? {} : { IfMatch: `"${etag}"` }),
          }),
          signal ? { abortSignal: signal } : {},
        );
        if (!Body) throw new AppError('S3_ERROR', `S3 sent no body for object ${key}`);
        return Body as Readable;
      } catch (error) {
        throw awsError(error, attempt('s3:GetObject', key));
      }
    },

    async put(key, body, { overwrite, contentType, contentEncoding, signal }) {
      withinPrefix(key);
      let bytes = 0;
      async function* counted() {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          bytes += chunk.length;
          yield chunk;
        }
      }
      const upload = new Upload({
        client,
        params: {
          Bucket: access.bucket,
          Key: key,
          Body: Readable.from(counted(), { objectMode: false }),
          ContentType: contentType,
          ...(contentEncoding === undefined ? {} : { ContentEncoding: contentEncoding }),
          ...(overwrite ? {} : { IfNoneMatch: '*' }),
        },
        partSize: partBytes,
        queueSize: 2,
      });
      const abort = () => void upload.abort();
      signal?.addEventListener('abort', abort, { once: true });
      try {
        const { ETag } = await upload.done();
        return { key, bytes, etag: (ETag ?? '').replaceAll('"', '') };
      } catch (error) {
        throw awsError(error, attempt('s3:PutObject', key));
      } finally {
        signal?.removeEventListener('abort', abort);
        body.destroy();
      }
    },

    async probeWrite(key) {
      withinPrefix(key);
      const place = { Bucket: access.bucket, Key: key };
      let action = 's3:PutObject';
      try {
        const { UploadId } = await client.send(new CreateMultipartUploadCommand(place));
        const part = { ...place, UploadId, PartNumber: 1, Body: Buffer.from('bucketql') };
        try {
          await client.send(new UploadPartCommand(part));
        } finally {
          action = 's3:AbortMultipartUpload';
          await client.send(new AbortMultipartUploadCommand({ ...place, UploadId }));
        }
      } catch (error) {
        throw awsError(error, attempt(action, key));
      }
    },

    close() {
      client.destroy();
    },
  };
}

async function* pages(
  client: S3Client,
  bucket: string,
  listing: { readonly prefix: string; readonly delimiter?: string },
  attempt: (action: string) => Attempt,
  signal?: AbortSignal,
) {
  let token: string | undefined;
  do {
    const command = new ListObjectsV2Command({
      Bucket: bucket,
      Prefix: listing.prefix,
      ...(listing.delimiter === undefined ? {} : { Delimiter: listing.delimiter }),
      // Keys may hold characters that XML cannot.
      EncodingType: 'url',
      ...(token === undefined ? {} : { ContinuationToken: token }),
    });
    const page = await client
      .send(command, signal ? { abortSignal: signal } : {})
      .catch((error: unknown) => {
        throw awsError(error, attempt('s3:ListBucket'));
      });
    yield page;
    token = page.IsTruncated ? page.NextContinuationToken : undefined;
  } while (token !== undefined);
}

const decodeKey = (encoded: string) => decodeURIComponent(encoded.replaceAll('+', ' '));
