import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Bucket, Uploads } from '../aws/objects.js';
import type { WritebackProgress } from '../catalog/runs.js';
import { writableCompression } from '../compression/index.js';
import type { Dialect } from '../dialect.js';
import { exportRows } from '../engine/export.js';
import type { Session } from '../engine/engine.js';
import { compile, outputColumns } from '../query/compile.js';
import type { Query } from '../query/query.js';
import { refusedQuery } from '../query/refused.js';
import { formatOf, type Destination } from './destination.js';

/** One query's result on its way to one object. */
export interface WritebackJob {
  readonly query: Query;
  readonly dialect: Dialect;
  readonly session: Session;
  readonly destination: Destination;
  readonly bucket: Bucket;
  readonly uploads: Uploads;
  readonly key: string;
  /** An empty folder for this run. The caller removes it. */
  readonly spoolDir: string;
  readonly signal: AbortSignal;
}

/**
 * Writes a query's result as one object: whole or not at all.
 * @throws OBJECT_EXISTS, NO_SPACE and the errors of aws/errors.ts
 */
export async function writeResult(job: WritebackJob): Promise<WritebackProgress> {
  const { destination, signal } = job;
  const path = join(job.spoolDir, 'result');
  const rows = await exportRows(
    job.session,
    compile(job.query, job.dialect),
    outputColumns(job.query),
    { path, ...exportKind(destination) },
    { signal },
  ).catch((error: unknown) => {
    throw refusedQuery(error, job.dialect);
  });
  const compression = writableCompression(destination.compression);
  const checksum = createHash('sha256');
  const body = new PassThrough();
  const hash = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      checksum.update(chunk);
      done(null, chunk);
    },
  });
  const source = createReadStream(path, { highWaterMark: 2 ** 18 });
  const [put, piped] = await Promise.allSettled([
    job.bucket.put(job.key, body, {
      overwrite: destination.overwrite,
      contentType: compression?.contentType ?? formatOf(destination).contentType,
      uploads: job.uploads,
      signal,
    }),
    pipeline([source, ...(compression ? [compression.deflate()] : []), hash, body], {
      signal,
    }).catch((error: unknown) => {
      body.destroy();
      throw error;
    }),
  ]);
  // Whichever side failed first closed the other one, which then only says that it was closed.
  if (piped.status === 'rejected' && !isClosing(piped.reason)) throw piped.reason;
  if (put.status === 'rejected') throw put.reason;
  const stored = put.value;
  const object = { ...stored, rows, checksum: `sha256:${checksum.digest('hex')}` };
  return { rows, bytes: stored.bytes, objects: [object] };
}

function exportKind(
  to: Destination,
): { kind: 'delimited'; delimiter: string; header: boolean } | { kind: 'ndjson' | 'parquet' } {
  switch (to.format) {
    case 'CSV':
      return { kind: 'delimited', delimiter: to.delimiter, header: to.header };
    case 'TSV':
      return { kind: 'delimited', delimiter: '\t', header: to.header };
    case 'NDJSON':
      return { kind: 'ndjson' };
    case 'PARQUET':
      return { kind: 'parquet' };
  }
}

const isClosing = (error: unknown) =>
  ['ERR_STREAM_PREMATURE_CLOSE', 'ERR_STREAM_DESTROYED'].includes(
    (error as NodeJS.ErrnoException).code ?? '',
  );
