import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import path from 'node:path';
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import type { S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand } from '@aws-sdk/client-sts';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { SandboxUser } from '../../src/sandbox/sandbox.js';
import { signedHeaders } from './raw.js';
import { failure, owner, setStage } from './start.js';
import type { Stage } from './start.js';

let stage: Stage;
let once: S3Client;
let user: SandboxUser;
const Bucket = 'orders';
const body = Buffer.from('0123456789'.repeat(100_000));

beforeAll(async () => {
  stage = await setStage();
  user = stage.sandbox.createUser({ accountId: owner, name: 'once' });
  once = stage.clientOf(user, { maxAttempts: 1 });
  await stage.sandbox.putObject(Bucket, 'big', body);
});
afterAll(() => stage.end());
afterEach(() => {
  stage.sandbox.fault = undefined;
});

const get = (s3: S3Client, more: object = {}) =>
  s3.send(new GetObjectCommand({ Bucket, Key: 'big', ...more }));

describe('the fault hook', () => {
  it('answers with a status, and the SDK that tries again gets through', async () => {
    const asked: unknown[] = [];
    stage.sandbox.fault = ({ operation, bucket, key, method, attempt, headers }) => {
      asked.push([operation, bucket, key, method, attempt, headers['amz-sdk-request']]);
      return attempt <= 2 ? { kind: 'status', status: 503, code: 'SlowDown' } : undefined;
    };
    const error = await failure(get(once));
    expect(error).toMatchObject({
      name: 'SlowDown',
      message: 'Please reduce your request rate.',
      $metadata: { httpStatusCode: 503 },
    });
    expect((await get(stage.s3)).ContentLength).toBe(body.length);
    expect(asked).toHaveLength(3);
    expect(asked[0]).toEqual(['GetObject', Bucket, 'big', 'GET', 1, expect.any(String)]);
    expect(stage.sandbox.requests.slice(-3).map(({ status }) => status)).toEqual([503, 503, 200]);
  });

  it('answers HEAD with a status and no body', async () => {
    stage.sandbox.fault = () => ({ kind: 'status', status: 403, code: 'AccessDenied' });
    const error = await failure(once.send(new HeadObjectCommand({ Bucket, Key: 'big' })));
    expect(error.$metadata?.httpStatusCode).toBe(403);
  });

  it('meets STS too, in the words of STS', async () => {
    stage.sandbox.fault = ({ operation }) =>
      operation === 'GetCallerIdentity'
        ? { kind: 'status', status: 400, code: 'Throttling', message: 'Rate exceeded' }
        : undefined;
    const sts = stage.stsOf(user);
    sts.config.maxAttempts = () => Promise.resolve(1);
    const error = await failure(sts.send(new GetCallerIdentityCommand({})));
    expect(error).toMatchObject({ message: 'Rate exceeded' });
  });

  it('cuts a body after as many bytes as it is told', async () => {
    stage.sandbox.fault = () => ({ kind: 'cutBody', afterBytes: 123_456 });
    expect(await received()).toEqual({ bytes: 123_456, whole: false });
    const error = await failure((await get(once)).Body!.transformToByteArray());
    expect(error.message).toMatch(/aborted|ECONNRESET/);
  });

  it('stalls a body after as many bytes as it is told', async () => {
    stage.sandbox.fault = () => ({ kind: 'stall', afterBytes: 65_537 });
    expect(await received(65_537)).toEqual({ bytes: 65_537, whole: false });
    stage.sandbox.fault = () => ({ kind: 'stall', afterBytes: 0 });
    expect(await received(0)).toEqual({ bytes: 0, whole: false });
  });

  it('sends a body slowly and whole', async () => {
    stage.sandbox.fault = () => ({ kind: 'slow', bytesPerSecond: 20_000_000 });
    const got = await (await get(once)).Body!.transformToByteArray();
    expect(Buffer.from(got).equals(body)).toBe(true);
  });

  it('loses the answer to a write that was done', async () => {
    stage.sandbox.fault = () => ({ kind: 'cutBody', afterBytes: 0 });
    const put = once.send(new PutObjectCommand({ Bucket, Key: 'lost', Body: 'x' }));
    await failure(put);
    expect((await stage.sandbox.readObject(Bucket, 'lost'))?.toString()).toBe('x');
  });

  it('resets a connection before anything is done', async () => {
    stage.sandbox.fault = () => ({ kind: 'reset' });
    const put = once.send(new PutObjectCommand({ Bucket, Key: 'reset', Body: 'x' }));
    expect((await failure(put)).message).toMatch(/socket hang up|ECONNRESET/);
    expect(await stage.sandbox.readObject(Bucket, 'reset')).toBeUndefined();
    expect(stage.sandbox.requests.at(-1)).toMatchObject({ operation: 'PutObject', status: 0 });
  });

  it('changes an ETag between the listing and the reading', async () => {
    stage.sandbox.fault = ({ operation }) =>
      operation === 'GetObject' ? { kind: 'changedETag' } : undefined;
    const listed = await once.send(new ListObjectsV2Command({ Bucket, Prefix: 'big' }));
    const etag = listed.Contents![0]!.ETag!;
    const error = await failure(get(once, { IfMatch: etag }));
    expect(error).toMatchObject({
      name: 'PreconditionFailed',
      $metadata: { httpStatusCode: 412 },
    });
    const got = await get(once);
    expect(got.ETag).not.toBe(etag);
    await got.Body!.transformToByteArray();
  });

  it('counts attempts anew when it is set anew', async () => {
    const attempts: number[] = [];
    for (let round = 0; round < 2; round += 1) {
      stage.sandbox.fault = ({ attempt }) => {
        attempts.push(attempt);
        return undefined;
      };
      await once.send(new HeadObjectCommand({ Bucket, Key: 'big' }));
      await once.send(new HeadObjectCommand({ Bucket, Key: 'big' }));
    }
    expect(attempts).toEqual([1, 2, 1, 2]);
  });
});

describe('a client that leaves', () => {
  it('in the middle of a write leaves nothing behind', async () => {
    const { s3, dir, sandbox } = stage;
    const folder = path.join(dir, 'buckets', Bucket, 'segments');
    const before = (await readdir(folder)).length;
    // Each look at the folder follows an answer of the sandbox, which gives it its turn.
    const filesAre = async (count: number) => {
      while ((await readdir(folder)).length !== count) await s3.send(new ListBucketsCommand({}));
    };
    const input = {
      endpoint: sandbox.endpoint,
      method: 'PUT',
      path: `/${Bucket}/left`,
      headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'content-length': '1000' },
    };
    const { hostname, port } = new URL(sandbox.endpoint);
    const headers = await signedHeaders(input, user);
    const outgoing = request({ host: hostname, port, method: 'PUT', path: input.path, headers });
    outgoing.on('error', () => undefined);
    outgoing.write('half');
    await filesAre(before + 1);
    outgoing.destroy();
    await filesAre(before);
    expect(await sandbox.readObject(Bucket, 'left')).toBeUndefined();
    const asked = sandbox.requests.filter(({ key }) => key === 'left');
    expect(asked).toMatchObject([{ operation: 'PutObject', status: 0 }]);
  });
});

/** Reads raw: how many bytes of the body arrive before the connection ends, or before `enough` have. */
async function received(enough = Infinity): Promise<{ bytes: number; whole: boolean }> {
  const input = {
    endpoint: stage.sandbox.endpoint,
    method: 'GET',
    path: `/${Bucket}/big`,
    headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
  };
  const headers = await signedHeaders(input, user);
  const url = new URL(stage.sandbox.endpoint);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { host: url.hostname, port: url.port, path: input.path, headers, agent: false },
      (response) => {
        let bytes = 0;
        const finish = () => {
          resolve({ bytes, whole: response.complete });
          outgoing.destroy();
        };
        if (enough === 0) finish();
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes >= enough) finish();
        });
        response.on('error', finish);
        response.on('end', finish);
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}
