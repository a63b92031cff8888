import { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';
import type { ScannerErrors } from './scanner.js';
import type { TreeLimits } from './tree.js';
import type { XmlWindow } from './window.js';

/** An element or a text in memory costs some 200 bytes, and usual documents have one for so many of theirs or fewer. */
const bytesOfNode = 64;
/** Records become rows by calls that nest as elements do, so no setting may ask for more than the stack holds. */
const deepest = 2000;

/** The limits of one file with the errors that name them. */
export interface XmlLimits extends ScannerErrors, TreeLimits {
  readonly documentTooLarge: (at: number) => Error;
}

/** The limits for a file; `why`: what makes more of it stay in memory than a record. */
export function xmlLimits(
  origin: string,
  limits: FormatLimits,
  window: XmlWindow,
  why: string,
): XmlLimits {
  const maxDepth = Math.min(limits.maxNesting, deepest);
  const error = (
    code: 'NESTED_TOO_DEEP' | 'CELL_TOO_LONG' | 'DOCUMENT_TOO_LARGE',
    at: number,
    limit: number,
    what: string,
  ) => {
    const line = window.line(at);
    return new AppError(code, `${origin}, line ${line}: ${what}`, {
      details: { file: origin, line, limit },
    });
  };
  return {
    complain: window.complain,
    maxBytes: limits.maxCellBytes,
    maxTextBytes: limits.maxCellBytes,
    maxDepth,
    maxNodes: Math.max(1000, Math.floor(limits.maxDocumentBytes / bytesOfNode)),
    tooLong: (at) =>
      error(
        'CELL_TOO_LONG',
        at,
        limits.maxCellBytes,
        `a value of more than ${limits.maxCellBytes} bytes; raise BUCKETQL_MAX_CELL_BYTES if that is right`,
      ),
    tooDeep: (at) =>
      error(
        'NESTED_TOO_DEEP',
        at,
        maxDepth,
        `elements lie more than ${maxDepth} deep in each other; raise BUCKETQL_MAX_NESTING if that is right`,
      ),
    tooManyNodes: (at) =>
      error(
        'DOCUMENT_TOO_LARGE',
        at,
        limits.maxDocumentBytes,
        `${why} has too many elements, attributes and texts to be held in memory; raise BUCKETQL_MAX_DOCUMENT_BYTES (${limits.maxDocumentBytes}) or pick smaller records`,
      ),
    documentTooLarge: (at) =>
      error(
        'DOCUMENT_TOO_LARGE',
        at,
        limits.maxDocumentBytes,
        `${why} is larger than ${limits.maxDocumentBytes} bytes; raise BUCKETQL_MAX_DOCUMENT_BYTES or pick smaller records`,
      ),
  };
}
