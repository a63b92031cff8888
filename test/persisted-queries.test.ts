import { createHash } from 'node:crypto';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { startApp } from '../src/app.js';
import { readConfig } from '../src/config.js';
import { openLog } from '../src/log.js';
import { startTestService, type TestService } from './support/service.js';
import { get, post, socket, stream, streamByGet, type Sent } from './support/transports.js';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const byHash = (query: string): Sent => ({
  extensions: { persistedQuery: { version: 1, sha256Hash: sha256(query) } },
});

describe('automatic persisted queries', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ BUCKETQL_MAX_QUERY_COST: '500' });
  });
  afterAll(() => service.close());

  it.each([
    ['POST', post],
    ['GET', get],
  ])('are asked for by hash over %s once they were sent in full', async (name, send) => {
    const query = `query By${name} ($n: Int) { datasets(limit: $n) { name } }`;
    const asked = { ...byHash(query), variables: { n: 5 } };
    const unknown = await send(service.app.url, asked);
    expect(unknown.errors?.[0]).toMatchObject({
      message: 'PersistedQueryNotFound',
      extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' },
    });
    expect(unknown.status).toBe(200);
    expect((await send(service.app.url, { ...asked, query })).data).toEqual({ datasets: [] });
    for (const again of [post, get])
      expect((await again(service.app.url, asked)).data).toEqual({ datasets: [] });
  });

  it('refuse a text under the hash of another', async () => {
    const answer = await post(service.app.url, { ...byHash('{ a }'), query: '{ __typename }' });
    expect(answer).toMatchObject({
      status: 400,
      errors: [{ message: 'provided sha does not match query' }],
    });
  });

  it('are bounded by what each request asks', async () => {
    const query = 'query ($n: Int) { datasets(limit: $n) { name } }';
    const asked = byHash(query);
    await post(service.app.url, { ...asked, query, variables: { n: 1 } });
    const { errors } = await post(service.app.url, { ...asked, variables: { n: 900 } });
    expect(errors?.[0]?.extensions.code).toBe('QUERY_TOO_COMPLEX');
  });

  it('are not kept when they were refused', async () => {
    const query = '{ __schema { types { fields { type { fields { name } } } } } }';
    const refused = await post(service.app.url, { ...byHash(query), query });
    expect(refused.errors?.[0]?.extensions.code).toBe('QUERY_TOO_COMPLEX');
    const { errors } = await post(service.app.url, byHash(query));
    expect(errors?.[0]?.extensions.code).toBe('PERSISTED_QUERY_NOT_FOUND');
  });

  it('do not give away secrets that are sent beside a hash', async () => {
    const query = `mutation ($s: String!) { createConnection(input: { name: "a", bucket: "b", region: "c", secretAccessKey: $s }) { id } }`;
    const asked = byHash(query);
    await post(service.app.url, { ...asked, query, variables: { s: 'x' } });
    const { errors } = await post(service.app.url, { ...asked, variables: { s: ['hunter-2222'] } });
    expect(errors?.[0]?.message).toMatch(/Variable "\$s"/);
    expect(JSON.stringify(errors)).not.toContain('hunter-2222');
  });
});

describe('a list of the operations that may run', () => {
  let dir: string;
  let service: TestService;
  const names = 'query Names($n: Int = 10) {\n  datasets(limit: $n) {\n    name\n  }\n}';
  const missing = 'subscription Missing {\n  importProgress(id: "none") {\n    id\n  }\n}';
  const id = createHash('sha1').update(names).digest('hex');

  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-operations-'));
    const path = join(dir, 'persisted-documents.json');
    await writeFile(path, JSON.stringify({ [id]: names, missing }));
    service = await startTestService({ BUCKETQL_OPERATIONS: path, BUCKETQL_MAX_QUERY_COST: '500' });
  });
  afterAll(async () => {
    await service.close();
    await rm(dir, { recursive: true, force: true });
  });

  const asked: readonly (readonly [string, Sent])[] = [
    ['its text', { query: names }],
    ['its text, written otherwise', { query: names.replaceAll(/\s+/g, ' , ') }],
    ['the id in the file', { documentId: id }],
    ['the hash of its text', byHash(names)],
    ['the hash and its text', { ...byHash(names), query: names }],
  ];
  it.each(asked)('runs one by %s', async (_how, sent) => {
    for (const send of [post, get]) {
      expect(await send(service.app.url, sent)).toEqual({ status: 200, data: { datasets: [] } });
    }
  });

  it.each([
    ['another query', { query: '{ datasets { id } }' }],
    ['another hash', byHash('{ datasets { id } }')],
    ['another query with its hash', { ...byHash('{ __typename }'), query: '{ __typename }' }],
    ['a mutation', { query: 'mutation { deleteDataset(name: "a") }' }],
    ['introspection', { query: getIntrospectionQuery() }],
    ['a text that is no document', { query: '{ datasets' }],
    ['a listed one with another operation behind it', { query: `${names} query B { __typename }` }],
  ])('refuses %s', async (_what, sent: Sent) => {
    for (const send of [post, get]) {
      const { status, errors } = await send(service.app.url, sent);
      expect([status, errors?.length]).toEqual([403, 1]);
      expect(errors?.[0]?.extensions).toMatchObject({
        code: 'OPERATION_NOT_ALLOWED',
        retryable: false,
      });
    }
  });

  it('holds for subscriptions', async () => {
    for (const send of [socket, stream, streamByGet]) {
      for (const sent of [{ query: missing }, { documentId: 'missing' }, byHash(missing)]) {
        const listed = await send(service.app.url, sent);
        expect(listed.errors?.[0]?.extensions.code).toBe('NOT_FOUND');
      }
      const query = 'subscription { datasetChanged { id } }';
      for (const sent of [{ query }, byHash(query), { documentId: 'none' }]) {
        const refused = await send(service.app.url, sent);
        expect(refused.errors?.[0]?.extensions.code).toBe('OPERATION_NOT_ALLOWED');
      }
    }
  });

  it('does not lift the bounds', async () => {
    const { errors } = await post(service.app.url, { documentId: id, variables: { n: 900 } });
    expect(errors?.[0]?.extensions.code).toBe('QUERY_TOO_COMPLEX');
  });

  it('leaves a request without an operation to be told so', async () => {
    expect(await post(service.app.url, {})).toMatchObject({
      status: 400,
      errors: [{ extensions: { code: 'BAD_REQUEST' } }],
    });
  });

  it('stops the start when its file is not there', async () => {
    const config = readConfig({
      BUCKETQL_DATA_DIR: join(dir, 'data'),
      BUCKETQL_OPERATIONS: join(dir, 'none.json'),
    });
    await expect(startApp(config, { log: openLog('silent') })).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(
        /^BUCKETQL_OPERATIONS: .*none\.json cannot be read/,
      ) as unknown,
    });
    expect(await readdir(dir)).not.toContain('data');
  });
});
