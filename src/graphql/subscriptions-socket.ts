import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FormattedExecutionResult } from 'graphql';
import { CloseCode, handleProtocols, makeServer, type OperationResult } from 'graphql-ws';
import { WebSocketServer, type RawData, type WebSocket } from 'ws';
import { authenticate, type Principal, type Tokens } from '../auth/principal.js';
import { AppError, isAppError } from '../errors.js';
import type { Log } from '../log.js';
import type { Context } from './context.js';
import { errorBody, urlOf } from './http.js';
import { requireOwnOrigin } from './own-site.js';
import { refused, type Subscriptions } from './subscriptions.js';

/** What the WebSocket side needs. */
export interface SocketSettings {
  readonly subscriptions: Subscriptions;
  readonly contextFor: (principal: Principal, signal: AbortSignal) => Context;
  readonly tokens: Tokens;
  /** Longest message of a client. */
  readonly maxMessageBytes: number;
  /** Most connections at a time. */
  readonly maxConnections: number;
  readonly log: Log;
}

const maxSubscriptionsPerConnection = 100;
/** A client has to say who it is within this time. */
const initMs = 10_000;
/** How often a client is asked whether it is there; who does not answer until the next time is cut off. */
const pingMs = 30_000;
/** What a client may leave unread while it sends more: results wait for being read, answers to pings do not. */
const maxUnreadBytes = 4 * 2 ** 20;
/** How long clients may take to say goodbye. */
const closeMs = 2_000;

interface Extra {
  readonly socket: WebSocket;
  readonly authorization: string | undefined;
  principal?: Principal;
}

/** Serves subscriptions over WebSocket at /graphql, by the protocol graphql-transport-ws. @returns what ends it */
export function serveSockets(http: Server, settings: SocketSettings): () => Promise<void> {
  const sockets = new WebSocketServer({
    noServer: true,
    maxPayload: settings.maxMessageBytes,
    handleProtocols,
  });
  const protocol = transport(settings);
  const onUpgrade = (request: IncomingMessage, stream: Duplex, head: Buffer) => {
    // Without a listener, a client that breaks off now would end the process.
    stream.on('error', () => stream.destroy());
    const refusal = refuse(request, sockets.clients.size, settings);
    if (refusal) return stream.end(refusal);
    sockets.handleUpgrade(request, stream, head, (socket) => {
      accept(socket, request, protocol, settings.log);
    });
  };
  http.on('upgrade', onUpgrade);

  return async () => {
    http.off('upgrade', onUpgrade);
    const ended = [...sockets.clients].map(
      (socket) => new Promise((resolve) => socket.once('close', resolve)),
    );
    // Subscriptions are not completed: clients know by the code that they should come back.
    for (const socket of sockets.clients) socket.close(1001, 'The service is stopping');
    const late = setTimeout(() => {
      for (const socket of sockets.clients) socket.terminate();
    }, closeMs);
    await Promise.all(ended);
    clearTimeout(late);
  };
}

function refuse(
  request: IncomingMessage,
  connections: number,
  { tokens, maxConnections }: SocketSettings,
): string | undefined {
  try {
    if (urlOf(request).pathname !== '/graphql') {
      return response('404 Not Found', 'NOT_FOUND', 'GraphQL is at /graphql');
    }
    requireOwnOrigin(request.headers, tokens);
  } catch (error) {
    if (!isAppError(error)) throw error;
    const status = error.code === 'INVALID_INPUT' ? '400 Bad Request' : '403 Forbidden';
    return response(status, error.code, error.message);
  }
  if (connections < maxConnections) return undefined;
  const message = `There are ${connections} connections already; raise BUCKETQL_MAX_SUBSCRIPTIONS`;
  return response('503 Service Unavailable', 'TOO_MANY_SUBSCRIPTIONS', message);
}

function response(status: string, code: string, message: string): string {
  const body = errorBody(code, message);
  const length = Buffer.byteLength(body);
  return `HTTP/1.1 ${status}\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${length}\r\nconnection: close\r\n\r\n${body}`;
}

type Transport = ReturnType<typeof transport>;

function transport({ subscriptions, contextFor, tokens }: SocketSettings) {
  return makeServer<Record<string, unknown>, Extra>({
    connectionInitWaitTimeout: initMs,

    onConnect({ connectionParams, extra }) {
      const given = Object.entries(connectionParams ?? {}).find(
        ([name]) => name.toLowerCase() === 'authorization',
      )?.[1];
      try {
        const authorization = typeof given === 'string' ? given : extra.authorization;
        extra.principal = authenticate(authorization, tokens);
        return true;
      } catch (error) {
        if (!isAppError(error)) throw error;
        extra.socket.close(CloseCode.Forbidden, `${error.code}: ${error.message}`);
        return false;
      }
    },

    async onSubscribe({ extra, subscriptions: own }, _id, payload) {
      const { principal } = extra;
      if (!principal) throw new TypeError('A subscription came before its connection was let in');
      const subscribed =
        Object.keys(own).length > maxSubscriptionsPerConnection
          ? refused(tooManyHere)
          : await subscriptions.subscribe(payload, (signal) => contextFor(principal, signal));
      if (subscribed.kind === 'refused') return subscribed.errors;
      return { ...subscribed.operation, contextValue: subscribed.results };
    },
    // It has begun already; this hands it on to be read.
    subscribe: ({ contextValue }) => contextValue as OperationResult,
    // Results are formatted as they are made.
    onNext: (_context, _id, _payload, _operation, result) => result as FormattedExecutionResult,
    onError: (_context, _id, payload, errors) => subscriptions.format(errors, payload),
  });
}

const tooManyHere = new AppError(
  'TOO_MANY_SUBSCRIPTIONS',
  `A connection may have ${maxSubscriptionsPerConnection} subscriptions; end some, or open another connection`,
  { details: { limit: maxSubscriptionsPerConnection } },
);

function accept(socket: WebSocket, request: IncomingMessage, protocol: Transport, log: Log): void {
  const bounded = () => {
    if (socket.bufferedAmount > maxUnreadBytes) socket.terminate();
  };
  // Whatever is wrong with a client's frames, the socket closes itself with the code that says so.
  socket.on('error', (err) => log.debug({ err }, 'a WebSocket connection failed'));

  let answered = true;
  socket.on('pong', () => {
    answered = true;
  });
  const pings = setInterval(() => {
    if (!answered) return socket.terminate();
    answered = false;
    socket.ping();
  }, pingMs);

  const closed = protocol.opened(
    {
      protocol: socket.protocol,
      // Resolves when the kernel has it: the next result is not made before.
      send: (text) =>
        new Promise((resolve) => {
          if (socket.readyState === socket.OPEN) socket.send(text, () => resolve());
          else resolve();
        }),
      close: (code, reason) => socket.close(code, reason),
      onMessage(handle) {
        socket.on('message', (message: RawData) => {
          bounded();
          // Of one piece: binaryType is "nodebuffer".
          handle((message as Buffer).toString('utf8')).catch((err: unknown) => {
            log.error({ err }, 'a message over WebSocket could not be handled');
            socket.close(CloseCode.InternalServerError, 'INTERNAL: an internal error happened');
          });
        });
      },
    },
    { socket, authorization: request.headers.authorization },
  );
  socket.once('close', (code, reason) => {
    clearInterval(pings);
    closed(code, reason.toString('utf8')).catch((err: unknown) => {
      log.error({ err }, 'the subscriptions of a connection could not be ended');
    });
  });
}
