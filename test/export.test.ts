import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { get, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tableFromIPC, type Table } from 'apache-arrow';
import { parse } from 'csv-parse/sync';
import { openDuckDB } from '../src/engine/duckdb.js';
import { literal, sql } from '../src/sql.js';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

type Row = Record<string, unknown>;

const names = 'id big exact rough words day clock local moment flag tree';

const records = [
  {
    id: 1,
    big: '9007199254740993',
    exact: '12345.670',
    rough: 0.1,
    words: 'plain',
    day: '2024-02-29',
    clock: '01:02:03.5',
    local: '2024-02-29T01:02:03',
    moment: '2024-02-29T01:02:03+02:00',
    flag: true,
    tree: [{ a: [1, null] }],
  },
  {
    id: 2,
    big: '-9223372036854775808',
    exact: '-0.001',
    rough: -1e300,
    words: 'a, "b"\nand # ü 𝄞 \u2028; the end\r',
    day: '1900-01-01',
    clock: '23:59:59.999999',
    local: '1969-12-31T23:59:59.999999',
    moment: '1969-12-31T23:59:59.999999Z',
    flag: false,
    tree: ['"', 'ü\n'],
  },
  { id: 3 },
  { id: 4, words: '' },
];

describe('exports', () => {
  let service: TestService;
  let origin: string;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService({ BUCKETQL_MAX_EXPORTS: '2' });
    origin = new URL(service.app.url).origin;
    connection = await service.connect('acme');
    const lines = records.map((record) => JSON.stringify(record)).join('\n');
    await service.sandbox.putObject(service.bucket, 'types/t.ndjson', lines);
    const types = {
      big: 'BIGINT',
      exact: 'DECIMAL',
      day: 'DATE',
      clock: 'TIME',
      local: 'TIMESTAMP',
      moment: 'TIMESTAMP_TZ',
      tree: 'JSON',
    };
    const run = await importCsv(service, {
      name: 'every_type',
      connection,
      selection: { prefix: 'types/' },
      format: { type: 'JSON' },
      columns: Object.entries(types).map(([source, type]) => ({ source, type })),
    });
    expect(run).toMatchObject({ error: null, rowsRejected: '0', rowsAdded: '4' });
    await putNumbers('first', 400_000);
    const numbers = { name: 'numbers', connection, selection: { prefix: 'numbers/' } };
    expect(await importCsv(service, numbers)).toMatchObject({ error: null });
  });
  afterAll(() => service.close());

  const putNumbers = (word: string, count: number) => {
    const lines = Array.from({ length: count }, (_, n) => `${n},${word} ${'x'.repeat(40)}`);
    return service.sandbox.putObject(
      service.bucket,
      'numbers/n.csv',
      `n,text\n${lines.join('\n')}\n`,
    );
  };
  const fetched = (path: string, headers: Record<string, string> = {}) =>
    fetch(`${origin}/export/${path}`, { headers });
  const bytes = async (path: string) => {
    const response = await fetched(path);
    expect({ status: response.status, text: response.ok ? '' : await response.text() }).toEqual({
      status: 200,
      text: '',
    });
    return Buffer.from(await response.arrayBuffer());
  };
  const answered = async (args = 'orderBy: [{ id: DESC }]') =>
    (await service.data<{ every_type: Row[] }>(`{ every_type(${args}) { ${names} } }`)).every_type;
  const refused = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetched(path, headers);
    const { errors } = (await response.json()) as {
      errors: [{ message: string; extensions: { code: string } }];
    };
    return `${response.status} ${errors[0].extensions.code}: ${errors[0].message}`;
  };
  const descending = `orderBy=${encodeURIComponent('[{"id":"DESC"}]')}`;

  it('give CSV that equals the answer', async () => {
    const text = await bytes(`every_type.csv?columns=${names.replaceAll(' ', ',')}&${descending}`);
    const rows = parse(text, {
      columns: true,
      cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
    });
    expect(rows).toEqual(
      (await answered()).map((row) =>
        Object.fromEntries(
          Object.entries(row).map(([name, value]) => [
            name,
            value === null || typeof value === 'string' ? value : JSON.stringify(value),
          ]),
        ),
      ),
    );
  });

  it('give NDJSON that equals the answer', async () => {
    const text = (await bytes(`every_type.ndjson?${descending}`)).toString();
    expect(text).toContain('"big":9007199254740993,');
    const rows = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
    expect(rows).toEqual(
      (await answered()).map((row) => ({
        ...row,
        big: row.big === null ? null : Number(row.big),
        exact: row.exact === null ? null : Number(row.exact),
      })),
    );
  });

  it('give Arrow that equals the answer, with exact types', async () => {
    const table = tableFromIPC(await bytes(`every_type?format=arrow&${descending}`));
    expect(table.schema.fields.map(({ name, type }) => `${name} ${type}`)).toEqual([
      'id Int32',
      'big Int64',
      expect.stringMatching(/^exact Decimal\[\d+e\+3\]/),
      'rough Float64',
      'words Utf8',
      'day Date32<DAY>',
      'clock Time64<MICROSECOND>',
      'local Timestamp<MICROSECOND>',
      'moment Timestamp<MICROSECOND, UTC>',
      'flag Bool',
      'tree Utf8',
    ]);
    expect(arrowRows(table)).toEqual(await answered());
  });

  it('give Parquet that equals the answer', async () => {
    const path = join(service.dataDir, '..', 'every_type.parquet');
    writeFileSync(path, await bytes(`every_type.parquet?${descending}`));
    const engine = await openDuckDB();
    try {
      const rows = await engine.read((session) =>
        session.rows(sql`select id, big::varchar as big, exact::varchar as exact, rough, words, day::varchar as day, clock::varchar as clock,
          replace(local::varchar, ' ', 'T') as local, replace(timezone('UTC', moment)::varchar, ' ', 'T') || 'Z' as moment, flag, tree::varchar as tree
          from read_parquet(${literal(path)})`),
      );
      expect(rows).toEqual(
        (await answered()).map((row) => ({
          ...row,
          tree: row.tree === null ? null : JSON.stringify(row.tree),
        })),
      );
    } finally {
      await engine.close();
    }
    expect(await readdir(join(service.dataDir, 'spool'))).toEqual([]);
  });

  it('give the very bytes of a writeback', async () => {
    for (const [format, file, more] of [
      ['CSV', 'every_type.csv', 'delimiter=%3B&header=false'],
      ['NDJSON', 'every_type.ndjson', ''],
    ]) {
      await service.data(
        `mutation ($d: DestinationInput!) {
          writebackEveryType(where: { id: { ne: 3 } }, destination: $d, wait: true) { status }
        }`,
        {
          d: {
            connection,
            fileName: 'same',
            format,
            ...(format === 'CSV' && { delimiter: ';', header: false }),
          },
        },
      );
      const written = await service.sandbox.readObject(
        service.bucket,
        `same.${format?.toLowerCase()}`,
      );
      const where = encodeURIComponent('{"id":{"ne":3}}');
      expect((await bytes(`${file}?where=${where}&${more}`)).toString()).toBe(written?.toString());
    }
  });

  it('take the words of the filter, columns, limit and offset', async () => {
    const where = {
      _or: [{ big: { gt: '0' } }, { exact: { lt: 0 } }, { words: { isNull: true } }],
    };
    const query = new URLSearchParams({
      where: JSON.stringify(where),
      orderBy: '[{"day":"ASC_NULLS_FIRST"}]',
      columns: 'day,id',
      offset: '1',
      limit: '1',
    });
    expect((await bytes(`every_type.csv?${query}`)).toString()).toBe('day,id\n1900-01-01,2\n');
    expect((await bytes('every_type.csv?limit=0&columns=id')).toString()).toBe('id\n');
    expect((await bytes('numbers.csv?columns=n&header=false')).toString().split('\n')).toHaveLength(
      400_001,
    );
  });

  it('say what they are', async () => {
    const response = await fetched('every_type', {
      accept: 'application/x-ndjson;q=0.5, text/*;q=0.9',
    });
    const headers = Object.fromEntries(response.headers);
    await response.text();
    const { dataset } = await service.data<{ dataset: { generation: string } }>(
      '{ dataset(name: "every_type") { generation } }',
    );
    expect(headers).toMatchObject({
      'content-type': 'text/csv; charset=utf-8; header=present',
      'content-disposition': 'attachment; filename="every_type.csv"',
      'bucketql-generation': dataset.generation,
      'x-content-type-options': 'nosniff',
      'cache-control': 'private, no-cache',
      vary: 'accept, accept-encoding',
      'transfer-encoding': 'chunked',
      etag: expect.stringMatching(/^W\/"[\w-]{27}"$/),
    });
    const head = await fetch(`${origin}/export/every_type.arrows`, { method: 'HEAD' });
    expect(head.headers.get('content-type')).toBe('application/vnd.apache.arrow.stream');
    expect(await head.text()).toBe('');
  });

  it('are not sent again to who has them', async () => {
    const etagOf = async (path: string) => (await fetched(path)).headers.get('etag') ?? '';
    const path = 'every_type.csv?where=%7B%22id%22%3A%7B%22eq%22%3A1%7D%7D';
    const etag = await etagOf(path);
    const again = await fetched(path, { 'if-none-match': `"other", ${etag}` });
    expect(again.status).toBe(304);
    expect(again.headers.get('etag')).toBe(etag);
    // Other spaces in the same request, and other requests.
    expect(await etagOf('every_type.csv?where=%7B%20%22id%22%3A%7B%22eq%22%3A1%7D%7D')).toBe(etag);
    expect(await etagOf('every_type.csv')).not.toBe(etag);
    expect(await etagOf(`${path}&header=false`)).not.toBe(etag);
    expect(await etagOf(path.replace('.csv', '.ndjson'))).not.toBe(etag);
  });

  it('are compressed for who asks', async () => {
    const response = await received('numbers.ndjson?limit=5000', {
      'accept-encoding': 'gzip;q=0.8, br',
    });
    expect(response.headers['content-encoding']).toBe('gzip');
    const plain = await received('numbers.ndjson?limit=5000');
    expect(plain.headers['content-encoding']).toBeUndefined();
    const packed = await whole(response);
    const unpacked = await whole(plain);
    expect(packed.length).toBeLessThan(unpacked.length / 4);
    expect(gunzipSync(packed).equals(unpacked)).toBe(true);
    const refusing = await received('numbers.ndjson?limit=1', { 'accept-encoding': 'gzip;q=0' });
    expect(refusing.headers['content-encoding']).toBeUndefined();
    await whole(refusing);
    const parquet = await received('every_type.parquet', { 'accept-encoding': 'gzip' });
    expect(parquet.headers['content-encoding']).toBeUndefined();
    await whole(parquet);
  });

  it('refuse what the filter’s types refuse, and say where', async () => {
    const where = (value: unknown) =>
      `every_type.csv?where=${encodeURIComponent(JSON.stringify(value))}`;
    expect(await refused(where({ _and: [{ exact: { eq: 'much' } }] }))).toMatch(
      /^400 INVALID_INPUT: where\._and\[0\]\.exact\.eq: .*Decimal takes a decimal number, found "much"/,
    );
    expect(await refused(where({ nothing: { eq: 1 } }))).toMatch(
      /^400 INVALID_INPUT: where: .*"nothing"/,
    );
    expect(await refused(where({ big: { eq: null } }))).toMatch(
      /^400 INVALID_INPUT: eq of big is null/,
    );
    expect(await refused(where({ words: { regex: '(' } }))).toMatch(
      /^400 INVALID_INPUT: .*missing \)/,
    );
    expect(await refused('every_type.csv?orderBy=%7B%22id%22%3A%22UP%22%7D')).toMatch(
      /^400 INVALID_INPUT: orderBy/,
    );
    expect(await refused('every_type.csv?columns=id,nothing')).toMatch(
      /^400 INVALID_INPUT: columns\[1\]: .*"nothing"/,
    );
    expect(await refused('every_type.csv?columns=id,id')).toMatch(/^400 INVALID_INPUT: .*twice/);
    expect(await refused('every_type.csv?columns=')).toMatch(/^400 INVALID_INPUT: columns\[0\]/);
  });

  it('take filters of columns whose names every JavaScript object has', async () => {
    await service.sandbox.putObject(
      service.bucket,
      'names/n.csv',
      'constructor,toString,n\na,b,1\nc,d,2\n',
    );
    const named = { name: 'names', connection, selection: { prefix: 'names/' } };
    expect(await importCsv(service, named)).toMatchObject({ error: null, rowsAdded: '2' });
    const asked = (where: unknown) =>
      bytes(
        `names.csv?columns=n&header=false&orderBy=[{"n":"DESC"}]&where=${encodeURIComponent(JSON.stringify(where))}`,
      );
    expect((await asked({ n: { gt: 0 } })).toString()).toBe('2\n1\n');
    expect((await asked({ constructor: { eq: 'a' } })).toString()).toBe('1\n');
  });

  it('refuse filters that are nested too deep', async () => {
    const deep = `${'{"_not":'.repeat(1_000)}{"id":{"eq":1}}${'}'.repeat(1_000)}`;
    expect(await refused(`every_type.csv?where=${deep}`)).toMatch(/^400 INVALID_INPUT: .*nest/);
  });

  it('refuse datasets that are not there, and other names of those that are', async () => {
    for (const name of ['nothing', 'EveryType', 'every_typeGroups', 'constructor', '__proto__']) {
      expect(await refused(`${name}.csv`)).toMatch(/^404 NOT_FOUND/);
    }
    expect(await refused('every_type/x')).toMatch(/^404 NOT_FOUND/);
    expect(await refused('%00.csv')).toMatch(/^404 NOT_FOUND/);
  });

  it('refuse other methods, and clients that take none of the formats', async () => {
    const posted = await fetch(`${origin}/export/every_type.csv`, { method: 'POST', body: '{}' });
    expect(posted.status).toBe(405);
    expect(posted.headers.get('allow')).toBe('GET, HEAD');
    expect(await refused('every_type', { accept: 'image/png' })).toMatch(/^406 NOT_ACCEPTABLE/);
  });

  it('refuse pages of other sites where there are no tokens', async () => {
    expect(await refused('every_type.csv', { 'sec-fetch-site': 'cross-site' })).toMatch(
      /^403 FORBIDDEN/,
    );
    const rebound = get(`${origin}/export/every_type.csv`, { headers: { host: 'evil.example' } });
    const [answer] = (await once(rebound, 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(403);
    await whole(answer);
  });

  it('give one generation, whatever is imported meanwhile', async () => {
    const slow = await received('numbers.csv?columns=text&header=false');
    await putNumbers('second', 10);
    expect(await importAgain(service, 'numbers')).toMatchObject({
      status: 'SUCCEEDED',
      rowsAdded: '10',
    });
    const lines = (await whole(slow)).toString().trimEnd().split('\n');
    expect(lines).toHaveLength(400_000);
    expect(new Set(lines.map((line) => line.split(' ')[0]))).toEqual(new Set(['first']));
    expect((await bytes('numbers.csv')).toString()).toContain('second');
    await putNumbers('first', 400_000);
    await importAgain(service, 'numbers');
  });

  it('end when nobody reads them, and let others begin', async () => {
    const first = await received('numbers.csv');
    const second = await received('numbers.arrows');
    expect(await refused('every_type.csv')).toMatch(/^503 TOO_MANY_EXPORTS/);
    // One that has it already needs none.
    expect((await fetch(`${origin}/export/numbers.csv`, { method: 'HEAD' })).status).toBe(200);
    first.destroy();
    second.destroy();
    // The test's own deadline ends the wait.
    while ((await fetched('every_type.csv')).status !== 200);
  });

  it('can be read by who knows no chunks', async () => {
    const socket = connect(Number(new URL(origin).port), '127.0.0.1');
    socket.write('GET /export/every_type.csv?columns=id HTTP/1.0\r\nhost: localhost\r\n\r\n');
    const text = (await whole(socket)).toString();
    expect(text).toMatch(/\r\n\r\nid\n1\n2\n3\n4\n$/);
  });

  /** An answer of which nothing is read yet. */
  async function received(path: string, headers: Record<string, string> = {}) {
    const request = get(`${origin}/export/${path}`, { headers, agent: false });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    return response;
  }
});

/** An answer that nobody reads yet. What breaks it off meanwhile is for who reads it then. */
async function unread(url: string): Promise<IncomingMessage> {
  const request = get(url, { agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  request.on('error', () => undefined);
  response.on('error', () => undefined);
  return response;
}

describe('exports that cannot end', () => {
  it('break the connection off, so that nobody takes a part for the whole', async () => {
    const service = await startTestService({
      BUCKETQL_EXPORT_SECONDS: '1',
      BUCKETQL_MAX_EXPORTS: '1',
    });
    try {
      const connection = await service.connect('acme');
      const lines = Array.from({ length: 400_000 }, (_, n) => `${n},${'x'.repeat(60)}`);
      await service.sandbox.putObject(service.bucket, 'n/n.csv', `n,text\n${lines.join('\n')}\n`);
      await importCsv(service, { name: 'numbers', connection, selection: { prefix: 'n/' } });
      const { origin } = new URL(service.app.url);
      const response = await unread(`${origin}/export/numbers.csv`);
      // Nobody reads until the deadline is over: then the next export may begin.
      while ((await fetch(`${origin}/export/numbers.csv?limit=1`)).status !== 200);
      await expect(whole(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
    } finally {
      await service.close();
    }
  });
});

describe('exports of a service that stops', () => {
  it('are broken off, and nothing of them stays', async () => {
    const service = await startTestService();
    try {
      const connection = await service.connect('acme');
      const lines = (word: string) =>
        Array.from({ length: 300_000 }, (_, n) => `${n},${word.repeat(60)}`).join('\n');
      const put = (word: string) =>
        service.sandbox.putObject(service.bucket, 'n/n.csv', `n,text\n${lines(word)}\n`);
      await put('x');
      await importCsv(service, { name: 'numbers', connection, selection: { prefix: 'n/' } });
      const { origin } = new URL(service.app.url);
      const responses = await Promise.all(
        ['csv', 'arrows'].map((extension) => unread(`${origin}/export/numbers.${extension}`)),
      );
      // The generation that they read is not the current one any more.
      await put('y');
      await importAgain(service, 'numbers');
      await service.restart();
      for (const response of responses) {
        await expect(whole(response)).rejects.toMatchObject({ code: 'ECONNRESET' });
      }
      expect(await readdir(join(service.dataDir, 'spool'))).toEqual([]);
      const after = new URL(service.app.url).origin;
      const text = await (await fetch(`${after}/export/numbers.csv?limit=1&columns=text`)).text();
      expect(text).toBe(`text\n${'y'.repeat(60)}\n`);
    } finally {
      await service.close();
    }
  });
});

describe('exports where only listed operations may run', () => {
  it('are refused, whatever they ask', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'bucketql-export-'));
    const path = join(dir, 'operations.json');
    writeFileSync(path, JSON.stringify({ one: '{ __typename }' }));
    const service = await startTestService({ BUCKETQL_OPERATIONS: path });
    try {
      const { origin } = new URL(service.app.url);
      for (const [method, name] of [
        ['GET', 'orders.csv'],
        ['HEAD', 'orders.csv'],
        ['POST', 'x/y'],
      ] as const) {
        const response = await fetch(`${origin}/export/${name}`, { method });
        const text = await response.text();
        expect(response.status).toBe(403);
        if (method !== 'HEAD') expect(text).toContain('OPERATION_NOT_ALLOWED');
      }
    } finally {
      await service.close();
      await rm(dir, { recursive: true });
    }
  });
});

describe('exports where there are tokens', () => {
  it('are for who has one', async () => {
    const service = await startTestService({
      BUCKETQL_API_TOKENS: 'secret-token',
      BUCKETQL_HOST: '127.0.0.1',
    });
    try {
      const { origin } = new URL(service.app.url);
      const without = await fetch(`${origin}/export/x.csv`);
      expect(without.status).toBe(401);
      expect(without.headers.get('www-authenticate')).toMatch(/^Bearer/);
      const given = await fetch(`${origin}/export/x.csv`, {
        headers: { authorization: 'Bearer secret-token', 'sec-fetch-site': 'cross-site' },
      });
      expect(given.status).toBe(404);
    } finally {
      await service.close();
    }
  });
});

async function whole(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** Rows as the API writes them, read by Arrow's own library. */
function arrowRows(table: Table): Row[] {
  const texts: Record<string, (value: never) => unknown> = {
    big: String,
    exact: (words: Uint32Array) => decimalText(words, 3),
    day: (ms: number) => new Date(ms).toISOString().slice(0, 10),
    clock: (micros: bigint) => momentText(micros).slice(11),
    local: (ms: number) => ms,
    moment: (ms: number) => ms,
    tree: (text: string) => JSON.parse(text) as unknown,
  };
  const exactly = (name: string, row: number) => {
    // The library's own reading of timestamps is in milliseconds.
    const data = table.getChild(name)?.data[0]?.values as BigInt64Array;
    return momentText(data[row] ?? 0n);
  };
  return Array.from({ length: table.numRows }, (_, row) => {
    const found = table.get(row)?.toJSON() as Row;
    return Object.fromEntries(
      Object.entries(found).map(([name, value]) => {
        if (value === null) return [name, null];
        if (name === 'local') return [name, exactly(name, row)];
        if (name === 'moment') return [name, `${exactly(name, row)}Z`];
        return [name, texts[name] ? texts[name](value as never) : value];
      }),
    );
  });
}

function decimalText(words: Uint32Array, scale: number): string {
  const number = BigInt.asIntN(
    128,
    words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n),
  );
  const digits = String(number < 0n ? -number : number).padStart(scale + 1, '0');
  return `${number < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}

/** Microseconds since 1970 as the API writes a local time. */
function momentText(micros: bigint): string {
  const fraction = BigInt.asUintN(64, ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n);
  const seconds = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, 19);
  const digits = String(fraction).padStart(6, '0').replace(/0+$/, '');
  return digits === '' ? seconds : `${seconds}.${digits}`;
}
