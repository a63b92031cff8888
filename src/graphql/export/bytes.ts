import { createReadStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dialect } from '../../dialect.js';
import { exportParquet, streamText, type TextFormat } from '../../engine/export.js';
import type { Engine, OwnSession } from '../../engine/engine.js';
import { compile, outputColumns } from '../../query/compile.js';
import type { RowsQuery } from '../../query/query.js';
import { refusedQuery } from '../../query/refused.js';
import type { ExportRequest } from './request.js';

/** What the bytes of an export are made of. */
export interface ExportJob {
  readonly engine: Engine;
  readonly dialect: Dialect;
  readonly query: RowsQuery;
  readonly request: Pick<ExportRequest, 'format' | 'delimiter' | 'header'>;
  /** Where a file can be put; it exists. */
  readonly spoolDir: string;
  readonly signal: AbortSignal;
}

/**
 * Lends `send` the bytes of an export. The first piece is there by then, so whatever keeps the statement from running is
 * thrown before.
 */
export async function withBytes(
  job: ExportJob,
  send: (bytes: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  await (job.request.format.name === 'parquet' ? spooled(job, send) : streamed(job, send));
}

async function streamed(
  job: ExportJob,
  send: (bytes: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  await job.engine.session(async (session) => {
    const pieces = await piecesOf(job, session);
    try {
      const first = await pieces.next().catch((error: unknown) => {
        throw refusedQuery(error, job.dialect);
      });
      await send(first.done ? none() : chained(first.value, pieces));
    } finally {
      // Who sends may have given up before it began.
      await pieces.return();
    }
  });
}

/** The footer of a Parquet file is its last part and tells where all others are, so it is written as a whole. */
async function spooled(
  { engine, dialect, query, spoolDir, signal }: ExportJob,
  send: (bytes: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(spoolDir, 'export-'));
  try {
    const path = join(folder, 'result');
    const select = compile(query, dialect);
    await engine
      .session((session) => exportParquet(session, select, outputColumns(query), path, { signal }))
      .catch((error: unknown) => {
        throw refusedQuery(error, dialect);
      });
    await send(readWhenAsked(path));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function piecesOf(
  { dialect, query, request, signal }: ExportJob,
  session: OwnSession,
): Promise<AsyncGenerator<Uint8Array, void, undefined>> {
  const select = compile(query, dialect);
  const columns = outputColumns(query);
  if (request.format.name !== 'arrow') {
    return streamText(session, select, columns, textFormatOf(request), { signal });
  }
  // Its library takes a while to load, and many never need it.
  const { streamArrow } = await import('../../engine/arrow.js');
  return streamArrow(session, select, columns, { signal });
}

function textFormatOf({ format, delimiter, header }: ExportJob['request']): TextFormat {
  return format.name === 'csv'
    ? { kind: 'delimited', delimiter, header, escapeFormulas: false }
    : { kind: 'ndjson' };
}

/** Opens the file when it is read, and not for who gives up before: nobody would close it then. */
async function* readWhenAsked(path: string) {
  yield* createReadStream(path, { highWaterMark: 2 ** 18 }) as AsyncIterable<Buffer>;
}

async function* chained(first: Uint8Array, rest: AsyncIterable<Uint8Array>) {
  yield first;
  yield* rest;
}

async function* none(): AsyncGenerator<Uint8Array> {}
