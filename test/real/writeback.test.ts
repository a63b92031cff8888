import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DuckDBInstance } from '@duckdb/node-api';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { startRealService, type RealService } from './gateway.js';
import { importNow, writeNow } from './runs.js';

describe('a writeback to the Ceph gateway', () => {
  let service: RealService;
  let connection: string;
  const csv = 'id,name,amount\n1,"Ann, B.",1.50\n2,Zoë,\n3,"say ""hi""",-7.25\n';

  beforeAll(async () => {
    service = await startRealService();
    await service.put('in/people.csv', csv);
    connection = await service.connect('acme');
    const selection = { prefix: 'in/' };
    expect(await importNow(service, { name: 'people', connection, selection })).toMatchObject({
      status: 'SUCCEEDED',
    });
  });
  afterAll(() => service.close());

  const write = (destination: Record<string, unknown>) =>
    writeNow(service, 'writebackPeople', { connection, path: 'out', ...destination });

  it('stores CSV.gz that inflates to the rows, with the checksum of what is stored', async () => {
    const run = await write({ fileName: 'people', format: 'CSV', compression: 'GZIP' });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rows: '3', error: null });
    const [object] = run.objects;
    expect(object?.key).toBe('out/people.csv.gz');
    const stored = await service.get('out/people.csv.gz');
    expect(gunzipSync(stored).toString()).toBe(csv);
    expect(object?.checksum).toBe(`sha256:${createHash('sha256').update(stored).digest('hex')}`);
    expect(object?.bytes).toBe(String(stored.length));
  });

  it('stores NDJSON with exact numbers', async () => {
    expect(await write({ fileName: 'people', format: 'NDJSON' })).toMatchObject({
      status: 'SUCCEEDED',
    });
    expect((await service.get('out/people.ndjson')).toString()).toBe(
      '{"id":1,"name":"Ann, B.","amount":1.50}\n{"id":2,"name":"Zoë","amount":null}\n{"id":3,"name":"say \\"hi\\"","amount":-7.25}\n',
    );
  });

  it('stores Parquet that DuckDB reads again', async () => {
    expect(await write({ fileName: 'people', format: 'PARQUET' })).toMatchObject({
      status: 'SUCCEEDED',
    });
    const dir = await mkdtemp(join(tmpdir(), 'bucketql-parquet-'));
    const path = join(dir, 'people.parquet');
    await writeFile(path, await service.get('out/people.parquet'));
    const database = await DuckDBInstance.create();
    const engine = await database.connect();
    const read = await engine.runAndReadAll(
      `select id, name, amount::varchar as amount from read_parquet('${path}')`,
    );
    expect(read.getRows()).toEqual([
      [1, 'Ann, B.', '1.50'],
      [2, 'Zoë', null],
      [3, 'say "hi"', '-7.25'],
    ]);
    engine.closeSync();
    database.closeSync();
    await rm(dir, { recursive: true });
  });

  it('leaves an object that is there as it is unless overwrite is asked for', async () => {
    await service.put('out/taken.csv', 'mine');
    const to = { fileName: 'taken', format: 'CSV' };
    expect(await write(to)).toMatchObject({
      status: 'FAILED',
      error: { code: 'OBJECT_EXISTS', details: { key: 'out/taken.csv' } },
    });
    expect((await service.get('out/taken.csv')).toString()).toBe('mine');
    expect(await write({ ...to, overwrite: true })).toMatchObject({ status: 'SUCCEEDED' });
    expect((await service.get('out/taken.csv')).toString()).toBe(csv);
  });

  it('stores an object of several parts of 8 MiB and leaves no upload open', async () => {
    const line = (id: number) => `${id},${createHash('sha256').update(String(id)).digest('hex')}\n`;
    const rows = Array.from({ length: 300_000 }, (_, id) => line(id)).join('');
    await service.put('large/hashes.csv', `id,hash\n${rows}`);
    const selection = { prefix: 'large/' };
    await importNow(service, { name: 'hashes', connection, selection });
    const to = { connection, path: 'out', fileName: 'hashes', format: 'CSV' };
    const run = await writeNow(service, 'writebackHashes', to);
    expect(run).toMatchObject({ status: 'SUCCEEDED', rows: '300000' });
    const stored = await service.get('out/hashes.csv');
    expect(stored.length).toBeGreaterThan(2 * 8 * 2 ** 20);
    expect(createHash('sha256').update(stored).digest('hex')).toBe(
      createHash('sha256').update(`id,hash\n${rows}`).digest('hex'),
    );
    expect(await service.openUploads()).toEqual([]);
  });

  it('says ACCESS_DENIED with the action when the role may not put', async () => {
    const readOnly = await service.connect('read-only', {
      policy: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Action: ['s3:ListBucket', 's3:GetObject'],
            Resource: [`arn:aws:s3:::${service.bucket}`, `arn:aws:s3:::${service.bucket}/*`],
          },
        ],
      },
    });
    const to = { connection: readOnly, path: 'out', fileName: 'denied', format: 'CSV' };
    expect(await writeNow(service, 'writebackPeople', to)).toMatchObject({
      status: 'FAILED',
      error: { code: 'ACCESS_DENIED', details: { action: 's3:PutObject', key: 'out/denied.csv' } },
    });
  });
});
