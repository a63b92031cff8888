/**
 * Error codes are public API: clients branch on them, so a code never changes its meaning.
 * Each row says whether trying the same thing again later can help.
 */
export const errorCodes = {
  // what the caller asked for
  INVALID_INPUT: { retryable: false },
  NOT_FOUND: { retryable: false },
  ALREADY_EXISTS: { retryable: false },
  NAME_COLLISION: { retryable: false },
  IN_USE: { retryable: false },
  UNAUTHENTICATED: { retryable: false },
  FORBIDDEN: { retryable: false },
  COLUMN_NOT_FOUND: { retryable: false },
  LIMIT_TOO_LARGE: { retryable: false },
  RESPONSE_TOO_LARGE: { retryable: false },
  QUERY_TOO_COMPLEX: { retryable: false },
  TOO_MANY_PARTITIONS: { retryable: false },
  OPERATION_NOT_ALLOWED: { retryable: false },
  INVALID_CURSOR: { retryable: false },
  GENERATION_GONE: { retryable: true },
  UNSUPPORTED: { retryable: false },
  QUERY_TIMEOUT: { retryable: true },
  CANCELLED: { retryable: true },
  TOO_MANY_SUBSCRIPTIONS: { retryable: true },
  TOO_MANY_EXPORTS: { retryable: true },
  NOT_ACCEPTABLE: { retryable: false },
  // credentials and buckets
  ASSUME_ROLE_DENIED: { retryable: false },
  CREDENTIALS_INVALID: { retryable: false },
  CREDENTIALS_EXPIRED: { retryable: true },
  ACCESS_DENIED: { retryable: false },
  BUCKET_NOT_FOUND: { retryable: false },
  WRONG_REGION: { retryable: false },
  ENDPOINT_NOT_ALLOWED: { retryable: false },
  OBJECT_NOT_FOUND: { retryable: false },
  OBJECT_CHANGED: { retryable: true },
  OBJECT_EXISTS: { retryable: false },
  OBJECT_TOO_LARGE: { retryable: false },
  FILE_TOO_LARGE: { retryable: false },
  ENCRYPTION_REFUSED: { retryable: false },
  NO_OBJECTS: { retryable: false },
  S3_UNAVAILABLE: { retryable: true },
  S3_ERROR: { retryable: false },
  // what stands in a file
  CORRUPT_COMPRESSION: { retryable: false },
  NOT_DELIMITED_TEXT: { retryable: false },
  INVALID_ENCODING: { retryable: false },
  INVALID_OPTIONS: { retryable: false },
  INVALID_DATE_PATTERN: { retryable: false },
  INVALID_VALUE: { retryable: false },
  MALFORMED_ROW: { retryable: false },
  SCHEMA_DRIFT: { retryable: false },
  TOO_MANY_COLUMNS: { retryable: false },
  TOO_MANY_REJECTED_ROWS: { retryable: false },
  MALFORMED_FILE: { retryable: false },
  ENCRYPTED_FILE: { retryable: false },
  RECORDS_NOT_FOUND: { retryable: false },
  SHEET_NOT_FOUND: { retryable: false },
  MEMBER_NOT_FOUND: { retryable: false },
  TOO_MANY_MEMBERS: { retryable: false },
  NESTED_TOO_DEEP: { retryable: false },
  CELL_TOO_LONG: { retryable: false },
  DOCUMENT_TOO_LARGE: { retryable: false },
  PARSE_TIMEOUT: { retryable: false },
  SPOOL_FULL: { retryable: false },
  UNWRITABLE_VALUE: { retryable: false },
  // this machine
  NO_SPACE: { retryable: true },
  OUT_OF_MEMORY: { retryable: true },
  DATABASE_LOCKED: { retryable: true },
  DATABASE_DAMAGED: { retryable: false },
  DATABASE_REOPENED: { retryable: true },
  IMPORT_TIMEOUT: { retryable: true },
  WRITEBACK_TIMEOUT: { retryable: true },
  INTERRUPTED: { retryable: true },
  INTERNAL: { retryable: false },
} as const satisfies Record<string, { retryable: boolean }>;

/** The stable name of an error. */
export type ErrorCode = keyof typeof errorCodes;

/** Facts beside the message: file, line, column, value, limit and so on, as they apply. Never a secret. */
export type ErrorDetails = Readonly<Record<string, unknown>>;

/** What an error may carry besides its code and message. */
export interface AppErrorOptions {
  /** Whether the same call may succeed later. (Default: the code's own answer) */
  readonly retryable?: boolean;
  readonly details?: ErrorDetails;
  readonly cause?: unknown;
}

/** The one error class: a stable code, a message that says what was found, what was expected and what to do. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.retryable = options.retryable ?? errorCodes[code].retryable;
    this.details = options.details ?? {};
  }
}

/** True for our own errors; everything else is INTERNAL to the outside. */
export function isAppError(error: unknown): error is AppError {
  return error instanceof AppError;
}

/** The message of anything that can be thrown. */
export function messageOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'message' in error)
    return String(error.message);
  return String(error);
}
