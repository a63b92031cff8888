import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { failure, owner, permit, setStage, stranger, type Stage } from './start.js';

const Bucket = 'orders';
let stage: Stage;
let key: { arn: string; keyId: string };

beforeAll(async () => {
  stage = await setStage();
  key = stage.sandbox.createKey({ accountId: owner, alias: 'alias/orders' });
});
afterEach(() => {
  stage.sandbox.fault = undefined;
});
afterAll(() => stage.end());

const put = (s3: S3Client, SSEKMSKeyId: string) =>
  s3.send(
    new PutObjectCommand({
      Bucket,
      Key: 'k',
      Body: 'x',
      ServerSideEncryption: 'aws:kms',
      SSEKMSKeyId,
    }),
  );

describe('a key of KMS', () => {
  it('has an ARN, an id and an alias, and is told by its ARN', async () => {
    const aliasArn = `arn:aws:kms:us-east-1:${owner}:alias/orders`;
    for (const named of [key.arn, key.keyId, 'alias/orders', aliasArn]) {
      expect((await put(stage.s3, named)).SSEKMSKeyId).toBe(key.arn);
    }
  });

  it.each(['alias/others', 'arn:aws:kms:us-east-1:222222222222:key/1'])(
    'that is not there is refused: %s',
    async (named) => {
      expect(await failure(put(stage.s3, named))).toMatchObject({
        name: 'KMS.NotFoundException',
        $metadata: { httpStatusCode: 400 },
      });
    },
  );

  it("of another account or region is not the bucket's", async () => {
    const others = [
      stage.sandbox.createKey({ accountId: stranger }),
      stage.sandbox.createKey({ accountId: owner, region: 'eu-west-1' }),
    ];
    for (const { arn } of others) {
      expect((await failure(put(stage.s3, arn))).name).toBe('KMS.NotFoundException');
    }
  });

  it('takes kms:GenerateDataKey to write and kms:Decrypt to read, through S3', async () => {
    const objects: [string[], string[]] = [
      ['s3:PutObject', 's3:GetObject'],
      [`arn:aws:s3:::${Bucket}/*`],
    ];
    const clientOf = (name: string, ...actions: string[]) =>
      stage.clientOf(
        stage.sandbox.createUser({
          accountId: owner,
          name,
          policy: permit(objects, ...actions.map((action) => [[action], [key.arn]] as never)),
        }),
      );
    const [nothing, writer, both] = [
      clientOf('nothing'),
      clientOf('writer', 'kms:GenerateDataKey'),
      clientOf('both', 'kms:GenerateDataKey', 'kms:Decrypt'),
    ];
    const denied = await failure(put(nothing, key.arn));
    expect(denied).toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
    expect(denied.message).toContain(`perform: kms:GenerateDataKey on resource: ${key.arn}`);
    await put(writer, key.arn);
    const get = new GetObjectCommand({ Bucket, Key: 'k' });
    expect((await failure(writer.send(get))).message).toContain('kms:Decrypt');
    expect(await (await both.send(get)).Body!.transformToString()).toBe('x');
  });

  it('has an alias of its own kind', () => {
    const create = (alias: string) => () => stage.sandbox.createKey({ accountId: owner, alias });
    expect(create('orders')).toThrow('alias');
    expect(create('alias/aws/s3')).toThrow('alias');
  });
});

describe('services of another kind', () => {
  it('that ignore encryption store without it and do not mention it', async () => {
    stage.sandbox.fault = () => ({ kind: 'ignoreEncryption' });
    const answer = await put(stage.s3, 'alias/nobody');
    expect(answer.ServerSideEncryption).toBeUndefined();
    const customer = { SSECustomerAlgorithm: 'AES256', SSECustomerKey: 'k'.repeat(32) };
    const begun = await stage.s3.send(
      new CreateMultipartUploadCommand({ Bucket, Key: 'k', ...customer }),
    );
    expect(begun.SSECustomerAlgorithm).toBeUndefined();
    const head = new HeadObjectCommand({ Bucket, Key: 'k' });
    expect((await stage.s3.send(head)).ServerSideEncryption).toBeUndefined();
  });

  it('that ignore preconditions replace what is there', async () => {
    const only = { Bucket, Key: 'once', IfNoneMatch: '*' };
    await stage.s3.send(new PutObjectCommand({ ...only, Body: 'first' }));
    const second = () => stage.s3.send(new PutObjectCommand({ ...only, Body: 'second' }));
    expect((await failure(second())).name).toBe('PreconditionFailed');
    stage.sandbox.fault = () => ({ kind: 'ignorePreconditions' });
    await second();
    expect((await stage.sandbox.readObject(Bucket, 'once'))!.toString()).toBe('second');
  });
});

describe('the tags of an object', () => {
  const tag = (Key: string, ...TagSet: { Key: string; Value: string }[]) =>
    stage.s3.send(new PutObjectTaggingCommand({ Bucket, Key, Tagging: { TagSet } }));

  it('are replaced, and the bytes stay', async () => {
    const Key = 'tagged';
    await stage.s3.send(new PutObjectCommand({ Bucket, Key, Body: 'x', Tagging: 'old=1' }));
    const tags = [
      { Key: 'a & b', Value: 'ä+=' },
      { Key: 'c', Value: '' },
    ];
    await tag(Key, ...tags);
    const { TagSet } = await stage.s3.send(new GetObjectTaggingCommand({ Bucket, Key }));
    expect(TagSet).toEqual(tags);
    expect((await stage.sandbox.readObject(Bucket, Key))!.toString()).toBe('x');
    await tag(Key, tags[1]!);
    const one = await stage.s3.send(new GetObjectTaggingCommand({ Bucket, Key }));
    expect(one.TagSet).toEqual([tags[1]]);
  });

  it('are ten at most, of an object that is there', async () => {
    const eleven = Array.from({ length: 11 }, (_, n) => ({ Key: `k${n}`, Value: '' }));
    expect((await failure(tag('tagged', ...eleven))).name).toBe('InvalidArgument');
    expect((await failure(tag('absent'))).name).toBe('NoSuchKey');
  });
});
