import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import {
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { AppError } from '../errors.js';
import { crc32Of, differs } from './checksum.js';
import { checkEncryption, encryptionInput, type Encryption } from './encryption.js';
import { attemptsOf, awsError, statusOf, unquoted, type Attempt } from './errors.js';
import { labelsInput, type Labels, type LabelsInput } from './labels.js';
import { partsOf, type Part } from './parts.js';
import { uploadParts, type Uploads } from './upload.js';

/** What {@link putObject} stored. */
export interface StoredObject {
  readonly key: string;
  readonly bytes: number;
  readonly etag: string;
}

/** How an object is to be stored. */
export interface PutOptions extends Labels {
  /** false: an object that is there is never replaced. */
  readonly overwrite: boolean;
  readonly contentType: string;
  readonly contentEncoding?: string | undefined;
  /** Asked for and confirmed before the first byte is sent. (Default: the bucket's) */
  readonly encryption?: Encryption | undefined;
  readonly uploads?: Uploads | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Where objects are put. */
export interface PutTarget {
  readonly client: S3Client;
  /** The endpoint's URL; null is AWS. */
  readonly endpoint: string | null;
  /** Every server of AWS keeps to If-None-Match; of others older versions do not. */
  readonly isAws: boolean;
  /** Bucket and key, and what errors say was tried. */
  readonly attempt: Attempt & { readonly key: string };
}

// 10,000 parts of 8 MiB are 78 GiB. Parts that grow would go further, but not every service takes parts of unequal length.
const partBytes = 8 * 2 ** 20;
const mostParts = 10_000;
const conflictTries = 4;

/**
 * Stores a stream under a key: whole or not at all, in at most 17 MiB of memory. What is longer than one part of 8 MiB, or is to
 * be encrypted, goes as a multipart upload: its first answer tells what the server makes of the encryption.
 * @throws INVALID_INPUT, OBJECT_EXISTS, ENCRYPTION_REFUSED, FILE_TOO_LARGE, what the body throws, and the errors of errors.ts
 */
export async function putObject(
  target: PutTarget,
  body: Readable,
  options: PutOptions,
): Promise<StoredObject> {
  const { client, attempt } = target;
  const { bucket, key } = attempt;
  const { overwrite, contentType, contentEncoding, encryption, signal } = options;
  const stop = new AbortController();
  const halt = () => {
    stop.abort();
    body.destroy();
  };
  signal?.addEventListener('abort', halt, { once: true });
  // Whoever waits for its next chunk sees it.
  body.on('error', () => undefined);
  try {
    checkEncryption(encryption, target.endpoint);
    const described = {
      Bucket: bucket,
      Key: key,
      ContentType: contentType,
      ...(contentEncoding === undefined ? {} : { ContentEncoding: contentEncoding }),
      ...encryptionInput(encryption),
      ...labelsInput(options),
    };
    if (signal?.aborted) throw cancelled();
    const take = partsOf(body as AsyncIterable<Buffer>, mostParts, key);
    const buffer = Buffer.allocUnsafe(partBytes);
    const first = await take(buffer);
    if (first === undefined) throw new Error('a stream has at least one part');
    const condition = overwrite ? {} : { IfNoneMatch: '*' };
    const checked = (await client.config.requestChecksumCalculation()) === 'WHEN_SUPPORTED';
    if (first.last && encryption === undefined) {
      const command = { ...described, ...condition };
      const etag = await putWhole(target, command, first, checked, stop.signal);
      return { key, bytes: first.bytes.length, etag };
    }
    const stored = await uploadParts({
      ...target,
      described,
      condition,
      encryption,
      checked,
      take,
      first,
      buffer,
      uploads: options.uploads,
      signal: stop.signal,
      halt,
    });
    // Servers that are not AWS may drop the tags that an upload begins with (Ceph 16 does), and nobody would notice.
    if (!target.isAws && described.Tagging) await tagStored(target, options.tags ?? {});
    return { key, ...stored };
  } catch (error) {
    // A cancelled body says only that it was closed.
    if (signal?.aborted) throw awsError(cancelled(), attempt);
    throw error;
  } finally {
    signal?.removeEventListener('abort', halt);
    body.destroy();
  }
}

type WholeInput = Omit<ConstructorParameters<typeof PutObjectCommand>[0], 'Body' | 'Metadata'> &
  LabelsInput;

async function putWhole(
  { client, attempt }: PutTarget,
  input: WholeInput,
  { bytes }: Part,
  checked: boolean,
  signal: AbortSignal,
): Promise<string> {
  const crc32 = checked ? crc32Of(bytes) : undefined;
  const command = {
    ...input,
    Body: bytes,
    ...(crc32 === undefined ? {} : { ChecksumCRC32: crc32 }),
  };
  let sent = 0;
  for (let tries = 1; ; tries += 1) {
    try {
      const reply = await client.send(new PutObjectCommand(command), {
        abortSignal: signal,
      });
      if (crc32 !== undefined && reply.ChecksumCRC32 !== undefined) {
        if (reply.ChecksumCRC32 !== crc32) throw differs(attempt, crc32, reply.ChecksumCRC32);
      }
      return unquoted(reply.ETag);
    } catch (error) {
      sent += attemptsOf(error);
      // A delete came between the condition and the write: "you should retry the upload".
      if (statusOf(error) === 409 && tries < conflictTries) {
        await pause(50 * 2 ** tries * (1 + Math.random()), undefined, { signal });
        continue;
      }
      if (statusOf(error) === 412 && sent > tries) {
        return await ownObject({ client, attempt }, command, error);
      }
      throw awsError(error, attempt);
    }
  }
}

async function tagStored(
  { client, attempt }: PutTarget,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  const TagSet = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
  const place = { Bucket: attempt.bucket, Key: attempt.key };
  await client
    .send(new PutObjectTaggingCommand({ ...place, Tagging: { TagSet } }))
    .catch((error: unknown) => {
      const known = awsError(error, { ...attempt, action: 's3:PutObjectTagging' });
      throw new AppError(
        known.code,
        `Object ${attempt.key} is stored, but not its tags: ${known.message}`,
        { retryable: known.retryable, details: { ...known.details, stored: true }, cause: error },
      );
    });
}

/**
 * After an answer was lost, "there is one already" may mean the object that this very write stored. Its ETag tells, or what it
 * carries: where the bucket encrypts by itself the ETag is no digest.
 */
async function ownObject(
  { client, attempt }: Pick<PutTarget, 'client' | 'attempt'>,
  { Body: bytes, Metadata = {} }: { readonly Body: Buffer } & LabelsInput,
  taken: unknown,
): Promise<string> {
  const known = awsError(taken, attempt);
  const md5 = createHash('md5').update(bytes).digest('hex');
  const carried = Object.entries(Metadata);
  const head = new HeadObjectCommand({ Bucket: attempt.bucket, Key: attempt.key });
  // Writing needs no right to read: without it, it cannot be told.
  const found = await client.send(head).catch(() => undefined);
  if (found?.ContentLength === bytes.length) {
    const etag = unquoted(found.ETag);
    const alike = carried.every(([name, value]) => found.Metadata?.[name] === value);
    if (alike && (etag === md5 || carried.length > 0)) return etag;
  }
  if (found !== undefined) throw known;
  throw new AppError(
    known.code,
    `${known.message}. The answer to this write's first attempt was lost, so the object may be its own: allow s3:GetObject and it is looked at`,
    { details: { ...known.details, maybeOwn: true }, cause: taken },
  );
}

const cancelled = () =>
  Object.assign(new Error('The upload was cancelled'), { name: 'AbortError' });
