import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { importCsv, startTestService, type TestService } from './support/service.js';

describe('answers that are asked again', () => {
  let service: TestService;
  let connection: string;
  let dataset = 0;
  let name: string;
  beforeAll(async () => {
    service = await startTestService();
    connection = await service.connect('kept');
  });
  afterAll(() => service.close());
  beforeEach(async () => {
    name = `kept${++dataset}`;
    await put('id,v\n1,a\n2,b\n');
    const input = { name, connection, selection: { prefix: `${name}/` } };
    expect(await importCsv(service, input)).toMatchObject({ status: 'SUCCEEDED' });
  });

  const put = (csv: string) => service.sandbox.putObject(service.bucket, `${name}/a.csv`, csv);
  const reload = async (csv: string) => {
    await put(csv);
    await service.data(`mutation { importDataset(name: "${name}", wait: true) { status } }`);
  };
  const figures = async (): Promise<Record<string, number>> => {
    const text = await (await fetch(new URL('/metrics', service.app.url))).text();
    const found = [...text.matchAll(/^bucketql_answer_cache_(\w+) (\d+)$/gm)];
    return Object.fromEntries(found.map(([, figure = '', value]) => [figure, Number(value)]));
  };
  /** How many answers were found, and made, while this was done. */
  const counted = async (work: () => Promise<unknown>) => {
    const before = await figures();
    await work();
    const after = await figures();
    const grown = (figure: string) => (after[figure] ?? 0) - (before[figure] ?? 0);
    return { hits: grown('hits_total'), misses: grown('misses_total') };
  };
  const get = (query: string, headers: Record<string, string> = {}) =>
    fetch(`${service.app.url}?${new URLSearchParams({ query })}`, {
      headers: { 'apollo-require-preflight': '1', ...headers },
    });

  it('are found, with variables of the same values only', async () => {
    const query = `query ($id: Int) { ${name}(where: { id: { eq: $id } }) { v } }`;
    const ask = (id: number) => service.data(query, { id });
    expect(
      await counted(async () => {
        expect(await ask(1)).toEqual({ [name]: [{ v: 'a' }] });
        expect(await ask(1)).toEqual({ [name]: [{ v: 'a' }] });
        expect(await ask(2)).toEqual({ [name]: [{ v: 'b' }] });
      }),
    ).toEqual({ hits: 1, misses: 2 });
  });

  it('are made anew when an import has changed the rows', async () => {
    const query = `{ ${name} { v } ${name}Aggregate { count } }`;
    await service.data(query);
    await reload('id,v\n1,z\n');
    expect(await service.data(query)).toEqual({
      [name]: [{ v: 'z' }],
      [`${name}Aggregate`]: { count: '1' },
    });
  });

  it('are not kept when they tell of anything but tables', async () => {
    const ask = () => service.data(`{ ${name} { v } dataset(name: "${name}") { rowCount } }`);
    await ask();
    expect(await counted(ask)).toEqual({ hits: 0, misses: 0 });
  });

  it('carry a tag where they are asked by GET, and are not sent to who has them', async () => {
    const query = `{ ${name} { v } }`;
    const first = await get(query);
    const etag = first.headers.get('etag') ?? '';
    expect(first.headers.get('cache-control')).toBe('private, no-cache');
    expect(await first.json()).toEqual({ data: { [name]: [{ v: 'a' }, { v: 'b' }] } });

    const known = await get(query, { 'if-none-match': `"other", ${etag}` });
    expect([known.status, await known.text()]).toEqual([304, '']);
    expect(known.headers.get('etag')).toBe(etag);
    const other = await get(`{ ${name} { id } }`, { 'if-none-match': etag });
    expect(other.status).toBe(200);

    await reload('id,v\n1,z\n');
    const changed = await get(query, { 'if-none-match': etag });
    expect(changed.status).toBe(200);
    expect(await changed.json()).toEqual({ data: { [name]: [{ v: 'z' }] } });
  });

  it('carry no tag where they failed', async () => {
    const failed = await get(`{ ${name}(where: { v: { regex: "(" } }) { v } }`);
    expect(failed.headers.get('etag')).toBeNull();
    expect(await failed.json()).toMatchObject({ errors: [{}] });
  });
});

describe('what is measured', () => {
  let service: TestService;
  beforeAll(async () => {
    service = await startTestService({ BUCKETQL_API_TOKENS: 'a-token-for-tests' });
  });
  afterAll(() => service.close());

  it('is for who has a token, where there are tokens', async () => {
    const ask = (headers: Record<string, string>) =>
      fetch(new URL('/metrics', service.app.url), { headers });
    expect((await ask({})).status).toBe(401);
    const allowed = await ask({ authorization: 'Bearer a-token-for-tests' });
    expect(allowed.headers.get('content-type')).toContain('text/plain');
    expect(await allowed.text()).toContain('bucketql_http_request_seconds_bucket');
  });
});
