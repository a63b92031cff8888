import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FormattedExecutionResult } from 'graphql';
import { AppError } from '../errors.js';
import { drained } from './http.js';
import type { ContextFor, SubscriptionRequest, Subscriptions } from './subscriptions.js';

/** How often a comment is written; who has not read the last one by then is cut off. */
const pingMs = 15_000;

/** Whether a request wants its answer as server-sent events: who takes JSON as well gets that. */
export function wantsStream({ headers: { accept = '' } }: IncomingMessage): boolean {
  return /\btext\/event-stream\b/i.test(accept) && !/json\b|\*\/\*/i.test(accept);
}

/**
 * What a request over HTTP asks. It has to be one that a browser does not send to another site without asking there, by the
 * same signs as for all other requests: JSON, or a header of its own.
 * @throws INVALID_INPUT
 */
export function streamRequest(
  { method, headers }: IncomingMessage,
  url: URL,
  body: unknown,
): SubscriptionRequest {
  if (method === 'POST' && isObject(body)) return checked(body);
  if (method === 'GET') {
    if (!headers['apollo-require-preflight'] && !headers['x-apollo-operation-name']) {
      throw new AppError(
        'INVALID_INPUT',
        'A GET needs the header apollo-require-preflight, so that no other site can send it; or POST JSON',
      );
    }
    const given = url.searchParams;
    const variables = given.get('variables');
    const extensions = given.get('extensions');
    return checked({
      query: given.get('query'),
      operationName: given.get('operationName'),
      variables: variables === null ? null : parsed('variables', variables),
      documentId: given.get('documentId'),
      extensions: extensions === null ? null : parsed('extensions', extensions),
    });
  }
  throw new AppError('INVALID_INPUT', 'POST JSON with query, variables and operationName');
}

function checked(given: Record<string, unknown>): SubscriptionRequest {
  const { query, operationName, variables, documentId, extensions } = given;
  if (typeof query !== 'string' && documentId == null && extensions == null)
    throw new AppError('INVALID_INPUT', 'query must be a text');
  if (operationName != null && typeof operationName !== 'string')
    throw new AppError('INVALID_INPUT', 'operationName must be a text');
  if (variables != null && !isObject(variables))
    throw new AppError('INVALID_INPUT', 'variables must be an object');
  return { query: query ?? '', operationName, variables, documentId, extensions };
}

function parsed(name: string, json: string): unknown {
  try {
    return JSON.parse(json) as unknown;
  } catch {
    // The parser's message quotes what it could not read.
    throw new AppError('INVALID_INPUT', `${name} is not valid JSON`);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Answers with server-sent events: the distinct connections mode of the protocol GraphQL over SSE. (The handler of the
 * package graphql-sse collects results for a reader that does not read, without end.)
 */
export class EventStreams {
  readonly #subscriptions: Subscriptions;
  readonly #open = new Set<ServerResponse>();

  constructor(subscriptions: Subscriptions) {
    this.#subscriptions = subscriptions;
  }

  /** Writes the results of a subscription until it ends or nobody reads them. */
  async answer(
    request: SubscriptionRequest,
    response: ServerResponse,
    contextFor: ContextFor,
  ): Promise<void> {
    const subscribed = await this.#subscriptions.subscribe(request, contextFor);
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      // A proxy that collects an answer before it passes it on would collect forever.
      'x-accel-buffering': 'no',
    });
    if (subscribed.kind === 'refused') {
      // The protocol wants what it refuses as an event, too.
      const errors = this.#subscriptions.format(subscribed.errors, request);
      response.end(next({ errors }) + complete);
      return;
    }
    const { results } = subscribed;
    const stop = () => void results.return();
    response.once('close', stop);
    // The client may have gone while the subscription began.
    if (response.destroyed) stop();
    const pings = setInterval(() => {
      if (response.writableNeedDrain) response.destroy();
      else if (!response.writableEnded) response.write(comment);
    }, pingMs);
    this.#open.add(response);
    try {
      // Some browsers take an answer as begun with its first byte only.
      response.write(comment);
      for await (const result of results) {
        if (!this.#open.has(response)) break;
        if (!response.write(next(result))) await drained(response);
      }
      if (this.#open.has(response)) response.end(complete);
    } finally {
      clearInterval(pings);
      this.#open.delete(response);
    }
  }

  /** Ends all streams. They are not completed: clients know by that that they should come back. */
  close(): void {
    for (const response of this.#open) {
      this.#open.delete(response);
      response.end();
    }
  }
}

const comment = ':\n\n';
const complete = 'event: complete\ndata:\n\n';
const next = (result: FormattedExecutionResult) =>
  `event: next\ndata: ${JSON.stringify(result)}\n\n`;
