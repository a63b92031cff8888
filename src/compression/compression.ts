import type { Duplex } from 'node:stream';

interface Named {
  /** Of object names, with its dot. */
  readonly extension: string;
  readonly contentType: string;
  /** Whether bytes begin as this compression does; they are at least `magicBytes` of index.ts, unless the object is shorter. */
  readonly begins: (head: Buffer) => boolean;
  /**
   * Makes a stream of bytes smaller: a whole file comes out, of which an archive calls its only member `memberName`, or an
   * error. Equal bytes come out for equal bytes. Left out by what can only be read.
   */
  readonly deflate?: (memberName: string) => Duplex;
}

/** One way to make a byte stream smaller. A new one is one file like gzip.ts and one line in index.ts. */
export interface StreamCompression extends Named {
  readonly kind: 'stream';
  readonly name: 'GZIP' | 'ZSTD';
  /** Raises a {@link BrokenStream} when the stream is cut or damaged, or when anything else follows it. */
  readonly inflate: () => Duplex;
}

/** A file that holds files. It is read from its end, so it must lie on the disk as a whole. */
export interface ArchiveCompression extends Named {
  readonly kind: 'archive';
  readonly name: 'ZIP';
}

/** How an object's bytes were made smaller. */
export type Compression = StreamCompression | ArchiveCompression;

/** A compressed stream that cannot be inflated; the message says in a few words what is wrong with it. */
export class BrokenStream extends Error {
  /**
   * `cut`: its end is missing, for which the transfer may be to blame. `damaged`: what is there is wrong.
   * `unsupported`: it may be whole, but asks for what we do not do.
   */
  readonly how: 'cut' | 'damaged' | 'unsupported';

  constructor(how: BrokenStream['how'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'BrokenStream';
    this.how = how;
  }
}
