import { gunzipSync } from 'node:zlib';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import { AbortMultipartUploadCommand, CreateMultipartUploadCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { openDuckDB } from '../src/engine/duckdb.js';
import { literal, sql } from '../src/sql.js';
import type { WritebackAnswer } from './support/readers/receiver.js';
import { importCsv, startTestService, type TestService } from './support/service.js';

const csv = [
  'id,big,amount,ratio,name,day,at,seen,flag',
  '1,9007199254740993,1.50,1e3,"a, ""b""",2020-01-31,2020-01-31 10:00:00.5,2020-01-31T10:00:00+02:00,true',
  '2,-1,-0.25,2.5e-7,ü\u2028,2020-02-29,2020-02-29 00:00:00,2020-02-29T00:00:00Z,false',
  '3,,,,,,,,',
  '',
].join('\n');

describe('writebacks', () => {
  let service: TestService;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService();
    connection = await service.connect('acme');
    await service.sandbox.putObject(service.bucket, 'in/t.csv', csv);
    const run = await importCsv(service, {
      name: 'things',
      connection,
      selection: { prefix: 'in/' },
    });
    expect(run.error).toBeNull();
  });
  afterAll(() => service.close());

  const write = async (
    field: string,
    destination: Record<string, unknown>,
  ): Promise<WritebackAnswer> => {
    const data = await service.data<Record<string, WritebackAnswer>>(
      `mutation ($destination: DestinationInput!) {
        run: ${field.replace('DESTINATION', 'destination: $destination, wait: true')} {
          status rows bytes error { code message } objects { key bytes rows checksum etag }
        }
      }`,
      { destination: { connection, path: 'out', ...destination } },
    );
    return data.run as WritebackAnswer;
  };
  const read = async (key: string) => {
    const body = await service.sandbox.readObject(service.bucket, key);
    if (!body) throw new Error(`no object ${key}`);
    return body;
  };

  it('write CSV that equals the query, gzip, with a checksum of the bytes', async () => {
    const run = await write('writebackThings(DESTINATION)', {
      fileName: 'things-<current_date>',
      format: 'CSV',
      compression: 'GZIP',
    });
    const today = new Date().toISOString().slice(0, 10);
    expect(run).toMatchObject({ status: 'SUCCEEDED', rows: '3', error: null });
    const [object] = run.objects;
    expect(object?.key).toBe(`out/things-${today}.csv.gz`);
    const body = await read(String(object?.key));
    expect(String(body.length)).toBe(object?.bytes);
    expect(object?.checksum).toBe(`sha256:${createHash('sha256').update(body).digest('hex')}`);
    const written = parse(gunzipSync(body), { columns: true, cast: false });
    const { things } = await service.data<{
      things: Record<string, string | number | boolean | null>[];
    }>(`{ things { id big amount ratio name day at seen flag } }`);
    const asText = things.map((row) =>
      Object.fromEntries(Object.entries(row).map(([k, v]) => [k, v === null ? '' : String(v)])),
    );
    expect(written.map((row) => ({ ...(row as object), ratio: undefined }))).toEqual(
      asText.map((row) => ({ ...row, ratio: undefined })),
    );
    expect(written.map((row) => Number((row as Record<string, string>).ratio))).toEqual(
      asText.map((row) => Number(row.ratio)),
    );
  });

  it('write NDJSON with every digit, one object a line', async () => {
    const run = await write(
      'writebackThings(columns: [big, amount, ratio, name, at, seen, flag], DESTINATION)',
      {
        fileName: 'lines',
        format: 'NDJSON',
      },
    );
    const text = (await read(String(run.objects[0]?.key))).toString();
    const lines = text.trimEnd().split('\n');
    expect(lines[0]).toContain('"big":9007199254740993,"amount":1.50');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
      {
        big: 9007199254740992,
        amount: 1.5,
        ratio: 1000,
        name: 'a, "b"',
        at: '2020-01-31T10:00:00.5',
        seen: '2020-01-31T08:00:00Z',
        flag: true,
      },
      {
        big: -1,
        amount: -0.25,
        ratio: 2.5e-7,
        name: 'ü\u2028',
        at: '2020-02-29T00:00:00',
        seen: '2020-02-29T00:00:00Z',
        flag: false,
      },
      { big: null, amount: null, ratio: null, name: null, at: null, seen: null, flag: null },
    ]);
  });

  it('write Parquet with the types of the table', async () => {
    const run = await write('writebackThings(orderBy: [{ id: DESC }], limit: 2, DESTINATION)', {
      fileName: 'table.parquet',
      format: 'PARQUET',
    });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rows: '2' });
    expect(run.objects[0]?.key).toBe('out/table.parquet');
    const path = join(service.dataDir, '..', 'table.parquet');
    writeFileSync(path, await read('out/table.parquet'));
    const engine = await openDuckDB();
    try {
      const rows = await engine.read((session) =>
        session.rows(
          sql`select id, big, amount, day, typeof(big) as t, typeof(amount) as d, typeof(seen) as z from read_parquet(${literal(path)})`,
        ),
      );
      expect(rows).toEqual([
        {
          id: 3,
          big: null,
          amount: null,
          day: null,
          t: 'BIGINT',
          d: expect.stringMatching(/^DECIMAL/),
          z: 'TIMESTAMP WITH TIME ZONE',
        },
        {
          id: 2,
          big: -1n,
          amount: '-0.25',
          day: '2020-02-29',
          t: 'BIGINT',
          d: expect.stringMatching(/^DECIMAL/),
          z: 'TIMESTAMP WITH TIME ZONE',
        },
      ]);
    } finally {
      await engine.close();
    }
  });

  it('write groups with named aggregates', async () => {
    const run = await write(
      'writebackThingsGroups(by: [{ bucket: { column: day, unit: MONTH } }], where: { day: { isNull: false } }, aggregates: {count: true, sum: ["amount"]}, DESTINATION)',
      { fileName: 'groups', format: 'TSV' },
    );
    expect(run).toMatchObject({ status: 'SUCCEEDED', rows: '2' });
    expect((await read('out/groups.tsv')).toString()).toBe(
      'day_month\tcount\tsum_amount\n2020-01-01T00:00:00\t1\t1.50\n2020-02-01T00:00:00\t1\t-0.25\n',
    );
  });

  it('never replace an object unless asked, also when many race', async () => {
    const racers = await Promise.all(
      Array.from({ length: 8 }, () =>
        write('writebackThings(DESTINATION)', { fileName: 'race', format: 'CSV' }),
      ),
    );
    expect(racers.filter(({ status }) => status === 'SUCCEEDED')).toHaveLength(1);
    for (const { status, error } of racers) {
      if (status !== 'SUCCEEDED') expect(error).toMatchObject({ code: 'OBJECT_EXISTS' });
    }
    const replaced = await write('writebackThings(limit: 1, DESTINATION)', {
      fileName: 'race',
      format: 'CSV',
      overwrite: true,
    });
    expect(replaced).toMatchObject({ status: 'SUCCEEDED', rows: '1' });
    expect((await read('out/race.csv')).toString().trimEnd().split('\n')).toHaveLength(2);
  });

  it('refuse what cannot be written before they start', async () => {
    const refused = async (destination: Record<string, unknown>) => {
      const answer = await service.ask(
        `mutation ($d: DestinationInput!) { writebackThings(destination: $d) { id } }`,
        { d: { connection, fileName: 'x', format: 'CSV', ...destination } },
      );
      return answer.errors?.[0]?.extensions.code;
    };
    expect(await refused({ format: 'PARQUET', compression: 'GZIP' })).toBe('INVALID_INPUT');
    expect(await refused({ timezone: 'Mars/Olympus' })).toBe('INVALID_INPUT');
    expect(await refused({ connection: 'nobody' })).toBe('NOT_FOUND');
    expect(await refused({ delimiter: ';;' })).toBe('INVALID_INPUT');
    expect(await refused({ fileName: '<yesterday>' })).toBe('INVALID_INPUT');
    expect(await refused({ fileName: '../x' })).toBe('INVALID_INPUT');
  });

  it('name the permission that is missing, and leave no upload open', async () => {
    const reader = await service.connect('reader', {
      policy: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Action: 's3:GetObject', Resource: '*' }],
      },
    });
    const run = await write('writebackThings(DESTINATION)', {
      connection: reader,
      fileName: 'x',
      format: 'CSV',
    });
    expect(run).toMatchObject({ status: 'FAILED', error: { code: 'ACCESS_DENIED' } });
    expect(run.error?.message).toContain('s3:PutObject');
    expect(service.sandbox.openUploads(service.bucket)).toEqual([]);
  });

  it('aborts at the next start an upload that it could not abort itself', async () => {
    const lines = Array.from({ length: 120_000 }, (_, n) => `${n},${'x'.repeat(90)}`);
    await service.sandbox.putObject(service.bucket, 'large/t.csv', `n,text\n${lines.join('\n')}\n`);
    await importCsv(service, { name: 'large', connection, selection: { prefix: 'large/' } });
    const order = 'writebackLarge(columns: [n, text], DESTINATION)';
    const written = await write(order, { fileName: 'whole', format: 'CSV' });
    expect(written).toMatchObject({ status: 'SUCCEEDED', rows: '120000' });
    service.sandbox.fault = ({ operation }) =>
      ['UploadPart', 'AbortMultipartUpload'].includes(operation)
        ? { kind: 'status', status: 403, code: 'AccessDenied' }
        : undefined;
    const failed = await write(order, { fileName: 'half', format: 'CSV' });
    service.sandbox.fault = undefined;
    expect(failed).toMatchObject({ status: 'FAILED', error: { code: 'ACCESS_DENIED' } });
    expect(service.sandbox.openUploads(service.bucket)).toEqual([
      expect.objectContaining({ key: 'out/half.csv' }),
    ]);
    await service.restart();
    // It happens beside the start; the test's own deadline ends the wait.
    while (service.sandbox.openUploads(service.bucket).length > 0) {
      await service.data('{ __typename }');
    }
    expect(await service.sandbox.listKeys(service.bucket)).toContain('out/whole.csv');
    expect(await service.sandbox.listKeys(service.bucket)).not.toContain('out/half.csv');
  });

  it('aborts at the next start uploads whose ids it was not told', async () => {
    const { sandbox, bucket, owner } = service;
    const keys = () => sandbox.openUploads(bucket).map(({ key }) => key);
    const other = await owner.send(
      new CreateMultipartUploadCommand({ Bucket: bucket, Key: 'out/lost.csv.of-another' }),
    );
    sandbox.fault = ({ operation }) =>
      operation === 'CreateMultipartUpload' ? { kind: 'cutBody', afterBytes: 0 } : undefined;
    const failed = await write('writebackThings(DESTINATION)', {
      fileName: 'lost',
      format: 'CSV',
      encryption: 'SSE_S3',
    });
    sandbox.fault = undefined;
    expect(failed).toMatchObject({ status: 'FAILED' });
    expect(keys()).toContain('out/lost.csv');
    await service.restart();
    while (keys().includes('out/lost.csv')) await service.data('{ __typename }');
    expect(keys()).toEqual(['out/lost.csv.of-another']);
    await owner.send(
      new AbortMultipartUploadCommand({
        Bucket: bucket,
        Key: 'out/lost.csv.of-another',
        UploadId: other.UploadId,
      }),
    );
  });
});
