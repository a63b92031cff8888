import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { toUtf8 } from '../../src/formats/encoding.js';

const decode = (bytes: Buffer, encoding: string) => {
  // One byte at a time, so that every character is cut somewhere.
  const pieces = Array.from(bytes, (byte) => Buffer.from([byte]));
  const stream = toUtf8(encoding, 'drop/a.csv');
  Readable.from(pieces).pipe(stream);
  return buffer(stream);
};

describe('toUtf8', () => {
  it('decodes whatever the pieces', async () => {
    const text = 'größe,€,😀\n';
    const utf16 = Buffer.from(`\ufeff${text}`, 'utf16le');
    expect((await decode(utf16, 'utf-16le')).toString()).toBe(text);
    const latin = Buffer.from('größe', 'latin1');
    expect((await decode(latin, 'windows-1252')).toString()).toBe('größe');
    const japanese = Buffer.from([0x93, 0xfa, 0x96, 0x7b, 0x0a]);
    expect((await decode(japanese, 'shift_jis')).toString()).toBe('日本\n');
  });

  it('fails on bytes that the encoding does not have', async () => {
    await expect(decode(Buffer.from([0x41, 0xff]), 'shift_jis')).rejects.toMatchObject({
      code: 'INVALID_ENCODING',
      details: { file: 'drop/a.csv' },
    });
    await expect(decode(Buffer.from([0x41, 0, 0x42]), 'utf-16le')).rejects.toMatchObject({
      code: 'INVALID_ENCODING',
    });
  });
});
