import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { WritebackProgress } from '../../src/catalog/runs.js';
import { AppError } from '../../src/errors.js';
import type { Query } from '../../src/query/query.js';
import { sql } from '../../src/sql.js';
import { startWriter, type Writer } from '../support/writer.js';

const columns = [
  { name: 'id', type: 'INTEGER' as const },
  { name: 'text', type: 'STRING' as const },
];

/** Some 25 MB of noise, so that several parts are on their way, compressed or not. */
const large = sql`select cast(i as integer) as id, md5(cast(i as varchar)) || md5(cast(-i as varchar)) || md5(cast(i + 0.5 as varchar)) as text
  from range(250000) as r(i)`;
const kinds = [
  { format: 'CSV' },
  { format: 'CSV', compression: 'GZIP' },
  { format: 'CSV', compression: 'ZIP' },
  { format: 'JSON' },
  { format: 'PARQUET' },
  { format: 'XLSX' },
];

describe('a writeback that fails', () => {
  let writer: Writer;
  let query: Query;
  beforeAll(async () => {
    writer = await startWriter();
    query = await writer.table('large', large, columns);
  });
  afterEach(() => {
    writer.sandbox.fault = undefined;
  });
  afterAll(() => writer.end());

  let place = 0;
  const path = () => `f${place}`;
  beforeEach(() => {
    place += 1;
  });
  const leavesNothing = async () => {
    expect((await writer.keys()).filter((key) => key.startsWith(`${path()}/`))).toEqual([]);
    expect(writer.sandbox.openUploads('acme')).toEqual([]);
  };

  it.each(kinds)('in its statement leaves nothing, as %j', async (kind) => {
    await writer.engine.transaction((session) =>
      session.run(
        sql`create or replace view failing as select id, case when id = 240000 then error('the statement broke') else text end as text from large`,
      ),
    );
    const failing: Query = { ...query, from: { ...query.from, segments: [{ table: 'failing' }] } };
    await expect(
      writer.write(failing, { path: path(), overwrite: true, ...kind }),
    ).rejects.toThrow();
    await leavesNothing();
  });

  it('in a value that its format cannot hold leaves nothing, and says which', async () => {
    const unfit = await writer.table(
      'unfit',
      sql`select id, case when id = 200000 then chr(1) else text end as text from large`,
      columns,
    );
    await expect(writer.write(unfit, { path: path(), format: 'XML' })).rejects.toMatchObject({
      code: 'UNWRITABLE_VALUE',
      details: { column: 'text', row: 200001 },
    });
    await leavesNothing();
  });

  it.each(['CreateMultipartUpload', 'UploadPart', 'CompleteMultipartUpload'])(
    'at %s says what S3 said, and leaves nothing',
    async (operation) => {
      for (const format of ['CSV', 'PARQUET', 'XLSX']) {
        writer.sandbox.fault = (request) =>
          request.operation === operation
            ? { kind: 'status', status: 403, code: 'AccessDenied' }
            : undefined;
        await expect(writer.write(query, { path: path(), format })).rejects.toMatchObject({
          code: 'ACCESS_DENIED',
        });
        writer.sandbox.fault = undefined;
        await leavesNothing();
      }
    },
  );

  it.each(kinds)('because it is stopped leaves nothing, as %j', async (kind) => {
    const stop = new AbortController();
    writer.sandbox.fault = ({ operation }) => {
      if (operation === 'UploadPart')
        stop.abort(new AppError('CANCELLED', 'The run was cancelled'));
      return undefined;
    };
    await expect(
      writer.write(query, { path: path(), ...kind }, { signal: stop.signal }),
    ).rejects.toMatchObject({ code: 'CANCELLED', message: 'The run was cancelled' });
    writer.sandbox.fault = undefined;
    await leavesNothing();
  });

  it('is none when it is stopped while S3 makes an object of its parts: the object is there', async () => {
    const stop = new AbortController();
    writer.sandbox.fault = ({ operation }) => {
      if (operation === 'CompleteMultipartUpload')
        stop.abort(new AppError('CANCELLED', 'Too late'));
      return undefined;
    };
    const { objects } = await writer.write(query, { path: path() }, { signal: stop.signal });
    expect(objects).toMatchObject([{ key: `${path()}/x.csv`, rows: 250_000 }]);
    expect(await writer.keys()).toContain(`${path()}/x.csv`);
  });

  it('refuses encryption that the service does not confirm', async () => {
    writer.sandbox.fault = () => ({ kind: 'ignoreEncryption' });
    await expect(writer.write(query, { path: path(), encryption: 'SSE_S3' })).rejects.toMatchObject(
      { code: 'ENCRYPTION_REFUSED' },
    );
    writer.sandbox.fault = undefined;
    await leavesNothing();
  });

  it('tells its progress until then', async () => {
    const told: WritebackProgress[] = [];
    const written = await writer.write(
      query,
      { path: 'progress' },
      { onProgress: (progress) => told.push(progress) },
    );
    expect(written.rows).toBe(250_000);
    expect(told.length).toBeGreaterThan(0);
    const rows = told.map((progress) => progress.rows);
    const bytes = told.map((progress) => progress.bytes);
    expect(rows).toEqual([...rows].sort((a, b) => a - b));
    expect(bytes).toEqual([...bytes].sort((a, b) => a - b));
    expect(rows.at(-1)).toBeLessThanOrEqual(written.rows);
    expect(bytes.at(-1)).toBeLessThanOrEqual(written.bytes);
  });
});

describe('a divided result', () => {
  let writer: Writer;
  let query: Query;
  beforeAll(async () => {
    writer = await startWriter();
    query = await writer.table(
      'parts',
      sql`select cast(i as integer) as id, md5(cast(i as varchar)) as text from range(100000) as r(i)`,
      columns,
    );
  });
  afterAll(() => writer.end());
  const below = async (path: string) =>
    (await writer.keys()).filter((key) => key.startsWith(`${path}/`));

  it('names the objects that a failed run leaves, has no manifest then, and is whole when the run is repeated', async () => {
    await writer.sandbox.putObject('acme', 'd1/x-00003.csv', 'of somebody else');
    const destination = { path: 'd1', maxFileBytes: 2 ** 20 };
    const left = ['d1/x-00001.csv', 'd1/x-00002.csv'];
    const failed = writer.write(query, destination);
    await expect(failed).rejects.toMatchObject({
      code: 'OBJECT_EXISTS',
      details: { written: left, writtenCount: 2 },
    });
    expect(await below('d1')).toEqual([...left, 'd1/x-00003.csv']);
    expect(String(await writer.read('d1/x-00003.csv'))).toBe('of somebody else');
    // Another run may not touch them.
    await expect(writer.write(query, destination, { runId: 'run-2' })).rejects.toMatchObject({
      code: 'OBJECT_EXISTS',
      details: { key: 'd1/x-00001.csv' },
    });
    expect((await writer.bucket.metadataOf('d1/x-00001.csv'))?.metadata).toEqual({
      'bucketql-run': 'run-1',
      'bucketql-dataset': 'things',
      'bucketql-generation': 'g-1',
    });
    await writer.write(query, { ...destination, path: 'd2' });
    const before = await below('d2');
    // The same run once more, as after a crash: its own objects are no obstacle.
    const again = await writer.write({ ...query, limit: 60_000 } as Query, {
      ...destination,
      path: 'd2',
    });
    expect(again.rows).toBe(60_000);
    expect(await below('d2')).toEqual(before);
    const manifest = JSON.parse(String(await writer.read('d2/_x.manifest.json'))) as {
      rows: number;
      objects: { key: string }[];
    };
    expect(manifest.rows).toBe(60_000);
    expect(manifest.objects.map(({ key }) => key)).toEqual(again.objects.map(({ key }) => key));
    expect(manifest.objects.length).toBeLessThan(before.length - 1);
  });

  it('names what it leaves when the engine fails, too', async () => {
    await writer.engine.transaction((session) =>
      session.run(
        sql`create view broken as select id, case when id = 90000 then error('the statement broke') else text end as text from parts`,
      ),
    );
    const broken: Query = { ...query, from: { ...query.from, segments: [{ table: 'broken' }] } };
    const error: unknown = await writer
      .write(broken, { path: 'd6', maxFileBytes: 2 ** 20 })
      .catch((reason: unknown) => reason);
    const left = await below('d6');
    expect(left).not.toEqual([]);
    expect(error).toMatchObject({
      code: 'INTERNAL',
      details: { written: left, writtenCount: left.length },
    });
  });

  it('may be tried again when S3 does not say whose an object is', async () => {
    const destination = { path: 'd7', maxFileBytes: 2 ** 20 };
    await writer.write(query, destination);
    writer.sandbox.fault = ({ operation }) =>
      operation === 'HeadObject' ? { kind: 'status', status: 503, code: 'SlowDown' } : undefined;
    await expect(writer.write(query, destination)).rejects.toMatchObject({ retryable: true });
    writer.sandbox.fault = undefined;
    expect((await writer.write(query, destination)).rows).toBe(100_000);
  });

  it('is refused before its first file when the manifest’s name is taken', async () => {
    await writer.sandbox.putObject('acme', 'd3/_x.manifest.json', '{}');
    await expect(
      writer.write(query, { path: 'd3', partitionBy: ['id'], maxFileBytes: 2 ** 20 }),
    ).rejects.toMatchObject({ code: 'OBJECT_EXISTS', details: { key: 'd3/_x.manifest.json' } });
    expect(await below('d3')).toEqual(['d3/_x.manifest.json']);
  });

  it('carries what the destination and the job say', async () => {
    const key = Buffer.alloc(32, 3);
    await writer.write(
      query,
      {
        path: 'd4',
        maxFileBytes: 2 ** 20,
        encryption: 'SSE_C',
        encryptionKey: key.toString('base64'),
        tags: { team: 'sales' },
      },
      { metadata: { 'bucketql-delivery': 'd-1' } },
    );
    for (const name of ['x-00001.csv', '_x.manifest.json']) {
      const found = await writer.bucket.metadataOf(`d4/${name}`, { kind: 'SSE_C', key });
      expect(found?.metadata).toMatchObject({
        'bucketql-run': 'run-1',
        'bucketql-delivery': 'd-1',
      });
      await expect(writer.bucket.metadataOf(`d4/${name}`)).rejects.toThrow();
    }
  });

  it('needs no right but to write, unless it is repeated', async () => {
    const bucket = writer.bucketFor('s3:PutObject');
    const destination = { path: 'd5', maxFileBytes: 2 ** 20 };
    try {
      const written = await writer.write(query, destination, { bucket });
      expect(await below('d5')).toEqual([
        'd5/_x.manifest.json',
        ...written.objects.map(({ key }) => key),
      ]);
      await expect(writer.write(query, destination, { bucket })).rejects.toMatchObject({
        code: 'OBJECT_EXISTS',
      });
      const again = await writer.write(query, { ...destination, overwrite: true }, { bucket });
      expect(again.rows).toBe(written.rows);
    } finally {
      bucket.close();
    }
  });
});
