import { AppError } from '../../errors.js';
import type { FormatLimits } from '../../limits.js';

/** One record is more than may be kept. @param lists paths of lists in it, of which one might be the records */
export function tooLarge(
  origin: string,
  record: number,
  line: number,
  lists: readonly string[],
  { maxDocumentBytes }: FormatLimits,
): AppError {
  const advice =
    lists.length > 0
      ? `set dataTag to one of its lists (${lists.join(', ')})`
      : 'set dataTag to the list of records';
  return new AppError(
    'DOCUMENT_TOO_LARGE',
    `Record ${Math.max(record, 1)} of ${origin} takes more than the ${maxDocumentBytes} bytes that are kept of one record${line > 0 ? ` (line ${line})` : ''}; ${advice} or raise BUCKETQL_MAX_DOCUMENT_BYTES`,
    { details: { file: origin, record, limit: maxDocumentBytes } },
  );
}

/** Lists and objects lie deeper in each other than they may. */
export function tooDeep(origin: string, line: number, { maxNesting }: FormatLimits): AppError {
  return new AppError(
    'NESTED_TOO_DEEP',
    `${origin} has lists and objects more than ${maxNesting} deep in each other in line ${line}; raise BUCKETQL_MAX_NESTING`,
    { details: { file: origin, line, limit: maxNesting } },
  );
}
