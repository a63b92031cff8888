import type { IncomingHttpHeaders } from 'node:http';
import { noSuchKey, notImplemented, preconditionFailed } from './service-error.js';
import type { StoredObject } from './store.js';

/** Whether a read is due (true) or the client's copy is still good (false); throws 412 as RFC 9110 section 13.2 orders. */
export function readIsDue(
  headers: IncomingHttpHeaders,
  etag: string,
  lastModified: string,
  prefix = '',
): boolean {
  const header = (name: string) => {
    const value = headers[`${prefix}${name}`];
    return typeof value === 'string' ? value : undefined;
  };
  const ifMatch = header('if-match');
  const ifNoneMatch = header('if-none-match');
  const modified = Math.floor(Date.parse(lastModified) / 1000) * 1000;
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, etag)) throw preconditionFailed('If-Match');
  } else if (modified > Date.parse(header('if-unmodified-since') ?? '')) {
    throw preconditionFailed('If-Unmodified-Since');
  }
  if (ifNoneMatch !== undefined) return !matches(ifNoneMatch, etag);
  return !(modified <= Date.parse(header('if-modified-since') ?? ''));
}

/** A check to run on the object a write replaces; throws 412, or 404 when If-Match meets nothing. */
export function writeCheck(
  headers: IncomingHttpHeaders,
  key: string,
): (current: StoredObject | undefined) => void {
  const ifMatch = headers['if-match'];
  const ifNoneMatch = headers['if-none-match'];
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*') {
    throw notImplemented('If-None-Match on writes with anything but *');
  }
  return (current) => {
    if (ifNoneMatch !== undefined && current !== undefined) {
      throw preconditionFailed('If-None-Match');
    }
    if (ifMatch === undefined) return;
    if (current === undefined) throw noSuchKey(key);
    if (!matches(ifMatch, current.etag)) throw preconditionFailed('If-Match');
  };
}

function matches(header: string, etag: string): boolean {
  return header.split(',').some((part) => {
    const candidate = part.trim();
    return candidate === '*' || candidate.replaceAll('"', '') === etag.replaceAll('"', '');
  });
}
