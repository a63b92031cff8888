import type { FileHandle } from 'node:fs/promises';
import { AppError } from '../../errors.js';
import type { LocalFile } from '../../relation.js';
import { kindOfBytes } from '../magic.js';
import { encryptedFlaw, problem } from './flaw.js';
import type { ParquetLimits } from './metadata.js';

// Magic at both ends and the footer's length.
const leastBytes = 12;

/** The bytes of the footer and where they begin. @throws MALFORMED_FILE, ENCRYPTED_FILE, DOCUMENT_TOO_LARGE */
export async function readFooter(handle: FileHandle, file: LocalFile, limits: ParquetLimits) {
  const { origin } = file;
  const { size } = await handle.stat();
  const head = Buffer.alloc(Math.min(size, 4096));
  await handle.read(head, 0, head.length, 0);
  if (head.toString('latin1', 0, 4) === 'PARE') throw encrypted(file);
  if (head.toString('latin1', 0, 4) !== 'PAR1') {
    const kind = size === 0 ? 'an empty file' : kindOfBytes(head);
    throw problem(
      file,
      'MALFORMED_FILE',
      `it is no Parquet file${kind ? ` but looks like ${kind}` : ': it does not begin with PAR1'}; correct the selection or the format's type`,
    );
  }
  if (size < leastBytes) throw truncated(file);
  const tail = Buffer.alloc(8);
  await handle.read(tail, 0, 8, size - 8);
  if (tail.toString('latin1', 4) === 'PARE') throw encrypted(file);
  if (tail.toString('latin1', 4) !== 'PAR1') throw truncated(file);
  const length = tail.readUInt32LE(0);
  const start = size - 8 - length;
  if (start < 4) {
    throw problem(
      file,
      'MALFORMED_FILE',
      `its footer claims ${length} bytes, and the file has ${size}; write it again`,
    );
  }
  if (length > limits.maxDocumentBytes) {
    throw new AppError(
      'DOCUMENT_TOO_LARGE',
      `The footer of ${origin} has ${length} bytes, and ${limits.maxDocumentBytes} are allowed; write fewer row groups, or raise BUCKETQL_MAX_DOCUMENT_BYTES`,
      { details: { file: origin, limit: limits.maxDocumentBytes } },
    );
  }
  const footer = Buffer.alloc(length);
  const { bytesRead } = await handle.read(footer, 0, length, start);
  if (bytesRead < length) throw truncated(file);
  return { footer, start };
}

function encrypted(file: LocalFile): AppError {
  return problem(file, 'ENCRYPTED_FILE', encryptedFlaw().message);
}

function truncated(file: LocalFile): AppError {
  return problem(
    file,
    'MALFORMED_FILE',
    'it does not end as a Parquet file does and may be cut off; upload it again',
  );
}
