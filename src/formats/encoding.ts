import { Transform } from 'node:stream';
import { TextDecoder } from 'node:util';
import { AppError } from '../errors.js';

/** The WHATWG name of a text's encoding: what the user says, else its byte order mark, else utf-8. @throws INVALID_OPTIONS */
export function encodingOf(start: Buffer, label?: string): string {
  if (label !== undefined) {
    try {
      return new TextDecoder(label.toLowerCase() === 'latin-1' ? 'latin1' : label).encoding;
    } catch (error) {
      throw new AppError(
        'INVALID_OPTIONS',
        `The option encoding is "${label}", which is not known; utf-8, utf-16le, windows-1252 and iso-8859-15 are`,
        { details: { option: 'encoding' }, cause: error },
      );
    }
  }
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le';
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}

/** A piece of text from its beginning, as UTF-8 without a byte order mark. */
export function decodeText(bytes: Buffer, encoding: string): Buffer {
  // The piece may end inside a character, so the decoder is told that more may come.
  return Buffer.from(new TextDecoder(encoding).decode(bytes, { stream: true }));
}

/** Turns a stream of bytes in an encoding into UTF-8. It fails with INVALID_ENCODING. */
export function toUtf8(encoding: string, origin: string): Transform {
  const decoder = new TextDecoder(encoding, { fatal: true });
  const decode = (bytes?: Buffer) => {
    try {
      return Buffer.from(decoder.decode(bytes, { stream: bytes !== undefined }));
    } catch (error) {
      throw new AppError('INVALID_ENCODING', `${origin} is not valid ${encoding}; set encoding`, {
        details: { file: origin, encoding },
        cause: error,
      });
    }
  };
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
