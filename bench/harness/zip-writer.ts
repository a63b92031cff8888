import { open, type FileHandle } from 'node:fs/promises';
import { crc32, createDeflateRaw } from 'node:zlib';

/** A member of the archive and its text, piece by piece. */
export interface ZipEntry {
  readonly name: string;
  readonly text: Iterable<string>;
}

/** Writes a zip archive of deflated members, for workbooks too large to build in memory. */
export class Zip {
  readonly #path: string;
  #at = 0;

  constructor(path: string) {
    this.#path = path;
  }

  async write(entries: readonly ZipEntry[]): Promise<void> {
    const file = await open(this.#path, 'w');
    try {
      const directory: Buffer[] = [];
      for (const entry of entries) directory.push(await this.#member(file, entry));
      const start = this.#at;
      for (const record of directory) await this.#put(file, record);
      const end = Buffer.alloc(22);
      end.writeUInt32LE(0x06054b50, 0);
      end.writeUInt16LE(entries.length, 8);
      end.writeUInt16LE(entries.length, 10);
      end.writeUInt32LE(this.#at - start, 12);
      end.writeUInt32LE(start, 16);
      await this.#put(file, end);
    } finally {
      await file.close();
    }
  }

  async #put(file: FileHandle, bytes: Buffer): Promise<void> {
    await file.write(bytes, 0, bytes.length, this.#at);
    this.#at += bytes.length;
  }

  // Sizes and checksum are known at the end, so they are written over the header.
  async #member(file: FileHandle, { name, text }: ZipEntry): Promise<Buffer> {
    const offset = this.#at;
    const path = Buffer.from(name);
    await this.#put(file, Buffer.alloc(30 + path.length));
    let checksum = 0;
    let size = 0;
    const deflate = createDeflateRaw({ level: 6 });
    const feeding = (async () => {
      for (const piece of text) {
        const bytes = Buffer.from(piece);
        checksum = crc32(bytes, checksum);
        size += bytes.length;
        if (!deflate.write(bytes)) await new Promise((resolve) => deflate.once('drain', resolve));
      }
      deflate.end();
    })();
    const begin = this.#at;
    for await (const chunk of deflate) await this.#put(file, chunk as Buffer);
    await feeding;
    const stored = this.#at - begin;
    const shared = (record: Buffer, from: number) => {
      record.writeUInt16LE(20, from);
      record.writeUInt16LE(8, from + 4);
      record.writeUInt16LE(0x21, from + 8);
      record.writeUInt32LE(checksum, from + 10);
      record.writeUInt32LE(stored, from + 14);
      record.writeUInt32LE(size, from + 18);
      record.writeUInt16LE(path.length, from + 22);
    };
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    shared(header, 4);
    await file.write(Buffer.concat([header, path]), 0, 30 + path.length, offset);
    const record = Buffer.alloc(46);
    record.writeUInt32LE(0x02014b50, 0);
    record.writeUInt16LE(20, 4);
    shared(record, 6);
    record.writeUInt32LE(offset, 42);
    return Buffer.concat([record, path]);
  }
}
