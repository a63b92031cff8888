import { describe, expect, it } from '@jest/globals';
import { GraphQLError, type ExecutionResult } from 'graphql';
import { AnswerCache, type Reads } from '../../src/graphql/answer-cache.js';
import { RawJson, splice } from '../../src/graphql/tables/raw-json.js';

const mebibyte = 2 ** 20;

function world(maxBytes = mebibyte) {
  const cache = new AnswerCache(maxBytes);
  const versions = new Map([['orders', '1']]);
  let executed = 0;
  const ask = async (
    key: string,
    options: { text?: string; reads?: readonly string[]; errors?: GraphQLError[] } = {},
  ) => {
    const { text = `${key} ${executed + 1}`, reads = ['orders'], errors } = options;
    const { result, etag } = await cache.answer(
      { key, versionOf: (name) => versions.get(name) },
      (read: Reads): Promise<ExecutionResult> => {
        executed++;
        for (const name of reads) read.set(name, versions.get(name) ?? '');
        const data = { rows: new RawJson([Buffer.from(JSON.stringify(text))]) };
        return Promise.resolve({ data, ...(errors && { errors }) });
      },
    );
    const answer = JSON.parse(Buffer.concat(splice(result)).toString()) as { data: unknown };
    return { ...(answer.data as { rows: string }), etag };
  };
  return { cache, versions, ask, executed: () => executed };
}

describe('the answer cache', () => {
  it('gives an answer again while what it was made of is the same', async () => {
    const { cache, ask, executed } = world();
    const first = await ask('a');
    expect(await ask('a')).toEqual(first);
    expect(executed()).toBe(1);
    expect(cache.figures).toMatchObject({ hits: 1, misses: 1, answers: 1 });
  });

  it('asks again when one of the datasets has another version, or is gone', async () => {
    const { versions, ask } = world();
    versions.set('customers', '1');
    const reads = ['orders', 'customers'];
    const first = await ask('a', { reads });
    versions.set('customers', '2');
    const second = await ask('a', { reads });
    expect(second).not.toEqual(first);
    versions.delete('customers');
    expect(await ask('a', { reads })).not.toEqual(second);
  });

  it('neither keeps nor tags an answer of no version, or of one that has passed meanwhile', async () => {
    const { cache, versions } = world();
    const answer = (read: string) =>
      cache.answer({ key: 'a', versionOf: (name) => versions.get(name) }, (reads) => {
        reads.set('orders', read);
        return Promise.resolve({ data: { rows: new RawJson([Buffer.from('1')]) } });
      });
    expect(await answer('several')).not.toHaveProperty('etag');
    versions.set('orders', '2');
    expect(await answer('1')).not.toHaveProperty('etag');
    expect(cache.figures.answers).toBe(0);
  });

  it('tells operations apart', async () => {
    const { ask, executed } = world();
    await ask('a');
    await ask('b');
    expect(executed()).toBe(2);
  });

  it('keeps no answer with errors, and none that read no table', async () => {
    const { cache, ask } = world();
    const failed = await ask('a', { errors: [new GraphQLError('no')] });
    const nothingRead = await ask('b', { reads: [] });
    expect(failed.etag).toBeUndefined();
    expect(nothingRead.etag).toBeUndefined();
    expect(cache.figures.answers).toBe(0);
  });

  it('stays within its bytes: the least recently used answers leave, and large ones do not come in', async () => {
    const { cache, ask, executed } = world(1_000_000);
    const text = 'x'.repeat(14_000);
    for (let n = 0; n < 100; n++) {
      await ask(`a${n}`, { text });
      await ask('a0', { text });
    }
    expect(cache.figures.bytes).toBeLessThanOrEqual(1_000_000);
    expect(cache.figures.answers).toBeGreaterThan(50);
    expect(executed()).toBe(100);
    await ask('large', { text: 'x'.repeat(20_000) });
    await ask('large', { text: 'x'.repeat(20_000) });
    expect(executed()).toBe(102);
  });

  it('keeps nothing where it may hold nothing, and still tags answers', async () => {
    const { ask, executed } = world(0);
    const { etag } = await ask('a');
    expect(etag).toMatch(/^[\w-]{43}$/);
    expect((await ask('a')).etag).toBe(etag);
    expect(executed()).toBe(2);
  });

  it('gives a tag that another version, another operation and another process do not have', async () => {
    const { versions, ask } = world();
    const tags = [(await ask('a')).etag, (await ask('b')).etag];
    versions.set('orders', '2');
    tags.push((await ask('a')).etag, (await world().ask('a')).etag);
    expect(new Set(tags).size).toBe(4);
  });
});
