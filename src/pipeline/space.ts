import { AppError } from '../errors.js';

/** What writing to the spool raised: NO_SPACE when the disk is full, else the error itself. */
export function spaceError(error: unknown, origin: string): unknown {
  if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) return error;
  return new AppError(
    'NO_SPACE',
    `The disk of the data directory is full while reading ${origin}; free space and run the import again`,
    { details: { file: origin, key: origin }, cause: error },
  );
}

/** What one run keeps on the disk. */
export class SpoolSpace {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws SPOOL_FULL */
  take(bytes: number, origin: string): void {
    this.#used += bytes;
    if (this.#used <= this.#limit) return;
    throw new AppError(
      'SPOOL_FULL',
      `The files of this import take more than ${this.#limit} bytes of the disk, at ${origin}; narrow the selection, or raise BUCKETQL_MAX_SPOOL_BYTES`,
      { details: { file: origin, limit: this.#limit } },
    );
  }

  giveBack(bytes: number): void {
    this.#used -= bytes;
  }
}
