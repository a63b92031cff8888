import { AppError, messageOf } from '../errors.js';
import { EngineError } from './engine.js';

// DuckDB's errors are told apart by their text: its bindings give no codes.

/** What a statement's error means to our own code. */
export function engineError(error: unknown): Error {
  if (error instanceof AppError) return error;
  const message = messageOf(error);
  if (
    /no space left on device|disk quota exceeded|max_temp_directory_size|failed to offload/i.test(
      message,
    )
  ) {
    return new AppError(
      'NO_SPACE',
      'The disk that holds the data directory is full; free space and try again',
      { cause: error },
    );
  }
  // A commit says it in other words: "failed to pin block of size 256.0 KiB (258.3 MiB/258.4 MiB used)".
  if (
    /^(out of memory error|transactioncontext error: failed to commit: .*\([\d.]+ \w+\/[\d.]+ \w+ used\))/i.test(
      message,
    )
  ) {
    return new AppError(
      'OUT_OF_MEMORY',
      'The database ran out of memory for this statement; raise BUCKETQL_MEMORY_LIMIT or ask for less',
      { cause: error },
    );
  }
  if (
    /corrupt database file|could not read enough bytes from file "[^"]*\.duckdb"/i.test(message)
  ) {
    return new AppError(
      'DATABASE_DAMAGED',
      'A part of the database file cannot be read; import the dataset again, or restore the data folder from a backup',
      { cause: error },
    );
  }
  return new EngineError(message, { cause: error });
}

/** The statement was stopped by its signal. */
export function cancelled(cause?: unknown): AppError {
  return new AppError('CANCELLED', 'The statement was cancelled', { cause });
}

/** The statement's database was closed under it, through no fault of the statement's. */
export function reopened(cause: unknown): AppError {
  return new AppError(
    'DATABASE_REOPENED',
    'An internal error stopped the database while this was under way; it is opened again, so try again',
    { cause },
  );
}

/** The engine takes nothing more after such an error, whoever asks. */
export function isAboutInvalidated(error: unknown): boolean {
  return /database has been invalidated/i.test(messageOf(error));
}

/** After such an error the engine may take nothing more. */
export function mayInvalidate(error: unknown): boolean {
  return /^(INTERNAL|FATAL) Error/.test(messageOf(error)) || isAboutInvalidated(error);
}
