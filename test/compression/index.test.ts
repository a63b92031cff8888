import { describe, expect, it } from '@jest/globals';
import {
  compressionNamed,
  compressionNames,
  compressionOf,
  magicBytes,
  writableCompression,
  writableCompressionNames,
} from '../../src/compression/index.js';

describe('the registry of compressions', () => {
  it('offers all of them to selections, and to destinations those that can be written', () => {
    expect(compressionNames).toEqual(['NONE', 'GZIP', 'ZIP', 'ZSTD']);
    expect(writableCompressionNames).toEqual(['NONE', 'GZIP', 'ZIP', 'ZSTD']);
    for (const name of writableCompressionNames) {
      expect(writableCompression(name)).toBe(compressionNamed(name));
    }
    expect(compressionNamed('NONE')).toBeUndefined();
  });

  it.each([
    ['GZIP', '1f8b08'],
    ['ZIP', '504b0304'],
    ['ZIP', '504b0506'],
    ['ZSTD', '28b52ffd'],
    ['ZSTD', '5f2a4d18'],
    [undefined, '504b0102'],
    [undefined, '612c620a'],
    [undefined, ''],
  ])('finds %s in the first bytes %s', (name, bytes) => {
    const head = Buffer.from(bytes, 'hex').subarray(0, magicBytes);
    expect(compressionOf(head)?.name).toBe(name);
  });
});
