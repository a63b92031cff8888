import { isUtf8 } from 'node:buffer';
import type { ErrorCode } from '../errors.js';

/** Why a record is set aside. */
export interface Fault {
  readonly code: ErrorCode;
  readonly reason: string;
}

/** Bytes that no row of text may have. */
export function byteFault(bytes: Buffer): Fault | undefined {
  if (bytes.includes(0)) return { code: 'MALFORMED_ROW', reason: 'The row has a NUL byte' };
  if (isUtf8(bytes)) return undefined;
  const reason = 'The row is not valid UTF-8; set encoding if the file has another one';
  return { code: 'INVALID_ENCODING', reason };
}

/** More fields than columns, and not all of them empty. */
export function tooWide(fields: number, width: number): Fault {
  const expected = `${width} ${width === 1 ? 'is' : 'are'} expected`;
  return { code: 'MALFORMED_ROW', reason: `The row has ${fields} fields where ${expected}` };
}

/** Says how far a faulty record reaches: a quote that is closed too late swallows lines. */
export function reached({ line, lastLine }: { line: number; lastLine: number }): string {
  return lastLine > line
    ? `; the row reaches to line ${lastLine}, perhaps a quote is not closed`
    : '';
}
