import { AppError, type ErrorCode } from '../../errors.js';
import type { LocalFile } from '../../relation.js';

/** What is wrong with a file, before its origin is known. */
export class Flaw extends Error {
  constructor(
    message: string,
    readonly code: ErrorCode = 'MALFORMED_FILE',
    readonly details: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

/** A whole number that counts something. @throws Flaw */
export function count(value: number | undefined, what = 'columns'): number {
  if (value === undefined || value < 0 || !Number.isSafeInteger(value)) {
    throw new Flaw(`the number of ${what} is ${value ?? 'missing'}`);
  }
  return value;
}

/** What a file is that has encrypted parts. */
export function encryptedFlaw(): Flaw {
  return new Flaw('it is encrypted; write it without encryption', 'ENCRYPTED_FILE');
}

/** What is wrong with a file, as an error that names it. */
export function problem(
  { origin }: LocalFile,
  code: ErrorCode,
  message: string,
  details: Record<string, unknown> = {},
): AppError {
  return new AppError(code, `${origin} cannot be read as Parquet: ${message}`, {
    details: { file: origin, ...details },
  });
}
