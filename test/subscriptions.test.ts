import { connect } from 'node:net';
import { request as httpRequest } from 'node:http';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient as createStreamClient } from 'graphql-sse';
import { createClient, type Client, type ClientOptions } from 'graphql-ws';
import { WebSocket, type ClientOptions as SocketOptions } from 'ws';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

type Result = Record<string, unknown>;

interface RunState {
  readonly id: string;
  readonly status: string;
  readonly filesDone: number;
  readonly rowsAdded: string;
  readonly dataset: { readonly rowCount: string };
}

const progress = `subscription ($id: ID!) {
  importProgress(id: $id) { id status filesDone rowsAdded dataset { rowCount } }
}`;
const ended = ['SUCCEEDED', 'FAILED', 'CANCELLED'];

describe('subscriptions', () => {
  let service: TestService;
  let connection: string;
  let client: Client;
  beforeAll(async () => {
    service = await startTestService();
    connection = await service.connect('acme-in');
    client = socketClient(service);
    await service.sandbox.putObject(service.bucket, 'in/1.csv', 'id\n1\n2\n');
    await service.sandbox.putObject(service.bucket, 'in/2.csv', 'id\n3\n');
  });
  afterEach(() => {
    service.sandbox.fault = undefined;
  });
  afterAll(async () => {
    await client.dispose();
    await service.close();
  });

  const define = async (name: string) => {
    const input = {
      name,
      connection,
      selection: { prefix: 'in/' },
      format: { type: 'CSV' },
    };
    await service.data(`mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }`, {
      input,
    });
    return input;
  };
  const begin = async (name: string): Promise<string> => {
    const { importDataset } = await service.data<{ importDataset: { id: string } }>(
      `mutation { importDataset(name: "${name}") { id } }`,
    );
    return importDataset.id;
  };
  const stall = () => {
    service.sandbox.fault = ({ operation }) =>
      operation === 'GetObject' ? { kind: 'stall', afterBytes: 1 } : undefined;
  };

  it('follow an import to its end, the same for all who watch, over WebSocket and as events', async () => {
    await define('followed');
    const id = await begin('followed');
    const watched = await Promise.all([
      all<{ importProgress: RunState }>(client, progress, { id }),
      all<{ importProgress: RunState }>(client, progress, { id }),
      events(service, progress, { id }).then(results),
    ]);
    for (const states of watched) {
      const runs = states.map((state) => state.importProgress as RunState);
      expect(runs.map((run) => run.id)).toEqual(runs.map(() => id));
      expect(runs.at(-1)).toEqual({
        id,
        status: 'SUCCEEDED',
        filesDone: 2,
        rowsAdded: '3',
        // Read for this state alone: nothing remembers how it was when the subscription began.
        dataset: { rowCount: '3' },
      });
      expect(runs.slice(0, -1).filter(({ status }) => ended.includes(status))).toEqual([]);
    }
  });

  it('give a running import as it is at once, and its end', async () => {
    await define('stalled');
    stall();
    const id = await begin('stalled');
    const states = client.iterate<{ importProgress: RunState }>({
      query: progress,
      variables: { id },
    });
    const first = await states.next();
    const state = (first.value as { data: { importProgress: RunState } }).data.importProgress;
    expect(['QUEUED', 'RUNNING']).toContain(state.status);
    await service.data(`mutation { cancelRun(id: "${id}") }`);
    const rest = await drain(states);
    expect(rest.at(-1)).toMatchObject({ data: { importProgress: { id, status: 'CANCELLED' } } });
  });

  it('give of a run that has ended its final state once', async () => {
    await define('over');
    const { id } = await importAgain(service, 'over');
    const state = { importProgress: expect.objectContaining({ id, status: 'SUCCEEDED' }) };
    expect(await all(client, progress, { id })).toEqual([state]);
    expect(await results(await events(service, progress, { id }))).toEqual([state]);
    const library = createStreamClient({ url: service.app.url });
    expect(await drain(library.iterate({ query: progress, variables: { id } }))).toEqual([
      { data: state },
    ]);
    library.dispose();
  });

  it('follow a writeback', async () => {
    await importCsv(service, { name: 'written', connection, selection: { prefix: 'in/' } });
    const { writebackWritten } = await service.data<{ writebackWritten: { id: string } }>(
      `mutation ($destination: DestinationInput!) {
        writebackWritten(destination: $destination) { id }
      }`,
      { destination: { connection, path: 'out', fileName: 'w.csv', format: 'CSV' } },
    );
    const { id } = writebackWritten;
    const states = await all(
      client,
      `subscription ($id: ID!) { writebackProgress(id: $id) { status rows objects { key } } }`,
      { id },
    );
    expect(states.at(-1)).toEqual({
      writebackProgress: { status: 'SUCCEEDED', rows: '3', objects: [{ key: 'out/w.csv' }] },
    });
    await expect(all(client, progress, { id })).rejects.toMatchObject([
      { extensions: { code: 'NOT_FOUND' } },
    ]);
  });

  it('refuse what there is not with a typed error', async () => {
    await expect(all(client, progress, { id: 'nothing' })).rejects.toEqual([
      {
        message: 'There is no import run nothing',
        path: ['importProgress'],
        locations: [{ line: 2, column: 3 }],
        extensions: { code: 'NOT_FOUND', retryable: false, details: { id: 'nothing' } },
      },
    ]);
    const response = await events(service, `subscription { datasetChanged(name: "none") { id } }`);
    expect(response.status).toBe(200);
    expect(await response.text()).toMatch(
      /^event: next\ndata: {"errors":\[{.*"NOT_FOUND".*\nevent: complete\ndata:\n\n$/s,
    );
  });

  it.each([
    ['{ datasets { name } }', 'UNSUPPORTED'],
    ['mutation { deleteDataset(name: "followed") }', 'UNSUPPORTED'],
    ['subscription {', 'GRAPHQL_PARSE_FAILED'],
    ['subscription { nope }', 'GRAPHQL_VALIDATION_FAILED'],
    ['subscription ($id: ID!) { importProgress(id: $id) { id } }', 'BAD_USER_INPUT'],
    [
      'subscription A { datasetChanged { id } } query B { __typename }',
      'OPERATION_RESOLUTION_FAILURE',
    ],
  ])('answer %s with %s, and go on', async (query, code) => {
    await expect(all(client, query)).rejects.toMatchObject([{ extensions: { code } }]);
    const [event] = (await events(service, query).then((response) => response.text()))
      .split('\n\n')
      .filter((part) => part.startsWith('event: next'));
    expect(event).toContain(`"code":"${code}"`);
  });

  it('are refused with a typed error where an answer is one text', async () => {
    const answer = await service.ask(`subscription { datasetChanged { id } }`);
    expect(answer).toMatchObject({ errors: [{ extensions: { code: 'UNSUPPORTED' } }] });
    expect(answer.errors?.[0]?.message).toMatch(/WebSocket/);
  });

  it('tell of a dataset through imports and a new name, and end when it is deleted', async () => {
    const input = await define('changing');
    const response = await events(
      service,
      `subscription { datasetChanged(name: "changing") { name rowCount columns { name } } }`,
    );
    const any = await events(service, `subscription { datasetChanged { name rowCount } }`);
    const seen = messages(response);
    const seenOfAny = messages(any);
    const next = async (of = seen) => (await of.next()).value as unknown;

    await importAgain(service, 'changing');
    const imported = { name: 'changing', rowCount: '3' };
    expect(await next()).toEqual({
      data: { datasetChanged: { ...imported, columns: [{ name: 'id' }] } },
    });
    expect(await next(seenOfAny)).toEqual({ data: { datasetChanged: imported } });
    // The fields of another dataset change the schema that the subscription was checked against.
    await importCsv(service, { name: 'another', connection, selection: { prefix: 'in/' } });
    expect(await next(seenOfAny)).toMatchObject({ data: { datasetChanged: { name: 'another' } } });
    await service.data(
      `mutation ($input: DatasetInput!) { updateDataset(name: "changing", input: $input) { id } }`,
      { input: { ...input, name: 'changed' } },
    );
    expect(await next()).toMatchObject({ data: { datasetChanged: { name: 'changed' } } });
    await service.data(`mutation { deleteDataset(name: "changed") }`);
    expect(await next()).toBe('complete');
    await seenOfAny.return(undefined);
  });

  it('give a client that ends one nothing more of it, and keep the others of its connection', async () => {
    await define('left');
    stall();
    const id = await begin('left');
    const left = client.iterate({ query: progress, variables: { id } });
    const kept = client.iterate({ query: progress, variables: { id } });
    await left.next();
    await left.return?.();
    await kept.next();
    await service.data(`mutation { cancelRun(id: "${id}") }`);
    expect((await drain(kept)).at(-1)).toMatchObject({
      data: { importProgress: { status: 'CANCELLED' } },
    });
  });

  it('are for the service’s own pages where there are no tokens', async () => {
    const { host } = new URL(service.app.url);
    expect(await opened(service)).toBe('open');
    expect(await opened(service, { origin: `http://${host}` })).toBe('open');
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost:1',
      `http://${host}0`,
    ]) {
      expect(await opened(service, { origin })).toBe(403);
    }
    // A name of a foreign site that was made to point to this machine.
    const rebound = { origin: 'http://evil.example', headers: { host: 'evil.example' } };
    expect(await opened(service, rebound)).toBe(403);
    expect(await asked(service, { host: 'evil.example' })).toMatchObject({
      status: 403,
      body: { errors: [{ extensions: { code: 'FORBIDDEN' } }] },
    });
    expect(
      await asked(service, { host: `localhost:${new URL(service.app.url).port}` }),
    ).toMatchObject({
      status: 200,
    });
  });

  it('are refused to requests that a page of another site could make', async () => {
    const query = encodeURIComponent('subscription { datasetChanged { id } }');
    const headers = { accept: 'text/event-stream' };
    const url = `${service.app.url}?query=${query}`;
    expect((await fetch(url, { headers })).status).toBe(400);
    const form = { method: 'POST', body: '{"query":"subscription { datasetChanged { id } }"}' };
    expect((await fetch(service.app.url, { ...form, headers })).status).toBe(400);
    const allowed = await fetch(url, { headers: { ...headers, 'apollo-require-preflight': '1' } });
    expect(allowed.headers.get('content-type')).toMatch(/^text\/event-stream/);
    await allowed.body?.cancel();
  });

  it('are no matter to requests that take JSON too, or offer another protocol', async () => {
    const accepting = await fetch(service.app.url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/graphql-response+json, application/json, text/event-stream',
      },
      body: '{"query":"{ __typename }"}',
    });
    expect(await accepting.json()).toEqual({ data: { __typename: 'Query' } });
    const offering = {
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': '',
    };
    expect(await asked(service, offering)).toEqual({
      status: 200,
      body: { data: { __typename: 'Query' } },
    });
  });

  it('cut off who sends without reading', async () => {
    const { port } = new URL(service.app.url);
    const socket = connect(Number(port), '127.0.0.1');
    socket.write(
      `GET /graphql HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
        `sec-websocket-version: 13\r\nsec-websocket-key: ${Buffer.alloc(16).toString('base64')}\r\n` +
        `sec-websocket-protocol: graphql-transport-ws\r\n\r\n`,
    );
    socket.pause();
    const closed = new Promise((resolve) => {
      socket.once('error', () => undefined);
      socket.once('close', resolve);
    });
    const ping = frame(JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(500_000) } }));
    // Every one asks for a pong of the same size.
    const flood = () => {
      while (!socket.destroyed && socket.write(ping));
    };
    socket.on('drain', flood);
    flood();
    await closed;
    expect(await service.data('{ __typename }')).toEqual({ __typename: 'Query' });
  });

  it('of one connection are limited', async () => {
    const query = 'subscription { datasetChanged { id } }';
    const socket = createClient({ url: socketUrl(service), webSocketImpl: WebSocket, lazy: false });
    const errors: unknown[] = [];
    const refusal = new Promise<void>((resolve) => {
      for (let n = 0; n < 101; n++) {
        socket.subscribe(
          { query },
          {
            next: () => undefined,
            error: (error) => {
              errors.push(error);
              resolve();
            },
            complete: () => undefined,
          },
        );
      }
    });
    await refusal;
    expect(errors).toMatchObject([[{ extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } }]]);
    await socket.dispose();
  });
});

describe('subscriptions of a service with tokens', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({
      BUCKETQL_API_TOKENS: 'alpha-token',
      BUCKETQL_HOST: '127.0.0.1',
      BUCKETQL_MAX_SUBSCRIPTIONS: '2',
    });
  });
  afterAll(() => service.close());
  const unknown = [progress, { id: 'nothing' }] as const;
  const notFound = [{ extensions: { code: 'NOT_FOUND' } }];

  it.each([
    ['a header', { headers: { authorization: 'Bearer alpha-token' } }, undefined],
    ['connection_init', {}, { authorization: 'Bearer alpha-token' }],
    [
      'connection_init, of a page',
      { origin: 'https://bi.example' },
      { Authorization: 'Bearer alpha-token' },
    ],
  ])('take a token from %s', async (_, socket, connectionParams) => {
    const client = socketClient(service, socket, connectionParams && { connectionParams });
    await expect(all(client, ...unknown)).rejects.toMatchObject(notFound);
    await client.dispose();
  });

  it.each([
    ['none', {}, {}],
    ['a wrong header', { headers: { authorization: 'Bearer beta' } }, {}],
    [
      'a wrong connection_init',
      { headers: { authorization: 'Bearer alpha-token' } },
      { authorization: 'Bearer beta' },
    ],
  ])('are refused with %s', async (_, socket, connectionParams) => {
    const client = socketClient(service, socket, { connectionParams, retryAttempts: 0 });
    await expect(all(client, ...unknown)).rejects.toMatchObject({
      code: 4403,
      reason: expect.stringMatching(/^UNAUTHENTICATED: /),
    });
    await client.dispose();
  });

  it('are refused before connection_init', async () => {
    const socket = new WebSocket(socketUrl(service), 'graphql-transport-ws');
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: progress } }));
    expect(await new Promise((resolve) => socket.once('close', resolve))).toBe(4401);
  });

  it('are refused as events without a token', async () => {
    const refused = await events(service, progress, { id: 'x' });
    expect(refused.status).toBe(401);
    expect(await refused.json()).toMatchObject({
      errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
    });
  });

  it('are limited in all, and make room when they end', async () => {
    const authorization = 'Bearer alpha-token';
    const query = 'subscription { datasetChanged { id } }';
    const open = () => events(service, query, {}, { authorization });
    const [first] = await Promise.all([open(), open()]);
    expect(await firstChunk(await open())).toContain('TOO_MANY_SUBSCRIPTIONS');
    await first.body?.cancel();
    // The service hears that a client has left when it does.
    let begun: string;
    do begun = await firstChunk(await open());
    while (begun.includes('TOO_MANY_SUBSCRIPTIONS'));
    expect(begun).toBe(':\n\n');
  });
});

describe('a service that stops', () => {
  it('ends subscriptions without completing them, so that clients come back', async () => {
    const service = await startTestService();
    const query = 'subscription { datasetChanged { id } }';
    const socket = socketClient(service, {}, { retryAttempts: 0 });
    const watched = expect(all(socket, query)).rejects.toMatchObject({ code: 1001 });
    const stream = await events(service, query);
    await new Promise((resolve) => socket.on('connected', resolve));
    await service.close();
    await watched;
    expect(await stream.text()).toBe(':\n\n');
  });
});

const socketUrl = (service: TestService) => service.app.url.replace(/^http/, 'ws');

function socketClient(
  service: TestService,
  socket: SocketOptions = {},
  options: Partial<ClientOptions> = {},
): Client {
  class Socket extends WebSocket {
    constructor(url: string, protocols: string) {
      super(url, protocols, socket);
    }
  }
  return createClient({ url: socketUrl(service), webSocketImpl: Socket, ...options });
}

/** All data of a subscription; throws what ends it otherwise. */
async function all<T extends Result>(
  client: Client,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<T[]> {
  const found = await drain(client.iterate<T>({ query, variables }));
  return found.map(({ data, errors }) => {
    if (errors) throw new Error(JSON.stringify(errors));
    return data as T;
  });
}

async function drain<T>(values: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const value of values) found.push(value);
  return found;
}

function events(
  service: TestService,
  query: string,
  variables: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(service.app.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ query, variables }),
  });
}

/** What the events of a stream say; the last of a complete one is "complete". */
async function* messages(response: Response): AsyncGenerator<Result | 'complete'> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const parts = text.split('\n\n');
    text = parts.pop() ?? '';
    for (const part of parts) {
      const data = /^event: next\ndata: (.*)$/.exec(part)?.[1];
      if (data !== undefined) yield JSON.parse(data) as Result;
      else if (part === 'event: complete\ndata:') yield 'complete';
    }
  }
}

async function firstChunk({ body }: Response): Promise<string> {
  const { value } = (await body?.getReader().read()) ?? {};
  return Buffer.from(value ?? []).toString();
}

async function results(response: Response): Promise<Result[]> {
  const found = await drain(messages(response));
  expect(found.at(-1)).toBe('complete');
  return found.slice(0, -1).map((result) => (result as { data: Result }).data);
}

/** "open", or the status of the refusal. */
function opened(service: TestService, options: SocketOptions = {}): Promise<'open' | number> {
  const socket = new WebSocket(socketUrl(service), 'graphql-transport-ws', options);
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.terminate();
      resolve('open');
    });
    socket.once('unexpected-response', (request, { statusCode }) => {
      request.destroy();
      resolve(statusCode ?? 0);
    });
    socket.once('error', reject);
  });
}

/** An ordinary query with headers that fetch does not let through. */
function asked(
  service: TestService,
  headers: Record<string, string>,
): Promise<{ status: number | undefined; body: unknown }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(service.app.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
    });
    request.once('error', reject);
    request.once('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.once('end', () => {
        resolve({ status: response.statusCode, body: JSON.parse(text) as unknown });
      });
    });
    request.end('{"query":"{ __typename }"}');
  });
}

/** A text message of a client, with a mask of zeros. */
function frame(text: string): Buffer {
  const payload = Buffer.from(text);
  const head = Buffer.alloc(14);
  head[0] = 0x81;
  head[1] = 0x80 | 127;
  head.writeBigUInt64BE(BigInt(payload.length), 2);
  return Buffer.concat([head, payload]);
}
