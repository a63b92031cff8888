import { AppError } from '../../errors.js';
import type { LocalFile } from '../../relation.js';

/** What the engine said of files that it could not read, for people. */
export function readingError(files: readonly LocalFile[], said: string, cause?: unknown): AppError {
  const file = files.find(({ path }) => said.includes(path)) ?? files[0];
  const origin = file?.origin ?? 'The file';
  const line = (said.split('\n', 1)[0] ?? '').replaceAll(file?.path ?? '\0', origin);
  const details = { file: origin };
  if (/invalid string encoding/i.test(said)) {
    const column = /column "([^"]*)"/.exec(said)?.[1];
    return new AppError(
      'INVALID_ENCODING',
      `${origin} has text that is no valid UTF-8: ${line}; write the column as bytes, or in UTF-8`,
      { details: column === undefined ? details : { ...details, column }, cause },
    );
  }
  if (/not implemented|unsupported|(?:not|only) supported/i.test(said)) {
    return new AppError('UNSUPPORTED', `${origin} uses what cannot be read of Parquet: ${line}`, {
      details,
      cause,
    });
  }
  return new AppError(
    'MALFORMED_FILE',
    `${origin} cannot be read as Parquet: ${line}; write or upload it again`,
    { details, cause },
  );
}
