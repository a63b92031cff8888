import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { Readable } from 'node:stream';

/** What goes wrong on purpose. */
export type Fault =
  /** An error answer instead of the operation; SlowDown and its kin. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly code: string;
      readonly message?: string;
    }
  /** The connection ends after so many bytes of the answer's body; an answer without a body never comes, though the operation was done. */
  | { readonly kind: 'cutBody'; readonly afterBytes: number }
  /** As cutBody, but the connection stays open and silent. */
  | { readonly kind: 'stall'; readonly afterBytes: number }
  /** The answer's body trickles. */
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** The object has another ETag than it is listed with, as if it had been replaced meanwhile. */
  | { readonly kind: 'changedETag' }
  /** What the request says of encryption goes unheard, and the answer is silent about it: services that drop what they do not know. */
  | { readonly kind: 'ignoreEncryption' }
  /** If-Match and If-None-Match go unheard, as services do that know them for some operations only. */
  | { readonly kind: 'ignorePreconditions' }
  /** The connection ends before the operation is done. */
  | { readonly kind: 'reset' };

/** A request as the fault hook sees it. */
export interface FaultRequest {
  /** S3's operation, or STS's action. */
  readonly operation: string;
  readonly bucket?: string;
  readonly key?: string;
  readonly method: string;
  /** How often this operation was asked of this key (and part) since the hook was set; 1 is the first time. */
  readonly attempt: number;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** Decides on each request whether something goes wrong with it. */
export type FaultHook = (request: FaultRequest) => Fault | undefined;

/** Messages for the codes that tests ask for most. */
export const faultMessages: Readonly<Record<string, string>> = {
  SlowDown: 'Please reduce your request rate.',
  InternalError: 'We encountered an internal error. Please try again.',
  ServiceUnavailable: 'Service is unable to handle request.',
  RequestTimeout:
    'Your socket connection to the server was not read from or written to within the timeout period.',
  AccessDenied: 'Access Denied',
};

/** The headers that an operation gets to see. */
export function heardHeaders(
  headers: IncomingHttpHeaders,
  fault: Fault | undefined,
): IncomingHttpHeaders {
  if (fault?.kind === 'ignoreEncryption') return leaveOut(headers, isEncryption);
  if (fault?.kind === 'ignorePreconditions') {
    return leaveOut(headers, (name) => name === 'if-match' || name === 'if-none-match');
  }
  return headers;
}

/** The headers that an answer gets to show. */
export function toldHeaders(
  headers: Readonly<Record<string, string>>,
  fault: Fault | undefined,
): Readonly<Record<string, string>> {
  return fault?.kind === 'ignoreEncryption' ? leaveOut(headers, isEncryption) : headers;
}

const isEncryption = (name: string) => name.startsWith('x-amz-server-side-encryption');

function leaveOut<H extends object>(headers: H, which: (name: string) => boolean): H {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !which(name))) as H;
}

/** Sends a body the way the fault wants it; the caller has set status and headers. */
export async function sendFaulty(
  response: ServerResponse,
  body: Readable | Buffer,
  fault: Extract<Fault, { kind: 'cutBody' | 'stall' | 'slow' }>,
): Promise<void> {
  const chunks = Buffer.isBuffer(body) ? [body] : (body as AsyncIterable<Buffer>);
  if (fault.kind === 'slow') {
    // Ten pieces a second are smooth enough to meet a client's idle timer, and cheap.
    const piece = Math.max(1, Math.ceil(fault.bytesPerSecond / 10));
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length && !response.destroyed; at += piece) {
        await write(response, chunk.subarray(at, at + piece));
        await pause((1000 * piece) / fault.bytesPerSecond);
      }
    }
    response.end();
    return;
  }
  let left = fault.afterBytes;
  response.flushHeaders();
  for await (const chunk of chunks) {
    if (chunk.length > left) {
      if (left > 0) await write(response, chunk.subarray(0, left));
      if (fault.kind === 'cutBody') hangUp(response);
      else await closed(response);
      return;
    }
    await write(response, chunk);
    left -= chunk.length;
  }
  response.end();
}

/** Ends the connection. */
export function hangUp(response: ServerResponse): void {
  // Not response.socket: that is null while an earlier answer on the connection is not finished.
  response.req.socket.destroy();
}

/** Withholds an answer that has no body to fault. */
export async function withhold(response: ServerResponse, kind: 'cutBody' | 'stall'): Promise<void> {
  if (kind === 'cutBody') hangUp(response);
  else await closed(response);
}

function write(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve();
    else response.write(bytes, () => resolve());
  });
}

function closed(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) resolve();
    else response.once('close', resolve);
  });
}

function pause(milliseconds: number): Promise<void> {
  // Unreferenced: a trickle must not keep a finished program alive.
  return new Promise((resolve) => void setTimeout(resolve, milliseconds).unref());
}
