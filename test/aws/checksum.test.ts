import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { RequestChecksums } from '../../src/aws/access.js';
import { openBucket } from '../../src/aws/objects.js';
import { accessTo } from '../support/access.js';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

/** A server that stores nothing and answers with one checksum for everything. */
async function server(
  crc32: string,
  composite = `${crc32}-1`,
  requestChecksums: RequestChecksums = 'WHEN_SUPPORTED',
) {
  const asked: string[] = [];
  const answers: Record<string, (response: ServerResponse) => void> = {
    put: (response) =>
      response.writeHead(200, { etag: '"e"', 'x-amz-checksum-crc32': crc32 }).end(),
    begin: (response) =>
      response
        .writeHead(200, { 'x-amz-server-side-encryption': 'AES256' })
        .end(
          '<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>',
        ),
    complete: (response) =>
      response.end(
        `<CompleteMultipartUploadResult><ETag>"e-1"</ETag><ChecksumCRC32>${composite}</ChecksumCRC32><ChecksumType>COMPOSITE</ChecksumType></CompleteMultipartUploadResult>`,
      ),
    abort: (response) => response.writeHead(204).end(),
    list: (response) => response.writeHead(404).end('<Error><Code>NoSuchUpload</Code></Error>'),
  };
  const nameOf = (method: string, url: string) =>
    method === 'PUT'
      ? 'put'
      : method === 'POST'
        ? url.includes('uploads')
          ? 'begin'
          : 'complete'
        : method === 'DELETE'
          ? 'abort'
          : 'list';
  const signed: unknown[] = [];
  const listening = createServer((request, response) => {
    signed.push(request.headers['x-amz-content-sha256']);
    request.resume().once('end', () => {
      const name = nameOf(request.method ?? '', request.url ?? '');
      asked.push(name);
      answers[name]?.(response);
    });
  });
  await new Promise<void>((resolve) => listening.listen(0, '127.0.0.1', resolve));
  const endpoint = `http://127.0.0.1:${(listening.address() as AddressInfo).port}`;
  const access = accessTo(endpoint, { requestChecksums });
  const bucket = openBucket(access, 'write', {
    region: 'us-east-1',
    sessionSeconds: 900,
    allowedEndpoints: [endpoint],
  });
  closing.push(() => {
    bucket.close();
    listening.closeAllConnections();
    return new Promise((resolve) => void listening.close(() => resolve()));
  });
  const put = (encrypted: boolean) =>
    bucket.put('k', Readable.from([Buffer.from('123456789')]), {
      overwrite: true,
      contentType: 'text/plain',
      ...(encrypted ? { encryption: { kind: 'SSE_S3' } } : {}),
    });
  return { put, asked, signed };
}

// The check value of CRC-32/ISO-HDLC for "123456789" is cbf43926; the composite is the CRC32 of those four bytes.
const right = Buffer.from('cbf43926', 'hex').toString('base64');
const composite = '7kxlUA==';

describe('the checksum in an answer', () => {
  it('is that of what was sent', async () => {
    const { put } = await server(right);
    expect(await put(false)).toMatchObject({ bytes: 9, etag: 'e' });
  });

  it.each([
    ['of an object', false, ['put']],
    ['of a part', true, ['begin', 'put', 'abort', 'list']],
  ])('%s that is another fails the upload', async (_, encrypted, requests) => {
    const { put, asked } = await server('AAAAAA==');
    await expect(put(encrypted)).rejects.toMatchObject({
      code: 'S3_ERROR',
      retryable: true,
      details: { key: 'k', sent: right, stored: 'AAAAAA==' },
    });
    expect(asked).toEqual(requests);
  });

  it('is not looked at where none was sent: there the signature vouches for the bytes', async () => {
    const { put, signed } = await server('AAAAAA==', 'AAAAAA==-1', 'WHEN_REQUIRED');
    await put(false);
    await put(true);
    const sha256 = createHash('sha256').update('123456789').digest('hex');
    expect([signed[0], signed[2]]).toEqual([sha256, sha256]);
  });

  it('of an object of parts is that of their checksums', async () => {
    const wrong = await server(right, 'AAAAAA==-1');
    await expect(wrong.put(true)).rejects.toMatchObject({ code: 'S3_ERROR' });
    const { put } = await server(right, `${composite}-1`);
    expect(await put(true)).toMatchObject({ bytes: 9, etag: 'e-1' });
  });
});
