import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  ListPartsCommand,
  UploadPartCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { AppError } from '../errors.js';
import type { BucketAccess, Purpose } from './access.js';
import { s3Client } from './client.js';
import { credentialsFor, type StsSettings } from './credentials.js';
import { download } from './download.js';
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

/** Who keeps in mind which multipart uploads are open, so that they can be aborted after a crash. */
export interface Uploads {
  /** An upload was begun, and nothing is in it yet. */
  began(key: string, uploadId: string): Promise<void>;
  /** It was completed, or is known to be aborted. */
  ended(uploadId: string): Promise<void>;
}

/** One connection's bucket below its prefix, for one kind of job. Every method throws the errors of aws/errors.ts. */
export interface Bucket {
  /** Objects below a full key prefix, in UTF-8 byte order of their keys. */
  list(prefix: string, signal?: AbortSignal): AsyncIterable<ObjectSummary>;
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
      uploads?: Uploads;
      signal?: AbortSignal;
    },
  ): Promise<StoredObject>;
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

// S3 lists at most 1,000 keys a page; parts of 8 MiB keep a 50 GB file under the 10,000 parts S3 allows.
const partBytes = 8 * 2 ** 20;

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
    async *list(prefix, signal) {
      withinPrefix(prefix);
      for await (const page of pages(client, access.bucket, { prefix }, attempt, options(signal))) {
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

    async put(key, body, { overwrite, contentType, contentEncoding, uploads, signal }) {
      withinPrefix(key);
      let open: string | undefined;
      const begun = async (uploadId: string) => {
        open = uploadId;
        await uploads?.began(key, uploadId);
      };
      const ended = async () => {
        if (open !== undefined) await uploads?.ended(open);
      };
      let bytes = 0;
      async function* counted() {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          bytes += chunk.length;
          yield chunk;
        }
      }
      const upload = new Upload({
        client: tellsOfUploads(client, begun),
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
        await ended();
        return { key, bytes, etag: (ETag ?? '').replaceAll('"', '') };
      } catch (error) {
        try {
          // It was aborted already, if that could be; to be sure costs one request.
          if (open !== undefined) await this.abortUpload(key, open);
          await ended();
        } catch {
          // It stays written down, and whoever finds it there tries again.
        }
        throw awsError(error, attempt('s3:PutObject', key));
      } finally {
        signal?.removeEventListener('abort', abort);
        body.destroy();
      }
    },

    async abortUpload(key, uploadId) {
      withinPrefix(key);
      const place = { Bucket: access.bucket, Key: key, UploadId: uploadId };
      await client
        .send(new AbortMultipartUploadCommand(place), options())
        .catch((error: unknown) => {
          if ((error as { name?: unknown }).name === 'NoSuchUpload') return;
          throw awsError(error, attempt('s3:AbortMultipartUpload', key));
        });
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

/** The client, which tells of an upload that it began before anything else is sent. */
function tellsOfUploads(client: S3Client, begun: (uploadId: string) => Promise<void>): S3Client {
  client.middlewareStack.add(
    (next, { commandName }) =>
      async (args) => {
        const result = await next(args);
        const { UploadId } = result.output as { UploadId?: string };
        if (commandName === 'CreateMultipartUploadCommand' && UploadId) await begun(UploadId);
        return result;
      },
    { step: 'initialize', name: 'tellsOfUploads', override: true },
  );
  return client;
}

interface SendOptions {
  readonly requestTimeout: number;
  readonly abortSignal?: AbortSignal;
}

async function* pages(
  client: S3Client,
  bucket: string,
  listing: { readonly prefix: string; readonly delimiter?: string },
  attempt: (action: string) => Attempt,
  options: SendOptions,
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
    etag: (ETag ?? '').replaceAll('"', ''),
    lastModified: LastModified ?? new Date(0),
  };
}

const decodeKey = (encoded: string) => decodeURIComponent(encoded.replaceAll('+', ' '));
