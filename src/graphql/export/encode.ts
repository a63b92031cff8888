import type { Duplex } from 'node:stream';
import * as zlib from 'node:zlib';
import { writableCompression } from '../../compression/index.js';

// Node has it from 22.15 on.
const { createZstdCompress } = zlib as { readonly createZstdCompress?: () => Duplex };

/** The content codings (RFC 9110, section 8.4.1) that an answer can have here, the best first. */
export const contentEncodings: readonly string[] = createZstdCompress ? ['zstd', 'gzip'] : ['gzip'];

/** What compresses an answer by one of {@link contentEncodings}. */
export function encoderOf(encoding: string): Duplex | undefined {
  return encoding === 'zstd'
    ? createZstdCompress?.()
    : writableCompression('GZIP')?.deflate('rows');
}
