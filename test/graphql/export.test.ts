import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { acceptedEncoding, acceptedType, preferences } from '../../src/graphql/export/negotiate.js';
import { exportRequest } from '../../src/graphql/export/request.js';
import { sendBytes, whileWanted } from '../../src/graphql/export/send.js';

const asked = (path: string, accept?: string) =>
  exportRequest(new URL(`http://localhost/export/${path}`), accept);
const formatOf = (path: string, accept?: string) => asked(path, accept).format.name;

describe('what a client wants', () => {
  it('is weighed as the header says', () => {
    expect([...preferences('text/csv, Text/*;q=0.5,,*/*; q=0, a/b;q=2')]).toEqual([
      ['text/csv', 1],
      ['text/*', 0.5],
      ['*/*', 0],
      ['a/b', 0],
    ]);
  });

  it('is the most wanted type, and the first of equal ones', () => {
    const types = ['text/csv', 'application/json'];
    expect(acceptedType(undefined, types)).toBe('text/csv');
    expect(acceptedType('*/*', types)).toBe('text/csv');
    expect(acceptedType('text/csv;q=0.1, application/*', types)).toBe('application/json');
    expect(acceptedType('text/csv;q=0, */*;q=0.2', types)).toBe('application/json');
    expect(acceptedType('image/png', types)).toBeUndefined();
    expect(acceptedType('', types)).toBeUndefined();
  });

  it('is no encoding that it does not name', () => {
    expect(acceptedEncoding(undefined, ['zstd', 'gzip'])).toBeUndefined();
    expect(acceptedEncoding('identity', ['gzip'])).toBeUndefined();
    expect(acceptedEncoding('gzip, zstd', ['zstd', 'gzip'])).toBe('zstd');
    expect(acceptedEncoding('gzip, zstd;q=0.9', ['zstd', 'gzip'])).toBe('gzip');
    expect(acceptedEncoding('*, gzip;q=0', ['gzip'])).toBeUndefined();
    expect(acceptedEncoding('identity, gzip;q=0.5', ['gzip'])).toBeUndefined();
    expect(acceptedEncoding('identity;q=0.5, gzip', ['gzip'])).toBe('gzip');
  });
});

describe('the address of an export', () => {
  it('says the format by name, by extension or by Accept, in this order', () => {
    expect(formatOf('orders')).toBe('csv');
    expect(formatOf('orders?format=arrow', 'text/csv')).toBe('arrow');
    expect(formatOf('orders.ndjson', 'text/csv')).toBe('ndjson');
    expect(formatOf('orders.parquet?format=parquet')).toBe('parquet');
    expect(formatOf('orders.arrow')).toBe('arrow');
    expect(formatOf('orders.arrows')).toBe('arrow');
    expect(formatOf('orders', 'application/vnd.apache.parquet, */*;q=0.1')).toBe('parquet');
  });

  it('has all parameters', () => {
    expect(
      asked(
        'orders.csv?columns=a,b&where={"a":{"eq":1}}&orderBy=[]&limit=3000000000&offset=2&delimiter=%09&header=false',
      ),
    ).toMatchObject({
      dataset: 'orders',
      columns: ['a', 'b'],
      where: { a: { eq: 1 } },
      orderBy: [],
      limit: 3_000_000_000,
      offset: 2,
      delimiter: '\t',
      header: false,
    });
    expect(asked('orders')).toMatchObject({ columns: undefined, where: undefined, header: true });
  });

  it.each([
    ['orders?format=xml', 'INVALID_INPUT', /no format xml; there are csv, ndjson/],
    ['orders.xml', 'INVALID_INPUT', /\.xml is no format/],
    ['orders.csv?format=ndjson', 'INVALID_INPUT', /ends in \.csv, but format is ndjson/],
    ['orders?columms=a', 'INVALID_INPUT', /no parameter columms/],
    ['orders?limit=1&limit=2', 'INVALID_INPUT', /limit is given twice/],
    ['orders?limit=-1', 'INVALID_INPUT', /limit must be/],
    ['orders?offset=1e3', 'INVALID_INPUT', /offset must be/],
    ['orders?where=%7Ba', 'INVALID_INPUT', /where is not valid JSON/],
    ['orders?header=no', 'INVALID_INPUT', /header must be/],
    ['orders.ndjson?header=true', 'INVALID_INPUT', /header is for csv, and this is ndjson/],
    ['orders?delimiter=%0A', 'INVALID_INPUT', /delimiter must be/],
    ['orders?delimiter=%22', 'INVALID_INPUT', /delimiter must be/],
    ['orders?delimiter=%C2%A7', 'INVALID_INPUT', /delimiter must be/],
    ['orders?delimiter=', 'INVALID_INPUT', /delimiter must be/],
    ['orders/csv', 'NOT_FOUND', /\/export\/orders\.csv/],
    ['', 'NOT_FOUND', /\/export\/orders\.csv/],
    ['orders%2Fcsv', 'NOT_FOUND', /\/export\/orders\.csv/],
  ])('refuses %s', (path, code, message) => {
    expect(() => asked(path)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) }),
    );
  });

  it('is refused where Accept names none of the formats', () => {
    expect(() => asked('orders', 'text/html')).toThrow(
      expect.objectContaining({ code: 'NOT_ACCEPTABLE' }),
    );
  });
});

describe('bytes that are sent', () => {
  let http: Server;
  let port: number;
  beforeAll(async () => {
    http = createServer();
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    ({ port } = http.address() as AddressInfo);
  });
  afterAll(() => {
    http.close();
  });

  /** Asks as a client that knows no chunks, and sends what `bytes` gives. */
  async function sending(
    bytes: AsyncIterable<Uint8Array>,
    { stallMs = 60_000, exportSeconds = 60, then = (_client: Socket) => {} } = {},
  ) {
    const client = connect(port, '127.0.0.1');
    client.write('GET / HTTP/1.0\r\n\r\n');
    const [, response] = (await once(http, 'request')) as [unknown, ServerResponse];
    const sent = whileWanted(response, exportSeconds, (one) =>
      sendBytes(one, bytes, { headers: { 'x-tested': 'yes' }, encoding: undefined, stallMs }),
    );
    then(client);
    return { client, sent };
  }

  function endless() {
    const state = { ended: false };
    async function* bytes() {
      try {
        for (;;) yield await Promise.resolve(Buffer.alloc(2 ** 16, 'x'));
      } finally {
        state.ended = true;
      }
    }
    return { state, bytes: bytes() };
  }

  it('are broken off for who takes none of them', async () => {
    const { state, bytes } = endless();
    const { client, sent } = await sending(bytes, { stallMs: 30 });
    await expect(sent).rejects.toMatchObject({
      code: 'QUERY_TIMEOUT',
      message: 'The client took nothing of its export for 0.03 s',
    });
    expect(state.ended).toBe(true);
    client.destroy();
  });

  it('may be waited for longer than that', async () => {
    async function* slow() {
      yield Buffer.from('one');
      // Longer than a client may stall: here it is the server that has nothing.
      await after(60);
      yield Buffer.from('two');
    }
    const { client, sent } = await sending(slow(), { stallMs: 15 });
    await sent;
    expect(await whole(client)).toMatch(/\r\nx-tested: yes\r\n[^]*\r\n\r\nonetwo$/);
  });

  it('are broken off where they fail, for the reason that they gave, and nobody takes a part for the whole', async () => {
    async function* failing() {
      yield Buffer.from('some');
      await Promise.reject(new RangeError('no more'));
    }
    const { client, sent } = await sending(failing());
    await expect(sent).rejects.toThrow('no more');
    await expect(whole(client)).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('are broken off when their time is over', async () => {
    const { state, bytes } = endless();
    const { client, sent } = await sending(bytes, { exportSeconds: 0.03 });
    await expect(sent).rejects.toMatchObject({ code: 'QUERY_TIMEOUT', details: { limit: 0.03 } });
    expect(state.ended).toBe(true);
    client.destroy();
  });

  it('end when the client goes away', async () => {
    const { state, bytes } = endless();
    const { sent } = await sending(bytes, { then: (client) => client.destroy() });
    await expect(sent).rejects.toMatchObject({ code: 'CANCELLED' });
    expect(state.ended).toBe(true);
  });

  it('may take longer than the longest timer', async () => {
    async function* slow() {
      await after(20);
      yield Buffer.from('all');
    }
    const { client, sent } = await sending(slow(), { exportSeconds: 10 ** 7 });
    await sent;
    expect(await whole(client)).toMatch(/all$/);
  });

  async function whole(client: Socket): Promise<string> {
    const pieces: Uint8Array[] = [];
    for await (const piece of client as AsyncIterable<Uint8Array>) pieces.push(piece);
    return Buffer.concat(pieces).toString();
  }
});
