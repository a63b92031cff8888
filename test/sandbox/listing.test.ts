import {
  CreateBucketCommand,
  DeleteBucketCommand,
  GetBucketLocationCommand,
  HeadBucketCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  paginateListObjectsV2,
} from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { listPage } from '../../src/sandbox/listing.js';
import { compareUtf8 } from '../../src/sandbox/utf8.js';
import { failure, owner, setStage, stranger } from './start.js';
import type { Stage } from './start.js';

let stage: Stage;
const Bucket = 'listed';
const keys = [
  'a.csv',
  'a/1.csv',
  'a/2.csv',
  'a/b/3.csv',
  'a0',
  'b/1.csv',
  'b//2.csv',
  'c&<d>"\'.csv',
  'd\r\n.csv',
  'z\uFF5E',
  'z\u{1F600}',
  'é.csv',
];

beforeAll(async () => {
  stage = await setStage();
  await stage.sandbox.createBucket({ name: Bucket, accountId: owner });
  for (const key of keys) await stage.sandbox.putObject(Bucket, key, key);
});
afterAll(() => stage.end());

const byBytes = (list: readonly string[]) =>
  [...list].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));

async function list(input: object = {}) {
  return stage.s3.send(new ListObjectsV2Command({ Bucket, ...input }));
}

describe('ListObjectsV2', () => {
  it('lists in the order of UTF-8 bytes, which is not the order of JavaScript strings', async () => {
    const page = await list();
    const listed = page.Contents!.map(({ Key }) => Key!);
    expect(listed).toEqual(byBytes(keys));
    expect(listed).not.toEqual([...keys].sort());
    expect(page).toMatchObject({ KeyCount: keys.length, IsTruncated: false, MaxKeys: 1000 });
    expect(page.NextContinuationToken).toBeUndefined();
    expect(page.Contents![0]).toMatchObject({ Key: 'a.csv', Size: 5, StorageClass: 'STANDARD' });
    expect(page.Contents![0]!.LastModified).toBeInstanceOf(Date);
    expect(page.Contents![0]!.ETag).toMatch(/^"[0-9a-f]{32}"$/);
  });

  it('folds what shares a prefix up to the delimiter', async () => {
    const page = await list({ Delimiter: '/' });
    expect(page.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(['a/', 'b/']);
    expect(page.Contents?.map(({ Key }) => Key)).toEqual(
      byBytes(keys.filter((key) => !key.includes('/'))),
    );
    const inside = await list({ Delimiter: '/', Prefix: 'a/' });
    expect(inside.CommonPrefixes?.map(({ Prefix }) => Prefix)).toEqual(['a/b/']);
    expect(inside.Contents?.map(({ Key }) => Key)).toEqual(['a/1.csv', 'a/2.csv']);
    expect(inside.KeyCount).toBe(3);
  });

  it.each([1, 2, 3, 5])('gives every key and prefix once in pages of %i', async (pageSize) => {
    const seen: string[] = [];
    const pages = paginateListObjectsV2({ client: stage.s3, pageSize }, { Bucket, Delimiter: '/' });
    for await (const page of pages) {
      expect(page.KeyCount).toBeLessThanOrEqual(pageSize);
      for (const { Prefix } of page.CommonPrefixes ?? []) seen.push(Prefix!);
      for (const { Key } of page.Contents ?? []) seen.push(Key!);
    }
    const expected = ['a/', 'b/', ...keys.filter((key) => !key.includes('/'))];
    expect(byBytes(seen)).toEqual(byBytes(expected));
  });

  it('starts after a key, and a continuation token outranks it', async () => {
    const after = await list({ StartAfter: 'a/2.csv', MaxKeys: 2 });
    expect(after.Contents?.map(({ Key }) => Key)).toEqual(['a/b/3.csv', 'a0']);
    expect(after).toMatchObject({ IsTruncated: true, StartAfter: 'a/2.csv' });
    const next = await list({
      StartAfter: 'a/2.csv',
      ContinuationToken: after.NextContinuationToken,
      MaxKeys: 1,
    });
    expect(next.Contents?.map(({ Key }) => Key)).toEqual(['b//2.csv']);
  });

  it('encodes keys when asked', async () => {
    const page = await list({ Prefix: 'd', EncodingType: 'url' });
    expect(page.Contents?.map(({ Key }) => Key)).toEqual(['d%0D%0A.csv']);
    expect(page.EncodingType).toBe('url');
  });

  it('gives nothing for no keys asked, and nothing for an unknown prefix', async () => {
    expect(await list({ MaxKeys: 0 })).toMatchObject({ KeyCount: 0, IsTruncated: false });
    expect(await list({ Prefix: 'none/' })).toMatchObject({ KeyCount: 0, IsTruncated: false });
  });

  it('refuses a token it did not give', async () => {
    const error = await failure(list({ ContinuationToken: 'made up' }));
    expect(error).toMatchObject({ name: 'InvalidArgument', $metadata: { httpStatusCode: 400 } });
  });

  it('gives at most a thousand keys a page', async () => {
    await stage.sandbox.createBucket({ name: 'many', accountId: owner });
    for (let n = 0; n < 1001; n += 1) await stage.sandbox.putObject('many', `k${n}`, '');
    const page = await list({ Bucket: 'many', MaxKeys: 5000 });
    expect(page).toMatchObject({ KeyCount: 1000, IsTruncated: true });
  });
});

describe('ListObjects, the first version', () => {
  it('follows markers through keys and prefixes', async () => {
    const seen: string[] = [];
    let Marker: string | undefined;
    do {
      const page = await stage.s3.send(
        new ListObjectsCommand({ Bucket, Delimiter: '/', MaxKeys: 2, Marker }),
      );
      for (const { Prefix } of page.CommonPrefixes ?? []) seen.push(Prefix!);
      for (const { Key } of page.Contents ?? []) seen.push(Key!);
      Marker = page.IsTruncated ? page.NextMarker : undefined;
    } while (Marker !== undefined);
    expect(new Set(seen).size).toBe(seen.length);
    expect(seen).toHaveLength(keys.filter((key) => !key.includes('/')).length + 2);
  });
});

describe('listPage', () => {
  it('agrees with a plain walk over the keys, page size by page size', () => {
    const sorted = [
      '',
      '-',
      '/',
      'a',
      'b',
      'ab',
      'a/b',
      'a/b/c',
      'a//',
      'b/a',
      '\u{10FFFF}/',
      '\uE000/x',
    ]
      .filter((key) => key !== '')
      .sort(compareUtf8);
    for (const prefix of ['', 'a', 'a/', 'x']) {
      const expected = new Set<string>();
      for (const key of sorted.filter((candidate) => candidate.startsWith(prefix))) {
        const cut = key.indexOf('/', prefix.length);
        expected.add(cut < 0 ? key : key.slice(0, cut + 1));
      }
      for (const maxKeys of [1, 2, 3, 100]) {
        const seen: string[] = [];
        let position: ReturnType<typeof listPage>['next'];
        do {
          const page = listPage(sorted, {
            prefix,
            delimiter: '/',
            maxKeys,
            after: position?.kind === 'key' ? position.value : '',
            ...(position?.kind === 'prefix' && { afterPrefix: position.value }),
          });
          seen.push(...page.keys, ...page.commonPrefixes);
          position = page.next;
        } while (position);
        expect(seen.sort()).toEqual([...expected].sort());
      }
    }
  });
});

describe('buckets', () => {
  it('creates, finds, lists and deletes a bucket', async () => {
    const { s3 } = stage;
    await s3.send(new CreateBucketCommand({ Bucket: 'fresh' }));
    const head = await s3.send(new HeadBucketCommand({ Bucket: 'fresh' }));
    expect(head.BucketRegion).toBe('us-east-1');
    const own = await s3.send(new ListBucketsCommand({}));
    expect(own.Buckets?.map(({ Name }) => Name)).toContain('fresh');
    await s3.send(new DeleteBucketCommand({ Bucket: 'fresh' }));
    expect(await failure(s3.send(new HeadBucketCommand({ Bucket: 'fresh' })))).toMatchObject({
      name: 'NotFound',
      $metadata: { httpStatusCode: 404 },
    });
  });

  it('names what is wrong with a bucket that cannot be made or deleted', async () => {
    const { s3, sandbox } = stage;
    const other = stage.clientOf(sandbox.createUser({ accountId: stranger, name: 'other' }));
    const create = (client: typeof s3, name: string) =>
      failure(client.send(new CreateBucketCommand({ Bucket: name })));
    expect((await create(s3, Bucket)).name).toBe('BucketAlreadyOwnedByYou');
    expect((await create(other, Bucket)).name).toBe('BucketAlreadyExists');
    expect((await create(s3, 'Not_A_Bucket')).name).toBe('InvalidBucketName');
    const full = await failure(s3.send(new DeleteBucketCommand({ Bucket })));
    expect(full.name).toBe('BucketNotEmpty');
  });

  it('says NoSuchBucket with a 404', async () => {
    const error = await failure(list({ Bucket: 'nowhere' }));
    expect(error).toMatchObject({ name: 'NoSuchBucket', $metadata: { httpStatusCode: 404 } });
  });

  it('redirects permanently to the region of the bucket and names it', async () => {
    const client = stage.clientOf(
      stage.sandbox.createUser({ accountId: owner, name: 'traveller' }),
      { region: 'eu-central-1' },
    );
    await client.send(new CreateBucketCommand({ Bucket: 'in-frankfurt' }));
    const located = await stage.s3.send(new GetBucketLocationCommand({ Bucket: 'in-frankfurt' }));
    expect(located.LocationConstraint).toBe('eu-central-1');
    const error = await failure(list({ Bucket: 'in-frankfurt' }));
    expect(error).toMatchObject({
      name: 'PermanentRedirect',
      $metadata: { httpStatusCode: 301 },
      $response: { headers: { 'x-amz-bucket-region': 'eu-central-1' } },
    });
    const head = await failure(stage.s3.send(new HeadBucketCommand({ Bucket: 'in-frankfurt' })));
    expect(head).toMatchObject({
      $metadata: { httpStatusCode: 301 },
      $response: { headers: { 'x-amz-bucket-region': 'eu-central-1' } },
    });
    const empty = await client.send(new ListObjectsV2Command({ Bucket: 'in-frankfurt' }));
    expect(empty.KeyCount).toBe(0);
  });

  it('says that us-east-1 is where a bucket without a constraint is', async () => {
    const located = await stage.s3.send(new GetBucketLocationCommand({ Bucket }));
    expect(located.LocationConstraint ?? '').toBe('');
  });
});
