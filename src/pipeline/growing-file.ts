import { open, type FileHandle } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';

const pieceBytes = 2 ** 18;
const pauseMs = 5;

/**
 * The bytes of a file that somebody appends to, as they come, up to its end when `writing` is done. The file need not be there
 * before that.
 * @throws what `writing` throws; the bytes before may have been given
 */
export async function* growingFile(
  path: string,
  writing: Promise<unknown>,
): AsyncGenerator<Buffer, void, undefined> {
  let written = false;
  const done = writing.then(() => {
    written = true;
  });
  // Whoever waits for it next is told.
  done.catch(() => undefined);
  let file: FileHandle | undefined;
  let piece: Buffer | undefined;
  try {
    for (;;) {
      // Asked before the read: what is written in between comes with the next one.
      const last = written;
      file ??= await openIfThere(path);
      piece ??= Buffer.allocUnsafe(pieceBytes);
      const { bytesRead } = file ? await file.read(piece, 0, pieceBytes) : { bytesRead: 0 };
      if (bytesRead > 0) {
        yield piece.subarray(0, bytesRead);
        piece = undefined;
      } else if (last) return;
      else await Promise.race([done, pause(pauseMs)]);
    }
  } finally {
    await file?.close();
  }
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
