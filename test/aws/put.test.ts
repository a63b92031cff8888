import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { GetObjectTaggingCommand, HeadObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { BucketAccess } from '../../src/aws/access.js';
import type { Encryption } from '../../src/aws/encryption.js';
import { openBucket, type Bucket, type PutOptions } from '../../src/aws/objects.js';
import { trustPolicy, writePolicy } from '../../src/aws/policies.js';
import {
  startSandbox,
  type Fault,
  type PolicyDocument,
  type Sandbox,
  type SandboxUser,
} from '../../src/sandbox/sandbox.js';
import { accessTo } from '../support/access.js';
import { noting } from '../support/uploads.js';

const account = '222222222222';
const MiB = 2 ** 20;
const csv = { overwrite: false, contentType: 'text/csv' } satisfies PutOptions;
const small = Buffer.from('id\n1\n');
const large = randomBytes(17 * MiB);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

let dir: string;
let sandbox: Sandbox;
let owner: SandboxUser;
let client: S3Client;
const opened: Bucket[] = [];
let keys = 0;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'bucketql-put-'));
  sandbox = await startSandbox({ dir, minSessionSeconds: 1 });
  await sandbox.createBucket({ name: 'acme', accountId: account });
  owner = sandbox.createUser({ accountId: account, name: 'owner' });
  client = new S3Client({
    endpoint: sandbox.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: owner,
  });
});
afterEach(() => {
  sandbox.fault = undefined;
  expect(sandbox.openUploads('acme')).toEqual([]);
});
afterAll(async () => {
  for (const bucket of opened) bucket.close();
  client.destroy();
  await sandbox.close();
  await rm(dir, { recursive: true, force: true });
});

function open(more: Partial<BucketAccess> = {}, base?: SandboxUser): Bucket {
  const bucket = openBucket(accessTo(sandbox.endpoint, { ...owner, ...more }), 'write', {
    region: 'us-east-1',
    sessionSeconds: 900,
    allowedEndpoints: [sandbox.endpoint],
    ...(base ? { base: () => Promise.resolve(base) } : {}),
  });
  opened.push(bucket);
  return bucket;
}

const userWith = (policy: PolicyDocument) =>
  open(sandbox.createUser({ accountId: account, name: `user-${++keys}`, policy }));

/** A key that nobody has used. */
const newKey = () => `out/${++keys}.csv`;

/** A stream in chunks that fit no part. */
function stream(bytes: Buffer, chunk = 700_001): Readable {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += chunk) chunks.push(bytes.subarray(at, at + chunk));
  return Readable.from(chunks);
}

function put(key: string, bytes: Buffer, options: Partial<PutOptions> = {}, bucket = open()) {
  return bucket.put(key, stream(bytes), { ...csv, ...options });
}

/** Faults one operation. @returns how often each operation was asked for since */
function faulty(operation: string, fault: (attempt: number) => Fault | undefined) {
  const asked: string[] = [];
  sandbox.fault = (request) => {
    asked.push(request.operation);
    return request.operation === operation ? fault(request.attempt) : undefined;
  };
  return asked;
}

const keyOf = (kind: 'SSE_C'): Encryption => ({ kind, key: randomBytes(32) });

describe('an object that is put', () => {
  it.each([
    ['nothing at all', Buffer.alloc(0)],
    ['less than a part', small],
    ['exactly a part', large.subarray(0, 8 * MiB)],
    ['exactly two parts', large.subarray(0, 16 * MiB)],
    ['more than two parts', large],
  ])('is %s, byte by byte', async (_, bytes) => {
    const key = newKey();
    const stored = await put(key, bytes);
    expect(stored).toMatchObject({ key, bytes: bytes.length });
    const read = await sandbox.readObject('acme', key);
    expect(sha256(read!)).toBe(sha256(bytes));
    const head = await client.send(new HeadObjectCommand({ Bucket: 'acme', Key: key }));
    expect(head).toMatchObject({ ContentType: 'text/csv', ETag: `"${stored.etag}"` });
  });

  it('carries tags, storage class and metadata, small or in parts', async () => {
    const labels = {
      tags: { team: 'data + more', 'cost center': 'ä/1=2' },
      storageClass: 'STANDARD_IA',
      metadata: { 'bucketql-run': '42', note: 'a b' },
    };
    for (const bytes of [small, large]) {
      const key = newKey();
      await put(key, bytes, labels);
      const head = await client.send(new HeadObjectCommand({ Bucket: 'acme', Key: key }));
      expect(head).toMatchObject({ StorageClass: 'STANDARD_IA', Metadata: labels.metadata });
      const tagging = await client.send(new GetObjectTaggingCommand({ Bucket: 'acme', Key: key }));
      const tags = (tagging.TagSet ?? []).map(({ Key, Value }) => [Key, Value]);
      expect(Object.fromEntries(tags)).toEqual(labels.tags);
    }
  });

  it.each<[string, Partial<PutOptions>]>([
    ['eleven tags', { tags: Object.fromEntries([...'abcdefghijk'].map((name) => [name, ''])) }],
    ['a tag without a name', { tags: { '': 'x' } }],
    ['a tag with a long name', { tags: { ['n'.repeat(129)]: 'x' } }],
    ['a tag with a long value', { tags: { n: 'v'.repeat(257) } }],
    ['a tag of AWS', { tags: { 'aws:cloudformation': 'x' } }],
    ['a tag with a bracket', { tags: { n: '<x>' } }],
    ['an unknown storage class', { storageClass: 'COLD' }],
    ['metadata in capitals', { metadata: { Run: '1' } }],
    ['metadata with a line break', { metadata: { run: 'a\nb' } }],
    ['metadata beyond ASCII', { metadata: { run: 'ä' } }],
    ['too much metadata', { metadata: { run: 'x'.repeat(2046) } }],
    ['a key of 16 bytes', { encryption: { kind: 'SSE_C', key: randomBytes(16) } }],
    ['an empty KMS key id', { encryption: { kind: 'SSE_KMS', keyId: '' } }],
  ])('is refused with %s before anything is sent', async (_, options) => {
    const key = newKey();
    const asked = faulty('', () => undefined);
    await expect(put(key, small, options)).rejects.toMatchObject({ code: 'INVALID_INPUT' });
    expect(asked).toEqual([]);
  });

  it('is checked by its checksum, whole and in parts, where checksums are asked for', async () => {
    const bucket = open({ requestChecksums: 'WHEN_SUPPORTED' });
    for (const bytes of [small, large]) {
      const key = newKey();
      const head = { Bucket: 'acme', Key: key, ChecksumMode: 'ENABLED' } as const;
      await put(key, bytes, {}, bucket);
      expect((await client.send(new HeadObjectCommand(head))).ChecksumCRC32).toBeDefined();
    }
  });
});

describe('encryption', () => {
  let kms: { arn: string; keyId: string };
  beforeAll(() => {
    kms = sandbox.createKey({ accountId: account, alias: 'alias/orders' });
  });

  it.each<[string, () => Encryption, object]>([
    ['SSE_S3', () => ({ kind: 'SSE_S3' }), { ServerSideEncryption: 'AES256' }],
    ['SSE_KMS', () => ({ kind: 'SSE_KMS' }), { ServerSideEncryption: 'aws:kms' }],
    [
      'SSE_KMS by id',
      () => ({ kind: 'SSE_KMS', keyId: kms.keyId }),
      { ServerSideEncryption: 'aws:kms' },
    ],
    ['SSE_KMS by ARN', () => ({ kind: 'SSE_KMS', keyId: kms.arn }), {}],
    ['SSE_KMS by alias', () => ({ kind: 'SSE_KMS', keyId: 'alias/orders' }), {}],
  ])('%s is done, and confirmed before the first byte', async (_, encryption, shown) => {
    for (const bytes of [Buffer.alloc(0), small, large]) {
      const key = newKey();
      const asked = faulty('', () => undefined);
      await put(key, bytes, { encryption: encryption() });
      expect(asked[0]).toBe('CreateMultipartUpload');
      expect(asked).not.toContain('PutObject');
      const head = await client.send(new HeadObjectCommand({ Bucket: 'acme', Key: key }));
      expect(head).toMatchObject(shown);
      expect(sha256((await sandbox.readObject('acme', key))!)).toBe(sha256(bytes));
    }
  });

  it('SSE_C is done with the key, which shows the object and nothing else does', async () => {
    for (const bytes of [small, large]) {
      const [key, encryption] = [newKey(), keyOf('SSE_C')];
      const bucket = open({ requestChecksums: 'WHEN_SUPPORTED' });
      await put(key, bytes, { encryption, metadata: { run: '1' } }, bucket);
      const seen = await bucket.metadataOf(key, encryption);
      expect(seen).toMatchObject({ size: bytes.length, metadata: { run: '1' } });
      await expect(bucket.metadataOf(key)).rejects.toMatchObject({ code: 'S3_ERROR' });
      await expect(bucket.metadataOf(key, keyOf('SSE_C'))).rejects.toMatchObject({
        code: 'ACCESS_DENIED',
      });
    }
  });

  it.each<[string, () => Encryption]>([
    ['SSE_S3', () => ({ kind: 'SSE_S3' })],
    ['SSE_KMS', () => ({ kind: 'SSE_KMS', keyId: kms.arn })],
    ['SSE_C', () => keyOf('SSE_C')],
  ])('%s that a server ignores is ENCRYPTION_REFUSED, and nothing was sent', async (kind, how) => {
    for (const bytes of [small, large]) {
      const key = newKey();
      const asked: string[] = [];
      sandbox.fault = ({ operation }) => {
        asked.push(operation);
        return { kind: 'ignoreEncryption' };
      };
      const encryption = how();
      const noted: string[] = [];
      const uploads = noting({
        began: (id: string) => Promise.resolve(void noted.push(`began ${id}`)),
        ended: () => Promise.resolve(void noted.push('ended')),
      });
      const error: unknown = await put(key, bytes, { encryption, uploads }).catch(
        (thrown: unknown) => thrown,
      );
      expect(error).toMatchObject({
        code: 'ENCRYPTION_REFUSED',
        retryable: false,
        details: { key, encryption: kind },
      });
      expect(asked).toEqual(['CreateMultipartUpload', 'AbortMultipartUpload', 'ListParts']);
      expect(noted).toHaveLength(2);
      expect(await sandbox.readObject('acme', key)).toBeUndefined();
      if (encryption.kind === 'SSE_C') {
        const shown = JSON.stringify(error, Object.getOwnPropertyNames(error));
        expect(shown).not.toContain(encryption.key.toString('base64'));
      }
    }
  });

  it('under a key that does not exist fails, and names it', async () => {
    const encryption: Encryption = { kind: 'SSE_KMS', keyId: 'alias/nobody' };
    await expect(put(newKey(), small, { encryption })).rejects.toMatchObject({
      code: 'S3_ERROR',
      message: expect.stringContaining('alias/nobody'),
    });
  });

  it('under a key of KMS needs the actions that writePolicy has for it, and names the missing one', async () => {
    const encryption: Encryption = { kind: 'SSE_KMS', keyId: kms.arn };
    const place = { bucket: 'acme', prefix: '' };
    await expect(
      put(newKey(), small, { encryption }, userWith(writePolicy(place))),
    ).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      details: { action: 'kms:GenerateDataKey' },
    });
    await put(newKey(), large, { encryption }, userWith(writePolicy(place, kms.arn)));
  });

  it('with a key of the customer does not go over plain http to another machine', async () => {
    const endpoint = 'http://s3.example.com';
    const bucket = openBucket(accessTo(endpoint), 'write', {
      region: 'us-east-1',
      sessionSeconds: 900,
      allowedEndpoints: [endpoint],
    });
    opened.push(bucket);
    const encryption = keyOf('SSE_C');
    await expect(put('k', small, { encryption }, bucket)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringContaining('plain http'),
    });
    await expect(bucket.metadataOf('k', encryption)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
    });
  });
});

describe('overwrite: false', () => {
  it.each<[string, Buffer, Partial<PutOptions>]>([
    ['small objects', small, {}],
    ['multipart uploads', small, { encryption: { kind: 'SSE_S3' } }],
  ])(
    'lets one of 50 racing writers of %s win',
    async (_, bytes, options) => {
      const key = newKey();
      const bucket = open();
      const writers = Array.from({ length: 50 }, (__, writer) =>
        put(key, Buffer.concat([bytes, Buffer.from(String(writer))]), options, bucket),
      );
      const ends = await Promise.allSettled(writers);
      const winners = ends.flatMap((end, writer) => (end.status === 'fulfilled' ? [writer] : []));
      expect(winners).toHaveLength(1);
      for (const end of ends) {
        if (end.status === 'rejected') expect(end.reason).toMatchObject({ code: 'OBJECT_EXISTS' });
      }
      const stored = await sandbox.readObject('acme', key);
      expect(stored!.subarray(bytes.length).toString()).toBe(String(winners[0]));
    },
    60_000,
  );

  it('needs no right to read', async () => {
    const bucket = userWith(writePolicy({ bucket: 'acme', prefix: '' }));
    const key = newKey();
    await put(key, large, {}, bucket);
    await expect(put(key, large, {}, bucket)).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
    await put(key, small, { overwrite: true }, bucket);
  });

  it('holds for parts on a server that forgets If-None-Match there, when reading is allowed', async () => {
    const key = newKey();
    await put(key, small);
    faulty('CompleteMultipartUpload', () => ({ kind: 'ignorePreconditions' }));
    await expect(put(key, large)).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
    expect((await sandbox.readObject('acme', key))!.equals(small)).toBe(true);
    const encryption = keyOf('SSE_C');
    await put(key, small, { overwrite: true, encryption });
    faulty('CompleteMultipartUpload', () => ({ kind: 'ignorePreconditions' }));
    await expect(put(key, large, { encryption })).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
  });

  it('tries again when somebody deleted at that moment, and says so when it goes on', async () => {
    const conflict: Fault = { kind: 'status', status: 409, code: 'ConditionalRequestConflict' };
    const key = newKey();
    faulty('PutObject', (attempt) => (attempt <= 2 ? conflict : undefined));
    await put(key, small);
    const unavailable = { code: 'S3_UNAVAILABLE', retryable: true };
    faulty('PutObject', () => conflict);
    await expect(put(newKey(), small)).rejects.toMatchObject(unavailable);
    faulty('CompleteMultipartUpload', () => conflict);
    await expect(put(newKey(), large)).rejects.toMatchObject(unavailable);
  });

  const lost: Fault = { kind: 'cutBody', afterBytes: 0 };
  const once = (attempt: number) => (attempt === 1 ? lost : undefined);

  it('knows its own object when the answer to the first attempt was lost', async () => {
    for (const [operation, bytes] of [
      ['PutObject', small],
      ['CompleteMultipartUpload', large],
    ] as const) {
      const key = newKey();
      faulty(operation, once);
      const stored = await put(key, bytes);
      sandbox.fault = undefined;
      expect(await open().metadataOf(key)).toMatchObject({ etag: stored.etag });
    }
  });

  it('knows it by what it carries, where its ETag is no digest or somebody was in between', async () => {
    const metadata = { 'bucketql-run': 'r1' };
    const key = newKey();
    // Encrypted by the bucket, say.
    sandbox.fault = ({ operation, attempt }) =>
      operation === 'PutObject'
        ? once(attempt)
        : operation === 'HeadObject'
          ? { kind: 'changedETag' }
          : undefined;
    await put(key, small, { metadata });
    const other = newKey();
    sandbox.fault = undefined;
    await put(other, small, { metadata: { 'bucketql-run': 'r2' } });
    faulty('PutObject', (attempt) =>
      attempt === 1 ? { kind: 'status', status: 503, code: 'SlowDown' } : undefined,
    );
    await expect(put(other, small, { metadata })).rejects.toMatchObject({ code: 'OBJECT_EXISTS' });
    const conflicted = newKey();
    faulty('PutObject', (attempt) =>
      attempt === 2
        ? { kind: 'status', status: 409, code: 'ConditionalRequestConflict' }
        : once(attempt),
    );
    await put(conflicted, small, { metadata });
  });

  it('says that the object may be its own where it may not look', async () => {
    const bucket = userWith(writePolicy({ bucket: 'acme', prefix: '' }));
    faulty('PutObject', once);
    await expect(put(newKey(), small, {}, bucket)).rejects.toMatchObject({
      code: 'OBJECT_EXISTS',
      details: { maybeOwn: true },
    });
  });

  it('is a success when only the news of the completion was lost', async () => {
    const key = newKey();
    const bucket = userWith(writePolicy({ bucket: 'acme', prefix: '' }));
    faulty('CompleteMultipartUpload', (attempt) =>
      attempt === 1 ? lost : { kind: 'status', status: 404, code: 'NoSuchUpload' },
    );
    const stored = await put(key, large, {}, bucket);
    sandbox.fault = undefined;
    expect(await open().metadataOf(key)).toMatchObject({ etag: stored.etag, size: large.length });
  });
});

describe('a failure', () => {
  const failing = (after: number) =>
    Readable.from(
      (function* () {
        for (let at = 0; at < after; at += MiB) yield large.subarray(at, at + MiB);
        throw new RangeError('the rows ran out');
      })(),
    );

  it.each([0, 8, 17])('of the body after %s MiB leaves nothing and is thrown', async (after) => {
    const key = newKey();
    await expect(open().put(key, failing(after * MiB), csv)).rejects.toThrow('the rows ran out');
    expect(await sandbox.readObject('acme', key)).toBeUndefined();
  });

  it.each(['UploadPart', 'CompleteMultipartUpload'])('of %s leaves nothing', async (operation) => {
    const key = newKey();
    faulty(operation, () => ({ kind: 'status', status: 400, code: 'BadDigest' }));
    await expect(put(key, large)).rejects.toMatchObject({ code: 'S3_ERROR' });
    expect(await sandbox.readObject('acme', key)).toBeUndefined();
  });

  it('to write the upload down leaves nothing', async () => {
    const uploads = noting({
      began: () => Promise.reject(new Error('the disk is full')),
      ended: () => Promise.resolve(),
    });
    await expect(put(newKey(), large, { uploads })).rejects.toThrow('the disk is full');
  });

  it('to begin keeps the upload written down where an answer was lost before', async () => {
    const events: string[] = [];
    const uploads = noting({
      began: () => Promise.resolve(),
      ended: () => Promise.resolve(void events.push('ended')),
    });
    const key = newKey();
    const refused: Fault = { kind: 'status', status: 403, code: 'AccessDenied' };
    faulty('CreateMultipartUpload', (attempt) =>
      attempt === 1 ? { kind: 'cutBody', afterBytes: 0 } : refused,
    );
    await expect(put(key, large, { uploads })).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(events).toEqual([]);
    faulty('CreateMultipartUpload', () => refused);
    await expect(put(key, large, { uploads })).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(events).toEqual(['ended']);
    sandbox.fault = undefined;
    for (const { uploadId } of sandbox.openUploads('acme')) await openBucketAndAbort(key, uploadId);
  });

  it('to forget an upload that is done does not undo it', async () => {
    const uploads = noting({
      began: () => Promise.resolve(),
      ended: () => Promise.reject(new Error('the disk is full')),
    });
    expect(await put(newKey(), large, { uploads })).toMatchObject({ bytes: large.length });
  });

  it('to abort keeps the upload written down', async () => {
    const open: string[] = [];
    const uploads = noting({
      began: (id: string) => Promise.resolve(void open.push(id)),
      ended: () => Promise.resolve(void open.pop()),
    });
    const key = newKey();
    sandbox.fault = ({ operation }) =>
      ['CompleteMultipartUpload', 'AbortMultipartUpload'].includes(operation)
        ? { kind: 'status', status: 403, code: 'AccessDenied' }
        : undefined;
    await expect(put(key, large, { uploads })).rejects.toMatchObject({ code: 'ACCESS_DENIED' });
    expect(open).toHaveLength(1);
    sandbox.fault = undefined;
    await openBucketAndAbort(key, open[0]!);
  });

  const openBucketAndAbort = (key: string, id: string) => open().abortUpload(key, id);

  it('by cancelling is CANCELLED, before, while and whatever the body says', async () => {
    const key = newKey();
    const before = AbortSignal.abort();
    await expect(put(key, large, { signal: before })).rejects.toMatchObject({ code: 'CANCELLED' });
    for (const operation of ['CreateMultipartUpload', 'UploadPart', 'PutObject']) {
      const control = new AbortController();
      faulty(operation, () => {
        control.abort();
        return operation === 'CreateMultipartUpload' ? undefined : { kind: 'stall', afterBytes: 0 };
      });
      const writing = put(key, operation === 'PutObject' ? small : large, {
        signal: control.signal,
      });
      await expect(writing).rejects.toMatchObject({ code: 'CANCELLED' });
    }
    // A body that never says anything.
    const control = new AbortController();
    const waiting = open().put(key, new Readable({ read: () => undefined }), {
      ...csv,
      signal: control.signal,
    });
    control.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('to tag an object of parts is told, as the object is there then', async () => {
    const key = newKey();
    faulty('PutObjectTagging', () => ({ kind: 'status', status: 501, code: 'NotImplemented' }));
    await expect(put(key, large, { tags: { team: 'data' } })).rejects.toMatchObject({
      details: { key, stored: true },
      message: expect.stringContaining('but not its tags'),
    });
    expect(await sandbox.readObject('acme', key)).toHaveLength(large.length);
  });

  it('names s3:PutObjectTagging when tags are not allowed, which a session for writing does not hinder', async () => {
    const place = { bucket: 'acme', prefix: '' };
    const options = { tags: { team: 'data' } };
    await expect(put(newKey(), small, options, userWith(writePolicy(place)))).rejects.toMatchObject(
      {
        code: 'ACCESS_DENIED',
        details: { action: 's3:PutObjectTagging' },
      },
    );
    const service = sandbox.createUser({ accountId: '111111111111', name: 'service' });
    const { arn } = sandbox.createRole({
      accountId: account,
      name: 'writer',
      trustPolicy: trustPolicy(service.arn, 'id-1'),
      policy: writePolicy(place, undefined, { tags: true }),
    });
    const role = open({ auth: 'ASSUME_ROLE', roleArn: arn, externalId: 'id-1' }, service);
    await put(newKey(), small, options, role);
  });
});

describe('metadataOf', () => {
  it('gives ETag, size and metadata, and undefined for what is not there', async () => {
    const [key, bucket] = [newKey(), open()];
    const { etag } = await put(key, small, { metadata: { 'bucketql-run': '7' } });
    const found = { etag, size: small.length, metadata: { 'bucketql-run': '7' } };
    expect(await bucket.metadataOf(key)).toEqual(found);
    expect(await bucket.metadataOf(newKey())).toBeUndefined();
  });

  it('is ACCESS_DENIED without the right to read, and FORBIDDEN outside of the prefix', async () => {
    const bucket = userWith(writePolicy({ bucket: 'acme', prefix: '' }));
    await expect(bucket.metadataOf('k')).rejects.toMatchObject({
      code: 'ACCESS_DENIED',
      details: { action: 's3:GetObject' },
    });
    await expect(open({ prefix: 'mine/' }).metadataOf('k')).rejects.toMatchObject({
      code: 'FORBIDDEN',
    });
  });
});
