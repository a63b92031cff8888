import { Duplex, PassThrough, Readable } from 'node:stream';
import { signatures } from '../zip/directory.js';
import { zipStream } from '../zip/writer.js';
import type { ArchiveCompression } from './compression.js';

/** PKWARE's APPNOTE 6.3: ZIP and ZIP64, stored and deflated. */
export const zip: ArchiveCompression = {
  kind: 'archive',
  name: 'ZIP',
  extension: '.zip',
  contentType: 'application/zip',
  begins: (head) => {
    if (head.length < 4) return false;
    const signature = head.readUInt32LE();
    // A part of a split archive begins as `split` says, and an archive without members is nothing but its end.
    return (
      signature === signatures.header ||
      signature === signatures.end ||
      signature === signatures.split
    );
  },
  deflate: (memberName) => archiveOf(memberName),
};

/** An archive of one member, whose bytes are written to it. */
function archiveOf(memberName: string): Duplex {
  const bytes = new PassThrough();
  const members = Readable.from([{ name: memberName, bytes }]);
  return Duplex.from({ writable: bytes, readable: zipStream(members) });
}
