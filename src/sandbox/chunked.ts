import { createHash } from 'node:crypto';
import type { Hash } from 'node:crypto';
import { Transform } from 'node:stream';
import { ServiceError } from './service-error.js';
import { hmac, sha256 } from './signature.js';
import type { ChunkChain } from './signature.js';

/** Bytes a chunk's size line, or all trailers together, may take. */
const maxLine = 16_384;

/** How an `aws-chunked` body is read. */
export interface ChunkedOptions {
  readonly trailer: boolean;
  /** Absent for the unsigned form. */
  readonly chain?: ChunkChain;
  /** Called once, before the stream ends, with names in lower case. */
  readonly onTrailers: (trailers: ReadonlyMap<string, string>) => void;
}

/**
 * Takes the framing off an `aws-chunked` body and checks the signature of every chunk that has one
 * (Amazon S3 API Reference, "Signature calculations: transferring payload in multiple chunks").
 */
export function decodeChunked({ trailer, chain, onTrailers }: ChunkedOptions): Transform {
  let state: 'size' | 'bytes' | 'break' | 'trailers' = 'size';
  let line = '';
  let left = 0;
  let last = false;
  let hash: Hash | undefined;
  let claimed = '';
  let previous = chain?.seed ?? '';

  const startChunk = (text: string): void => {
    const match = /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(text);
    if (match === null || (chain !== undefined && match[2] === undefined)) throw incomplete();
    left = Number.parseInt(match[1]!, 16);
    last = left === 0;
    claimed = match[2] ?? '';
    hash = chain && createHash('sha256');
    if (last) endChunk();
    state = last ? 'trailers' : 'bytes';
  };

  const endChunk = (): void => {
    if (chain === undefined || hash === undefined) return;
    const text = [
      'AWS4-HMAC-SHA256-PAYLOAD',
      chain.date,
      chain.scope,
      previous,
      sha256(''),
      hash.digest('hex'),
    ].join('\n');
    previous = checkSignature(chain, text, claimed);
  };

  const endTrailers = (): void => {
    const trailers = new Map<string, string>();
    for (const text of line.split('\n').map((part) => part.trim())) {
      if (text === '') continue;
      const at = text.indexOf(':');
      if (at < 1 || !trailer) throw malformedTrailer();
      trailers.set(text.slice(0, at).toLowerCase(), text.slice(at + 1).trim());
    }
    if (chain !== undefined && trailer) {
      const signature = trailers.get('x-amz-trailer-signature');
      if (signature === undefined) throw malformedTrailer();
      trailers.delete('x-amz-trailer-signature');
      const signed = [...trailers].map(([name, value]) => `${name}:${value}\n`).join('');
      const text = ['AWS4-HMAC-SHA256-TRAILER', chain.date, chain.scope, previous, sha256(signed)];
      checkSignature(chain, text.join('\n'), signature);
    }
    onTrailers(trailers);
  };

  const take = (chunk: Buffer, push: (bytes: Buffer) => void): void => {
    let at = 0;
    while (at < chunk.length) {
      if (state === 'bytes') {
        const bytes = chunk.subarray(at, at + left);
        hash?.update(bytes);
        push(bytes);
        at += bytes.length;
        left -= bytes.length;
        if (left === 0) {
          endChunk();
          state = 'break';
        }
        continue;
      }
      const newline = state === 'trailers' ? -1 : chunk.indexOf(10, at);
      const end = newline < 0 ? chunk.length : newline + 1;
      line += chunk.toString('latin1', at, end);
      at = end;
      if (line.length > maxLine) throw state === 'trailers' ? malformedTrailer() : incomplete();
      if (newline < 0) continue;
      const text = line.trimEnd();
      line = '';
      if (state === 'size') startChunk(text);
      else if (text === '') state = 'size';
      else throw incomplete();
    }
  };

  return new Transform({
    transform(chunk: Buffer, _encoding, callback) {
      try {
        take(chunk, (bytes) => this.push(bytes));
        callback();
      } catch (error) {
        callback(error as Error);
      }
    },
    flush(callback) {
      try {
        if (!last) throw incomplete();
        endTrailers();
        callback();
      } catch (error) {
        callback(error as Error);
      }
    },
  });
}

function checkSignature(chain: ChunkChain, text: string, claimed: string): string {
  const expected = hmac(chain.key, text).toString('hex');
  if (expected !== claimed) {
    throw new ServiceError(
      403,
      'SignatureDoesNotMatch',
      'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
      { StringToSign: text, SignatureProvided: claimed },
    );
  }
  return expected;
}

/** The 400 for a body that ends before it said it would. */
export function incomplete(): ServiceError {
  return new ServiceError(
    400,
    'IncompleteBody',
    'You did not provide the number of bytes specified by the Content-Length HTTP header',
  );
}

/** The 400 for trailers that are missing or cannot be read. */
export function malformedTrailer(): ServiceError {
  return new ServiceError(
    400,
    'MalformedTrailerError',
    'The request contained trailing data that was not well-formed or did not conform to our published schema.',
  );
}
