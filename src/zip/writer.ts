import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { ZipFile } from 'yazl';

/** A file on its way into an archive. */
export interface NewMember {
  /** With slashes, and none in front. */
  readonly name: string;
  readonly bytes: AsyncIterable<Uint8Array>;
}

// The first moment that an archive can tell (APPNOTE 4.4.6), in no time zone: equal members make equal archives, and an
// object has a time of its own.
const noTime = { mtime: new Date(1980, 0, 1), forceDosTimestamp: true };

/**
 * Writes an archive while it is read: names in UTF-8, sizes behind the members, ZIP64 where it is needed. Members are
 * asked for one after the other, each when the bytes of the one before were taken. An error of theirs destroys the stream,
 * which then has no directory, so that nobody can take it for an archive.
 */
export function zipStream(members: AsyncIterable<NewMember>): Readable {
  const zip = new ZipFile();
  const archive = zip.outputStream as Readable;
  void fill(zip, archive, members);
  return archive;
}

async function fill(
  zip: ZipFile,
  archive: Readable,
  members: AsyncIterable<NewMember>,
): Promise<void> {
  try {
    for await (const { name, bytes } of members) {
      const source = Readable.from(bytes, { objectMode: false });
      const stop = () => source.destroy();
      archive.once('close', stop);
      // It was closed while there was no source to be stopped.
      if (archive.destroyed) stop();
      try {
        // Level 1: the network and the receiver are slower than what higher levels save.
        zip.addReadStream(source, name, { ...noTime, compressionLevel: 1 });
        await finished(source);
      } finally {
        stop();
        archive.off('close', stop);
      }
    }
    zip.end();
  } catch (error) {
    archive.destroy(error as Error);
  }
}
