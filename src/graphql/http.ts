import {
  IncomingMessage,
  type IncomingHttpHeaders,
  type Server,
  type ServerResponse,
} from 'node:http';
import { AppError, isAppError, type ErrorCode } from '../errors.js';

/**
 * Reads the body of a request: parsed where it is JSON, else as text.
 * @throws LIMIT_TOO_LARGE, INVALID_INPUT
 */
export async function readBody(request: IncomingMessage, limit: number): Promise<unknown> {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limit) {
      throw new AppError('LIMIT_TOO_LARGE', `The request is larger than ${limit} bytes`, {
        details: { limit },
      });
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  // What is no JSON is left for others to refuse by its content type (CSRF prevention needs to see it first).
  if (!/^application\/([a-z.-]+\+)?json\b/i.test(request.headers['content-type'] ?? ''))
    return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's message quotes what it could not read, and that may be a secret.
    throw new AppError('INVALID_INPUT', 'The request is not valid JSON');
  }
}

/**
 * The URL that a request asks for.
 * @throws INVALID_INPUT when it is none
 */
export function urlOf({ url = '/' }: Pick<IncomingMessage, 'url'>): URL {
  // What follows two slashes would be a host, unless there is one before.
  const whole = url.startsWith('/') ? `http://localhost${url}` : url;
  try {
    return new URL(whole, 'http://localhost');
  } catch (cause) {
    throw new AppError('INVALID_INPUT', 'The URL of the request is not valid', { cause });
  }
}

/** Listens; 0 is any free port. */
export function listen(http: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.off('error', reject);
      resolve();
    });
  });
}

/** Waits until more can be written, or nobody reads any more. */
export function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

/** Whether a client has what an ETag stands for: it is in If-None-Match (RFC 9110, section 13.1.2). */
export function isKnown(etag: string, headers: IncomingHttpHeaders): boolean {
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '');
  return (headers['if-none-match'] ?? '')
    .split(',')
    .some((tag) => tag.trim() === '*' || opaque(tag) === opaque(etag));
}

/** Sends a line of text. */
export function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

/** Sends an error in the form of a GraphQL answer, and ends the connection. */
export function sendError(
  response: ServerResponse,
  status: number,
  code: string,
  message: string,
): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' })
    .end(errorBody(code, message));
}

/** The body of such an answer. */
export const errorBody = (code: string, message: string): string =>
  JSON.stringify({ errors: [{ message, extensions: { code } }] });

/** Sends why a request was not let in. Other errors than our own are thrown on. */
export function sendRefusal(response: ServerResponse, error: unknown): void {
  if (!isAppError(error)) throw error;
  const { code, message } = error;
  if (code === 'UNAUTHENTICATED') {
    response.setHeader('www-authenticate', 'Bearer realm="bucketql"');
  }
  sendError(response, statusOf(code), code, message);
}

/** The status of an answer to a request that is not let in. */
export const statusOf = (code: ErrorCode): number => statuses[code] ?? 400;

const statuses: Partial<Record<ErrorCode, number>> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  OPERATION_NOT_ALLOWED: 403,
  LIMIT_TOO_LARGE: 413,
  TOO_MANY_SUBSCRIPTIONS: 503,
};

/**
 * A request that wants no upgrade unless it is one to WebSocket. Java's client, for one, offers HTTP/2 (h2c) with every
 * request; a server that listens for upgrades would get it without its body, instead of leaving the offer unanswered.
 */
export class WebRequest extends IncomingMessage {
  #upgrade: unknown = null;

  get upgrade(): unknown {
    return this.headers.upgrade?.toLowerCase() === 'websocket' && this.#upgrade;
  }

  // Node's parser sets it, the constructor of the class above too: then there is no #upgrade yet.
  set upgrade(asked: unknown) {
    if (#upgrade in this) this.#upgrade = asked;
  }
}
