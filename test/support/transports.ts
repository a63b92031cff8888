import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';

/** What a client sends, in whatever way. */
export interface Sent {
  readonly query?: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly documentId?: string;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** The first result of a request, with its status where there is one. */
export interface FirstResult {
  readonly status?: number;
  readonly data?: unknown;
  readonly errors?: readonly {
    readonly message: string;
    readonly extensions: { readonly code: string; readonly details?: Record<string, unknown> };
  }[];
}

/** The ways to send an operation to /graphql. */
export type Transport = (url: string, sent: Sent) => Promise<FirstResult>;

/** A POST of JSON. */
export const post: Transport = (url, sent) =>
  answerOf(
    fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(sent),
    }),
  );

/** A GET with the header that lets it through. */
export const get: Transport = (url, sent) =>
  answerOf(fetch(`${url}?${parameters(sent)}`, { headers: { 'apollo-require-preflight': '1' } }));

/** A POST that takes its results as server-sent events. */
export const stream: Transport = async (url, sent) => {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify(sent),
  });
  return firstEvent(response);
};

/** The same by GET. */
export const streamByGet: Transport = async (url, sent) => {
  const headers = { accept: 'text/event-stream', 'apollo-require-preflight': '1' };
  return firstEvent(await fetch(`${url}?${parameters(sent)}`, { headers }));
};

/** A message over WebSocket. */
export const socket: Transport = async (url, sent) => {
  const client = createClient({ url: url.replace('http', 'ws'), webSocketImpl: WebSocket });
  try {
    return await new Promise<FirstResult>((resolve, reject) => {
      client.subscribe(
        { query: '', ...sent },
        {
          next: (result) => resolve(result as FirstResult),
          error: (error) =>
            // An Array of another realm, or what the connection was closed with.
            Array.isArray(error)
              ? resolve({ errors: error as NonNullable<FirstResult['errors']> })
              : reject(new Error(String(error))),
          complete: () => resolve({}),
        },
      );
    });
  } finally {
    await client.dispose();
  }
};

async function answerOf(asked: Promise<Response>): Promise<FirstResult> {
  const response = await asked;
  return { status: response.status, ...((await response.json()) as FirstResult) };
}

async function firstEvent(response: Response): Promise<FirstResult> {
  let text = '';
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    const data = /^event: next\ndata: (.*)\n\n/m.exec(text)?.[1];
    if (data !== undefined) return JSON.parse(data) as FirstResult;
  }
  throw new Error(`No result in ${response.status}: ${text}`);
}

function parameters({ query, variables, documentId, extensions }: Sent): URLSearchParams {
  return new URLSearchParams({
    ...(query === undefined ? {} : { query }),
    ...(variables && { variables: JSON.stringify(variables) }),
    ...(documentId === undefined ? {} : { documentId }),
    ...(extensions && { extensions: JSON.stringify(extensions) }),
  });
}
