/** Bytes as a zstd frame (RFC 8878) of raw blocks, without a checksum: what Node 20 cannot write is easy enough by hand. */
export function zstdOf(bytes: Buffer): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt32LE(0xfd2fb528, 0);
  // A single segment whose size takes four bytes.
  head.writeUInt8(0b1010_0000, 4);
  head.writeUInt32LE(bytes.length, 5);
  const parts: Buffer[] = [head];
  const blockBytes = 1 << 17;
  for (let at = 0; at === 0 || at < bytes.length; at += blockBytes) {
    const block = bytes.subarray(at, at + blockBytes);
    const last = at + blockBytes >= bytes.length ? 1 : 0;
    const blockHead = Buffer.alloc(3);
    blockHead.writeUIntLE((block.length << 3) | last, 0, 3);
    parts.push(blockHead, block);
  }
  return Buffer.concat(parts);
}
