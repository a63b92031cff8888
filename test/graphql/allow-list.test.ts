import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AllowList, readAllowList } from '../../src/graphql/allow-list.js';

const listed = 'query Orders($n: Int) {\n  orders(limit: $n) { id }\n}';
const sha256 = createHash('sha256').update(listed).digest('hex');

describe('a list of operations', () => {
  const list = new AllowList([['4f2a', listed]]);

  it.each([
    ['its text', { query: listed }],
    ['its tokens', { query: '# by hand\nquery Orders($n:Int){orders(limit:$n),{id}}' }],
    ['its id', { documentId: '4f2a' }],
    ['its SHA-256', { documentId: `sha256:${sha256}` }],
    [
      'the extension of Apollo',
      { extensions: { persistedQuery: { version: 1, sha256Hash: sha256 } } },
    ],
    [
      'that with an id of the list, and no text',
      { query: '', extensions: { persistedQuery: { sha256Hash: '4f2a' } } },
    ],
  ])('finds one by %s', (_how, asked) => {
    expect(list.find(asked)).toBe(listed);
  });

  it.each([
    ['another', { query: '{ orders { id } }' }],
    ['one with more behind it', { query: `${listed} query B { orders { id } }` }],
    ['a text that is no document', { query: '{ "' }],
    ['an unknown id', { documentId: '4f2b' }],
    ['a name that every object has', { documentId: 'constructor' }],
    ['nothing', {}],
    ['another with the id of a listed one', { query: '{ a }', documentId: '4f2a' }],
  ])('refuses %s', (_what, asked) => {
    expect(() => list.find(asked)).toThrow(
      /runs the operations of its list only \(BUCKETQL_OPERATIONS\)/,
    );
  });
});

describe('the file of a list of operations', () => {
  let dir: string;
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-operations-'));
  });
  afterAll(() => rm(dir, { recursive: true, force: true }));

  const file = async (content: string) => {
    const path = join(dir, 'operations.json');
    await writeFile(path, content);
    return path;
  };

  it('may be the persisted documents of graphql-codegen', async () => {
    const list = await readAllowList(await file(JSON.stringify({ '4f2a': listed, b: '{ a }' })));
    expect(list.size).toBe(2);
    expect(list.find({ documentId: '4f2a' })).toBe(listed);
  });

  it('may be a manifest of Apollo', async () => {
    const operations = [{ id: sha256, name: 'Orders', type: 'query', body: listed }];
    const manifest = { format: 'apollo-persisted-query-manifest', version: 1, operations };
    const list = await readAllowList(await file(JSON.stringify(manifest)));
    expect(list.find({ documentId: sha256 })).toBe(listed);
  });

  it.each([
    ['{', /is not valid JSON/],
    ['[]', /is neither \{id: document\}.* nor an apollo-persisted-query-manifest/],
    ['{"a": 1}', /is neither/],
    ['{"format": "apollo-persisted-query-manifest", "operations": [{"id": "a"}]}', /is neither/],
    ['{"a": "{ a"}', /has a document a: Syntax Error/],
  ])('stops the start when it holds %s', async (content, message) => {
    await expect(readAllowList(await file(content))).rejects.toThrow(message);
    await expect(readAllowList(await file(content))).rejects.toThrow(
      /^BUCKETQL_OPERATIONS: .*operations\.json/,
    );
  });

  it('stops the start when it is not there', async () => {
    await expect(readAllowList(join(dir, 'none.json'))).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      message: expect.stringMatching(/BUCKETQL_OPERATIONS.*cannot be read: ENOENT/) as unknown,
    });
  });
});
