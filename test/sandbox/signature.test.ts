import { createHash, createHmac } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeChunked } from '../../src/sandbox/chunked.js';
import { verifySignature } from '../../src/sandbox/signature.js';
import type { SandboxUser } from '../../src/sandbox/sandbox.js';
import { presign, send, sendSigned, signedHeaders } from './raw.js';
import type { RawRequest } from './raw.js';
import { owner, setStage } from './start.js';
import type { Stage } from './start.js';

let stage: Stage;
let user: SandboxUser;

beforeAll(async () => {
  stage = await setStage();
  user = stage.sandbox.createUser({ accountId: owner, name: 'signer' });
  await stage.sandbox.putObject('orders', 'a b/ü.csv', '0123456789');
});
afterAll(() => stage.end());

const sha256 = (text: string | Buffer) => createHash('sha256').update(text).digest('hex');
const hmac = (key: string | Buffer, text: string) =>
  createHmac('sha256', key).update(text).digest();

function request(change: Partial<RawRequest> = {}): RawRequest {
  return {
    endpoint: stage.sandbox.endpoint,
    method: 'GET',
    path: '/orders/a%20b/%C3%BC.csv',
    ...change,
    headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', ...change.headers },
  };
}

function put(Key: string, body: Buffer | string, headers: Record<string, string>): RawRequest {
  const length = String(Buffer.byteLength(body));
  return request({
    method: 'PUT',
    path: `/orders/${Key}`,
    body,
    headers: { 'content-length': length, ...headers },
  });
}

// The examples of the Amazon S3 API Reference, "Authenticating requests (AWS Signature Version 4)".
describe('the examples of the specification', () => {
  const secretAccessKey = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
  const accessKeyId = 'AKIAIOSFODNN7EXAMPLE';
  const credential = {
    accessKeyId,
    secretAccessKey,
    identity: { arn: '', accountId: owner, userId: '', principals: [] },
  };
  const verifier = {
    service: 's3',
    now: new Date('2013-05-24T00:00:00Z'),
    lookup: () => credential,
  } as const;

  it('verify in the headers', () => {
    const verified = verifySignature(
      {
        method: 'GET',
        rawPath: '/test.txt',
        query: new URLSearchParams(),
        headers: {
          host: 'examplebucket.s3.amazonaws.com',
          range: 'bytes=0-9',
          'x-amz-date': '20130524T000000Z',
          'x-amz-content-sha256': sha256(''),
          authorization: `AWS4-HMAC-SHA256 Credential=${accessKeyId}/20130524/us-east-1/s3/aws4_request,SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`,
        },
      },
      verifier,
    );
    expect(verified).toMatchObject({ region: 'us-east-1', payload: { hex: sha256('') } });
  });

  it('verify in the query', () => {
    const query = new URLSearchParams({
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': `${accessKeyId}/20130524/us-east-1/s3/aws4_request`,
      'X-Amz-Date': '20130524T000000Z',
      'X-Amz-Expires': '86400',
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Signature': 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
    });
    const headers = { host: 'examplebucket.s3.amazonaws.com' };
    const message = { method: 'GET', rawPath: '/test.txt', query, headers };
    expect(verifySignature(message, verifier)?.payload).toEqual({ kind: 'unsigned' });
    const moved = { ...message, rawPath: '/other.txt' };
    expect(() => verifySignature(moved, verifier)).toThrow(/signature we calculated/);
  });

  it('verify chunk by chunk', async () => {
    const scope = '20130524/us-east-1/s3/aws4_request';
    const key = scope.split('/').reduce<Buffer>(hmac, Buffer.from(`AWS4${secretAccessKey}`));
    const first = 'a'.repeat(65_536);
    const second = 'a'.repeat(1024);
    const body = [
      `10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n${first}\r\n`,
      `400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n${second}\r\n`,
      `0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n`,
    ].join('');
    const decoder = () =>
      decodeChunked({
        trailer: false,
        chain: {
          key,
          scope,
          date: '20130524T000000Z',
          seed: '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
        },
        onTrailers: () => undefined,
      });
    const decode = (text: string, size: number) => {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, n) =>
        Buffer.from(text.slice(n * size, (n + 1) * size)),
      );
      const stream = decoder();
      Readable.from(pieces).pipe(stream);
      return buffer(stream);
    };
    for (const size of [7, 1000, 1_000_000]) {
      expect((await decode(body, size)).toString()).toBe(first + second);
    }
    const forged = body.replace('aaa', 'aab');
    await expect(decode(forged, 1000)).rejects.toMatchObject({ code: 'SignatureDoesNotMatch' });
    const short = body.slice(0, -90);
    await expect(decode(short, 1000)).rejects.toMatchObject({ code: 'IncompleteBody' });
  });
});

describe('signatures in the headers', () => {
  it('cover method, path, query and headers', async () => {
    const good = await signedHeaders(request({ query: { 'response-expires': '1' } }), user);
    const ask = (change: Partial<RawRequest>) =>
      send({ ...request({ query: { 'response-expires': '1' } }), headers: good, ...change });
    expect((await ask({})).body.toString()).toBe('0123456789');
    for (const change of [
      { method: 'HEAD' },
      { path: '/orders/other' },
      { query: { 'response-expires': '2' } },
      { headers: { ...good, host: 'example.com' } },
      { headers: { ...good, 'x-amz-content-sha256': sha256('') } },
    ]) {
      expect((await ask(change)).status).toBe(403);
    }
    expect((await ask({ path: '/orders/other' })).code).toBe('SignatureDoesNotMatch');
  });

  it('must cover every x-amz- header', async () => {
    const headers = await signedHeaders(request(), user);
    const answer = await send(request({ headers: { ...headers, 'x-amz-acl': 'public-read' } }));
    expect(answer).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(answer.body.toString()).toContain('<HeadersNotSigned>x-amz-acl</HeadersNotSigned>');
  });

  it('are refused more than fifteen minutes away from the clock', async () => {
    for (const minutes of [-16, 16]) {
      const at = new Date(Date.now() + minutes * 60_000);
      const answer = await sendSigned(request(), user, { at });
      expect(answer).toMatchObject({ status: 403, code: 'RequestTimeTooSkewed' });
    }
    const at = new Date(Date.now() - 14 * 60_000);
    expect((await sendSigned(request(), user, { at })).status).toBe(200);
  });

  it.each([
    ['the scope of another service', { service: 'sts' }, 'AuthorizationHeaderMalformed', 400],
    ['the region of no bucket', { region: 'eu-west-3' }, 'PermanentRedirect', 301],
  ])('are refused with %s', async (_case, options, code, status) => {
    expect(await sendSigned(request(), user, options)).toMatchObject({ code, status });
  });

  it.each([
    ['Basic dXNlcjpwYXNz', 'InvalidArgument'],
    ['AWS4-HMAC-SHA256 nonsense', 'AuthorizationHeaderMalformed'],
    [
      'AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0',
      'AuthorizationHeaderMalformed',
    ],
  ])('are refused as %s', async (authorization, code) => {
    const answer = await send(request({ headers: { authorization } }));
    expect(answer).toMatchObject({ status: 400, code });
  });

  it('are wanted: who signs nothing is refused', async () => {
    expect(await send(request())).toMatchObject({ status: 403, code: 'AccessDenied' });
    const sts = await send({
      endpoint: stage.sandbox.endpoint,
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'Action=GetCallerIdentity&Version=2011-06-15',
    });
    expect(sts).toMatchObject({ status: 403, code: 'MissingAuthenticationToken' });
    expect(sts.body.toString()).toContain('<ErrorResponse xmlns="https://sts.amazonaws.com/');
  });

  it('cover the body of an STS request', async () => {
    const input = {
      endpoint: stage.sandbox.endpoint,
      method: 'POST',
      path: '/',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: 'Action=GetCallerIdentity&Version=2011-06-15',
    };
    const headers = await signedHeaders(input, user, { service: 'sts' });
    expect((await send({ ...input, headers })).status).toBe(200);
    const forged = await send({ ...input, headers, body: input.body.replace('06', '07') });
    expect(forged).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
    const unknown = { ...input, body: 'Action=GetFederationToken&Version=2011-06-15' };
    expect(await sendSigned(unknown, user, { service: 'sts' })).toMatchObject({
      status: 400,
      code: 'InvalidAction',
    });
  });

  it('may stand in the query of an STS request', async () => {
    const input = {
      endpoint: stage.sandbox.endpoint,
      method: 'GET',
      path: '/',
      query: { Action: 'GetCallerIdentity', Version: '2011-06-15' },
    };
    const answer = await sendSigned(input, user, { service: 'sts' });
    expect(answer.body.toString()).toContain(`<Arn>${user.arn}</Arn>`);
  });
});

describe('presigned requests', () => {
  it('read and write until they end', async () => {
    expect((await send(await presign(request(), user))).body.toString()).toBe('0123456789');
    const upload = request({ method: 'PUT', path: '/orders/presigned' });
    const signed = await presign(upload, user, { expiresIn: 60 });
    expect((await send({ ...signed, body: 'uploaded' })).status).toBe(200);
    expect((await stage.sandbox.readObject('orders', 'presigned'))?.toString()).toBe('uploaded');
    const at = new Date(Date.now() - 61_000);
    const late = await send(await presign(request(), user, { expiresIn: 60, at }));
    expect(late).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(late.body.toString()).toContain('Request has expired');
  });

  it('may carry the token of a session', async () => {
    const answer = await send(await presign(request(), { ...user, sessionToken: 'no session' }));
    expect(answer).toMatchObject({ status: 400, code: 'InvalidToken' });
  });

  it('may change the headers of the answer', async () => {
    const query = { 'response-content-type': 'text/plain' };
    const answer = await send(await presign(request({ query }), user));
    expect(answer.headers['content-type']).toBe('text/plain');
  });

  it('are refused when changed, or when they live longer than a week', async () => {
    const signed = await presign(request(), user);
    const changed = { ...signed, query: { ...signed.query, 'X-Amz-Expires': '61' } };
    expect((await send(changed)).code).toBe('SignatureDoesNotMatch');
    const long = { ...signed, query: { ...signed.query, 'X-Amz-Expires': '604801' } };
    expect(await send(long)).toMatchObject({
      status: 400,
      code: 'AuthorizationQueryParametersError',
    });
  });
});

describe('bodies', () => {
  const sum = (body: string) => {
    const bytes = Buffer.alloc(4);
    bytes.writeUInt32BE(crc32(body));
    return bytes.toString('base64');
  };

  it('are what their signed hash says', async () => {
    const headers = { 'x-amz-content-sha256': sha256('body') };
    expect((await sendSigned(put('hashed', 'body', headers), user)).status).toBe(200);
    expect(await sendSigned(put('hashed', 'b0dy', headers), user)).toMatchObject({
      status: 400,
      code: 'XAmzContentSHA256Mismatch',
    });
    expect((await stage.sandbox.readObject('orders', 'hashed'))?.toString()).toBe('body');
  });

  const unsignedTrailer = (length: number) => ({
    'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
    'x-amz-decoded-content-length': String(length),
    'x-amz-trailer': 'x-amz-checksum-crc32',
    'content-encoding': 'aws-chunked',
  });

  it.each([
    [
      'a right trailer',
      `4\r\nbody\r\n0\r\nx-amz-checksum-crc32:${sum('body')}\r\n\r\n`,
      200,
      undefined,
    ],
    [
      'two chunks',
      `2\r\nbo\r\n2\r\ndy\r\n0\r\nx-amz-checksum-crc32:${sum('body')}\r\n\r\n`,
      200,
      undefined,
    ],
    [
      'a wrong trailer',
      `4\r\nbody\r\n0\r\nx-amz-checksum-crc32:${sum('b0dy')}\r\n\r\n`,
      400,
      'BadDigest',
    ],
    ['no trailer', '4\r\nbody\r\n0\r\n\r\n', 400, 'MalformedTrailerError'],
    ['a trailer that is none', '4\r\nbody\r\n0\r\nnonsense\r\n\r\n', 400, 'MalformedTrailerError'],
    ['no last chunk', '4\r\nbody\r\n', 400, 'IncompleteBody'],
    ['a chunk cut short', '4\r\nbo', 400, 'IncompleteBody'],
    ['a chunk too long', `4\r\nbodybody\r\n0\r\n\r\n`, 400, 'IncompleteBody'],
    ['a size that is none', 'four\r\nbody\r\n0\r\n\r\n', 400, 'IncompleteBody'],
    ['a size line without end', '4'.repeat(20_000), 400, 'IncompleteBody'],
    [
      'too few bytes',
      `2\r\nbo\r\n0\r\nx-amz-checksum-crc32:${sum('bo')}\r\n\r\n`,
      400,
      'IncompleteBody',
    ],
  ])('in chunks with %s', async (name, body, status, code) => {
    const key = encodeURIComponent(name);
    const answer = await sendSigned(put(key, body, unsignedTrailer(4)), user);
    expect(answer).toMatchObject({ status, code });
    const stored = await stage.sandbox.readObject('orders', name);
    expect(stored?.toString()).toBe(status === 200 ? 'body' : undefined);
  });

  it.each([false, true])('in signed chunks, with a trailer: %s', async (trailer) => {
    const name = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer ? '-TRAILER' : ''}`;
    const line = `x-amz-checksum-crc32:${sum('signed body')}`;
    const send = async (text: string, trailing = line) => {
      const base = put('signed', '', {
        'x-amz-content-sha256': name,
        'x-amz-decoded-content-length': '11',
        ...(trailer && { 'x-amz-trailer': 'x-amz-checksum-crc32' }),
      });
      const { 'content-length': _none, ...unlengthened } = base.headers!;
      const headers = await signedHeaders({ ...base, headers: unlengthened }, user);
      const [, scopeText, seed] = /Credential=[^/]+\/(\S+), .*Signature=(\w+)/.exec(
        headers['authorization']!,
      )!;
      const scope = scopeText!;
      const date = headers['x-amz-date']!;
      const key = scope.split('/').reduce<Buffer>(hmac, Buffer.from(`AWS4${user.secretAccessKey}`));
      let previous = seed!;
      const sign = (kind: string, ...hashes: string[]) => {
        const toSign = [`AWS4-HMAC-SHA256-${kind}`, date, scope, previous, ...hashes].join('\n');
        previous = hmac(key, toSign).toString('hex');
        return previous;
      };
      const chunk = (bytes: string) =>
        `${bytes.length.toString(16)};chunk-signature=${sign('PAYLOAD', sha256(''), sha256(bytes))}\r\n`;
      let body = `${chunk('signed ')}signed \r\n${chunk('body')}${text}\r\n${chunk('')}`;
      if (trailer) {
        const signature = sign('TRAILER', sha256(`${line}\n`));
        body += `${trailing}\r\nx-amz-trailer-signature:${signature}\r\n`;
      }
      body += '\r\n';
      return sendRaw({
        ...base,
        body,
        headers: { ...headers, 'content-length': String(body.length) },
      });
    };
    expect((await send('body')).status).toBe(200);
    expect((await stage.sandbox.readObject('orders', 'signed'))?.toString()).toBe('signed body');
    expect((await send('b0dy')).code).toBe('SignatureDoesNotMatch');
    if (trailer) {
      const forged = `x-amz-checksum-crc32:${sum('another')}`;
      expect((await send('body', forged)).code).toBe('SignatureDoesNotMatch');
    }
  });

  it('need a length', async () => {
    const input = request({
      method: 'PUT',
      path: '/orders/long',
      headers: { 'transfer-encoding': 'chunked' },
      body: 'body',
    });
    expect(await sendSigned(input, user)).toMatchObject({
      status: 411,
      code: 'MissingContentLength',
    });
  });
});

describe('addresses', () => {
  it.each([
    ['/orders/%zz', 400, 'InvalidURI'],
    ['/orders/%ff', 400, 'InvalidURI'],
    ['/orders/a?acl', 501, 'NotImplemented'],
    ['/orders/a?versionId=1', 501, 'NotImplemented'],
    ['/orders/a?partNumber=1', 501, 'NotImplemented'],
  ])('%s is answered with %i %s', async (path, status, code) => {
    const answer = await send({ endpoint: stage.sandbox.endpoint, method: 'GET', path });
    expect(answer).toMatchObject({ status, code });
  });

  it('may name the bucket in the host', async () => {
    const host = new URL(stage.sandbox.endpoint).host.replace('127.0.0.1', 'orders.localhost');
    const answer = await sendSigned(
      request({ path: '/a%20b/%C3%BC.csv', headers: { host } }),
      user,
    );
    expect(answer.body.toString()).toBe('0123456789');
    // POST / is STS's place, except below a bucket's own host.
    const erase = request({ method: 'POST', path: '/', query: { delete: '' }, headers: { host } });
    const body = '<Delete><Object><Key>none</Key></Object></Delete>';
    const erased = await sendSigned({ ...erase, body }, user);
    expect(erased.body.toString()).toContain('<Deleted><Key>none</Key></Deleted>');
  });

  it.each([
    ['no XML', 'nonsense'],
    ['another document', '<Other/>'],
    ['an empty list', '<Delete></Delete>'],
    [
      'a document type',
      '<!DOCTYPE a [<!ENTITY b "c">]><Delete><Object><Key>&b;</Key></Object></Delete>',
    ],
    ['a reference past Unicode', '<Delete><Object><Key>&#x110000;</Key></Object></Delete>'],
    ['an object without a key', '<Delete><Object><Size>1</Size></Object></Delete>'],
  ])('with %s as their document are answered with MalformedXML', async (_case, body) => {
    const input = request({ method: 'POST', path: '/orders', query: { delete: '' }, body });
    expect(await sendSigned(input, user)).toMatchObject({ status: 400, code: 'MalformedXML' });
  });

  it('with a document over 2 MB are answered before it is kept', async () => {
    const body = `<Delete>${' '.repeat(3_000_000)}</Delete>`;
    const input = request({ method: 'POST', path: '/orders', query: { delete: '' }, body });
    expect(await sendSigned(input, user)).toMatchObject({
      status: 400,
      code: 'MaxMessageLengthExceeded',
    });
  });

  it('with an unknown method are answered with 405', async () => {
    const answer = await send(request({ method: 'PATCH' }));
    expect(answer).toMatchObject({ status: 405, code: 'MethodNotAllowed' });
  });
});

function sendRaw(input: RawRequest) {
  return send(input);
}
