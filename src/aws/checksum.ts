import { crc32 } from 'node:zlib';
import { AppError } from '../errors.js';
import type { Attempt } from './errors.js';

/** A CRC32 as S3's headers carry it: base64 of four bytes, the highest first. */
export function crc32Of(bytes: Buffer): string {
  const digest = Buffer.alloc(4);
  digest.writeUInt32BE(crc32(bytes));
  return digest.toString('base64');
}

/** The checksum of an object of several parts: that of the parts' checksums (S3's type COMPOSITE). */
export function compositeCrc32(parts: readonly string[]): string {
  return crc32Of(Buffer.concat(parts.map((part) => Buffer.from(part, 'base64'))));
}

/** The failure of a server that answers with the checksum of something else than it was sent. */
export function differs(attempt: Attempt, sent: string, stored: string): AppError {
  return new AppError(
    'S3_ERROR',
    `S3 answers for object ${attempt.key} with CRC32 ${stored}, and ${sent} is what was sent; write it again`,
    { retryable: true, details: { key: attempt.key, bucket: attempt.bucket, sent, stored } },
  );
}
