import type { Duplex } from 'node:stream';

/** One way to make a byte stream smaller. A new one is one file like gzip.ts and one line in index.ts. */
export interface Compression {
  readonly name: 'GZIP';
  /** Of object names, with its dot. */
  readonly extension: string;
  readonly contentType: string;
  /** The first bytes of every compressed stream. */
  readonly magic: Buffer;
  /** Raises an error when the stream is cut or its checksum is wrong. */
  readonly inflate: () => Duplex;
  readonly deflate: () => Duplex;
}
