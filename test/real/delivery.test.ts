import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Encryption } from '../../src/aws/encryption.js';
import { openBucket, type Bucket, type PutOptions } from '../../src/aws/objects.js';
import { accessTo } from '../support/access.js';
import { noting } from '../support/uploads.js';

const endpoint = process.env.BUCKETQL_TEST_GATEWAY ?? '';
const region = 'us-east-1';
const ownerKeys = { accessKeyId: 'AKIAOWNER00000000001', secretAccessKey: 'owner-secret' };
const small = Buffer.from('id,name\n1,Ann\n');
const large = randomBytes(17 * 2 ** 20 + 13);
const csv = { overwrite: false, contentType: 'text/csv' } satisfies PutOptions;
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

describe('an object that is put to the Ceph gateway', () => {
  const Bucket = `delivery-${randomUUID()}`;
  let owner: S3Client;
  let bucket: Bucket;
  let keys = 0;
  const newKey = () => `out/${++keys}.csv`;

  beforeAll(async () => {
    owner = new S3Client({
      region,
      endpoint,
      credentials: ownerKeys,
      forcePathStyle: true,
      requestChecksumCalculation: 'WHEN_REQUIRED',
      responseChecksumValidation: 'WHEN_REQUIRED',
    });
    await owner.send(new CreateBucketCommand({ Bucket }));
    bucket = openBucket(accessTo(endpoint, { ...ownerKeys, bucket: Bucket }), 'write', {
      region,
      sessionSeconds: 900,
      allowedEndpoints: [endpoint],
    });
  });
  afterEach(async () => {
    const { Uploads = [] } = await owner.send(new ListMultipartUploadsCommand({ Bucket }));
    expect(Uploads).toEqual([]);
  });
  afterAll(async () => {
    bucket.close();
    const { Contents = [] } = await owner.send(new ListObjectsV2Command({ Bucket }));
    for (const { Key } of Contents) await owner.send(new DeleteObjectCommand({ Bucket, Key }));
    await owner.send(new DeleteBucketCommand({ Bucket }));
    owner.destroy();
  });

  const put = (key: string, bytes: Buffer, options: Partial<PutOptions> = {}) =>
    bucket.put(key, Readable.from([bytes]), { ...csv, ...options });
  const read = async (key: string, more: object = {}) => {
    const { Body } = await owner.send(new GetObjectCommand({ Bucket, Key: key, ...more }));
    return Body!.transformToByteArray();
  };

  it.each([
    ['empty', Buffer.alloc(0)],
    ['small', small],
    ['of several parts', large],
  ])('is there byte by byte when it is %s, with type, tags and metadata', async (_, bytes) => {
    const key = newKey();
    const tags = { team: 'data', 'cost center': 'ä/1=2' };
    const metadata = { 'bucketql-run': '42' };
    const stored = await put(key, bytes, { tags, metadata });
    expect(sha256(await read(key))).toBe(sha256(bytes));
    expect(await bucket.metadataOf(key)).toEqual({
      etag: stored.etag,
      size: bytes.length,
      metadata,
    });
    const head = await owner.send(new HeadObjectCommand({ Bucket, Key: key }));
    expect(head.ContentType).toBe('text/csv');
    const tagging = await owner.send(new GetObjectTaggingCommand({ Bucket, Key: key }));
    const found = (tagging.TagSet ?? []).map((tag) => [tag.Key, tag.Value]);
    expect(Object.fromEntries(found)).toEqual(tags);
    expect(await bucket.metadataOf(newKey())).toBeUndefined();
  });

  it.each([
    ['small', small],
    ['of several parts', large],
  ])('can be read with its own key only under SSE_C, %s', async (_, bytes) => {
    const key = newKey();
    const encryption: Encryption = { kind: 'SSE_C', key: randomBytes(32) };
    await put(key, bytes, { encryption });
    const secret = {
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKey: encryption.key.toString('base64'),
    };
    expect(sha256(await read(key, secret))).toBe(sha256(bytes));
    await expect(read(key)).rejects.toMatchObject({ $metadata: { httpStatusCode: 400 } });
    expect(await bucket.metadataOf(key, encryption)).toMatchObject({ size: bytes.length });
    await expect(put(key, bytes, { encryption })).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
  });

  it.each([
    ['small', small],
    ['of several parts', large],
  ])('is encrypted under a key of KMS, %s', async (_, bytes) => {
    const key = newKey();
    await put(key, bytes, { encryption: { kind: 'SSE_KMS', keyId: 'testkey-1' } });
    const head = await owner.send(new HeadObjectCommand({ Bucket, Key: key }));
    expect(head).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'testkey-1' });
    expect(sha256(await read(key))).toBe(sha256(bytes));
  });

  it('fails under a key of KMS that is not there, and is not there then', async () => {
    const key = newKey();
    await expect(
      put(key, small, { encryption: { kind: 'SSE_KMS', keyId: 'no-such-key' } }),
    ).rejects.toMatchObject({
      // Ceph speaks of an access key where it means the one of KMS.
      code: expect.stringMatching(/^(S3_ERROR|CREDENTIALS_INVALID)$/),
      message: expect.stringContaining('no-such-key'),
    });
    expect(await bucket.metadataOf(key)).toBeUndefined();
  });

  it.each([
    ['small', small],
    ['of several parts', large],
  ])('is not there when SSE_S3 was asked for, which the gateway ignores, %s', async (_, bytes) => {
    const key = newKey();
    await expect(put(key, bytes, { encryption: { kind: 'SSE_S3' } })).rejects.toMatchObject({
      code: 'ENCRYPTION_REFUSED',
      details: { key, encryption: 'SSE_S3' },
    });
    expect(await bucket.metadataOf(key)).toBeUndefined();
  });

  it('is never replaced without overwrite, small or in parts', async () => {
    for (const bytes of [small, large]) {
      const key = newKey();
      await owner.send(new PutObjectCommand({ Bucket, Key: key, Body: 'mine' }));
      await expect(put(key, bytes)).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
      expect(Buffer.from(await read(key)).toString()).toBe('mine');
      await put(key, bytes, { overwrite: true });
      expect(sha256(await read(key))).toBe(sha256(bytes));
    }
  });

  it('is that of one of 50 racing writers', async () => {
    const key = newKey();
    const bodies = Array.from({ length: 50 }, (_, writer) => Buffer.from(`id\n${writer}\n`));
    const ends = await Promise.allSettled(bodies.map((body) => put(key, body)));
    const won = ends.flatMap((end, writer) => (end.status === 'fulfilled' ? [writer] : []));
    expect(won).toHaveLength(1);
    for (const end of ends) {
      if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'OBJECT_EXISTS' });
    }
    expect(Buffer.from(await read(key)).equals(bodies[won[0]!]!)).toBe(true);
  });

  it('is not there, nor any part of it, after a failure or a cancellation', async () => {
    const key = newKey();
    const body = Readable.from(
      (function* () {
        yield large;
        throw new RangeError('the rows ran out');
      })(),
    );
    await expect(bucket.put(key, body, csv)).rejects.toThrow('the rows ran out');
    const control = new AbortController();
    const uploads = noting({
      began: () => Promise.resolve(control.abort()),
      ended: () => Promise.resolve(),
    });
    const { signal } = control;
    await expect(put(key, large, { uploads, signal })).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(await bucket.metadataOf(key)).toBeUndefined();
  });
});
