import { randomUUID } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError } from '../errors.js';

const LF = 10;
const flushBytes = 1 << 20;

/** Writes the lines of an exact copy, some 1 MiB at a time. */
export class CopyWriter {
  readonly path: string;
  /** The longest line, its end included. */
  maxLineBytes = 0;
  lines = 0;
  readonly #file: FileHandle;
  #pending: Buffer = Buffer.allocUnsafe(flushBytes * 2);
  #used = 0;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  /** Opens a new file in a folder. */
  static async create(directory: string): Promise<CopyWriter> {
    const path = join(directory, `${randomUUID()}.exact`);
    return new CopyWriter(path, await open(path, 'wx', 0o600));
  }

  /** One line: text, bytes, text. None of them has a line's end outside quotes. */
  line(head: string, body: Buffer | string, tail = ''): void {
    const needed = Buffer.byteLength(head) + Buffer.byteLength(body) + Buffer.byteLength(tail) + 1;
    if (needed > this.maxLineBytes) this.maxLineBytes = needed;
    this.#room(needed);
    this.#used += this.#pending.write(head, this.#used);
    if (typeof body === 'string') this.#used += this.#pending.write(body, this.#used);
    else this.#used += body.copy(this.#pending, this.#used);
    this.#used += this.#pending.write(tail, this.#used);
    this.#pending[this.#used++] = LF;
    this.lines++;
  }

  #room(bytes: number): void {
    if (this.#used + bytes <= this.#pending.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#pending.length * 2, this.#used + bytes));
    this.#pending.copy(larger, 0, 0, this.#used);
    this.#pending = larger;
  }

  /** Writes what is pending. @throws NO_SPACE */
  async flush(): Promise<void> {
    let written = 0;
    try {
      while (written < this.#used) {
        const { bytesWritten } = await this.#file.write(
          this.#pending,
          written,
          this.#used - written,
        );
        written += bytesWritten;
      }
    } catch (error) {
      throw spaceError(error);
    }
    this.#used = 0;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  /** Closes the file and removes it. */
  async discard(): Promise<void> {
    await this.#file.close();
    await rm(this.path, { force: true });
  }
}

function spaceError(error: unknown): unknown {
  const full = typeof error === 'object' && error !== null && 'code' in error;
  if (!full || (error.code !== 'ENOSPC' && error.code !== 'EDQUOT')) return error;
  return new AppError(
    'NO_SPACE',
    'The disk that holds the spool is full; free space and try again',
    { cause: error },
  );
}
