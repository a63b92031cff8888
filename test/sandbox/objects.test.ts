import { createHash } from 'node:crypto';
import { mkdir, readdir } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import type { S3Client } from '@aws-sdk/client-s3';
import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startSandbox } from '../../src/sandbox/sandbox.js';
import { failure, owner, setStage } from './start.js';
import type { Stage } from './start.js';

let stage: Stage;
let s3: S3Client;
const Bucket = 'orders';

beforeAll(async () => {
  stage = await setStage();
  s3 = stage.s3;
});
afterAll(() => stage.end());

const md5 = (body: string | Buffer) => createHash('md5').update(body).digest('hex');

async function read(Key: string, more: object = {}): Promise<string> {
  const answer = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }));
  return answer.Body!.transformToString();
}

describe('putting and getting objects', () => {
  it('keeps the bytes, the MD5 as ETag, the metadata and the CRC32 the SDK sends', async () => {
    const Body = 'order,amount\n1,10\n';
    const put = await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'plain.csv',
        Body,
        ContentType: 'text/csv',
        CacheControl: 'no-cache',
        ContentDisposition: 'attachment; filename="a.csv"',
        Metadata: { origin: 'till 7' },
        StorageClass: 'STANDARD_IA',
        Tagging: 'team=blue&kind=a%20b',
      }),
    );
    expect(put.ETag).toBe(`"${md5(Body)}"`);
    expect(put.ChecksumCRC32).toBeDefined();
    expect(put.ServerSideEncryption).toBe('AES256');
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'plain.csv' }));
    expect(await got.Body!.transformToString()).toBe(Body);
    expect(got).toMatchObject({
      ContentLength: Body.length,
      ContentType: 'text/csv',
      CacheControl: 'no-cache',
      ContentDisposition: 'attachment; filename="a.csv"',
      Metadata: { origin: 'till 7' },
      StorageClass: 'STANDARD_IA',
      AcceptRanges: 'bytes',
      ETag: put.ETag,
      ChecksumCRC32: put.ChecksumCRC32,
      TagCount: 2,
    });
    const tags = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'plain.csv' }));
    expect(tags.TagSet).toEqual([
      { Key: 'team', Value: 'blue' },
      { Key: 'kind', Value: 'a b' },
    ]);
  });

  it('takes a stream of known length as aws-chunked with a CRC32 trailer', async () => {
    const chunks = Array.from({ length: 40 }, (_, n) => Buffer.alloc(10_007, n));
    const whole = Buffer.concat(chunks);
    const put = await s3.send(
      new PutObjectCommand({
        Bucket,
        Key: 'stream',
        Body: Readable.from(chunks, { objectMode: false }),
        ContentLength: whole.length,
        ContentEncoding: 'zstd',
      }),
    );
    expect(put.ETag).toBe(`"${md5(whole)}"`);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'stream' }));
    expect(got.ContentEncoding).toBe('zstd');
    expect(md5(Buffer.from(await got.Body!.transformToByteArray()))).toBe(md5(whole));
  });

  it.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)(
    'computes %s as the SDK does, in a header and in a trailer',
    async (ChecksumAlgorithm) => {
      const Body = Buffer.from('The quick brown fox jumps over the lazy dog');
      const Key = `sum-${ChecksumAlgorithm}`;
      await s3.send(new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm }));
      const stream = Readable.from([Body], { objectMode: false });
      const put = { Bucket, Key, Body: stream, ContentLength: Body.length, ChecksumAlgorithm };
      const answer = await s3.send(new PutObjectCommand(put));
      expect(answer[`Checksum${ChecksumAlgorithm}`]).toBeDefined();
      expect(await read(Key)).toBe(Body.toString());
    },
  );

  it.each([
    ['ChecksumCRC32', 'AAAAAA=='],
    ['ChecksumSHA256', Buffer.alloc(32).toString('base64')],
    ['ContentMD5', Buffer.alloc(16).toString('base64')],
  ])('refuses a body that is not what %s says', async (name, value) => {
    const error = await failure(
      s3.send(new PutObjectCommand({ Bucket, Key: 'bad', Body: 'body', [name]: value })),
    );
    expect(error).toMatchObject({ name: 'BadDigest', $metadata: { httpStatusCode: 400 } });
    expect(await stage.sandbox.readObject(Bucket, 'bad')).toBeUndefined();
  });

  it.each([
    '../../../etc/passwd',
    'a//b',
    './x',
    'ü/é.csv',
    '日本/😀',
    'with space+plus&amp;%41?#',
    'quotes\'"<>*()!~',
    'z'.repeat(1024),
  ])('keeps the key %s as it is, inside the folder', async (Key) => {
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
    expect(await read(Key)).toBe(Key);
    expect(await stage.sandbox.listKeys(Bucket)).toContain(Key);
    expect(await readdir(stage.dir)).toEqual(['buckets']);
  });

  it('refuses a key over 1,024 bytes', async () => {
    const error = await failure(
      s3.send(new PutObjectCommand({ Bucket, Key: 'ü'.repeat(513), Body: Buffer.alloc(0) })),
    );
    expect(error.name).toBe('KeyTooLongError');
  });

  it('keeps and gives an empty object', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'empty', Body: Buffer.alloc(0) }));
    expect(await read('empty')).toBe('');
  });

  it('answers HEAD with the headers of GET and no body', async () => {
    await stage.sandbox.putObject(Bucket, 'head', 'four');
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'head' }));
    expect(head).toMatchObject({ ContentLength: 4, ETag: `"${md5('four')}"` });
    expect(head.LastModified).toBeInstanceOf(Date);
    const error = await failure(s3.send(new HeadObjectCommand({ Bucket, Key: 'not there' })));
    expect(error).toMatchObject({ name: 'NotFound', $metadata: { httpStatusCode: 404 } });
  });

  it('gives the old object whole to who began to read it before it was replaced', async () => {
    const old = Buffer.alloc(8_000_000, 'a');
    await stage.sandbox.putObject(Bucket, 'replaced', old);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'replaced' }));
    await stage.sandbox.putObject(Bucket, 'replaced', 'new');
    expect(md5(Buffer.from(await got.Body!.transformToByteArray()))).toBe(md5(old));
    expect(await read('replaced')).toBe('new');
  });

  it('refuses to give an archived object', async () => {
    const put = { Bucket, Key: 'cold', Body: 'x', StorageClass: 'GLACIER' } as const;
    await s3.send(new PutObjectCommand(put));
    const error = await failure(read('cold'));
    expect(error).toMatchObject({
      name: 'InvalidObjectState',
      $metadata: { httpStatusCode: 403 },
    });
  });

  it('serves what an earlier sandbox left in the folder', async () => {
    const first = await setStage();
    await first.sandbox.putObject(Bucket, 'kept', 'still here');
    const UploadId = (
      await first.s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'unfinished' }))
    ).UploadId;
    const part = { Bucket, Key: 'unfinished', UploadId, PartNumber: 1, Body: 'lost' };
    await first.s3.send(new UploadPartCommand(part));
    // A bucket that was on its way in or out when the process ended.
    await mkdir(path.join(first.dir, 'buckets', 'half', 'objects'), { recursive: true });

    const second = await startSandbox({ dir: first.dir });
    expect((await second.readObject(Bucket, 'kept'))?.toString()).toBe('still here');
    expect(second.openUploads(Bucket)).toEqual([]);
    expect(await readdir(path.join(first.dir, 'buckets', Bucket, 'segments'))).toHaveLength(1);
    await expect(second.listKeys('half')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await second.close();
    await first.end();
  });

  it('leaves no file of a replaced, deleted or refused object behind', async () => {
    const segments = path.join(stage.dir, 'buckets', 'tidy', 'segments');
    await stage.sandbox.createBucket({ name: 'tidy', accountId: owner });
    await s3.send(new PutObjectCommand({ Bucket: 'tidy', Key: 'a', Body: '1' }));
    await s3.send(new PutObjectCommand({ Bucket: 'tidy', Key: 'a', Body: '2' }));
    await s3.send(new PutObjectCommand({ Bucket: 'tidy', Key: 'b', Body: '3' }));
    await s3.send(new DeleteObjectCommand({ Bucket: 'tidy', Key: 'b' }));
    const bad = { Bucket: 'tidy', Key: 'c', Body: '4', ChecksumCRC32: 'AAAAAA==' };
    for (let time = 0; time < 30; time++) await failure(s3.send(new PutObjectCommand(bad)));
    expect(await readdir(segments)).toHaveLength(1);
  });
});

describe('ranges', () => {
  const whole = '0123456789';
  beforeAll(() => stage.sandbox.putObject(Bucket, 'digits', whole));

  it.each([
    ['bytes=0-3', '0123', 'bytes 0-3/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-4', '6789', 'bytes 6-9/10'],
    ['bytes=-40', '0123456789', 'bytes 0-9/10'],
    ['bytes=8-99', '89', 'bytes 8-9/10'],
  ])('answers %s with a 206', async (Range, expected, contentRange) => {
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'digits', Range }));
    expect(got.$metadata.httpStatusCode).toBe(206);
    expect(got.ContentRange).toBe(contentRange);
    expect(got.ContentLength).toBe(expected.length);
    expect(await got.Body!.transformToString()).toBe(expected);
  });

  it.each(['bytes=5-2', 'lines=1-2', 'bytes=0-1,4-5'])(
    'ignores %s and gives the whole',
    async (Range) => {
      expect(await read('digits', { Range })).toBe(whole);
    },
  );

  it.each(['bytes=10-', 'bytes=-0', 'bytes=100-200'])('answers %s with 416', async (Range) => {
    const error = await failure(read('digits', { Range }));
    expect(error).toMatchObject({
      name: 'InvalidRange',
      ActualObjectSize: '10',
      $metadata: { httpStatusCode: 416 },
    });
  });

  it('answers any range of an empty object with 416', async () => {
    await stage.sandbox.putObject(Bucket, 'nothing', '');
    const error = await failure(read('nothing', { Range: 'bytes=0-0' }));
    expect(error.name).toBe('InvalidRange');
  });
});

describe('conditions', () => {
  it('reads under If-Match, If-None-Match and the dates', async () => {
    await stage.sandbox.putObject(Bucket, 'cond', 'x');
    const IfMatch = `"${md5('x')}"`;
    expect(await read('cond', { IfMatch })).toBe('x');
    expect(await failure(read('cond', { IfMatch: '"other"' }))).toMatchObject({
      name: 'PreconditionFailed',
      $metadata: { httpStatusCode: 412 },
    });
    const unchanged = await failure(read('cond', { IfNoneMatch: IfMatch }));
    expect(unchanged.$metadata?.httpStatusCode).toBe(304);
    const future = new Date(Date.now() + 60_000);
    expect(
      (await failure(read('cond', { IfModifiedSince: future }))).$metadata?.httpStatusCode,
    ).toBe(304);
    const past = new Date(Date.now() - 3_600_000);
    expect((await failure(read('cond', { IfUnmodifiedSince: past }))).name).toBe(
      'PreconditionFailed',
    );
    expect(await read('cond', { IfModifiedSince: past, IfUnmodifiedSince: future })).toBe('x');
  });

  it('lets exactly one of racing writers create an object', async () => {
    const put = (n: number) =>
      s3.send(new PutObjectCommand({ Bucket, Key: 'race', Body: `${n}`, IfNoneMatch: '*' }));
    const results = await Promise.allSettled(Array.from({ length: 8 }, (_, n) => put(n)));
    const won = results.flatMap((result, n) => (result.status === 'fulfilled' ? [n] : []));
    expect(won).toHaveLength(1);
    expect(await read('race')).toBe(`${won[0]}`);
    for (const result of results) {
      if (result.status === 'rejected') {
        expect(result.reason).toMatchObject({
          name: 'PreconditionFailed',
          $metadata: { httpStatusCode: 412 },
        });
      }
    }
  });

  it('replaces under If-Match only what has that ETag', async () => {
    const put = (IfMatch: string, Key = 'cas') =>
      s3.send(new PutObjectCommand({ Bucket, Key, Body: 'b', IfMatch }));
    await stage.sandbox.putObject(Bucket, 'cas', 'a');
    expect((await failure(put('"wrong"'))).name).toBe('PreconditionFailed');
    expect((await put(`"${md5('a')}"`)).ETag).toBe(`"${md5('b')}"`);
    expect((await failure(put('"any"', 'absent'))).name).toBe('NoSuchKey');
  });
});

describe('deleting and copying', () => {
  it('deletes one object, and calls it a success when there is none', async () => {
    await stage.sandbox.putObject(Bucket, 'gone', 'x');
    for (let n = 0; n < 2; n += 1) {
      const answer = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }));
      expect(answer.$metadata.httpStatusCode).toBe(204);
    }
    expect(await stage.sandbox.readObject(Bucket, 'gone')).toBeUndefined();
  });

  it('deletes many objects at once, whatever their names', async () => {
    const names = ['m/<&>"', "m/'", 'm/\u{1F600}', 'm/line\rfeed\n', 'm/ space '];
    for (const name of names) await stage.sandbox.putObject(Bucket, name, 'x');
    const answer = await s3.send(
      new DeleteObjectsCommand({ Bucket, Delete: { Objects: names.map((Key) => ({ Key })) } }),
    );
    expect(answer.Errors ?? []).toEqual([]);
    expect(answer.Deleted).toHaveLength(names.length);
    const left = await stage.sandbox.listKeys(Bucket);
    expect(left.filter((key) => key.startsWith('m/'))).toEqual([]);
  });

  it('deletes a thousand keys that are full of entities', async () => {
    const Objects = Array.from({ length: 1000 }, (_, n) => ({ Key: `&&&<>/${n}` }));
    const answer = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
    expect(answer.Deleted).toHaveLength(1000);
  });

  it('copies with the metadata of the source, or with new ones', async () => {
    const CopySource = `${Bucket}/${encodeURIComponent('from/ä b')}`;
    const Metadata = { a: '1' };
    await s3.send(new PutObjectCommand({ Bucket, Key: 'from/ä b', Body: 'body', Metadata }));
    const copy = await s3.send(new CopyObjectCommand({ Bucket, Key: 'to', CopySource }));
    expect(copy.CopyObjectResult?.ETag).toBe(`"${md5('body')}"`);
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'to' }));
    expect(head.Metadata).toEqual({ a: '1' });
    await s3.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'to',
        CopySource,
        MetadataDirective: 'REPLACE',
        Metadata: { b: '2' },
        ContentType: 'text/csv',
      }),
    );
    const replaced = await s3.send(new HeadObjectCommand({ Bucket, Key: 'to' }));
    expect(replaced).toMatchObject({ Metadata: { b: '2' }, ContentType: 'text/csv' });
    expect(await read('to')).toBe('body');
  });

  it('refuses a copy onto itself, from nowhere, or from another ETag', async () => {
    await stage.sandbox.putObject(Bucket, 'self', 'x');
    const copy = (source: string, more: object = {}) =>
      failure(s3.send(new CopyObjectCommand({ Bucket, Key: 'self', CopySource: source, ...more })));
    expect((await copy(`${Bucket}/self`)).name).toBe('InvalidRequest');
    expect((await copy(`${Bucket}/none`)).name).toBe('NoSuchKey');
    expect((await copy('none/self')).name).toBe('NoSuchBucket');
    const other = await copy(`${Bucket}/plain.csv`, { CopySourceIfMatch: '"other"' });
    expect(other.name).toBe('PreconditionFailed');
  });
});
