import type { Compression } from './compression.js';
import { gzip } from './gzip.js';
import { zip } from './zip.js';
import { zstd } from './zstd.js';

export { BrokenStream } from './compression.js';
export type { Compression, StreamCompression } from './compression.js';

const compressions: readonly Compression[] = [gzip, zip, zstd];

/** A compression that can be written, too. */
export type WritableCompression = Compression & Required<Pick<Compression, 'deflate'>>;

const writable = compressions.filter(
  (compression): compression is WritableCompression => compression.deflate !== undefined,
);

/** The names a selection can ask for, beside AUTO. */
export const compressionNames = ['NONE', ...compressions.map(({ name }) => name)] as const;

/** The names a destination can ask for. */
export const writableCompressionNames = ['NONE', ...writable.map(({ name }) => name)] as const;

/** One of {@link compressionNames}. */
export type CompressionName = (typeof compressionNames)[number];

/** The compression of a name; undefined for NONE. */
export function compressionNamed(name: CompressionName): Compression | undefined {
  return compressions.find((compression) => compression.name === name);
}

/** The same of {@link writableCompressionNames}. */
export function writableCompression(name: CompressionName): WritableCompression | undefined {
  return writable.find((compression) => compression.name === name);
}

/** The compression that a file's first bytes show; undefined when they show none. */
export function compressionOf(beginning: Buffer): Compression | undefined {
  return compressions.find(({ begins }) => begins(beginning));
}

/** The endings of names that say that a file is a compressed one, each with its dot. */
export const streamExtensions = compressions
  .filter(({ kind }) => kind === 'stream')
  .map(({ extension }) => extension);

/** The bytes that {@link compressionOf} needs to see. */
export const magicBytes = 4;
