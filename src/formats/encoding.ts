import { Transform } from 'node:stream';
import { TextDecoder } from 'node:util';
import { AppError } from '../errors.js';

export { encodingOf } from './detect-encoding.js';

/** A piece of text from its beginning, as UTF-8 without a byte order mark. */
export function decodeText(bytes: Buffer, encoding: string): Buffer {
  // The piece may end inside a character, so the decoder is told that more may come.
  return Buffer.from(new TextDecoder(encoding).decode(bytes, { stream: true }));
}

/**
 * Turns pieces of a text into UTF-8; without a piece it gives what is left. UTF-8 itself passes as it is: whoever reads
 * it checks it, and knows the line of what is wrong.
 * @throws INVALID_ENCODING
 */
export function pieceDecoder(encoding: string, origin: string): (piece?: Buffer) => Buffer {
  if (encoding === 'utf-8') return (piece) => piece ?? Buffer.alloc(0);
  const decoder = new TextDecoder(encoding, { fatal: true });
  return (piece) => {
    try {
      return Buffer.from(decoder.decode(piece, { stream: piece !== undefined }));
    } catch (error) {
      throw new AppError('INVALID_ENCODING', `${origin} is not valid ${encoding}; set encoding`, {
        details: { file: origin, encoding },
        cause: error,
      });
    }
  };
}

/** Turns a stream of bytes in an encoding into UTF-8. It fails with INVALID_ENCODING. */
export function toUtf8(encoding: string, origin: string): Transform {
  const decode = pieceDecoder(encoding, origin);
  return new Transform({
    transform(chunk: Buffer, _, done) {
      try {
        done(null, decode(chunk));
      } catch (error) {
        done(error as Error);
      }
    },
    flush(done) {
      try {
        done(null, decode());
      } catch (error) {
        done(error as Error);
      }
    },
  });
}
