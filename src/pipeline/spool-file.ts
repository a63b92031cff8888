import { open, rm, type FileHandle } from 'node:fs/promises';
import { spaceError } from './space.js';
import { TextCheck } from './text-check.js';

// So many bytes go to the disk in one write.
const writeBytes = 2 ** 20;

/** Writes a file of the spool in large pieces, the next one gathered while the last one goes to the disk. */
export class SpoolFile {
  readonly path: string;
  /** Of all bytes taken. */
  readonly check = new TextCheck();
  readonly #file: FileHandle;
  readonly #onWritten: (bytes: number) => void;
  #held: Buffer[] = [];
  #heldBytes = 0;
  #taken = 0;
  #written = 0;
  #writing: Promise<void> = Promise.resolve();

  private constructor(path: string, file: FileHandle, onWritten: (bytes: number) => void) {
    this.path = path;
    this.#file = file;
    this.#onWritten = onWritten;
  }

  /** @param onWritten told of all bytes that are in the file by now */
  static async create(path: string, onWritten: (bytes: number) => void): Promise<SpoolFile> {
    return new SpoolFile(path, await open(path, 'w'), onWritten);
  }

  /** Bytes taken: written, on their way to the disk, or held. */
  get bytes(): number {
    return this.#taken;
  }

  /** Takes a piece, which must stay as it is. Waits while the disk is behind. */
  async write(piece: Buffer): Promise<void> {
    this.check.add(piece);
    this.#held.push(piece);
    this.#heldBytes += piece.length;
    this.#taken += piece.length;
    // The first bytes go at once: somebody may be waiting to see what this is.
    const enough = this.#taken === this.#heldBytes ? 65_536 : writeBytes;
    if (this.#heldBytes >= enough) await this.#flush();
  }

  /** Until all that was handed in is in the file. */
  async settle(): Promise<void> {
    await this.#flush();
    await this.#writing;
  }

  /** Writes what is held and closes. */
  async close(): Promise<void> {
    await this.settle();
    await this.#file.close();
  }

  /** Closes and removes the file, whatever happened to it. */
  async discard(): Promise<void> {
    await this.#writing.catch(() => undefined);
    await this.#file.close().catch(() => undefined);
    await rm(this.path, { force: true });
  }

  async #flush(): Promise<void> {
    await this.#writing;
    const pieces = this.#held;
    const size = this.#heldBytes;
    if (size === 0) return;
    this.#held = [];
    this.#heldBytes = 0;
    this.#writing = this.#put(pieces, size);
    // It is awaited before the next one.
    this.#writing.catch(() => undefined);
  }

  async #put(pieces: Buffer[], size: number): Promise<void> {
    const { bytesWritten } = await this.#file.writev(pieces);
    // A file takes all or fails, but POSIX promises less.
    if (bytesWritten < size) {
      await this.#file.appendFile(Buffer.concat(pieces).subarray(bytesWritten));
    }
    this.#written += size;
    this.#onWritten(this.#written);
  }
}

/** Runs a job on files of the spool; a full disk is NO_SPACE with the origin's name. */
export async function withSpace<T>(origin: string, job: () => Promise<T>): Promise<T> {
  try {
    return await job();
  } catch (error) {
    throw spaceError(error, origin);
  }
}
