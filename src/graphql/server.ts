import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { HeaderMap, type ApolloServer } from '@apollo/server';
import { authenticate, type Tokens } from '../auth/principal.js';
import { AppError, isAppError } from '../errors.js';
import { apolloServer, exchange, type Exchange } from './apollo.js';
import type { Context, Services } from './context.js';
import { graphiqlAsset, graphiqlPage, wantsPage } from './graphiql.js';
import { makeLoaders } from './loaders.js';
import type { TableContext } from './tables/reader.js';

/** What the server needs beside the services. */
export interface ServerSettings {
  readonly services: Services;
  readonly tables: TableContext['tables'];
  readonly tokens: Tokens;
  readonly host: string;
  /** 0 is any free port. */
  readonly port: number;
  /** Longest request body. */
  readonly maxRequestBytes: number;
  /** True while requests can be answered. */
  readonly ready: () => boolean;
}

/** A listening server. */
export interface RunningServer {
  /** Such as http://127.0.0.1:4000. */
  readonly url: string;
  close(): Promise<void>;
}

/** Serves GraphQL over HTTP at /graphql (with GraphiQL for browsers), /healthz and /readyz. */
export async function serve(settings: ServerSettings): Promise<RunningServer> {
  const { services } = settings;
  const apollo = apolloServer(services.schema, services.log);
  await apollo.start();
  const http = createServer((request, response) => {
    handle(request, response, apollo, settings).catch((error: unknown) => {
      services.log.error({ err: error }, 'a request could not be answered');
      if (!response.headersSent) sendError(response, 500, 'INTERNAL', 'An internal error happened');
      else response.destroy();
    });
  });
  await listen(http, settings);
  const address = http.address();
  const port = typeof address === 'object' && address ? address.port : settings.port;
  const host = settings.host.includes(':') ? `[${settings.host}]` : settings.host;
  return {
    url: `http://${host}:${port}`,
    async close() {
      await new Promise<void>((resolve) => {
        http.close(() => resolve());
        http.closeIdleConnections();
        // Answers that are being written may finish; whoever keeps a connection open may not keep us from stopping.
        setTimeout(() => http.closeAllConnections(), 2_000).unref();
      });
      await apollo.stop();
    },
  };
}

async function handle(
  request: IncomingMessage,
  response: ServerResponse,
  apollo: ApolloServer<Context>,
  settings: ServerSettings,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  switch (url.pathname) {
    case '/healthz':
      return sendText(response, 200, 'ok\n');
    case '/readyz':
      return settings.ready()
        ? sendText(response, 200, 'ready\n')
        : sendText(response, 503, 'not ready\n');
    case '/graphql':
      return wantsPage(request, url)
        ? graphiqlPage(response)
        : answer(request, response, url, apollo, settings);
    case '/':
      response.writeHead(302, { location: '/graphql' }).end();
      return;
    default:
      if (await graphiqlAsset(url.pathname, response)) return;
      return sendText(response, 404, 'not found; GraphQL is at /graphql\n');
  }
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  apollo: ApolloServer<Context>,
  settings: ServerSettings,
): Promise<void> {
  const { services, tables } = settings;
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  let principal: Context['principal'];
  let body: unknown;
  try {
    principal = authenticate(request.headers.authorization, settings.tokens);
    body = await readBody(request, settings.maxRequestBytes);
  } catch (error) {
    if (!isAppError(error)) throw error;
    const unauthenticated = error.code === 'UNAUTHENTICATED';
    if (unauthenticated) response.setHeader('www-authenticate', 'Bearer realm="bucketql"');
    const status = unauthenticated ? 401 : error.code === 'LIMIT_TOO_LARGE' ? 413 : 400;
    return sendError(response, status, error.code, error.message);
  }
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  const current: Exchange = { request: { body, search: url.search } };
  const result = await exchange.run(current, () =>
    apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: { method: request.method ?? 'GET', headers, search: url.search, body },
      context: () =>
        Promise.resolve({
          services,
          tables,
          principal,
          signal: gone.signal,
          loaders: makeLoaders(services.engine, services.secrets),
        }),
    }),
  );
  if (result.body.kind === 'chunked') throw new TypeError('Incremental delivery is not offered');
  // Refusals that never became a result (CSRF, wrong method) come as text.
  const chunks = current.chunks ?? [Buffer.from(result.body.string)];
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  response.writeHead(result.status ?? 200, {
    ...Object.fromEntries(result.headers),
    'content-length': length,
  });
  for (const chunk of chunks) {
    if (response.destroyed) return;
    if (!response.write(chunk)) await drained(response);
  }
  response.end();
}

async function readBody(request: IncomingMessage, limit: number): Promise<unknown> {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > limit) {
      throw new AppError('LIMIT_TOO_LARGE', `The request is larger than ${limit} bytes`, {
        details: { limit },
      });
    }
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  // What is no JSON is left for Apollo to refuse by its content type (CSRF prevention needs to see it first).
  if (!/^application\/([a-z.-]+\+)?json\b/i.test(request.headers['content-type'] ?? ''))
    return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // The parser's message quotes what it could not read, and that may be a secret.
    throw new AppError('INVALID_INPUT', 'The request is not valid JSON');
  }
}

function listen(http: Server, { host, port }: ServerSettings): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once('error', reject);
    http.listen(port, host, () => {
      http.off('error', reject);
      resolve();
    });
  });
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(text);
}

function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', connection: 'close' })
    .end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
}
