import type { Compression } from './compression.js';
import { gzip } from './gzip.js';

export type { Compression } from './compression.js';

const compressions: readonly Compression[] = [gzip];

/** The names a selection or a destination can ask for, beside AUTO. */
export const compressionNames = ['NONE', ...compressions.map(({ name }) => name)] as const;

/** One of {@link compressionNames}. */
export type CompressionName = (typeof compressionNames)[number];

/** The compression of a name; undefined for NONE. */
export function compressionNamed(name: CompressionName): Compression | undefined {
  return compressions.find((compression) => compression.name === name);
}

/** The compression that a stream's first bytes show; undefined when they show none. */
export function compressionOf(beginning: Buffer): Compression | undefined {
  return compressions.find(({ magic }) => beginning.subarray(0, magic.length).equals(magic));
}

/** The bytes that {@link compressionOf} needs to see. */
export const magicBytes = Math.max(...compressions.map(({ magic }) => magic.length));
