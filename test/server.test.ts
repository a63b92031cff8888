import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importCsv, startTestService, type TestService } from './support/service.js';

interface Page {
  readonly nodes: readonly { readonly id: number }[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string };
  readonly totalCount: string;
}

describe('the server', () => {
  let service: TestService;
  let origin: string;
  beforeAll(async () => {
    service = await startTestService({
      BUCKETQL_MAX_LIMIT: '1000',
      BUCKETQL_QUERY_SECONDS: '1',
      BUCKETQL_MAX_QUERY_ALIASES: '400',
    });
    origin = new URL(service.app.url).origin;
    const connection = await service.connect('acme');
    const rows = Array.from({ length: 5_000 }, (_, i) => `${i},${i % 7}`).join('\n');
    await service.sandbox.putObject(service.bucket, 'in/n.csv', `id,k\n${rows}\n`);
    await importCsv(service, { name: 'numbers', connection, selection: { prefix: 'in/' } });
  });
  afterAll(() => service.close());

  const post = (body: string, headers: Record<string, string> = {}) =>
    fetch(`${origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });

  it('listens on the loopback address when no tokens are configured', () => {
    expect(new URL(service.app.url).hostname).toBe('127.0.0.1');
  });

  it('answers GET with a preflighted header and refuses it without (CSRF prevention)', async () => {
    const query = `${origin}/graphql?query=${encodeURIComponent('{ __typename }')}`;
    const answered = await fetch(query, { headers: { 'apollo-require-preflight': '1' } });
    expect(await answered.json()).toEqual({ data: { __typename: 'Query' } });
    const refused = await fetch(query);
    expect(refused.status).toBe(400);
    const form = await fetch(`${origin}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: '{"query":"{__typename}"}',
    });
    expect(form.status).toBe(400);
  });

  it('refuses mutations over GET', async () => {
    const query = encodeURIComponent('mutation { deleteDataset(name: "numbers") }');
    const response = await fetch(`${origin}/graphql?query=${query}`, {
      headers: { 'apollo-require-preflight': '1' },
    });
    expect(response.status).toBe(405);
  });

  it('speaks application/graphql-response+json when asked', async () => {
    const response = await post('{"query":"{ nope }"}', {
      accept: 'application/graphql-response+json',
    });
    expect(response.status).toBe(400);
    expect(response.headers.get('content-type')).toMatch(/^application\/graphql-response\+json/);
    expect(await response.json()).toMatchObject({
      errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    });
  });

  it('gives browsers GraphiQL whose every file comes from here', async () => {
    const page = await fetch(`${origin}/graphql`, { headers: { accept: 'text/html' } });
    const html = await page.text();
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    const files = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(files.length).toBeGreaterThan(3);
    for (const file of files) {
      expect(file).toMatch(/^\/graphiql\//);
      const asset = await fetch(origin + file);
      expect(asset.status).toBe(200);
      expect((await asset.text()).length).toBeGreaterThan(100);
    }
    const outside = await fetch(`${origin}/graphiql/../package.json`);
    expect(outside.status).toBe(404);
  });

  it('tells its health', async () => {
    expect((await fetch(`${origin}/healthz`)).status).toBe(200);
    expect((await fetch(`${origin}/readyz`)).status).toBe(200);
    expect((await fetch(`${origin}/nothing`)).status).toBe(404);
  });

  it.each([
    ['//', 404],
    ['//other.example/graphql', 404],
    ['http://[', 400],
    ['http://127.0.0.1/healthz', 200],
  ])(
    'answers a request for %s, which fetch would not send, with or without an upgrade',
    async (target, status) => {
      const port = Number(new URL(origin).port);
      const sent = async (...headers: readonly string[]) => {
        const socket = connect(port, '127.0.0.1');
        const lines = [`GET ${target} HTTP/1.1`, `host: 127.0.0.1:${port}`, ...headers];
        socket.write(`${lines.join('\r\n')}\r\n\r\n`);
        return (await text(socket)).split(' ')[1];
      };
      expect(await sent('connection: close')).toBe(String(status));
      const refused = status === 200 ? 404 : status;
      expect(await sent('connection: upgrade', 'upgrade: websocket')).toBe(String(refused));
      expect(await (await fetch(`${origin}/healthz`)).text()).toBe('ok\n');
    },
  );

  it('refuses requests that are no JSON, or too large', async () => {
    expect((await post('{"query":')).status).toBe(400);
    expect(
      (await post(JSON.stringify({ query: `{ __typename } #${'x'.repeat(2 ** 21)}` }))).status,
    ).toBe(413);
  });

  it('mixes management fields, generated fields and introspection in one operation', async () => {
    const data = await service.data(
      `query ($k: Int = 3, $no: Boolean = false) {
        a: numbers(where: { k: { eq: $k } }, limit: 2) { ...row __typename }
        datasets { name rowCount }
        b: numbersAggregate { count }
        skipped: numbers @include(if: $no) { id }
        __schema { queryType { name } }
        __type(name: "Numbers") { fields { name } }
      }
      fragment row on Numbers { number: id }`,
    );
    expect(data).toEqual({
      a: [
        { number: 3, __typename: 'Numbers' },
        { number: 10, __typename: 'Numbers' },
      ],
      datasets: [{ name: 'numbers', rowCount: '5000' }],
      b: { count: '5000' },
      __schema: { queryType: { name: 'Query' } },
      __type: { fields: [{ name: 'id' }, { name: 'k' }] },
    });
  });

  it('gives typed errors with a path, and the data of fields that did not fail is null as the schema says', async () => {
    const answer = await service.ask(`{ numbers(limit: 1001) { id } datasets { name } }`);
    expect(answer).toEqual({
      data: null,
      errors: [
        expect.objectContaining({
          path: ['numbers'],
          extensions: expect.objectContaining({ code: 'LIMIT_TOO_LARGE', retryable: false }),
        }),
      ],
    });
    const unknown = await service.ask(`{ datasets { name } dataset(name: "x") { id } }`);
    expect(unknown.errors).toBeUndefined();
  });

  it('says what is wrong with a value instead of calling it internal', async () => {
    const literal = await service.ask(
      `query { numbersGroups(by: [{ column: k }], having: { sum: { id: { gt: "abc" } } }) { totalGroups } }`,
    );
    expect(literal.errors?.[0]).toMatchObject({
      message: expect.stringContaining('abc'),
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
    const variable = await service.ask(
      `query ($having: NumbersHaving) { numbersGroups(by: [{ column: k }], having: $having) { totalGroups } }`,
      { having: { sum: { id: { gt: 'abc' } } } },
    );
    expect(variable.errors?.[0]).toMatchObject({
      message: expect.stringContaining('abc'),
      extensions: { code: 'BAD_USER_INPUT' },
    });
  });

  it('walks a connection by cursors, and says when a cursor is of another generation', async () => {
    const ids: number[] = [];
    let after: string | null = null;
    for (;;) {
      const { numbersConnection: page }: { numbersConnection: Page } = await service.data(
        `query ($after: String) {
          numbersConnection(first: 999, after: $after, orderBy: [{ k: DESC }]) {
            totalCount nodes { id } pageInfo { hasNextPage endCursor }
          }
        }`,
        { after },
      );
      expect(page.totalCount).toBe('5000');
      ids.push(...page.nodes.map(({ id }) => id));
      if (!page.pageInfo.hasNextPage) break;
      after = page.pageInfo.endCursor;
    }
    const expected = Array.from({ length: 5_000 }, (_, i) => i).sort(
      (a, b) => (b % 7) - (a % 7) || a - b,
    );
    expect(ids).toEqual(expected);
    await service.sandbox.putObject(service.bucket, 'in/none.csv', 'id,k\n');
    await service.data(`mutation { importDataset(name: "numbers", wait: true) { status } }`);
    const gone = await service.ask(
      `query ($after: String) { numbersConnection(first: 1, after: $after, orderBy: [{ k: DESC }]) { nodes { id } } }`,
      { after },
    );
    expect(gone.errors?.[0]?.extensions).toMatchObject({
      code: 'GENERATION_GONE',
      retryable: true,
    });
  });

  it('stops a query at its deadline', async () => {
    const by = Array.from({ length: 1 }, () => '{ column: id }').join(', ');
    const slow = Array.from(
      { length: 400 },
      (_, i) => `q${i}: quantile(q: ${(i + 1) / 1000}) { id k }`,
    ).join(' ');
    const answer = await service.ask(
      `{ numbersGroups(by: [${by}], limit: 1000) { groups { ${slow} } } }`,
    );
    expect(answer.errors?.[0]?.extensions).toMatchObject({
      code: 'QUERY_TIMEOUT',
      details: { limit: 1 },
    });
    expect(await service.data(`{ numbersAggregate { count } }`)).toEqual({
      numbersAggregate: { count: '5000' },
    });
  });
});

describe('the server with tokens', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({
      BUCKETQL_API_TOKENS: 'alpha,beta',
      BUCKETQL_HOST: '127.0.0.1',
    });
  });
  afterAll(() => service.close());

  it.each([
    [undefined, 401],
    ['Bearer wrong', 401],
    ['Basic alpha', 401],
    ['Bearer alphabeta', 401],
    ['Bearer alpha', 200],
    ['bearer beta', 200],
  ])('answers authorization %p with %p', async (authorization, status) => {
    const response = await fetch(service.app.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization ? { authorization } : {}) },
      body: '{"query":"{__typename}"}',
    });
    expect(response.status).toBe(status);
    if (status === 401) {
      expect(await response.json()).toMatchObject({
        errors: [{ extensions: { code: 'UNAUTHENTICATED' } }],
      });
    }
  });
});
