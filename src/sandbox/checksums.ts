import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** A running digest. */
export interface Digest {
  update(chunk: Buffer): void;
  digest(): Buffer;
}

/** The names S3 uses in `x-amz-checksum-NAME` headers. */
export const checksumNames = ['crc32', 'crc32c', 'crc64nvme', 'sha1', 'sha256'] as const;

/** One of S3's object checksums. */
export type ChecksumName = (typeof checksumNames)[number];

/** How many bytes each checksum has before base64. */
export const checksumBytes: Readonly<Record<ChecksumName, number>> = {
  crc32: 4,
  crc32c: 4,
  crc64nvme: 8,
  sha1: 20,
  sha256: 32,
};

/** Whether the name is one of S3's checksums. */
export function isChecksumName(name: string): name is ChecksumName {
  return (checksumNames as readonly string[]).includes(name);
}

/** Starts a checksum of the given kind. */
export function createChecksum(name: ChecksumName): Digest {
  switch (name) {
    case 'crc32':
      return createCrc32();
    case 'crc32c':
      return createCrc32c();
    case 'crc64nvme':
      return createCrc64Nvme();
    case 'sha1':
    case 'sha256': {
      const hash = createHash(name);
      return { update: (chunk) => void hash.update(chunk), digest: () => hash.digest() };
    }
  }
}

function createCrc32(): Digest {
  let value = 0;
  return {
    update: (chunk) => {
      value = crc32(chunk, value);
    },
    digest: () => uint32(value),
  };
}

// Castagnoli's polynomial, reflected (RFC 3720, appendix B.4).
const castagnoli = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1;
  }
  return value;
});

function createCrc32c(): Digest {
  let value = 0xffffffff;
  return {
    update: (chunk) => {
      let running = value;
      for (const byte of chunk) running = castagnoli[(running ^ byte) & 0xff]! ^ (running >>> 8);
      value = running;
    },
    digest: () => uint32(~value),
  };
}

// CRC-64/NVME, reflected, kept as two halves because bitwise operators end at 32 bits.
const nvmeHigh = new Uint32Array(256);
const nvmeLow = new Uint32Array(256);
for (let byte = 0; byte < 256; byte += 1) {
  let high = 0;
  let low = byte;
  for (let bit = 0; bit < 8; bit += 1) {
    const odd = low & 1;
    low = (low >>> 1) | (high << 31);
    high >>>= 1;
    if (odd) {
      high ^= 0x9a6c9329;
      low ^= 0xac4bc9b5;
    }
  }
  nvmeHigh[byte] = high;
  nvmeLow[byte] = low;
}

function createCrc64Nvme(): Digest {
  let high = ~0;
  let low = ~0;
  return {
    update: (chunk) => {
      for (const byte of chunk) {
        const index = (low ^ byte) & 0xff;
        low = ((low >>> 8) | (high << 24)) ^ nvmeLow[index]!;
        high = (high >>> 8) ^ nvmeHigh[index]!;
      }
    },
    digest: () => Buffer.concat([uint32(~high), uint32(~low)]),
  };
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
