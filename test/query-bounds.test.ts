import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { importCsv, startTestService, type TestService } from './support/service.js';
import { get, post, socket, stream, streamByGet, type Transport } from './support/transports.js';

const times = (count: number, textOf: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => textOf(i)).join(' ');

const limits: Readonly<Record<string, number>> = {
  tokens: 400,
  depth: 7,
  aliases: 12,
  rootFields: 6,
  cost: 25_000,
};

// Each is beyond one bound, once as the fields of a query and once below a subscription.
const queries: Readonly<Record<string, string>> = {
  tokens: `{ ${times(401, (i) => `x${i}`)} }`,
  depth:
    '{ datasets { imports { dataset { imports { dataset { imports { dataset { id } } } } } } } }',
  aliases: `{ datasets { ${times(14, (i) => `n${i}: name`)} } }`,
  rootFields: `{ ${times(7, (i) => `d${i}: __typename`)} }`,
  cost: '{ numbers(limit: 20000) { id k } }',
};
const subscriptions: Readonly<Record<string, string>> = {
  tokens: `subscription { datasetChanged { ${times(401, (i) => `x${i}`)} } }`,
  depth: `subscription { datasetChanged ${'{ imports { dataset '.repeat(3)} { id } ${'} }'.repeat(3)} }`,
  aliases: `subscription { datasetChanged { ${times(14, (i) => `n${i}: name`)} } }`,
  rootFields: `subscription { ${times(7, (i) => `d${i}: datasetChanged { id }`)} }`,
  cost: `subscription { datasetChanged { imports(limit: 1000) { dataset { imports(limit: 1000) { id } } } } }`,
};

describe('the bounds of operations', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({
      BUCKETQL_MAX_QUERY_TOKENS: String(limits.tokens),
      BUCKETQL_MAX_QUERY_DEPTH: String(limits.depth),
      BUCKETQL_MAX_QUERY_ALIASES: String(limits.aliases),
      BUCKETQL_MAX_QUERY_ROOT_FIELDS: String(limits.rootFields),
      BUCKETQL_MAX_QUERY_COST: String(limits.cost),
    });
    const connection = await service.connect('acme');
    const rows = times(100, (i) => `${i},${i % 7}\n`).replaceAll(' ', '');
    await service.sandbox.putObject(service.bucket, 'in/n.csv', `id,k\n${rows}`);
    await importCsv(service, { name: 'numbers', connection, selection: { prefix: 'in/' } });
  });
  afterAll(() => service.close());

  const ways: readonly (readonly [string, Transport, Readonly<Record<string, string>>])[] = [
    ['POST', post, queries],
    ['GET', get, queries],
    ['WebSocket', socket, subscriptions],
    ['an event stream', stream, subscriptions],
    ['an event stream by GET', streamByGet, subscriptions],
  ];
  const cases = ways.flatMap(([name, send, documents]) =>
    Object.keys(limits).map((bound) => [bound, name, send, documents[bound] ?? ''] as const),
  );

  it.each(cases)('hold for %s over %s', async (bound, _name, send, query) => {
    const { errors, status = 400 } = await send(service.app.url, { query });
    expect(errors).toHaveLength(1);
    expect(errors?.[0]).toMatchObject({
      message: expect.stringMatching(/raise BUCKETQL_MAX_QUERY_/) as unknown,
      extensions: {
        code: 'QUERY_TOO_COMPLEX',
        retryable: false,
        details: { bound, limit: limits[bound] },
      },
    });
    expect(errors?.[0]?.extensions.details?.found).toBeGreaterThan(limits[bound] ?? Infinity);
    expect(status).toBe(400);
  });

  it('know a variable’s value, and name the field that costs', async () => {
    const query =
      'query ($n: Int) { some: numbers(limit: $n) { id k } numbersAggregate { count } }';
    const few = await post(service.app.url, { query, variables: { n: 3 } });
    expect(few).toMatchObject({ status: 200, data: { numbersAggregate: { count: '100' } } });
    const many = await post(service.app.url, { query, variables: { n: 10_000 } });
    expect(many.errors?.[0]?.extensions.details).toEqual({
      bound: 'cost',
      limit: 25_000,
      found: 20_000 + 10_000 + 3,
      field: 'some',
    });
  });

  it('leave a limit that is too large the error that it has', async () => {
    const { errors } = await post(service.app.url, { query: '{ numbers(limit: 100001) { id } }' });
    expect(errors?.[0]?.extensions.code).toBe('LIMIT_TOO_LARGE');
  });

  it('leave an operation refused after it ran, and let one run after it was refused', async () => {
    const query = 'query ($n: Int) { numbers(limit: $n) { id } }';
    for (const n of [1, 30_000, 1]) {
      const { data } = await post(service.app.url, { query, variables: { n } });
      expect(data === undefined).toBe(n > 1);
    }
  });

  it('say what is wrong with a document before they say how long it is', async () => {
    const parsed = await post(service.app.url, { query: '{ numbers {' });
    expect(parsed.errors?.[0]?.extensions.code).toBe('GRAPHQL_PARSE_FAILED');
    const circle =
      '{ numbers { ...A } } fragment A on Numbers { ...B } fragment B on Numbers { ...A }';
    const refused = await post(service.app.url, { query: circle });
    expect(refused.errors?.[0]).toMatchObject({
      message: expect.stringMatching(/Cannot spread fragment "A" within itself/) as unknown,
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    });
  });

  it.each([1_000, 400_000])('refuse variables that nest %d levels', async (levels) => {
    const body = `{"query":"query ($n: Int) { numbers(limit: $n) { id } }","variables":{"n":${'['.repeat(levels)}${']'.repeat(levels)}}}`;
    for (const accept of ['application/json', 'text/event-stream']) {
      const response = await fetch(service.app.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept },
        body,
      });
      const text = await response.text();
      expect(text).toContain('"code":"QUERY_TOO_COMPLEX"');
      expect(text).toContain('"details":{"bound":"nesting","limit":250,"found":251}');
    }
  });

  it('end a long list of faults', async () => {
    const query = `{ ${times(6, (i) => `nomber${i}`)} }`;
    const { errors } = await post(service.app.url, { query });
    expect(errors?.map(({ message }) => message)).toEqual([
      ...Array.from({ length: 5 }, () => expect.stringMatching(/^Cannot query field/)),
      expect.stringMatching(/^Too many validation errors/),
    ]);
  });

  it('refuse a GET that another site could send before they look into it', async () => {
    const response = await fetch(
      `${service.app.url}?query=${encodeURIComponent(queries.depth ?? '')}`,
    );
    expect(await response.text()).toMatch(/CSRF/);
  });
});

describe('the bounds that nobody has set', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService();
  });
  afterAll(() => service.close());

  it('let the introspection of GraphiQL and of tools through', async () => {
    const everything = getIntrospectionQuery({
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    });
    expect(await service.data(everything)).toHaveProperty('__schema.types');
  });

  it('refuse introspection that goes in circles', async () => {
    const query = '{ __schema { types { fields { type { fields { type { name } } } } } } }';
    const { errors } = await post(service.app.url, { query });
    expect(errors?.[0]?.extensions).toMatchObject({
      code: 'QUERY_TOO_COMPLEX',
      details: { bound: 'introspection', limit: 2, found: 3 },
    });
  });
});
