import { createHash, createHmac } from 'node:crypto';
import type { Hash, Hmac } from 'node:crypto';
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { SignatureV4 } from '@smithy/signature-v4';

/** SHA-256 in the shape the signer of the SDK takes. */
class Sha256 {
  readonly #hash: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined ? createHash('sha256') : createHmac('sha256', bytesOf(secret));
  }
  update(chunk: Uint8Array | string): void {
    this.#hash.update(chunk);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#hash.digest());
  }
}

function bytesOf(secret: string | ArrayBuffer | ArrayBufferView): string | Buffer {
  if (typeof secret === 'string') return secret;
  if (ArrayBuffer.isView(secret)) {
    return Buffer.from(secret.buffer, secret.byteOffset, secret.byteLength);
  }
  return Buffer.from(secret);
}

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

export interface RawRequest {
  readonly endpoint: string;
  readonly method: string;
  /** Percent-encoded already. */
  readonly path: string;
  readonly query?: Record<string, string>;
  readonly headers?: Record<string, string>;
  readonly body?: Buffer | string;
}

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  /** The Code of an error document. */
  readonly code: string | undefined;
}

function signer(credentials: Keys, service = 's3', region = 'us-east-1') {
  return new SignatureV4({
    service,
    region,
    credentials,
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
}

function message(input: RawRequest) {
  const url = new URL(input.endpoint);
  return {
    method: input.method,
    protocol: url.protocol,
    hostname: url.hostname,
    port: Number(url.port),
    path: input.path,
    query: input.query ?? {},
    headers: { host: url.host, ...input.headers },
    ...(input.body !== undefined && { body: input.body }),
  };
}

/** The headers of the request as the signer of the SDK signs them. */
export async function signedHeaders(
  input: RawRequest,
  credentials: Keys,
  options: { service?: string; region?: string; at?: Date } = {},
): Promise<Record<string, string>> {
  const signed = await signer(credentials, options.service, options.region).sign(
    message(input),
    options.at ? { signingDate: options.at } : {},
  );
  return signed.headers;
}

/** A presigned request: its query, and the headers that are signed with it. */
export async function presign(
  input: RawRequest,
  credentials: Keys,
  options: { expiresIn?: number; at?: Date } = {},
): Promise<RawRequest> {
  const signed = await signer(credentials).presign(
    message({
      ...input,
      headers: { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', ...input.headers },
    }),
    {
      expiresIn: options.expiresIn ?? 60,
      ...(options.at && { signingDate: options.at }),
      unhoistableHeaders: new Set(['range']),
    },
  );
  return {
    ...input,
    query: signed.query as Record<string, string>,
    headers: signed.headers,
  };
}

/** Sends the request as it is. */
export function send(input: RawRequest): Promise<RawAnswer> {
  const url = new URL(input.endpoint);
  const query = Object.entries(input.query ?? {})
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: url.hostname,
        port: url.port,
        method: input.method,
        path: query === '' ? input.path : `${input.path}?${query}`,
        headers: input.headers ?? {},
        agent: false,
      },
      (response) => {
        buffer(response).then(
          (body) =>
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              body,
              code: /<Code>([^<]*)<\/Code>/.exec(body.toString())?.[1],
            }),
          reject,
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(input.body);
  });
}

/** Signs in the headers and sends. */
export async function sendSigned(
  input: RawRequest,
  credentials: Keys,
  options: Parameters<typeof signedHeaders>[2] = {},
): Promise<RawAnswer> {
  return send({ ...input, headers: await signedHeaders(input, credentials, options) });
}
