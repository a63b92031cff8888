import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { ServiceError } from './service-error.js';
import type { Credential } from './accounts.js';
import {
  maxSkew,
  tooSkewed,
  wrongScope,
  malformedAuthorization,
  badQuery,
  unknownKey,
  wrongToken,
  expired,
  unsignedHeader,
  wrongSignature,
} from './signature-errors.js';

/** What of a request Signature Version 4 covers. */
export interface SignedMessage {
  readonly method: string;
  /** The path as the client sent it, still percent-encoded. */
  readonly rawPath: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** What the signature says about the bytes of the body. */
export type PayloadClaim =
  | { readonly kind: 'unsigned' }
  | { readonly kind: 'sha256'; readonly hex: string }
  | { readonly kind: 'chunked'; readonly trailer: boolean; readonly chain?: ChunkChain };

/** What the signatures of chunks are computed from. */
export interface ChunkChain {
  readonly key: Buffer;
  readonly date: string;
  readonly scope: string;
  readonly seed: string;
}

/** A request whose signature was right. */
export interface Verified {
  readonly credential: Credential;
  readonly region: string;
  readonly payload: PayloadClaim;
}

/** What verification needs to know about this server. */
export interface Verifier {
  readonly service: 's3' | 'sts';
  readonly now: Date;
  readonly lookup: (accessKeyId: string) => Credential | undefined;
  /** STS sends no payload hash: it is the hash of the body that arrived. */
  readonly bodyHash?: string;
}

interface Claim {
  readonly accessKeyId: string;
  readonly scope: readonly [date: string, region: string, service: string];
  readonly date: string;
  readonly signedHeaders: readonly string[];
  readonly signature: string;
  readonly token: string | undefined;
  readonly payloadHash: string;
  /** Seconds a presigned request lives; absent for one signed in its headers. */
  readonly expires?: number;
}

const algorithm = 'AWS4-HMAC-SHA256';

/** Checks a request by AWS Signature Version 4, in its headers or its query; undefined when it is not signed at all. */
export function verifySignature(message: SignedMessage, verifier: Verifier): Verified | undefined {
  const { service, now } = verifier;
  const claim = readClaim(message, verifier);
  if (claim === undefined) return undefined;
  const [day, region, scopeService] = claim.scope;
  if (scopeService !== service) throw wrongScope(service, scopeService);

  const credential = verifier.lookup(claim.accessKeyId);
  if (credential === undefined) throw unknownKey(service, claim.accessKeyId);
  checkTime(claim, service, now);
  if (credential.sessionToken !== claim.token) throw wrongToken(service, claim.token, credential);
  if (credential.expiresAt !== undefined && now >= credential.expiresAt) throw expired(service);

  for (const name of Object.keys(message.headers)) {
    if (name === 'host' || name.startsWith('x-amz-')) {
      if (!claim.signedHeaders.includes(name)) throw unsignedHeader(name);
    }
  }
  const scope = `${day}/${region}/${scopeService}/aws4_request`;
  const canonicalRequest = canonical(message, claim);
  const stringToSign = [algorithm, claim.date, scope, sha256(canonicalRequest)].join('\n');
  const key = signingKey(credential.secretAccessKey, claim.scope);
  if (hmac(key, stringToSign).toString('hex') !== claim.signature) {
    throw wrongSignature(service, claim, stringToSign, canonicalRequest);
  }
  return {
    credential,
    region,
    payload: payloadClaim(claim, { key, date: claim.date, scope, seed: claim.signature }),
  };
}

function readClaim(message: SignedMessage, verifier: Verifier): Claim | undefined {
  const header = message.headers.authorization;
  if (header !== undefined) return headerClaim(header, message, verifier);
  if (message.query.has('X-Amz-Algorithm')) return queryClaim(message);
  return undefined;
}

function headerClaim(header: string, message: SignedMessage, verifier: Verifier): Claim {
  const { service, bodyHash } = verifier;
  const match = /^AWS4-HMAC-SHA256\s+(.+)$/.exec(header);
  if (match === null) {
    throw new ServiceError(400, 'InvalidArgument', 'Unsupported Authorization Type');
  }
  const parts = new Map(
    match[1]!.split(',').map((part) => {
      const at = part.indexOf('=');
      return [part.slice(0, at).trim(), part.slice(at + 1).trim()] as const;
    }),
  );
  const date = single(message.headers['x-amz-date']);
  const credential = parseCredential(parts.get('Credential') ?? '');
  const signedHeaders = parts.get('SignedHeaders');
  const signature = parts.get('Signature');
  const hash = single(message.headers['x-amz-content-sha256']) ?? bodyHash;
  if (!credential || !signedHeaders || !signature || date === undefined) {
    throw malformedAuthorization(service);
  }
  if (hash === undefined) {
    throw new ServiceError(
      400,
      'InvalidRequest',
      'Missing required header for this request: x-amz-content-sha256',
    );
  }
  return {
    ...credential,
    date,
    signedHeaders: signedHeaders.split(';'),
    signature,
    token: single(message.headers['x-amz-security-token']),
    payloadHash: hash,
  };
}

function queryClaim({ query, headers }: SignedMessage): Claim {
  const credential = parseCredential(query.get('X-Amz-Credential') ?? '');
  const date = query.get('X-Amz-Date');
  const signedHeaders = query.get('X-Amz-SignedHeaders');
  const signature = query.get('X-Amz-Signature');
  const expires = Number(query.get('X-Amz-Expires') ?? Number.NaN);
  if (query.get('X-Amz-Algorithm') !== algorithm || !credential || !date || !signedHeaders) {
    throw badQuery('Query-string authentication version 4 requires its X-Amz parameters.');
  }
  if (signature === null || !Number.isInteger(expires) || expires < 1 || expires > 604_800) {
    throw badQuery('X-Amz-Expires must be between 1 and 604800 seconds');
  }
  return {
    ...credential,
    date,
    signedHeaders: signedHeaders.split(';'),
    signature,
    token: query.get('X-Amz-Security-Token') ?? undefined,
    payloadHash:
      query.get('X-Amz-Content-Sha256') ??
      single(headers['x-amz-content-sha256']) ??
      'UNSIGNED-PAYLOAD',
    expires,
  };
}

function parseCredential(text: string): Pick<Claim, 'accessKeyId' | 'scope'> | undefined {
  const parts = text.split('/');
  const [accessKeyId, day, region, service, end] = parts;
  if (parts.length !== 5 || end !== 'aws4_request') return undefined;
  if (!accessKeyId || !day || !region || !service) return undefined;
  return { accessKeyId, scope: [day, region, service] };
}

function checkTime(claim: Claim, service: Verifier['service'], now: Date): void {
  const signedAt = parseDate(claim.date);
  if (signedAt === undefined || !claim.date.startsWith(claim.scope[0])) {
    throw malformedAuthorization(service);
  }
  const age = now.getTime() - signedAt;
  if (claim.expires !== undefined) {
    if (age > claim.expires * 1000) {
      throw new ServiceError(403, 'AccessDenied', 'Request has expired', {
        'X-Amz-Expires': String(claim.expires),
        ServerTime: now.toISOString(),
      });
    }
    if (age < -maxSkew) throw new ServiceError(403, 'AccessDenied', 'Request is not yet valid');
  } else if (Math.abs(age) > maxSkew) {
    throw tooSkewed(service, claim.date, now);
  }
}

function canonical(message: SignedMessage, claim: Claim): string {
  const pairs = [...message.query]
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encode(name), encode(value)] as const)
    .sort(([a, x], [b, y]) => (a === b ? order(x, y) : order(a, b)));
  const headers = claim.signedHeaders.map((name) => {
    const value = message.headers[name];
    const text = Array.isArray(value) ? value.join(',') : (value ?? '');
    return `${name}:${text.trim().replace(/ +/g, ' ')}\n`;
  });
  return [
    message.method,
    message.rawPath.split('/').map(normalise).join('/'),
    pairs.map(([name, value]) => `${name}=${value}`).join('&'),
    headers.join(''),
    claim.signedHeaders.join(';'),
    claim.payloadHash,
  ].join('\n');
}

// Clients differ in what they leave bare on the wire; the signature is over RFC 3986's form.
function normalise(segment: string): string {
  return encode(decodeURIComponent(segment));
}

function encode(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function order(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function payloadClaim(claim: Claim, chain: ChunkChain): PayloadClaim {
  switch (claim.payloadHash) {
    case 'UNSIGNED-PAYLOAD':
      return { kind: 'unsigned' };
    case 'STREAMING-UNSIGNED-PAYLOAD-TRAILER':
      return { kind: 'chunked', trailer: true };
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD':
      return { kind: 'chunked', trailer: false, chain };
    case 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER':
      return { kind: 'chunked', trailer: true, chain };
    default:
      if (/^[0-9a-f]{64}$/.test(claim.payloadHash)) {
        return { kind: 'sha256', hex: claim.payloadHash };
      }
      throw new ServiceError(
        400,
        'InvalidArgument',
        'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD or a valid sha256 value.',
      );
  }
}

function signingKey(secret: string, [day, region, service]: Claim['scope']): Buffer {
  return [day, region, service, 'aws4_request'].reduce<Buffer>(
    (key, part) => hmac(key, part),
    Buffer.from(`AWS4${secret}`),
  );
}

/** HMAC-SHA256, the only MAC of Signature Version 4. */
export function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** SHA-256 in the hexadecimal form signatures use. */
export function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

function parseDate(text: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour, minute, second] = match.map(Number);
  return Date.UTC(year!, month! - 1, day, hour, minute, second);
}

function single(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
