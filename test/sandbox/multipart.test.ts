import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { CompletedPart, ListMultipartUploadsCommandOutput } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { failure, setStage } from './start.js';
import type { Stage } from './start.js';

let stage: Stage;
const Bucket = 'orders';
const MiB = 1024 * 1024;

beforeAll(async () => {
  stage = await setStage();
});
afterAll(() => stage.end());
afterEach(() => {
  stage.sandbox.fault = undefined;
});

const md5 = (body: string | Buffer) => createHash('md5').update(body).digest();

async function start(Key: string): Promise<string> {
  const made = await stage.s3.send(new CreateMultipartUploadCommand({ Bucket, Key }));
  return made.UploadId!;
}

async function part(Key: string, UploadId: string, PartNumber: number, Body: Buffer | string) {
  const { ETag } = await stage.s3.send(
    new UploadPartCommand({ Bucket, Key, UploadId, PartNumber, Body }),
  );
  return { ETag, PartNumber };
}

const complete = (Key: string, UploadId: string, Parts: CompletedPart[], more: object = {}) =>
  stage.s3.send(
    new CompleteMultipartUploadCommand({
      Bucket,
      Key,
      UploadId,
      MultipartUpload: { Parts },
      ...more,
    }),
  );

const segments = () => readdir(path.join(stage.dir, 'buckets', Bucket, 'segments'));

describe('multipart uploads', () => {
  it('take a stream of unknown length from lib-storage', async () => {
    const chunks = Array.from({ length: 120 }, (_, n) => Buffer.alloc(100_003, n));
    const whole = Buffer.concat(chunks);
    const upload = new Upload({
      client: stage.s3,
      params: { Bucket, Key: 'uploaded', Body: Readable.from(chunks, { objectMode: false }) },
      partSize: 5 * MiB,
      queueSize: 2,
    });
    await upload.done();
    const got = await stage.s3.send(new GetObjectCommand({ Bucket, Key: 'uploaded' }));
    expect(Buffer.from(await got.Body!.transformToByteArray()).equals(whole)).toBe(true);
    const parts = [0, 1, 2].map((n) => md5(whole.subarray(n * 5 * MiB, (n + 1) * 5 * MiB)));
    expect(got.ETag).toBe(`"${md5(Buffer.concat(parts)).toString('hex')}-3"`);
    expect(stage.sandbox.openUploads(Bucket)).toEqual([]);
  });

  it('are read in ranges that cross their parts', async () => {
    const whole = Buffer.concat([Buffer.alloc(5 * MiB, 'a'), Buffer.alloc(1000, 'b')]);
    const UploadId = await start('ranged');
    const parts = [
      await part('ranged', UploadId, 3, whole.subarray(0, 5 * MiB)),
      await part('ranged', UploadId, 7, whole.subarray(5 * MiB)),
    ];
    await complete('ranged', UploadId, parts);
    const Range = `bytes=${5 * MiB - 3}-${5 * MiB + 2}`;
    const got = await stage.s3.send(new GetObjectCommand({ Bucket, Key: 'ranged', Range }));
    expect(await got.Body!.transformToString()).toBe('aaabbb');
  });

  it('show nothing before they are complete, and leave nothing when aborted', async () => {
    const before = await segments();
    const UploadId = await start('aborted');
    await part('aborted', UploadId, 1, 'x');
    expect(stage.sandbox.openUploads(Bucket)).toEqual([{ key: 'aborted', uploadId: UploadId }]);
    expect(await stage.sandbox.listKeys(Bucket)).not.toContain('aborted');
    expect(await segments()).toHaveLength(before.length + 1);
    await stage.s3.send(new AbortMultipartUploadCommand({ Bucket, Key: 'aborted', UploadId }));
    expect(stage.sandbox.openUploads(Bucket)).toEqual([]);
    expect(await segments()).toEqual(before);
    expect(await failure(part('aborted', UploadId, 2, 'x'))).toMatchObject({
      name: 'NoSuchUpload',
      $metadata: { httpStatusCode: 404 },
    });
  });

  it('replace a part sent twice and drop a part not listed', async () => {
    const before = (await segments()).length;
    const UploadId = await start('replaced');
    await part('replaced', UploadId, 1, 'first');
    const kept = await part('replaced', UploadId, 1, 'second');
    await part('replaced', UploadId, 2, 'not listed');
    await complete('replaced', UploadId, [kept]);
    expect((await stage.sandbox.readObject(Bucket, 'replaced'))?.toString()).toBe('second');
    expect(await segments()).toHaveLength(before + 1);
  });

  it('refuse parts that are missing, changed, out of order or too small', async () => {
    const UploadId = await start('refused');
    const one = await part('refused', UploadId, 1, 'small');
    const two = await part('refused', UploadId, 2, 'last');
    const ending = async (parts: CompletedPart[]) =>
      (await failure(complete('refused', UploadId, parts))).name;
    expect(await ending([one, { PartNumber: 3, ETag: one.ETag }])).toBe('InvalidPart');
    expect(await ending([{ PartNumber: 1, ETag: two.ETag }])).toBe('InvalidPart');
    expect(await ending([two, one])).toBe('InvalidPartOrder');
    expect(await ending([one, two])).toBe('EntityTooSmall');
    expect(await ending([])).toBe('MalformedXML');
    const number = await failure(part('refused', UploadId, 10_001, 'x'));
    expect(number.name).toBe('InvalidArgument');
    const elsewhere = await failure(complete('another key', UploadId, [one]));
    expect(elsewhere.name).toBe('NoSuchUpload');
    await complete('refused', UploadId, [two]);
  });

  it('let exactly one of racing completions create the object', async () => {
    const rivals = await Promise.all(
      Array.from({ length: 4 }, async (_, n) => {
        const UploadId = await start('raced');
        return { UploadId, parts: [await part('raced', UploadId, 1, `rival ${n}`)] };
      }),
    );
    const results = await Promise.allSettled(
      rivals.map(({ UploadId, parts }) => complete('raced', UploadId, parts, { IfNoneMatch: '*' })),
    );
    const lost = results.filter((result) => result.status === 'rejected');
    expect(lost.map(({ reason }) => (reason as Error).name)).toEqual(
      Array(3).fill('PreconditionFailed'),
    );
    // Who lost may still abort.
    for (const { uploadId, key } of stage.sandbox.openUploads(Bucket)) {
      await stage.s3.send(
        new AbortMultipartUploadCommand({ Bucket, Key: key, UploadId: uploadId }),
      );
    }
    expect(stage.sandbox.openUploads(Bucket)).toEqual([]);
  });

  it('are complete also for a client that lost the answer and asks again', async () => {
    const UploadId = await start('twice');
    const parts = [await part('twice', UploadId, 1, 'x')];
    stage.sandbox.fault = ({ operation, attempt }) =>
      operation === 'CompleteMultipartUpload' && attempt === 1
        ? { kind: 'cutBody', afterBytes: 10 }
        : undefined;
    const answer = await complete('twice', UploadId, parts);
    expect(answer.ETag).toMatch(/-1"$/);
    const asked = stage.sandbox.requests.filter(({ key }) => key === 'twice');
    expect(asked.filter(({ operation }) => operation.startsWith('Complete'))).toHaveLength(2);
  });

  it('list their parts and themselves in pages', async () => {
    const { s3 } = stage;
    const ids = [await start('list/a'), await start('list/a'), await start('list/b')];
    for (const n of [1, 2, 5]) await part('list/b', ids[2]!, n, `part ${n}`);
    const first = await s3.send(
      new ListPartsCommand({ Bucket, Key: 'list/b', UploadId: ids[2], MaxParts: 2 }),
    );
    expect(first.Parts?.map(({ PartNumber, Size }) => [PartNumber, Size])).toEqual([
      [1, 6],
      [2, 6],
    ]);
    const rest = await s3.send(
      new ListPartsCommand({
        Bucket,
        Key: 'list/b',
        UploadId: ids[2],
        PartNumberMarker: first.NextPartNumberMarker,
      }),
    );
    expect(rest.Parts?.map(({ PartNumber }) => PartNumber)).toEqual([5]);

    const seen: string[] = [];
    let markers: { KeyMarker?: string; UploadIdMarker?: string } | undefined = {};
    while (markers) {
      const page: ListMultipartUploadsCommandOutput = await s3.send(
        new ListMultipartUploadsCommand({ Bucket, Prefix: 'list/', MaxUploads: 1, ...markers }),
      );
      seen.push(...(page.Uploads ?? []).map(({ UploadId }) => UploadId!));
      markers = page.IsTruncated
        ? { KeyMarker: page.NextKeyMarker!, UploadIdMarker: page.NextUploadIdMarker! }
        : undefined;
    }
    expect(seen.sort()).toEqual(ids.sort());
    const after = await s3.send(new ListMultipartUploadsCommand({ Bucket, KeyMarker: 'list/a' }));
    expect(after.Uploads?.map(({ Key }) => Key)).toEqual(['list/b']);
  });

  it('copy parts out of other objects', async () => {
    await stage.sandbox.putObject(Bucket, 'source', '0123456789');
    const UploadId = await start('assembled');
    const copied = await stage.s3.send(
      new UploadPartCopyCommand({
        Bucket,
        Key: 'assembled',
        UploadId,
        PartNumber: 1,
        CopySource: `${Bucket}/source`,
        CopySourceRange: 'bytes=2-5',
      }),
    );
    await complete('assembled', UploadId, [{ PartNumber: 1, ETag: copied.CopyPartResult?.ETag }]);
    expect((await stage.sandbox.readObject(Bucket, 'assembled'))?.toString()).toBe('2345');
  });

  it('keep what the upload was begun with', async () => {
    const made = await stage.s3.send(
      new CreateMultipartUploadCommand({
        Bucket,
        Key: 'described',
        ContentType: 'text/csv',
        Metadata: { run: '7' },
        ServerSideEncryption: 'aws:kms',
        SSEKMSKeyId: 'alias/orders',
      }),
    );
    const parts = [await part('described', made.UploadId!, 1, 'x')];
    await complete('described', made.UploadId!, parts);
    const head = await stage.s3.send(new HeadObjectCommand({ Bucket, Key: 'described' }));
    expect(head).toMatchObject({
      ContentType: 'text/csv',
      Metadata: { run: '7' },
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId: 'alias/orders',
    });
  });
});
