import { constants, crc32, deflateRawSync } from 'node:zlib';

/** A member as it stands in an archive, and what the archive says of it when that is not the truth. */
export interface Member {
  readonly name: string;
  /** Raw deflate. */
  readonly deflated: Buffer;
  readonly size: number;
  readonly checksum: number;
  /** A member whose local header and bytes this one claims to be, too. */
  readonly over?: number;
}

/** A member with this content. */
export function member(name: string, content: string | Buffer): Member {
  const bytes = Buffer.from(content);
  return { name, deflated: deflateRawSync(bytes), size: bytes.length, checksum: crc32(bytes) };
}

/** A block and how often it comes. */
export type Run = readonly [block: Buffer | string, times: number];

/** A member whose content is blocks again and again; takes no more memory than what it deflates to. */
export function repeatedMember(name: string, ...runs: readonly Run[]): Member {
  let checksum = 0;
  let size = 0;
  for (const [block, times] of runs) {
    const bytes = Buffer.from(block);
    for (let time = 0; time < times; time++) checksum = crc32(bytes, checksum);
    size += bytes.length * times;
  }
  return { name, deflated: deflatedTimes(...runs), size, checksum };
}

/** Raw deflate of blocks again and again: after a full flush the compressed bytes repeat, too. */
export function deflatedTimes(...runs: readonly Run[]): Buffer {
  const pieces = runs.flatMap(([block, times]) => {
    const once = deflateRawSync(block, { level: 9, finishFlush: constants.Z_FULL_FLUSH });
    return Array.from({ length: times }, () => once);
  });
  return Buffer.concat([...pieces, deflateRawSync(Buffer.alloc(0))]);
}

/** A zip archive (APPNOTE 4.3); sizes of 4 GiB and more stand in zip64 fields. */
export function zip(members: readonly Member[]): Buffer {
  const pieces: Buffer[] = [];
  const directory: Buffer[] = [];
  const offsets: number[] = [];
  let at = 0;
  const put = (piece: Buffer) => {
    pieces.push(piece);
    at += piece.length;
  };
  for (const one of members) {
    const offset = one.over === undefined ? at : offsets[one.over]!;
    offsets.push(offset);
    const name = Buffer.from(one.name);
    const large = one.size >= 0xffffffff;
    const extra = Buffer.alloc(large ? 20 : 0);
    if (large) {
      extra.writeUInt16LE(1, 0);
      extra.writeUInt16LE(16, 2);
      extra.writeBigUInt64LE(BigInt(one.size), 4);
      extra.writeBigUInt64LE(BigInt(one.deflated.length), 12);
    }
    const about = Buffer.alloc(26);
    about.writeUInt16LE(large ? 45 : 20, 0);
    about.writeUInt16LE(0x0800, 2);
    about.writeUInt16LE(8, 4);
    about.writeUInt16LE(0x21, 8);
    about.writeUInt32LE(one.checksum, 10);
    about.writeUInt32LE(large ? 0xffffffff : one.deflated.length, 14);
    about.writeUInt32LE(large ? 0xffffffff : one.size, 18);
    about.writeUInt16LE(name.length, 22);
    about.writeUInt16LE(extra.length, 24);
    if (one.over === undefined) {
      for (const piece of [signature('PK\x03\x04'), about, name, extra, one.deflated]) put(piece);
    }
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    directory.push(signature('PK\x01\x02\x14\x00'), about, place, name, extra);
  }
  const start = at;
  directory.forEach(put);
  const length = at - start;
  const many = members.length >= 0xffff;
  if (many) {
    const record = Buffer.alloc(56);
    record.write('PK\x06\x06', 'latin1');
    record.writeBigUInt64LE(44n, 4);
    record.writeUInt16LE(45, 12);
    record.writeUInt16LE(45, 14);
    record.writeBigUInt64LE(BigInt(members.length), 24);
    record.writeBigUInt64LE(BigInt(members.length), 32);
    record.writeBigUInt64LE(BigInt(length), 40);
    record.writeBigUInt64LE(BigInt(start), 48);
    const locator = Buffer.alloc(20);
    locator.write('PK\x06\x07', 'latin1');
    locator.writeBigUInt64LE(BigInt(at), 8);
    locator.writeUInt32LE(1, 16);
    put(record);
    put(locator);
  }
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(many ? 0xffff : members.length, 8);
  end.writeUInt16LE(many ? 0xffff : members.length, 10);
  end.writeUInt32LE(length, 12);
  end.writeUInt32LE(start, 16);
  put(end);
  return Buffer.concat(pieces);
}

const signature = (text: string) => Buffer.from(text, 'latin1');
