import { signatures } from '../zip/directory.js';
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
};
