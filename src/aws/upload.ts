import { createHash } from 'node:crypto';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  type CompleteMultipartUploadCommandOutput,
  type CompletedPart,
  type CreateMultipartUploadCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { AppError } from '../errors.js';
import { compositeCrc32, crc32Of, differs } from './checksum.js';
import { customerKeyInput, unconfirmed, type Encryption } from './encryption.js';
import { attemptsOf, awsError, statusOf, unquoted, type Attempt } from './errors.js';
import type { Part, TakePart } from './parts.js';

/** Who keeps in mind which multipart uploads are open, so that they can be aborted after a crash. */
export interface Uploads {
  /** An upload is about to begin: from now on there may be one under this key whose id nobody was told. */
  begins(key: string): Promise<NotedUpload>;
}

/** An upload that is kept in mind. */
export interface NotedUpload {
  /** It has begun, and nothing is in it yet. */
  began(uploadId: string): Promise<void>;
  /** It was completed, is known to be aborted, or never began. */
  ended(): Promise<void>;
}

/** An upload as a listing shows it. */
export interface ListedUpload {
  readonly uploadId: string;
  /** By the clock of S3. */
  readonly begunAt: Date;
}

/** Where an upload is. */
export interface UploadTarget {
  readonly client: S3Client;
  /** Bucket and key, and what errors say was tried. */
  readonly attempt: Attempt & { readonly key: string };
}

/** One multipart upload that is to be. */
export interface UploadJob extends UploadTarget {
  /** Every server of AWS keeps to If-None-Match. */
  readonly isAws: boolean;
  /** Of the object: type, encryption, tags and so on. */
  readonly described: CreateMultipartUploadCommandInput;
  /** Of its completion. */
  readonly condition: { readonly IfNoneMatch?: string };
  readonly encryption: Encryption | undefined;
  /** Whether checksums are sent, and compared with the answers. */
  readonly checked: boolean;
  /** Already taken, into `buffer`. */
  readonly first: Part;
  readonly buffer: Buffer;
  readonly take: TakePart;
  readonly uploads: Uploads | undefined;
  readonly signal: AbortSignal;
  /** Ends what is being read and sent. */
  halt(): void;
}

/** What an upload became. */
interface Completed {
  readonly bytes: number;
  readonly etag: string;
}

interface SentPart extends CompletedPart {
  readonly ETag: string;
  readonly bytes: number;
}

type CompletionReply = Pick<
  CompleteMultipartUploadCommandOutput,
  'ETag' | 'ChecksumCRC32' | 'ChecksumType'
>;

/** Begins an upload, sends its parts two at a time, and completes it; on any failure it is aborted, and what failed is thrown. */
export async function uploadParts(job: UploadJob): Promise<Completed> {
  const { client, attempt, uploads } = job;
  const { key } = attempt;
  const begin = new CreateMultipartUploadCommand({
    ...job.described,
    ...(job.checked ? { ChecksumAlgorithm: 'CRC32' } : {}),
  });
  const note = await uploads?.begins(key);
  // Not to be cancelled: the upload would be there, and nobody would know its id.
  const begun = await client.send(begin).catch(async (error: unknown) => {
    // Whoever was refused at once has begun nothing. Where an answer was lost, this one or one before, the note stays.
    const status = statusOf(error) ?? 0;
    const refused = status >= 400 && status < 500 && attemptsOf(error) === 1;
    if (refused) await note?.ended().catch(() => undefined);
    throw awsError(error, attempt);
  });
  const uploadId = begun.UploadId;
  if (!uploadId) throw new AppError('S3_ERROR', `S3 gave no id for the upload of object ${key}`);
  try {
    await note?.began(uploadId);
    if (job.encryption) confirm(job.encryption, begun, attempt);
    const completed = await complete(job, uploadId, await sendParts(job, uploadId));
    // If that fails it stays written down, and whoever finds it there sees that it is gone.
    await note?.ended().catch(() => undefined);
    return completed;
  } catch (error) {
    try {
      await abortUpload(job, uploadId);
      await note?.ended();
    } catch {
      // It stays written down, and whoever finds it there tries again.
    }
    throw error;
  }
}

function confirm(
  encryption: Encryption,
  reply: Parameters<typeof unconfirmed>[1],
  { key, bucket }: Attempt,
): void {
  const why = unconfirmed(encryption, reply);
  if (why === undefined) return;
  throw new AppError(
    'ENCRYPTION_REFUSED',
    `S3 was asked to encrypt object ${key} with ${encryption.kind}, and ${why}; nothing was sent. Choose an encryption that this service has`,
    { details: { key, bucket, encryption: encryption.kind } },
  );
}

/** Sends all parts from two buffers, which is all the memory it takes. */
async function sendParts(job: UploadJob, uploadId: string): Promise<SentPart[]> {
  const { take, first, buffer } = job;
  const sent: SentPart[] = [];
  const work = async (part: Part | undefined, into: Buffer) => {
    for (let next = part; next; next = await take(into)) {
      sent[next.number - 1] = await sendPart(job, uploadId, next);
    }
  };
  const besides = async () => {
    if (first.last) return;
    const into = Buffer.allocUnsafe(buffer.length);
    await work(await take(into), into);
  };
  const failures: unknown[] = [];
  const halting = (error: unknown) => {
    failures.push(error);
    job.halt();
  };
  // Both have ended before the upload is aborted, or a part of it might stay.
  await Promise.all([work(first, buffer).catch(halting), besides().catch(halting)]);
  if (failures.length > 0) throw failures[0];
  return sent;
}

async function sendPart(job: UploadJob, uploadId: string, part: Part): Promise<SentPart> {
  const { client, attempt } = job;
  const { bucket, key } = attempt;
  const crc32 = job.checked ? crc32Of(part.bytes) : undefined;
  const command = new UploadPartCommand({
    Bucket: bucket,
    Key: key,
    UploadId: uploadId,
    PartNumber: part.number,
    Body: part.bytes,
    ...customerKeyInput(job.encryption),
    ...(crc32 === undefined ? {} : { ChecksumCRC32: crc32 }),
  });
  const { ETag, ChecksumCRC32 } = await client
    .send(command, { abortSignal: job.signal })
    .catch((error: unknown) => {
      throw awsError(error, attempt);
    });
  if (!ETag) throw new AppError('S3_ERROR', `S3 gave no ETag for part ${part.number} of ${key}`);
  if (crc32 !== undefined && ChecksumCRC32 !== undefined && ChecksumCRC32 !== crc32) {
    throw differs(attempt, crc32, ChecksumCRC32);
  }
  return {
    PartNumber: part.number,
    ETag,
    ...(crc32 === undefined || ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }),
    bytes: part.bytes.length,
  };
}

async function complete(
  job: UploadJob,
  uploadId: string,
  parts: readonly SentPart[],
): Promise<Completed> {
  const { client, attempt } = job;
  const { bucket, key } = attempt;
  const bytes = parts.reduce((sum, part) => sum + part.bytes, 0);
  if (!job.isAws && job.condition.IfNoneMatch) await refuseTaken(job);
  const command = new CompleteMultipartUploadCommand({
    Bucket: bucket,
    Key: key,
    UploadId: uploadId,
    MultipartUpload: { Parts: parts.map(({ bytes: _, ...part }) => part) },
    ...customerKeyInput(job.encryption),
    ...job.condition,
  });
  // Not to be cancelled: nobody could say whether the object is there.
  const reply: CompletionReply = await client.send(command).catch(async (error: unknown) => {
    const lost = attemptsOf(error) > 1 || (statusOf(error) ?? 500) >= 500;
    // An answer was lost, and the upload is gone: it was completed, as nobody else aborts it.
    if (lost && (await isGone(job, uploadId))) return {};
    throw awsError(error, attempt);
  });
  checkComposite(attempt, parts, reply);
  return { bytes, etag: unquoted(reply.ETag) || etagOf(parts) };
}

/**
 * Refuses a key that is taken, where it can be seen. Servers that are not AWS may forget If-None-Match when parts are
 * completed (Ceph 16 does); a look right before leaves only a race.
 */
async function refuseTaken({ client, attempt, encryption }: UploadJob): Promise<void> {
  const place = { Bucket: attempt.bucket, Key: attempt.key };
  // An object under a customer's key is shown to whoever brings that key, all others only to who brings none.
  for (const customerKey of encryption?.kind === 'SSE_C'
    ? [customerKeyInput(encryption), {}]
    : [{}]) {
    const head = new HeadObjectCommand({ ...place, ...customerKey });
    // Writing needs no right to read: without it, the condition alone must do.
    const found = await client.send(head).catch(() => undefined);
    if (found) throw awsError({ name: 'PreconditionFailed' }, attempt);
  }
}

function checkComposite(
  attempt: Attempt,
  parts: readonly SentPart[],
  reply: CompletionReply,
): void {
  if (reply.ChecksumCRC32 === undefined || reply.ChecksumType !== 'COMPOSITE') return;
  const stored = reply.ChecksumCRC32.replace(/-\d+$/, '');
  const checksums = parts.flatMap((part) => part.ChecksumCRC32 ?? []);
  if (checksums.length < parts.length) return;
  const sent = compositeCrc32(checksums);
  if (stored !== sent) throw differs(attempt, sent, stored);
}

// A part that was under way may arrive after the abort, and stays then.
const abortTries = 3;

/** Aborts a multipart upload, if it is still there, and looks whether it is gone. */
export async function abortUpload(target: UploadTarget, uploadId: string): Promise<void> {
  const { client, attempt } = target;
  for (let tries = 1; tries <= abortTries; tries += 1) {
    try {
      await client.send(new AbortMultipartUploadCommand(placeOf(target, uploadId)));
    } catch (error) {
      if (isNoSuchUpload(error)) return;
      throw awsError(error, { ...attempt, action: 's3:AbortMultipartUpload' });
    }
    // false is "still there"; who may not list its parts cannot know, and takes the abort's word.
    if ((await isGone(target, uploadId)) !== false) return;
  }
}

/** The uploads under way under exactly this key. */
export async function openUploads({ client, attempt }: UploadTarget): Promise<ListedUpload[]> {
  const { bucket, key } = attempt;
  const found: ListedUpload[] = [];
  let after: { readonly KeyMarker: string; readonly UploadIdMarker: string } | undefined;
  do {
    const page = await client
      .send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key, ...after }))
      .catch((error: unknown) => {
        throw awsError(error, { ...attempt, action: 's3:ListBucketMultipartUploads' });
      });
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      // Keys that only begin with this one come behind it.
      if (Key !== key) return found;
      if (UploadId && Initiated) found.push({ uploadId: UploadId, begunAt: Initiated });
    }
    const { IsTruncated, NextKeyMarker, NextUploadIdMarker } = page;
    after =
      IsTruncated && NextKeyMarker && NextUploadIdMarker
        ? { KeyMarker: NextKeyMarker, UploadIdMarker: NextUploadIdMarker }
        : undefined;
  } while (after);
  return found;
}

/** Whether an upload was completed or aborted; undefined when that cannot be found out. */
async function isGone(target: UploadTarget, uploadId: string): Promise<boolean | undefined> {
  try {
    await target.client.send(new ListPartsCommand(placeOf(target, uploadId)));
    return false;
  } catch (error) {
    return isNoSuchUpload(error) ? true : undefined;
  }
}

const placeOf = ({ attempt }: UploadTarget, UploadId: string) => ({
  Bucket: attempt.bucket,
  Key: attempt.key,
  UploadId,
});

const isNoSuchUpload = (error: unknown) => (error as { name?: unknown }).name === 'NoSuchUpload';

// What S3 makes of its parts' ETags, for where its own answer was lost or leaves it out (Ceph 16).
function etagOf(parts: readonly SentPart[]): string {
  const digests = parts.map(({ ETag }) => Buffer.from(unquoted(ETag), 'hex'));
  return `${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${parts.length}`;
}
