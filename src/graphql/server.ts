import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { HeaderMap, type ApolloServer } from '@apollo/server';
import { authenticate, type Principal, type Tokens } from '../auth/principal.js';
import type { Admission, AskedOverHttp } from './admission.js';
import type { AnswerCache } from './answer-cache.js';
import { apolloServer, exchange, refusalOf, type Exchange } from './apollo.js';
import type { Context, Services } from './context.js';
import { admitExport } from './export/admit.js';
import type { Exports } from './export/exports.js';
import { graphiqlAsset, graphiqlPage, wantsPage } from './graphiql.js';
import {
  drained,
  isKnown,
  listen,
  readBody,
  sendError,
  sendRefusal,
  sendText,
  urlOf,
  WebRequest,
} from './http.js';
import { makeLoaders } from './loaders.js';
import { makeMetrics, type Metrics } from './metrics.js';
import { requireOwnHost } from './own-site.js';
import { Subscriptions } from './subscriptions.js';
import { serveSockets } from './subscriptions-socket.js';
import { EventStreams, streamRequest, wantsStream } from './subscriptions-stream.js';
import type { TableContext, TableVersions } from './tables/reader.js';

/** What the server needs beside the services. */
export interface ServerSettings {
  readonly services: Services;
  readonly tables: TableContext['tables'] & TableVersions;
  readonly tokens: Tokens;
  readonly admission: Admission;
  readonly answers: AnswerCache;
  readonly exports: Exports;
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  /** Longest request body. */
  readonly maxRequestBytes: number;
  /** Longest answer of generated fields. */
  readonly maxResponseBytes: number;
  /** Most subscriptions at a time, and most WebSocket connections. */
  readonly maxSubscriptions: number;
  /** True while requests can be answered. */
  readonly ready: () => boolean;
}

/** A listening server. */
export interface RunningServer {
  /** Such as http://127.0.0.1:4000. */
  readonly url: string;
  close(): Promise<void>;
}

interface Serving extends ServerSettings {
  readonly metrics: Metrics;
  readonly apollo: ApolloServer<Context>;
  readonly streams: EventStreams;
}

/**
 * Serves GraphQL at /graphql: over HTTP (with GraphiQL for browsers), and subscriptions over WebSocket and server-sent
 * events; besides, files of rows below /export/, /metrics, /healthz and /readyz.
 */
export async function serve(settings: ServerSettings): Promise<RunningServer> {
  const { services, tables, tokens, admission, answers, maxSubscriptions } = settings;
  const { schema, log } = services;
  const apollo = apolloServer({ schema, admission, answers, versions: tables, log });
  await apollo.start();
  const subscriptions = new Subscriptions({ schema, admission, log, limit: maxSubscriptions });
  const streams = new EventStreams(subscriptions);
  const metrics = makeMetrics(() => answers.figures);
  const serving: Serving = { ...settings, apollo, streams, metrics };
  const http = createServer({ IncomingMessage: WebRequest }, (request, response) => {
    measure(request, response, metrics);
    handle(request, response, serving).catch((error: unknown) => {
      services.log.error({ err: error }, 'a request could not be answered');
      if (!response.headersSent) sendError(response, 500, 'INTERNAL', 'An internal error happened');
      else response.destroy();
    });
  });
  const closeSockets = serveSockets(http, {
    subscriptions,
    contextFor: (principal, signal) => contextOf(settings, principal, signal),
    tokens,
    maxMessageBytes: settings.maxRequestBytes,
    maxConnections: maxSubscriptions,
    log,
  });
  await listen(http, settings.host, settings.port);
  const address = http.address();
  const port = typeof address === 'object' && address ? address.port : settings.port;
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  return {
    url: `http://${host}:${port}`,
    async close() {
      streams.close();
      await closeSockets();
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeIdleConnections();
        // Answers that are being written may finish; whoever keeps a connection open may not keep us from stopping.
        setTimeout(() => {
          settings.exports.close();
          http.closeAllConnections();
        }, 2_000).unref();
      });
      await apollo.stop();
    },
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  serving: Serving,
): Promise<void> {
  let url: URL;
  try {
    url = urlOf(request);
  } catch (error) {
    return sendRefusal(response, error);
  }
  switch (url.pathname) {
    case '/healthz':
      return sendText(response, 200, 'ok\n');
    case '/readyz':
      return serving.ready()
        ? sendText(response, 200, 'ready\n')
        : sendText(response, 503, 'not ready\n');
    case '/graphql':
      return wantsPage(request, url)
        ? graphiqlPage(response)
        : answer(request, response, url, serving);
    case '/metrics':
      return answerMetrics(request, response, serving);
    case '/':
      response.writeHead(302, { location: '/graphql' }).end();
      return;
    default:
      if (url.pathname.startsWith('/export/')) return answerExport(request, response, url, serving);
      if (await graphiqlAsset(url.pathname, response)) return;
      return sendText(response, 404, 'not found; GraphQL is at /graphql\n');
  }
}

/** Paths that are told apart in what is measured; whoever asks for others may make up as many as they like. */
const measuredPaths = ['/graphql', '/export'];

function measure(request: IncomingMessage, response: ServerResponse, metrics: Metrics): void {
  const began = performance.now();
  const path = measuredPaths.find((one) => request.url?.startsWith(one)) ?? 'other';
  response.once('close', () => {
    metrics.requested(path, response.statusCode, (performance.now() - began) / 1000);
  });
}

async function answerMetrics(
  request: IncomingMessage,
  response: ServerResponse,
  { tokens, metrics }: Serving,
): Promise<void> {
  try {
    requireOwnHost(request.headers, tokens);
    authenticate(request.headers.authorization, tokens);
  } catch (error) {
    return sendRefusal(response, error);
  }
  const { text, contentType } = await metrics.exposition();
  response.writeHead(200, { 'content-type': contentType }).end(text);
}

function answerExport(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  { tokens, admission, exports }: Serving,
): Promise<void> {
  try {
    admitExport(request.headers, tokens, admission.allowList !== undefined);
  } catch (error) {
    sendRefusal(response, error);
    return Promise.resolve();
  }
  return exports.answer(request, response, url);
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  serving: Serving,
): Promise<void> {
  let principal: Principal;
  let body: unknown;
  try {
    requireOwnHost(request.headers, serving.tokens);
    principal = authenticate(request.headers.authorization, serving.tokens);
    body = await readBody(request, serving.maxRequestBytes);
    if (wantsStream(request)) {
      const asked = streamRequest(request, url, body);
      const contextFor = (signal: AbortSignal) => contextOf(serving, principal, signal);
      return await serving.streams.answer(asked, response, contextFor);
    }
  } catch (error) {
    return sendRefusal(response, error);
  }
  const gone = new AbortController();
  // What has been answered has nobody to be told.
  response.once('close', () => {
    if (!response.writableFinished) gone.abort();
  });
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const sent = { method: request.method ?? 'GET', headers, search: url.search, body };
  const current: Exchange = { request: sent };
  const result = await exchange.run(current, () => {
    const { admitted, refusal } = admit(serving.admission, sent);
    return serving.apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: admitted,
      // A refusal here is answered as Apollo answers, and after its own of requests that no browser may send.
      context: () =>
        refusal === undefined
          ? Promise.resolve(contextOf(serving, principal, gone.signal))
          : Promise.reject(refusal),
    });
  });
  if (result.body.kind === 'chunked') throw new TypeError('Incremental delivery is not offered');
  // Refusals that never became a result (CSRF, wrong method) come as text.
  const chunks = current.chunks ?? [Buffer.from(result.body.string)];
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const status = result.status ?? 200;
  const caching = status === 200 ? cachingHeaders(request, current) : {};
  if (caching.etag !== undefined && isKnown(caching.etag, request.headers)) {
    response.writeHead(304, caching).end();
    return;
  }
  response.writeHead(status, {
    ...Object.fromEntries(result.headers),
    ...caching,
    'content-length': length,
  });
  for (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}

/** An answer to a GET may be kept by the client, which asks each time whether it is still right. */
function cachingHeaders({ method }: IncomingMessage, { etag }: Exchange): { etag?: string } {
  if (method !== 'GET' || etag === undefined) return {};
  const headers = { 'cache-control': 'private, no-cache', vary: 'accept, authorization' };
  return { ...headers, etag: `"${etag}"` };
}

function admit<R extends AskedOverHttp>(admission: Admission, sent: R) {
  try {
    return { admitted: admission.admitOverHttp(sent) };
  } catch (error) {
    return { admitted: sent, refusal: refusalOf(error) };
  }
}

function contextOf(
  { services, tables, maxResponseBytes }: ServerSettings,
  principal: Principal,
  signal: AbortSignal,
): Context {
  const loaders = makeLoaders(services.engine, services.secrets);
  const budget = { limit: maxResponseBytes, left: maxResponseBytes };
  return { services, tables, principal, signal, loaders, budget };
}
