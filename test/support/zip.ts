import { crc32, deflateRawSync } from 'node:zlib';

/** One entry of a zip that {@link zipOf} writes. What is left out is what an honest writer would put there. */
export interface ZipEntry {
  /** Buffers are for names that are not UTF-8. */
  readonly name: string | Buffer;
  readonly bytes: Buffer;
  /** Stored as it is instead of deflated. */
  readonly store?: boolean;
  /** Instead of the compressed bytes: they are written as they are, with `method` (Default: 8). */
  readonly compressed?: Buffer;
  /** Lies: what local header and directory say instead of the truth. */
  readonly crc?: number;
  readonly size?: number;
  readonly compressedSize?: number;
  readonly method?: number;
  /** General purpose bits: 0x1 encrypted, 0x800 the name is UTF-8 (Default: 0x800). */
  readonly flags?: number;
  readonly comment?: string;
  /** Extra field of the directory. */
  readonly extra?: Buffer;
  /** Unix mode, so that symbolic links can be made. */
  readonly mode?: number;
  /** Writes no data and points to those of the earlier entry at this position. */
  readonly sameDataAs?: number;
  /** The name that the local header says, when it differs from the directory. */
  readonly localName?: string;
}

/** Writes a zip into memory; entries may lie. */
export function zipOf(entries: readonly ZipEntry[], comment = ''): Buffer {
  const parts: Buffer[] = [];
  const directory: Buffer[] = [];
  const offsets: number[] = [];
  let offset = 0;
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    const data = entry.compressed ?? (entry.store ? entry.bytes : deflateRawSync(entry.bytes));
    const shared = Buffer.alloc(22);
    shared.writeUInt16LE(entry.flags ?? 0x800, 0);
    shared.writeUInt16LE(entry.method ?? (entry.store ? 0 : 8), 2);
    shared.writeUInt32LE(0x00210000, 4); // 1980-01-01
    shared.writeUInt32LE((entry.crc ?? crc32(entry.bytes)) >>> 0, 8);
    shared.writeUInt32LE(entry.compressedSize ?? data.length, 12);
    shared.writeUInt32LE(entry.size ?? entry.bytes.length, 16);
    if (entry.sameDataAs === undefined) {
      offsets.push(offset);
      const localName = Buffer.from(entry.localName ?? name);
      const local = Buffer.alloc(30);
      local.writeUInt32LE(0x04034b50, 0);
      local.writeUInt16LE(20, 4);
      shared.copy(local, 6, 0, 20);
      local.writeUInt16LE(localName.length, 26);
      parts.push(local, localName, data);
      offset += local.length + localName.length + data.length;
    } else offsets.push(offsets[entry.sameDataAs] ?? 0);
    directory.push(directoryRecord(entry, name, shared, offsets.at(-1) ?? 0));
  }
  const listed = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(listed.length, 12);
  end.writeUInt32LE(offset, 16);
  end.writeUInt16LE(Buffer.byteLength(comment), 20);
  return Buffer.concat([...parts, listed, end, Buffer.from(comment)]);
}

function directoryRecord(entry: ZipEntry, name: Buffer, shared: Buffer, offset: number): Buffer {
  const extra = entry.extra ?? Buffer.alloc(0);
  const comment = Buffer.from(entry.comment ?? '');
  const record = Buffer.alloc(46);
  record.writeUInt32LE(0x02014b50, 0);
  record.writeUInt16LE((3 << 8) | 20, 4); // made on Unix, so that `mode` counts
  record.writeUInt16LE(20, 6);
  shared.copy(record, 8, 0, 20);
  record.writeUInt16LE(name.length, 28);
  record.writeUInt16LE(extra.length, 30);
  record.writeUInt16LE(comment.length, 32);
  record.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 38);
  record.writeUInt32LE(offset, 42);
  return Buffer.concat([record, name, extra, comment]);
}
