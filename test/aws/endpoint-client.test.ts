import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { BucketAccess } from '../../src/aws/access.js';
import { s3Client } from '../../src/aws/client.js';
import { assumeRole, callerPrincipal, type StsSettings } from '../../src/aws/credentials.js';
import type { Resolver } from '../../src/aws/endpoint.js';
import { awsError } from '../../src/aws/errors.js';
import { accessTo } from '../support/access.js';

type Answerer = (request: IncomingMessage, response: ServerResponse) => void;

/** A server on the loopback address that counts connections and answers as it is told. */
async function startServer() {
  const seen = { connections: 0, requests: [] as IncomingMessage[], bodies: [] as string[] };
  let answer: Answerer = (_request, response) => response.end();
  const server: Server = createServer((request, response) => {
    seen.requests.push(request);
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      seen.bodies.push(body);
      answer(request, response);
    });
  });
  server.on('connection', () => seen.connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    seen,
    answers(next: Answerer) {
      answer = next;
    },
    reset() {
      seen.connections = 0;
      seen.requests.length = 0;
      seen.bodies.length = 0;
      server.closeAllConnections();
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}

const keys = { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: 'secret' };

function roleAt(endpoint: string | null, more: Partial<BucketAccess> = {}): BucketAccess {
  return accessTo(endpoint, {
    auth: 'ASSUME_ROLE',
    roleArn: 'arn:aws:iam::222222222222:role/test',
    externalId: 'bucketql-1',
    accessKeyId: null,
    secretAccessKey: null,
    ...more,
  });
}

const resolveTo =
  (...addresses: string[]): Resolver =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: 4 })));

describe('clients', () => {
  let server: Awaited<ReturnType<typeof startServer>>;
  let other: Awaited<ReturnType<typeof startServer>>;
  beforeAll(async () => {
    server = await startServer();
    other = await startServer();
  });
  afterAll(async () => {
    await server.close();
    await other.close();
  });
  beforeEach(() => {
    server.answers((_request, response) => response.end());
  });
  afterEach(() => {
    server.reset();
    other.reset();
  });

  const clients: ReturnType<typeof s3Client>[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy();
  });
  const open = (access: BucketAccess, allowed: readonly string[], resolve?: Resolver) => {
    const client = s3Client(access, () => Promise.resolve(keys), allowed, resolve);
    clients.push(client);
    return client;
  };
  const list = (client: ReturnType<typeof s3Client>) =>
    client.send(new ListObjectsV2Command({ Bucket: 'acme' })).then(
      () => 'answered',
      (error: unknown) =>
        awsError(error, { action: 's3:ListBucket', bucket: 'acme', region: 'us-east-1' }),
    );
  const settings = (more: Partial<StsSettings> = {}): StsSettings => ({
    base: () => Promise.resolve(keys),
    region: 'us-east-1',
    sessionSeconds: 900,
    ...more,
  });
  const refused = { code: 'ENDPOINT_NOT_ALLOWED', retryable: false };

  it.each([
    'http://127.0.0.1',
    'http://127.1',
    'http://0x7f.1',
    'http://2130706433',
    'http://0.0.0.0',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://localhost',
    'http://LOCALHOST.',
    'http://user:pass@127.0.0.1',
    'https://127.0.0.1',
  ])('call neither S3 nor STS at %s', async (host) => {
    const access = roleAt(`${host}:${server.port}`);
    expect(() => open(access, ['https://minio.example'])).toThrow(expect.objectContaining(refused));
    const assumed = assumeRole(access, { ...settings(), purpose: 'read' });
    await expect(assumed).rejects.toMatchObject(refused);
    expect(server.seen.connections).toBe(0);
  });

  it.each(['http', 'https'])(
    'do not connect where a listed %s name leads inside',
    async (scheme) => {
      const origin = `${scheme}://minio.example:${server.port}`;
      const access = roleAt(origin);
      const resolve = resolveTo('127.0.0.1');
      expect(await list(open(access, [origin], resolve))).toMatchObject(refused);
      expect(await list(open(access, [`${origin}!private`], resolve))).toMatchObject(refused);
      const sts = settings({ allowedEndpoints: [origin], resolve });
      await expect(assumeRole(access, { ...sts, purpose: 'read' })).rejects.toMatchObject(refused);
      const configured = settings({ endpoint: origin, resolve });
      await expect(callerPrincipal(configured)).rejects.toMatchObject(refused);
      expect(server.seen.connections).toBe(0);
    },
  );

  it('do not connect where the name of a bucket below a listed name leads inside', async () => {
    const origin = `http://minio.example:${server.port}`;
    const names: string[] = [];
    const resolve: Resolver = (name) => {
      names.push(name);
      return resolveTo('127.0.0.1')(name);
    };
    const client = open(roleAt(origin, { forcePathStyle: false }), [origin], resolve);
    expect(await list(client)).toMatchObject(refused);
    expect(names).toEqual(['acme.minio.example']);
    expect(server.seen.connections).toBe(0);
  });

  it('do not connect where a name of AWS leads inside', async () => {
    const access = roleAt(null, { forcePathStyle: false });
    expect(await list(open(access, [], resolveTo('127.0.0.1')))).toMatchObject(refused);
    const sts = settings({ resolve: resolveTo('169.254.169.254') });
    await expect(assumeRole(access, { ...sts, purpose: 'read' })).rejects.toMatchObject(refused);
  });

  it('do not connect where a large upload would, either', async () => {
    const origin = `http://minio.example:${server.port}`;
    const client = open(roleAt(origin), [origin], resolveTo('127.0.0.1'));
    const body = Buffer.alloc(3 * 2 ** 20);
    const sent = client.send(new PutObjectCommand({ Bucket: 'acme', Key: 'a', Body: body }));
    await expect(sent).rejects.toMatchObject(refused);
    expect(server.seen.connections).toBe(0);
  });

  it('resolve a name once for each connection and connect to what was checked', async () => {
    const origin = `http://localhost:${server.port}`;
    const turns = ['127.0.0.1', '10.0.0.1'];
    const resolve: Resolver = (name) => resolveTo(turns.shift() ?? '10.0.0.1')(name);
    server.answers((_request, response) => response.end('<ListBucketResult/>'));
    const client = open(roleAt(origin), [origin], resolve);
    expect(await list(client)).toBe('answered');
    expect(await list(client)).toBe('answered');
    expect(turns).toEqual(['10.0.0.1']);
    expect(server.seen.connections).toBe(1);
    // The connection is gone, and the name leads elsewhere now.
    expect(await list(open(roleAt(origin), [origin], resolve))).toMatchObject(refused);
    expect(server.seen.connections).toBe(1);
  });

  it.each([301, 302, 303, 307, 308])('do not follow a %i to another host', async (status) => {
    const origin = `http://127.0.0.1:${server.port}`;
    server.answers((_request, response) => {
      const elsewhere = `http://127.0.0.1:${other.port}`;
      response.writeHead(status, { location: `${elsewhere}/acme` });
      response.end(
        `<Error><Code>TemporaryRedirect</Code><Endpoint>127.0.0.1:${other.port}</Endpoint></Error>`,
      );
    });
    const client = open(roleAt(origin), [origin]);
    await expect(
      client.send(new GetObjectCommand({ Bucket: 'acme', Key: 'a' })),
    ).rejects.toMatchObject({ $metadata: { httpStatusCode: status } });
    const sts = settings({ allowedEndpoints: [origin] });
    await expect(assumeRole(roleAt(origin), { ...sts, purpose: 'read' })).rejects.toMatchObject({
      name: 'AppError',
    });
    expect(server.seen.requests.length).toBe(2);
    expect(other.seen.connections).toBe(0);
  });

  const regionOf = (request: IncomingMessage) =>
    /Credential=[^/]+\/\d+\/([^/]+)\//.exec(request.headers.authorization ?? '')?.[1];
  const signed = () => server.seen.requests.map(regionOf);
  const malformed =
    '<Error><Code>AuthorizationHeaderMalformed</Code><Message>the region is wrong</Message><Region>eu-west-1</Region></Error>';

  it.each<[string, number, Record<string, string>, string]>([
    ['301 with a header', 301, { 'x-amz-bucket-region': 'eu-west-1' }, ''],
    ['307 with a header', 307, { 'x-amz-bucket-region': 'eu-west-1' }, ''],
    ['400 with a header', 400, { 'x-amz-bucket-region': 'eu-west-1' }, ''],
    ['400 with a document', 400, {}, malformed],
  ])(
    'repeat a request in the region that a %s names, and stay there',
    async (_how, status, headers, body) => {
      const origin = `http://127.0.0.1:${server.port}`;
      server.answers((request, response) => {
        if (regionOf(request) === 'eu-west-1') response.end();
        else response.writeHead(status, headers).end(body);
      });
      const client = open(roleAt(origin), [origin]);
      const put = () =>
        client.send(new PutObjectCommand({ Bucket: 'acme', Key: 'a', Body: 'hello' }));
      await put();
      await put();
      expect(signed()).toEqual(['us-east-1', 'eu-west-1', 'eu-west-1']);
      expect(server.seen.bodies).toEqual(['hello', 'hello', 'hello']);
      expect(await client.config.region()).toBe('eu-west-1');
    },
  );

  it('repeat a request once only, and not for a name that is no region', async () => {
    const origin = `http://127.0.0.1:${server.port}`;
    const named = ['eu-west-1', 'eu-west-2', 'evil.example/', 'x'.repeat(64)];
    server.answers((_request, response) => {
      response.writeHead(301, { 'x-amz-bucket-region': named.shift() }).end();
    });
    const client = open(roleAt(origin), [origin]);
    expect(await list(client)).toMatchObject({
      code: 'WRONG_REGION',
      details: { region: 'eu-west-2' },
    });
    expect(signed()).toEqual(['us-east-1', 'eu-west-1']);
    await list(client);
    await list(client);
    expect(server.seen.requests.length).toBe(4);
  });

  it('correct the region of requests that run beside each other', async () => {
    const origin = `http://127.0.0.1:${server.port}`;
    server.answers((request, response) => {
      if (regionOf(request) === 'eu-west-1') response.end('<ListBucketResult/>');
      else response.writeHead(301, { 'x-amz-bucket-region': 'eu-west-1' }).end();
    });
    const client = open(roleAt(origin), [origin]);
    const answers = await Promise.all(Array.from({ length: 20 }, () => list(client)));
    expect(new Set(answers)).toEqual(new Set(['answered']));
  });

  it('ask the host of the named region at AWS', async () => {
    const names: string[] = [];
    const resolve: Resolver = (name) => {
      names.push(name);
      return resolveTo('127.0.0.1')(name);
    };
    const endpoint = 'https://s3.eu-west-1.amazonaws.com';
    await list(open(roleAt(endpoint, { region: 'eu-central-1' }), [], resolve));
    expect(names).toEqual(['s3.eu-central-1.amazonaws.com']);
  });
});
