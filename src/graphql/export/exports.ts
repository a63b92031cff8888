import { createHash } from 'node:crypto';
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Dialect } from '../../dialect.js';
import type { Engine } from '../../engine/engine.js';
import { AppError, isAppError, type ErrorCode } from '../../errors.js';
import type { Log } from '../../log.js';
import { sourcesOf, type Leases, type Snapshots } from '../../pipeline/snapshots.js';
import { relatedDatasets } from '../../query/links.js';
import type { RowsQuery } from '../../query/query.js';
import { isKnown, sendError, statusOf } from '../http.js';
import type { LiveSchema } from '../live-schema.js';
import { withBytes } from './bytes.js';
import { contentEncodings } from './encode.js';
import { acceptedEncoding } from './negotiate.js';
import { exportQuery } from './query.js';
import { exportRequest, type ExportRequest } from './request.js';
import { sendBytes, whileWanted, type Sending } from './send.js';

/** What exports are made with. */
export interface ExportSettings {
  readonly engine: Engine;
  readonly dialect: Dialect;
  readonly snapshots: Snapshots;
  readonly schema: LiveSchema;
  readonly log: Log;
  /** Where Parquet files are put until they are sent; it exists, and is emptied at start. */
  readonly spoolDir: string;
  /** Longest time of one export. BUCKETQL_EXPORT_SECONDS */
  readonly exportSeconds: number;
  /** Most exports at a time. BUCKETQL_MAX_EXPORTS */
  readonly maxExports: number;
}

/** How long a client may take nothing of what is ready for it. */
const stallMs = 120_000;

/** Part of every ETag: another number where equal requests get other bytes than from the version before. */
const edition = 1;

/** Answers requests below /export/ with the rows of a dataset as a file. */
export class Exports {
  readonly #settings: ExportSettings;
  readonly #sending = new Set<Sending>();
  #inFlight = 0;

  constructor(settings: ExportSettings) {
    this.#settings = settings;
  }

  /** Answers a request that was let in. Errors that are not the client's business are thrown on. */
  async answer(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    try {
      if (request.method !== 'GET' && request.method !== 'HEAD') {
        response.setHeader('allow', 'GET, HEAD');
        return sendError(response, 405, 'INVALID_INPUT', 'Exports are asked for by GET');
      }
      await this.#answer(request, response, exportRequest(url, request.headers.accept));
    } catch (error) {
      if (response.headersSent || !isAppError(error) || error.code === 'INTERNAL') throw error;
      if (error.code === 'TOO_MANY_EXPORTS') response.setHeader('retry-after', '10');
      sendError(response, statuses[error.code] ?? statusOf(error.code), error.code, error.message);
    }
  }

  /** Breaks off what is being sent, so that nobody takes a part for the whole. */
  close(): void {
    for (const { stop } of this.#sending) {
      stop(new AppError('INTERRUPTED', 'The service is stopping'));
    }
  }

  async #answer(
    request: IncomingMessage,
    response: ServerResponse,
    asked: ExportRequest,
  ): Promise<void> {
    const { schema, snapshots } = this.#settings;
    // A name of no dataset may be a part of the names of another's fields.
    snapshots.lease(asked.dataset).release();
    const query = exportQuery(asked, schema.current.api);
    const leases = snapshots.leaseAll([asked.dataset, ...relatedDatasets(query.where)]);
    try {
      const encoding =
        asked.format.name === 'parquet'
          ? undefined
          : acceptedEncoding(request.headers['accept-encoding']?.toString(), contentEncodings);
      const etag = etagOf(asked, query, leases);
      const common = {
        etag,
        // Rows are for who has the token, and may be others in a moment.
        'cache-control': 'private, no-cache',
        vary: 'accept, accept-encoding',
        'bucketql-generation': leases[0].generation.id,
      };
      if (isKnown(etag, request.headers)) {
        response.writeHead(304, common).end();
        return;
      }
      const headers = {
        ...common,
        ...headersOf(asked),
        ...(encoding && { 'content-encoding': encoding }),
      };
      if (request.method === 'HEAD') {
        response.writeHead(200, headers).end();
        return;
      }
      const read = { ...query, from: leases[0].source, related: sourcesOf(leases) };
      await this.#counted(() => this.#send(response, asked, read, headers, encoding));
    } finally {
      for (const lease of leases) lease.release();
    }
  }

  async #counted(work: () => Promise<void>): Promise<void> {
    const { maxExports } = this.#settings;
    if (this.#inFlight >= maxExports) {
      throw new AppError(
        'TOO_MANY_EXPORTS',
        `${maxExports} exports are being sent; try again when one has ended, or raise BUCKETQL_MAX_EXPORTS`,
        { details: { limit: maxExports } },
      );
    }
    this.#inFlight++;
    try {
      await work();
    } finally {
      this.#inFlight--;
    }
  }

  async #send(
    response: ServerResponse,
    request: ExportRequest,
    query: RowsQuery,
    headers: OutgoingHttpHeaders,
    encoding: string | undefined,
  ): Promise<void> {
    const { log, exportSeconds } = this.#settings;
    try {
      await whileWanted(response, exportSeconds, async (sending) => {
        const { signal } = sending;
        this.#sending.add(sending);
        try {
          await withBytes({ ...this.#settings, query, request, signal }, (bytes) =>
            sendBytes(sending, bytes, { headers, encoding, stallMs }),
          );
        } finally {
          this.#sending.delete(sending);
        }
      });
    } catch (error) {
      if (response.destroyed && isAppError(error) && error.code === 'CANCELLED') {
        log.debug({ dataset: request.dataset }, 'a client went away from its export');
        return;
      }
      if (!response.headersSent) throw error;
      response.destroy();
      log.warn({ err: error, dataset: request.dataset }, 'an export was broken off');
    }
  }
}

function headersOf({ dataset, format, header }: ExportRequest): OutgoingHttpHeaders {
  const parameters = format.charset
    ? `; charset=utf-8; header=${header ? 'present' : 'absent'}`
    : '';
  return {
    'content-type': format.type + parameters,
    // The names of datasets are names of GraphQL: nothing in them needs quoting (RFC 6266).
    'content-disposition': `attachment; filename="${dataset}.${format.extensions[0]}"`,
    'x-content-type-options': 'nosniff',
  };
}

/** A weak one: equal rows in one order, but Parquet's bytes may differ, and encodings do. */
function etagOf(request: ExportRequest, query: RowsQuery, leases: Leases): string {
  const { dataset, format, delimiter, header } = request;
  const { from: _from, ...asked } = query;
  const generations = leases.map(({ generation }) => generation.id);
  const facts = [edition, generations, dataset, format.name, delimiter, header, asked];
  const text = JSON.stringify(facts, (_key, value: unknown) =>
    typeof value === 'bigint' ? `${value}n` : value,
  );
  return `W/"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
}

const statuses: Partial<Record<ErrorCode, number>> = {
  NOT_FOUND: 404,
  NOT_ACCEPTABLE: 406,
  LIMIT_TOO_LARGE: 400,
  TOO_MANY_EXPORTS: 503,
  DATABASE_REOPENED: 503,
  CANCELLED: 503,
  OUT_OF_MEMORY: 503,
  QUERY_TIMEOUT: 504,
  NO_SPACE: 507,
};
