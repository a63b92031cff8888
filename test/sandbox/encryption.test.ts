import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { sendSigned } from './raw.js';
import { failure, owner, setStage } from './start.js';
import type { Stage } from './start.js';

let stage: Stage;
const Bucket = 'orders';

beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.end());

const customer = (key: Buffer) => ({
  SSECustomerAlgorithm: 'AES256',
  SSECustomerKey: key.toString('base64'),
});
const md5 = (body: Buffer) => createHash('md5').update(body).digest('hex');

async function readBytes(Key: string, more: object = {}): Promise<Buffer> {
  const got = await stage.s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return Buffer.from(await got.Body!.transformToByteArray());
}

describe('encryption with a key of S3 or KMS', () => {
  it('is echoed, and AES256 where nothing is said', async () => {
    const put = async (Key: string, more: object) => {
      await stage.s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', ...more }));
      return stage.s3.send(new HeadObjectCommand({ Bucket, Key }));
    };
    expect(await put('s3', {})).toMatchObject({ ServerSideEncryption: 'AES256' });
    const named = { ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'arn:aws:kms:::key/1' };
    expect(await put('kms', named)).toMatchObject(named);
    const managed = await put('kms-default', { ServerSideEncryption: 'aws:kms' });
    expect(managed.SSEKMSKeyId).toMatch(/^arn:aws:kms:us-east-1:222222222222:key\//);
    // Under KMS S3's ETag is not the MD5, and nobody should come to rely on it.
    expect(managed.ETag).not.toBe(`"${md5(Buffer.from('x'))}"`);
  });

  it('of another kind is refused', async () => {
    const put = { Bucket, Key: 'k', Body: 'x', ServerSideEncryption: 'rot13' as never };
    expect((await failure(stage.s3.send(new PutObjectCommand(put)))).name).toBe('InvalidArgument');
  });
});

describe("encryption with a customer's key", () => {
  const key = randomBytes(32);
  const body = randomBytes(100_000);

  beforeAll(async () => {
    const put = { Bucket, Key: 'secret', Body: body, ...customer(key) };
    const answer = await stage.s3.send(new PutObjectCommand(put));
    expect(answer).toMatchObject({
      SSECustomerAlgorithm: 'AES256',
      SSECustomerKeyMD5: createHash('md5').update(key).digest('base64'),
    });
    expect(answer.ServerSideEncryption).toBeUndefined();
    expect(answer.ETag).not.toBe(`"${md5(body)}"`);
  });

  it('is undone by that key, whole and in any range', async () => {
    expect((await readBytes('secret', customer(key))).equals(body)).toBe(true);
    for (const [start, end] of [
      [0, 0],
      [1, 40],
      [15, 17],
      [99_990, 99_999],
    ] as const) {
      const Range = `bytes=${start}-${end}`;
      const got = await readBytes('secret', { ...customer(key), Range });
      expect(got.equals(body.subarray(start, end + 1))).toBe(true);
    }
  });

  it('leaves neither the bytes nor the key in the folder', async () => {
    const bucket = path.join(stage.dir, 'buckets', Bucket);
    for (const folder of ['objects', 'segments']) {
      for (const name of await readdir(path.join(bucket, folder))) {
        const bytes = await readFile(path.join(bucket, folder, name));
        expect(bytes.includes(body.subarray(0, 64))).toBe(false);
        expect(bytes.includes(key)).toBe(false);
        expect(bytes.includes(key.toString('base64'))).toBe(false);
      }
    }
  });

  it('refuses who has no key, a wrong key, or a key where none is needed', async () => {
    await stage.sandbox.putObject(Bucket, 'plain', 'x');
    expect(await failure(readBytes('secret'))).toMatchObject({
      name: 'InvalidRequest',
      $metadata: { httpStatusCode: 400 },
    });
    expect(await failure(readBytes('secret', customer(randomBytes(32))))).toMatchObject({
      name: 'AccessDenied',
      $metadata: { httpStatusCode: 403 },
    });
    expect((await failure(readBytes('plain', customer(key)))).name).toBe('InvalidRequest');
    const head = stage.s3.send(new HeadObjectCommand({ Bucket, Key: 'secret' }));
    expect((await failure(head)).$metadata?.httpStatusCode).toBe(400);
  });

  it.each([
    ['a wrong length', { key: randomBytes(16) }],
    ['the MD5 of another key', { md5: Buffer.alloc(16).toString('base64') }],
    ['an unknown algorithm', { algorithm: 'DES' }],
  ])('refuses a key with %s', async (_case, change) => {
    const user = stage.sandbox.createUser({ accountId: owner, name: `keyed-${randomUUID()}` });
    const sent = { key, algorithm: 'AES256', ...change };
    const hash = createHash('md5').update(sent.key).digest('base64');
    const answer = await sendSigned(
      {
        endpoint: stage.sandbox.endpoint,
        method: 'PUT',
        path: `/${Bucket}/never`,
        headers: {
          'x-amz-content-sha256': 'UNSIGNED-PAYLOAD',
          'x-amz-server-side-encryption-customer-algorithm': sent.algorithm,
          'x-amz-server-side-encryption-customer-key': sent.key.toString('base64'),
          'x-amz-server-side-encryption-customer-key-md5': 'md5' in change ? change.md5 : hash,
        },
        body: 'x',
      },
      user,
    );
    expect(answer).toMatchObject({ status: 400, code: 'InvalidArgument' });
  });

  it('changes hands in a copy', async () => {
    const other = randomBytes(32);
    const copy = { Bucket, Key: 'recoded', CopySource: `${Bucket}/secret`, ...customer(other) };
    expect((await failure(stage.s3.send(new CopyObjectCommand(copy)))).name).toBe('InvalidRequest');
    await stage.s3.send(
      new CopyObjectCommand({
        ...copy,
        CopySourceSSECustomerAlgorithm: 'AES256',
        CopySourceSSECustomerKey: key.toString('base64'),
      }),
    );
    expect((await readBytes('recoded', customer(other))).equals(body)).toBe(true);
  });

  it('works part by part', async () => {
    const { s3 } = stage;
    const Key = 'secret-parts';
    const whole = randomBytes(5 * 1024 * 1024 + 333);
    const made = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...customer(key) }));
    const { UploadId } = made;
    const upload = (PartNumber: number, Body: Buffer, more: object) =>
      s3.send(new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body, ...more }));
    expect((await failure(upload(1, whole, {}))).name).toBe('InvalidRequest');
    const cut = 5 * 1024 * 1024;
    const first = await upload(1, whole.subarray(0, cut), customer(key));
    const second = await upload(2, whole.subarray(cut), customer(key));
    await s3.send(
      new CompleteMultipartUploadCommand({
        Bucket,
        Key,
        UploadId,
        MultipartUpload: {
          Parts: [
            { PartNumber: 1, ETag: first.ETag },
            { PartNumber: 2, ETag: second.ETag },
          ],
        },
      }),
    );
    expect((await readBytes(Key, customer(key))).equals(whole)).toBe(true);
    const Range = `bytes=${cut - 5}-${cut + 4}`;
    const middle = await readBytes(Key, { ...customer(key), Range });
    expect(middle.equals(whole.subarray(cut - 5, cut + 5))).toBe(true);
  });
});
