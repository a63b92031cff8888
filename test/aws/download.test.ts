import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { openBucket, type Bucket, type BucketSettings } from '../../src/aws/objects.js';
import {
  startSandbox,
  type Fault,
  type FaultRequest,
  type Sandbox,
  type SandboxUser,
} from '../../src/sandbox/sandbox.js';
import { accessTo } from '../support/access.js';

const account = '222222222222';
const readTimeoutSeconds = 0.3;
const body = randomBytes(3_000_000);
const etag = createHash('md5').update(body).digest('hex');
const listed = { etag, size: body.length };

const settingsFor = (endpoint: string, more: Partial<BucketSettings> = {}): BucketSettings => ({
  region: 'us-east-1',
  sessionSeconds: 900,
  allowedEndpoints: [endpoint],
  readTimeoutSeconds,
  ...more,
});

const same = (read: Buffer) => read.equals(body);

describe('over the sandbox', () => {
  let dir: string;
  let sandbox: Sandbox;
  let user: SandboxUser;
  let bucket: Bucket;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-download-'));
    sandbox = await startSandbox({ dir, minSessionSeconds: 1 });
    await sandbox.createBucket({ name: 'acme', accountId: account });
    await sandbox.putObject('acme', 'k', body);
    user = sandbox.createUser({ accountId: account, name: 'owner' });
    bucket = openBucket(accessTo(sandbox.endpoint, user), 'read', settingsFor(sandbox.endpoint));
  });
  afterEach(() => {
    sandbox.fault = undefined;
  });
  afterAll(async () => {
    bucket.close();
    await sandbox.close();
    await rm(dir, { recursive: true, force: true });
  });

  /** Faults one operation, and notes what was asked for. */
  function faulty(operation: string, fault: (attempt: number) => Fault | undefined) {
    const asked: FaultRequest[] = [];
    sandbox.fault = (request) => {
      if (request.operation !== operation) return undefined;
      asked.push(request);
      return fault(request.attempt);
    };
    return asked;
  }
  const read = async (more: Parameters<Bucket['open']>[1] = listed) =>
    buffer(await bucket.open('k', more));
  const list = async () => {
    const keys: string[] = [];
    for await (const { key } of bucket.list('')) keys.push(key);
    return keys;
  };

  it('continues a cut body at the byte where it broke, and only while the object is the same', async () => {
    const asked = faulty('GetObject', (attempt) =>
      attempt < 3 ? { kind: 'cutBody', afterBytes: 1_000_001 } : undefined,
    );
    expect(same(await read())).toBe(true);
    const [first, ...resumed] = asked.map(({ headers }) => headers);
    expect(first?.range).toBeUndefined();
    expect(resumed.length).toBeGreaterThanOrEqual(2);
    for (const headers of resumed) {
      expect(headers.range).toMatch(/^bytes=[1-9]\d*-$/);
      expect(headers['if-match']).toBe(`"${etag}"`);
    }
  });

  it('holds on to the object it began with when no ETag was given', async () => {
    const asked = faulty('GetObject', (attempt) =>
      attempt === 1 ? { kind: 'cutBody', afterBytes: 1_000_000 } : undefined,
    );
    expect(same(await read({}))).toBe(true);
    expect(asked[1]?.headers['if-match']).toBe(`"${etag}"`);
  });

  it('continues a silent body after the read timeout', async () => {
    const asked = faulty('GetObject', (attempt) =>
      attempt === 1 ? { kind: 'stall', afterBytes: 1_000_000 } : undefined,
    );
    expect(same(await read())).toBe(true);
    expect(asked).toHaveLength(2);
  });

  it('goes on as long as there is a new byte each time', async () => {
    const asked = faulty('GetObject', (attempt) =>
      attempt <= 12 ? { kind: 'cutBody', afterBytes: 100_000 } : undefined,
    );
    expect(same(await read())).toBe(true);
    expect(asked.length).toBeGreaterThan(12);
  });

  it('gives up after five tries in a row without a byte', async () => {
    const asked = faulty('GetObject', (attempt) => ({
      kind: 'cutBody',
      afterBytes: attempt === 1 ? 1_000_000 : 0,
    }));
    await expect(read()).rejects.toMatchObject({
      code: 'S3_UNAVAILABLE',
      retryable: true,
      message: expect.stringContaining('k broke off: after byte'),
      details: { key: 'k', file: 'k' },
    });
    expect(asked).toHaveLength(6);
  });

  it('refuses to continue with another object', async () => {
    faulty('GetObject', (attempt) =>
      attempt === 1 ? { kind: 'cutBody', afterBytes: 1_000_000 } : { kind: 'changedETag' },
    );
    await expect(read()).rejects.toMatchObject({ code: 'OBJECT_CHANGED' });
  });

  it('stops at once when it is cancelled: while S3 is silent, between tries and before the first', async () => {
    for (const kind of ['stall', 'cutBody'] as const) {
      const cancel = new AbortController();
      const asked = faulty('GetObject', () => ({ kind, afterBytes: 100_000 }));
      const stream = await bucket.open('k', { ...listed, signal: cancel.signal });
      let bytes = 0;
      stream.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes >= 50_000) cancel.abort();
      });
      await expect(new Promise((_, reject) => stream.once('error', reject))).rejects.toMatchObject({
        code: 'CANCELLED',
      });
      expect(asked).toHaveLength(1);
    }
    const signal = AbortSignal.abort();
    await expect(bucket.open('k', { signal })).rejects.toMatchObject({ code: 'CANCELLED' });
  });

  it('does not take a slow reader for a silent server', async () => {
    const stream = await bucket.open('k', listed);
    const chunks: Buffer[] = [];
    const reading = stream[Symbol.asyncIterator]() as AsyncIterableIterator<Buffer>;
    for (let chunk = await reading.next(); !chunk.done; chunk = await reading.next()) {
      chunks.push(chunk.value);
      // Longer than the timeout: nothing else that could be waited for happens then.
      if (chunks.length === 1) {
        await new Promise((resolve) => setTimeout(resolve, readTimeoutSeconds * 2000));
      }
    }
    expect(same(Buffer.concat(chunks))).toBe(true);
  });

  it('asks for new credentials when a session ended in the middle', async () => {
    sandbox.createRole({
      accountId: account,
      name: 'reader',
      trustPolicy: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { AWS: user.arn }, Action: 'sts:AssumeRole' }],
      },
      policy: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:*', Resource: '*' }],
      },
    });
    const roleArn = `arn:aws:iam::${account}:role/reader`;
    const { endpoint } = sandbox;
    const role = openBucket(
      accessTo(endpoint, { auth: 'ASSUME_ROLE', roleArn }),
      'read',
      settingsFor(endpoint, {
        base: () => Promise.resolve(user),
        endpoint,
        sessionSeconds: 2,
        readTimeoutSeconds: 1,
      }),
    );
    const began = sandbox.requests.length;
    // Five silences of a second and a cut: three lives of a session.
    const asked = faulty('GetObject', (attempt) =>
      attempt < 6
        ? { kind: 'stall', afterBytes: 400_000 }
        : attempt === 6
          ? { kind: 'cutBody', afterBytes: 100_000 }
          : undefined,
    );
    expect(same(await buffer(await role.open('k', listed)))).toBe(true);
    role.close();
    const tokens = new Set(asked.map(({ headers }) => headers['x-amz-security-token']));
    expect(tokens.size).toBeGreaterThanOrEqual(3);
    const answers = sandbox.requests.slice(began).map(({ status }) => status);
    expect(answers).not.toContain(403);
  }, 20_000);

  describe.each<[string, () => Promise<unknown>, string]>([
    ['ListObjectsV2', () => list(), 'bucket acme'],
    ['GetObject', () => read(), 'k'],
    [
      'UploadPart',
      () =>
        bucket.put('parts', Readable.from([Buffer.alloc(9 * 2 ** 20)]), {
          overwrite: true,
          contentType: 'text/csv',
        }),
      'object parts',
    ],
  ])('%s', (operation, run, named) => {
    it.each<[string, Fault]>([
      ['503 SlowDown', { kind: 'status', status: 503, code: 'SlowDown' }],
      ['500', { kind: 'status', status: 500, code: 'InternalError' }],
      ['a reset', { kind: 'reset' }],
      ['an answer that does not come', { kind: 'stall', afterBytes: 0 }],
      ['an answer that is cut', { kind: 'cutBody', afterBytes: 20 }],
    ])('is tried again after %s', async (_, fault) => {
      const asked = faulty(operation, (attempt) => (attempt <= 1 ? fault : undefined));
      await run();
      expect(asked.length).toBeGreaterThan(1);
    });

    it('ends as S3_UNAVAILABLE when nothing helps', async () => {
      // Not a reset: across Jest's realms the SDK takes its error for no error, and leaves its code out.
      faulty(operation, () => ({ kind: 'status', status: 500, code: 'InternalError' }));
      await expect(run()).rejects.toMatchObject({
        code: 'S3_UNAVAILABLE',
        retryable: true,
        message: expect.stringContaining(named),
      });
    }, 30_000);
  });
});

// Servers that do not keep to the protocol, which the sandbox does.
describe('over a server of another kind', () => {
  type Handle = (request: IncomingMessage, response: ServerResponse, attempt: number) => void;
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  async function read(handle: Handle, times = 1) {
    let asked = 0;
    let connections = 0;
    const server = createServer((request, response) => handle(request, response, ++asked));
    server.on('connection', () => connections++);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const bucket = openBucket(accessTo(endpoint), 'read', settingsFor(endpoint));
    closing.push(() => {
      bucket.close();
      server.closeAllConnections();
      return new Promise((resolve) => void server.close(() => resolve()));
    });
    let bytes = Buffer.alloc(0);
    for (let time = 0; time < times; time++) bytes = await buffer(await bucket.open('k', listed));
    return { bytes, asked, connections };
  }

  /** Sends so many bytes of a whole answer, and hangs up. */
  function cut(response: ServerResponse, bytes: number): void {
    response.writeHead(200, { etag: `"${etag}"`, 'content-length': body.length });
    response.write(body.subarray(0, bytes), () => response.socket?.destroy());
  }

  it('gives its connection back for the next object', async () => {
    const whole: Handle = (_, response) =>
      void response.writeHead(200, { 'content-length': body.length }).end(body);
    expect(await read(whole, 5)).toMatchObject({ asked: 5, connections: 1 });
  });

  it('leaves out what it has when Range is ignored', async () => {
    const { bytes, asked } = await read((_, response, attempt) => {
      if (attempt === 1) cut(response, 1_234_567);
      else response.writeHead(200, { etag: `"${etag}"` }).end(body);
    });
    expect(same(bytes)).toBe(true);
    expect(asked).toBe(2);
  });

  it('continues an answer without a length that ends too early', async () => {
    const { bytes, asked } = await read(({ headers }, response, attempt) => {
      if (attempt === 1) {
        response.writeHead(200, { etag: `"${etag}"` }).end(body.subarray(0, 1_000_000));
        return;
      }
      const from = Number(/\d+/.exec(headers.range ?? '')?.[0]);
      response.writeHead(206, {
        etag: `"${etag}"`,
        'content-range': `bytes ${from}-${body.length - 1}/${body.length}`,
      });
      response.end(body.subarray(from));
    });
    expect(same(bytes)).toBe(true);
    expect(asked).toBe(2);
  });

  it('sees another object when If-Match is ignored', async () => {
    const reading = read((_, response, attempt) => {
      if (attempt === 1) cut(response, 1_000_000);
      else response.writeHead(200, { etag: '"another"' }).end(body);
    });
    await expect(reading).rejects.toMatchObject({ code: 'OBJECT_CHANGED' });
  });

  it.each([
    ['none', undefined],
    ['another begin', `bytes 0-${body.length - 1}/${body.length}`],
    ['another end', `bytes 1000000-2000000/${body.length}`],
    ['another size', `bytes 1000000-${body.length - 1}/${body.length + 1}`],
    ['nonsense', 'bytes'],
  ])('refuses a wrong Content-Range: %s', async (_, range) => {
    const reading = read((_, response, attempt) => {
      if (attempt === 1) {
        cut(response, 1_000_000);
        return;
      }
      const headers = range === undefined ? {} : { 'content-range': range };
      response.writeHead(206, { etag: `"${etag}"`, ...headers }).end(body.subarray(1_000_000));
    });
    await expect(reading).rejects.toMatchObject({
      code: 'S3_ERROR',
      details: { key: 'k', range: range ?? null },
    });
  });

  it('does not go on past the listed size', async () => {
    const reading = read((_, response) => {
      response.writeHead(200, { etag: `"${etag}"` }).end(Buffer.concat([body, body]));
    });
    await expect(reading).rejects.toMatchObject({ code: 'S3_UNAVAILABLE' });
  });
});
