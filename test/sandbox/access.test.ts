import {
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { AssumeRoleCommand, GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import type { AssumeRoleCommandInput, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { failure, owner, permit, setStage, stranger, trust } from './start.js';
import type { Stage } from './start.js';

let stage: Stage;
let roleArn: string;
let count = 0;
const Bucket = 'orders';
const service = `arn:aws:iam::${stranger}:user/service`;
const readAll = permit(
  [['s3:GetObject', 's3:PutObject'], [`arn:aws:s3:::${Bucket}/*`]],
  [['s3:ListBucket'], [`arn:aws:s3:::${Bucket}`]],
);

beforeAll(async () => {
  stage = await setStage();
  await stage.sandbox.putObject(Bucket, 'in/a.csv', 'a');
  await stage.sandbox.putObject(Bucket, 'other/b.csv', 'b');
});
afterAll(() => stage.end());

beforeEach(() => {
  count += 1;
  roleArn = stage.sandbox.createRole({
    accountId: owner,
    name: `reader-${count}`,
    trustPolicy: trust(service, 'ext-1234'),
    policy: readAll,
  }).arn;
});

function assume(input: Partial<AssumeRoleCommandInput> = {}, sts: STSClient = stage.sts) {
  return sts.send(
    new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: 'import',
      ExternalId: 'ext-1234',
      ...input,
    }),
  );
}

async function session(input: Partial<AssumeRoleCommandInput> = {}, sts?: STSClient) {
  const { Credentials } = await assume(input, sts);
  return {
    accessKeyId: Credentials!.AccessKeyId!,
    secretAccessKey: Credentials!.SecretAccessKey!,
    sessionToken: Credentials!.SessionToken!,
  };
}

const get = (s3: S3Client, Key: string) => s3.send(new GetObjectCommand({ Bucket, Key }));
const listing = (s3: S3Client, Prefix?: string) =>
  s3.send(new ListObjectsV2Command({ Bucket, Prefix }));

describe('AssumeRole', () => {
  it('gives a session of the role, with a token and an end', async () => {
    const answer = await assume();
    const name = `reader-${count}`;
    expect(answer.AssumedRoleUser?.Arn).toBe(`arn:aws:sts::${owner}:assumed-role/${name}/import`);
    expect(answer.Credentials?.AccessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    const left = answer.Credentials!.Expiration!.getTime() - Date.now();
    expect(left).toBeGreaterThan(3_590_000);
    expect(left).toBeLessThanOrEqual(3_600_000);
    const s3 = stage.clientOf(await session());
    expect(await (await get(s3, 'in/a.csv')).Body!.transformToString()).toBe('a');
    expect(stage.sandbox.requests.at(-1)).toEqual({
      operation: 'GetObject',
      method: 'GET',
      bucket: Bucket,
      key: 'in/a.csv',
      status: 200,
      principal: answer.AssumedRoleUser?.Arn,
      sessionName: 'import',
    });
  });

  it.each([
    ['a wrong external id', { ExternalId: 'ext-9999' }],
    ['no external id', { ExternalId: undefined }],
    ['an unknown role', { RoleArn: `arn:aws:iam::${owner}:role/nobody` }],
  ])(
    'is refused with %s, in the same words',
    async (_case, input: Partial<AssumeRoleCommandInput>) => {
      const error = await failure(assume(input));
      expect(error).toMatchObject({
        name: 'AccessDenied',
        message: `User: ${service} is not authorized to perform: sts:AssumeRole on resource: ${
          input.RoleArn ?? roleArn
        }`,
        $metadata: { httpStatusCode: 403 },
      });
    },
  );

  it('is refused to whom the role does not trust, or whose own policy does not allow it', async () => {
    const { sandbox } = stage;
    const other = sandbox.createUser({ accountId: stranger, name: `other-${count}` });
    expect((await failure(assume({}, stage.stsOf(other)))).name).toBe('AccessDenied');
    const bound = sandbox.createUser({
      accountId: stranger,
      name: `bound-${count}`,
      policy: permit([['s3:GetObject'], ['*']]),
    });
    sandbox.updateRole(roleArn, { trustPolicy: trust(stranger) });
    expect((await failure(assume({}, stage.stsOf(bound)))).name).toBe('AccessDenied');
    expect((await assume({}, stage.stsOf(other))).Credentials).toBeDefined();
  });

  it('needs no policy of the user when the trust policy of its own account names it', async () => {
    const user = stage.sandbox.createUser({
      accountId: owner,
      name: `local-${count}`,
      policy: permit([['s3:GetObject'], ['*']]),
    });
    stage.sandbox.updateRole(roleArn, { trustPolicy: trust(user.arn) });
    expect((await assume({}, stage.stsOf(user))).Credentials).toBeDefined();
    stage.sandbox.updateRole(roleArn, { trustPolicy: trust(`arn:aws:iam::${owner}:root`) });
    expect((await failure(assume({}, stage.stsOf(user)))).name).toBe('AccessDenied');
  });

  it.each([
    [{ RoleSessionName: 'a b' }, /RoleSessionName|roleSessionName/],
    [{ RoleSessionName: 'a' }, /greater than or equal to 2/],
    [{ RoleSessionName: 'a'.repeat(65) }, /less than or equal to 64/],
    [{ ExternalId: 'x' }, /externalId/],
    [{ DurationSeconds: 899 }, /greater than or equal to 900/],
    [{ DurationSeconds: 43_201 }, /less than or equal to 43200/],
    [{ DurationSeconds: 3601 }, /MaxSessionDuration/],
  ])('refuses %j with a ValidationError', async (input, message) => {
    const error = await failure(assume(input));
    expect(error).toMatchObject({ name: 'ValidationError', $metadata: { httpStatusCode: 400 } });
    expect(error.message).toMatch(message);
  });

  it('chains roles for an hour at most', async () => {
    const { sandbox } = stage;
    const second = sandbox.createRole({
      accountId: owner,
      name: `second-${count}`,
      trustPolicy: trust(roleArn),
      policy: readAll,
      maxSessionSeconds: 7200,
    });
    sandbox.updateRole(roleArn, { policy: permit([['sts:AssumeRole'], [second.arn]]) });
    const sts = stage.stsOf(await session());
    const chained = await assume({ RoleArn: second.arn }, sts);
    expect(chained.AssumedRoleUser?.Arn).toContain(`/second-${count}/`);
    const long = await failure(assume({ RoleArn: second.arn, DurationSeconds: 7200 }, sts));
    expect(long.message).toMatch(/role chaining/);
  });

  it('refuses a session policy that is no policy', async () => {
    expect((await failure(assume({ Policy: '{' }))).name).toMatch(/^MalformedPolicyDocument/);
    for (const odd of [{ Version: '2025-10-17', Statement: [] }, { Statement: [null] }, null]) {
      const error = await failure(assume({ Policy: JSON.stringify(odd) }));
      expect(error.name).toMatch(/^MalformedPolicyDocument/);
    }
  });
});

describe('GetCallerIdentity', () => {
  it('names the caller', async () => {
    const user = await stage.sts.send(new GetCallerIdentityCommand({}));
    expect(user).toMatchObject({ Account: stranger, Arn: service });
    const sts = stage.stsOf(await session());
    const role = await sts.send(new GetCallerIdentityCommand({}));
    expect(role.Arn).toBe(`arn:aws:sts::${owner}:assumed-role/reader-${count}/import`);
    expect(role.UserId).toMatch(/^AROA[A-Z2-7]{16}:import$/);
  });

  it.each([
    ['an unknown key', { accessKeyId: 'AKIAAAAAAAAAAAAAAAAA' }, 'InvalidClientTokenId'],
    ['a wrong secret', { secretAccessKey: 'wrong' }, 'SignatureDoesNotMatch'],
    ['a wrong token', { sessionToken: 'wrong' }, 'InvalidClientTokenId'],
  ])('answers %s in the words of STS', async (_case, change, name) => {
    const sts = stage.stsOf({ ...(await session()), ...change });
    const error = await failure(sts.send(new GetCallerIdentityCommand({})));
    expect(error).toMatchObject({ name, $metadata: { httpStatusCode: 403 } });
  });
});

describe('sessions', () => {
  it('end: ExpiredToken is a 400 of S3 and a 403 of STS', async () => {
    const own = await setStage({ minSessionSeconds: 1 });
    const role = own.sandbox.createRole({
      accountId: owner,
      name: 'short',
      trustPolicy: trust(service),
      policy: readAll,
    });
    const input = { RoleArn: role.arn, RoleSessionName: 'short', DurationSeconds: 2 };
    const credentials = await session(input, own.sts);
    const s3 = own.clientOf(credentials);
    await own.sandbox.putObject(Bucket, 'a', 'a');
    expect((await get(s3, 'a')).ContentLength).toBe(1);
    own.advance(2000);
    expect(await failure(get(s3, 'a'))).toMatchObject({
      name: 'ExpiredToken',
      message: 'The provided token has expired.',
      $metadata: { httpStatusCode: 400 },
    });
    const asked = own.stsOf(credentials).send(new GetCallerIdentityCommand({}));
    expect(await failure(asked)).toMatchObject({
      name: expect.stringMatching(/^ExpiredToken/) as unknown,
      $metadata: { httpStatusCode: 403 },
    });
    await own.end();
  });

  it.each([
    ['an unknown key', { accessKeyId: 'ASIAAAAAAAAAAAAAAAAA' }, 'InvalidAccessKeyId', 403],
    ['a wrong secret', { secretAccessKey: 'wrong' }, 'SignatureDoesNotMatch', 403],
    ['a wrong token', { sessionToken: 'wrong' }, 'InvalidToken', 400],
    ['no token', { sessionToken: undefined }, 'InvalidAccessKeyId', 403],
  ])('answer %s in the words of S3', async (_case, change, name, httpStatusCode) => {
    const { sessionToken, ...keys } = { ...(await session()), ...change };
    const s3 = stage.clientOf({ ...keys, ...(sessionToken && { sessionToken }) });
    const error = await failure(get(s3, 'in/a.csv'));
    expect(error).toMatchObject({ name, $metadata: { httpStatusCode } });
  });

  it('see a changed policy at once, and may do nothing when their role is gone', async () => {
    const s3 = stage.clientOf(await session());
    await get(s3, 'in/a.csv');
    stage.sandbox.updateRole(roleArn, { policy: permit([['s3:ListBucket'], ['*']]) });
    expect((await failure(get(s3, 'in/a.csv'))).name).toBe('AccessDenied');
    stage.sandbox.updateRole(roleArn, { policy: readAll });
    await get(s3, 'in/a.csv');
    stage.sandbox.deleteRole(roleArn);
    expect((await failure(get(s3, 'in/a.csv'))).name).toBe('AccessDenied');
    expect((await failure(assume())).name).toBe('AccessDenied');
  });

  it('are narrowed by a session policy, which cannot widen them', async () => {
    const Policy = JSON.stringify(
      permit([['s3:GetObject', 's3:DeleteObject'], [`arn:aws:s3:::${Bucket}/in/*`]]),
    );
    const s3 = stage.clientOf(await session({ Policy }));
    await get(s3, 'in/a.csv');
    const denied = await failure(get(s3, 'other/b.csv'));
    expect(denied.message).toContain('because no session policy allows the s3:GetObject action');
    const erase = s3.send(new DeleteObjectCommand({ Bucket, Key: 'in/a.csv' }));
    expect((await failure(erase)).message).toContain('because no identity-based policy allows');
  });
});

describe('permissions', () => {
  const who = () => `User: arn:aws:sts::${owner}:assumed-role/reader-${count}/import`;

  it('are refused in the words of AWS', async () => {
    stage.sandbox.updateRole(roleArn, {
      policy: permit([['s3:GetObject'], [`arn:aws:s3:::${Bucket}/in/*`]]),
    });
    const s3 = stage.clientOf(await session());
    await get(s3, 'in/a.csv');
    expect(await failure(get(s3, 'other/b.csv'))).toMatchObject({
      name: 'AccessDenied',
      message: `${who()} is not authorized to perform: s3:GetObject on resource: "arn:aws:s3:::orders/other/b.csv" because no identity-based policy allows the s3:GetObject action`,
      $metadata: { httpStatusCode: 403 },
    });
    expect((await failure(listing(s3))).message).toBe(
      `${who()} is not authorized to perform: s3:ListBucket on resource: "arn:aws:s3:::orders" because no identity-based policy allows the s3:ListBucket action`,
    );
  });

  it('hide from who may not list whether a key exists', async () => {
    const s3 = stage.clientOf(await session());
    expect(await failure(get(s3, 'missing'))).toMatchObject({
      name: 'NoSuchKey',
      $metadata: { httpStatusCode: 404 },
    });
    stage.sandbox.updateRole(roleArn, { policy: permit([['s3:GetObject'], ['*']]) });
    const error = await failure(get(s3, 'missing'));
    expect(error).toMatchObject({ name: 'AccessDenied', $metadata: { httpStatusCode: 403 } });
    expect(error.message).toContain('s3:ListBucket on resource: "arn:aws:s3:::orders"');
    const head = await failure(s3.send(new HeadObjectCommand({ Bucket, Key: 'missing' })));
    expect(head.$metadata?.httpStatusCode).toBe(403);
  });

  it('tell the region of a bucket also to who is refused', async () => {
    stage.sandbox.updateRole(roleArn, { policy: permit([['s3:GetObject'], ['*']]) });
    const s3 = stage.clientOf(await session());
    expect(await failure(s3.send(new HeadBucketCommand({ Bucket })))).toMatchObject({
      $metadata: { httpStatusCode: 403 },
      $response: { headers: { 'x-amz-bucket-region': 'us-east-1' } },
    });
  });

  it('end where the bucket is not whose it was expected to be', async () => {
    const ask = (ExpectedBucketOwner: string) =>
      stage.s3.send(new GetObjectCommand({ Bucket, Key: 'in/a.csv', ExpectedBucketOwner }));
    await ask(owner);
    expect((await failure(ask(stranger))).name).toBe('AccessDenied');
  });

  it('can bind listing to a prefix', async () => {
    stage.sandbox.updateRole(roleArn, {
      policy: {
        Version: '2012-10-17',
        Statement: {
          Effect: 'Allow',
          Action: 's3:ListBucket',
          Resource: `arn:aws:s3:::${Bucket}`,
          Condition: { StringLike: { 's3:prefix': ['in/*', 'in/'] } },
        },
      },
    });
    const s3 = stage.clientOf(await session());
    expect((await listing(s3, 'in/')).KeyCount).toBe(1);
    expect((await listing(s3, 'in/a')).KeyCount).toBe(1);
    expect((await failure(listing(s3))).name).toBe('AccessDenied');
    expect((await failure(listing(s3, 'other/'))).name).toBe('AccessDenied');
  });

  it('end with an explicit deny, which wins', async () => {
    const { Statement } = permit([['s3:*'], ['*']]);
    stage.sandbox.updateRole(roleArn, {
      policy: {
        Version: '2012-10-17',
        Statement: [
          ...(Statement as []),
          { Effect: 'Deny', Action: 's3:Get*', Resource: `arn:aws:s3:::${Bucket}/other/*` },
        ],
      },
    });
    const s3 = stage.clientOf(await session());
    await get(s3, 'in/a.csv');
    expect((await failure(get(s3, 'other/b.csv'))).message).toContain(
      'with an explicit deny in an identity-based policy',
    );
  });

  it('of a role do not reach into the buckets of other accounts', async () => {
    await stage.sandbox.createBucket({ name: `foreign-${count}`, accountId: stranger });
    stage.sandbox.updateRole(roleArn, { policy: permit([['s3:*'], ['*']]) });
    const s3 = stage.clientOf(await session());
    const put = s3.send(new PutObjectCommand({ Bucket: `foreign-${count}`, Key: 'k', Body: 'x' }));
    expect((await failure(put)).message).toContain('because no resource-based policy allows');
  });

  it('of DeleteObjects are judged key by key', async () => {
    await stage.sandbox.putObject(Bucket, 'del/a', 'x');
    await stage.sandbox.putObject(Bucket, 'keep/b', 'x');
    stage.sandbox.updateRole(roleArn, {
      policy: permit([['s3:DeleteObject'], [`arn:aws:s3:::${Bucket}/del/*`]]),
    });
    const s3 = stage.clientOf(await session());
    const answer = await s3.send(
      new DeleteObjectsCommand({
        Bucket,
        Delete: { Objects: [{ Key: 'del/a' }, { Key: 'keep/b' }] },
      }),
    );
    expect(answer.Deleted).toEqual([{ Key: 'del/a' }]);
    expect(answer.Errors).toMatchObject([{ Key: 'keep/b', Code: 'AccessDenied' }]);
    expect(await stage.sandbox.listKeys(Bucket)).toContain('keep/b');
  });

  it('of tags are asked beside those of writing', async () => {
    const s3 = stage.clientOf(await session());
    const put = (Tagging?: string) =>
      s3.send(new PutObjectCommand({ Bucket, Key: 'tagged', Body: 'x', Tagging }));
    await put();
    expect((await failure(put('a=1'))).message).toContain('s3:PutObjectTagging');
  });
});
