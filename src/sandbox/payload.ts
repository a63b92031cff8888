import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { pipeline, Transform } from 'node:stream';
import type { Readable } from 'node:stream';
import { checksumBytes, checksumNames, createChecksum, isChecksumName } from './checksums.js';
import type { ChecksumName, Digest } from './checksums.js';
import { decodeChunked, incomplete, malformedTrailer } from './chunked.js';
import { ServiceError } from './service-error.js';
import type { PayloadClaim } from './signature.js';

/** A checksum of an object, in base64 as the headers carry it. */
export interface Checksum {
  readonly name: ChecksumName;
  readonly value: string;
}

/** The bytes of a request's body, checked while they pass. */
export interface Payload {
  /** Fails at its end when the body is not what its headers, its trailers and its signature promised. */
  readonly stream: Readable;
  /** The checksum that was checked; known once the stream has ended. */
  checksum(): Checksum | undefined;
}

/** The decoded, verified body of an S3 request. */
export function receivePayload(request: IncomingMessage, claim: PayloadClaim): Payload {
  const { headers } = request;
  const length = announcedLength(request, claim);
  const wanted = announcedChecksum(headers);
  const digest = wanted && createChecksum(wanted.name);
  const md5 = headers['content-md5'];
  const checks: (readonly [Digest, () => void])[] = [];
  let value = wanted?.value;
  let seen = 0;

  if (wanted && digest) {
    checks.push([
      digest,
      () => {
        if (value === undefined) throw malformedTrailer();
        checkForm(wanted.name, value);
        if (digest.digest().toString('base64') !== value) {
          throw badDigest(`The ${wanted.name.toUpperCase()} you specified did not match`);
        }
      },
    ]);
  }
  if (typeof md5 === 'string') {
    const hash = hashDigest('md5');
    checks.push([
      hash,
      () => {
        if (Buffer.from(md5, 'base64').length !== 16) {
          throw new ServiceError(
            400,
            'InvalidDigest',
            'The Content-MD5 you specified was invalid.',
          );
        }
        if (hash.digest().toString('base64') !== md5) {
          throw badDigest('The Content-MD5 you specified did not match');
        }
      },
    ]);
  }
  if (claim.kind === 'sha256') {
    const hash = hashDigest('sha256');
    checks.push([
      hash,
      () => {
        if (hash.digest().toString('hex') !== claim.hex) {
          throw new ServiceError(
            400,
            'XAmzContentSHA256Mismatch',
            "The provided 'x-amz-content-sha256' header does not match what was computed.",
          );
        }
      },
    ]);
  }

  const verify = new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      seen += chunk.length;
      for (const [running] of checks) running.update(chunk);
      callback(null, chunk);
    },
    flush(callback) {
      try {
        if (length !== undefined && seen !== length) throw incomplete();
        for (const [, check] of checks) check();
        callback();
      } catch (error) {
        callback(error as Error);
      }
    },
  });
  if (claim.kind === 'chunked') {
    const decode = decodeChunked({
      ...claim,
      onTrailers: (trailers) => {
        if (wanted) value ??= trailers.get(`x-amz-checksum-${wanted.name}`);
      },
    });
    // The error reaches whoever reads `verify`; the callback has nothing to add.
    pipeline(decode, verify, () => undefined);
    feed(request, decode);
  } else {
    feed(request, verify);
  }
  return {
    stream: verify,
    checksum: () => (wanted && value !== undefined ? { name: wanted.name, value } : undefined),
  };
}

/**
 * Like pipe, with two differences: a client that leaves is an error, and an error in `target` lets the
 * rest of the body run out. (stream.pipeline would destroy the request, and the answer with it.)
 */
function feed(request: IncomingMessage, target: Transform): void {
  const left = () => {
    if (!request.complete) target.destroy(incomplete());
  };
  request.once('close', left);
  request.once('error', left);
  target.once('close', () => {
    request.unpipe(target);
    request.resume();
  });
  request.pipe(target);
}

/** The whole of a small body; longer than `limit` bytes is an error. */
export async function readAll(stream: Readable, limit: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) {
      throw new ServiceError(400, 'MaxMessageLengthExceeded', 'Your request was too big.', {
        MaxMessageLengthBytes: String(limit),
      });
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function announcedLength(request: IncomingMessage, claim: PayloadClaim): number | undefined {
  const { headers } = request;
  if (claim.kind === 'chunked') {
    const decoded = headers['x-amz-decoded-content-length'];
    if (typeof decoded === 'string' && /^\d+$/.test(decoded)) return Number(decoded);
    // Streams of unknown length come with HTTP's own chunks around AWS's.
    if (headers['transfer-encoding'] !== undefined) return undefined;
    throw missingLength();
  }
  if (headers['content-length'] !== undefined) return Number(headers['content-length']);
  if (headers['transfer-encoding'] !== undefined) throw missingLength();
  return 0;
}

function announcedChecksum(
  headers: IncomingMessage['headers'],
): { readonly name: ChecksumName; readonly value?: string } | undefined {
  for (const name of checksumNames) {
    const value = headers[`x-amz-checksum-${name}`];
    if (typeof value === 'string') return { name, value };
  }
  const trailer = headers['x-amz-trailer'];
  if (typeof trailer !== 'string') return undefined;
  const name = trailer.trim().toLowerCase().replace('x-amz-checksum-', '');
  if (!isChecksumName(name)) {
    throw new ServiceError(
      400,
      'InvalidRequest',
      'The value specified in the x-amz-trailer header is not supported',
    );
  }
  return { name };
}

function checkForm(name: ChecksumName, value: string): void {
  if (Buffer.from(value, 'base64').length !== checksumBytes[name]) {
    throw new ServiceError(
      400,
      'InvalidRequest',
      `Value for x-amz-checksum-${name} header is invalid.`,
    );
  }
}

function hashDigest(name: 'md5' | 'sha256') {
  const hash = createHash(name);
  return {
    update: (chunk: Buffer) => void hash.update(chunk),
    digest: () => hash.digest(),
  };
}

function badDigest(what: string): ServiceError {
  return new ServiceError(400, 'BadDigest', `${what} what we received.`);
}

function missingLength(): ServiceError {
  return new ServiceError(
    411,
    'MissingContentLength',
    'You must provide the Content-Length HTTP header.',
  );
}
