import { gzipSync } from 'node:zlib';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { importAgain, importCsv, startTestService, type TestService } from './support/service.js';

describe('imports', () => {
  let service: TestService;
  let connection: string;
  beforeAll(async () => {
    service = await startTestService();
    connection = await service.connect('acme-in');
  });
  afterAll(() => service.close());

  const put = (key: string, body: string | Buffer) =>
    service.sandbox.putObject(service.bucket, key, body);
  const names = (() => {
    let n = 0;
    return () => `d${++n}`;
  })();

  it('makes one typed table of every object under the prefix, plain and gzip, in key order', async () => {
    await put(
      'typed/b.csv.gz',
      gzipSync('id,amount,day,zip,note\n3,10.125,30/01/2018,00501,"x, ""y"""\n'),
    );
    await put(
      'typed/a.csv',
      'id,amount,day,zip,note\n1,1.50,28/01/2018,00501,\n2,2.25,29/01/2018,00502,ü\n',
    );
    const name = names();
    const run = await importCsv(service, {
      name,
      connection,
      selection: { prefix: 'typed/' },
      dateColumnsSpec: 'day:dd/MM/yyyy',
      excludeFields: ['amount'],
      addFileNameColumn: true,
    });
    expect(run).toMatchObject({
      status: 'SUCCEEDED',
      filesTotal: 2,
      filesDone: 2,
      rowsAdded: '3',
      error: null,
    });
    const data = await service.data(
      `{ dataset(name: "${name}") { rowCount fileCount columns { name source type nullable } }
         ${name} { id day zip note _BATCH_FILE_NAME_ } }`,
    );
    expect(data).toEqual({
      dataset: {
        rowCount: '3',
        fileCount: 2,
        columns: [
          { name: 'id', source: 'id', type: 'INTEGER', nullable: true },
          { name: 'day', source: 'day', type: 'DATE', nullable: true },
          { name: 'zip', source: 'zip', type: 'STRING', nullable: true },
          { name: 'note', source: 'note', type: 'STRING', nullable: true },
          {
            name: '_BATCH_FILE_NAME_',
            source: '_BATCH_FILE_NAME_',
            type: 'STRING',
            nullable: false,
          },
        ],
      },
      [name]: [
        { id: 1, day: '2018-01-28', zip: '00501', note: null, _BATCH_FILE_NAME_: 'typed/a.csv' },
        { id: 2, day: '2018-01-29', zip: '00502', note: 'ü', _BATCH_FILE_NAME_: 'typed/a.csv' },
        {
          id: 3,
          day: '2018-01-30',
          zip: '00501',
          note: 'x, "y"',
          _BATCH_FILE_NAME_: 'typed/b.csv.gz',
        },
      ],
    });
  });

  it('infers types over all files: a later value widens what the first files suggested', async () => {
    const many = Array.from({ length: 30 }, (_, i) => `${i},${i},${i}`).join('\n');
    await put('widen/1.csv', `a,b,c\n${many}\n`);
    await put('widen/2.csv', `a,b,c\n9007199254740993,1.25,007\n`);
    await put('widen/3.csv', `a,b,c,d\n5,5,5,extra\n`);
    const name = names();
    const run = await importCsv(service, { name, connection, selection: { prefix: 'widen/' } });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '32' });
    const data = await service.data(
      `{ dataset(name: "${name}") { columns { name type } } ${name}(offset: 30) { a b c d } }`,
    );
    expect(data).toEqual({
      dataset: {
        columns: [
          { name: 'a', type: 'BIGINT' },
          { name: 'b', type: 'DECIMAL' },
          { name: 'c', type: 'STRING' },
          { name: 'd', type: 'STRING' },
        ],
      },
      [name]: [
        { a: '9007199254740993', b: '1.25', c: '007', d: null },
        { a: '5', b: '5.00', c: '5', d: 'extra' },
      ],
    });
  });

  it('infers types over all files: columns that are empty at first are what their later values are', async () => {
    const none = Array.from({ length: 25_000 }, (_, i) => `${i},,,,`).join('\n');
    await put('late/1.csv', `id,whole,amount,text,empty\n${none}\n`);
    await put('late/2.csv', `id,whole,amount,text,empty\n7,1,2.50,x,\n8,,,,\n`);
    for (const [updateMode, prefix] of [
      ['REPLACE', 'late/'],
      ['APPEND', 'late/'],
      ['REPLACE', 'late/2'],
    ]) {
      const name = names();
      const run = await importCsv(service, { name, connection, selection: { prefix }, updateMode });
      expect(run).toMatchObject({ status: 'SUCCEEDED', warnings: [] });
      const { dataset, found } = await service.data<{ dataset: unknown; found: unknown }>(
        `{ dataset(name: "${name}") { columns { name type } }
          found: ${name}(where: { whole: { eq: 1 } }) { id whole amount text empty } }`,
      );
      expect(dataset).toEqual({
        columns: [
          { name: 'id', type: 'INTEGER' },
          { name: 'whole', type: 'INTEGER' },
          { name: 'amount', type: 'DECIMAL' },
          { name: 'text', type: 'STRING' },
          { name: 'empty', type: 'STRING' },
        ],
      });
      expect(found).toEqual([{ id: 7, whole: 1, amount: '2.50', text: 'x', empty: null }]);
    }
  });

  it('sets rows aside that do not fit a date pattern, with file and line, and keeps the rest', async () => {
    await put('dates/x.csv', 'id,day\n1,01-02-2020\n2,"31-02-2020"\n3,03-02-2020\n4,2020-02-04\n');
    const name = names();
    const input = {
      connection,
      selection: { prefix: 'dates/' },
      dateColumns: [{ column: 'day', format: 'dd-MM-yyyy' }],
    };
    const run = await importCsv(service, { name, ...input });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '2', rowsRejected: '2' });
    const { dataset } = await service.data(
      `{ dataset(name: "${name}") { rejectedRows { file line column value reason raw } } }`,
    );
    expect(dataset).toEqual({
      rejectedRows: [
        expect.objectContaining({
          file: 'dates/x.csv',
          line: '3',
          column: 'day',
          value: '31-02-2020',
        }),
        expect.objectContaining({
          file: 'dates/x.csv',
          line: '5',
          column: 'day',
          value: '2020-02-04',
          raw: '4,2020-02-04',
        }),
      ],
    });

    const strict = names();
    const failed = await importCsv(service, { name: strict, ...input, badRows: 'FAIL' });
    expect(failed).toMatchObject({
      status: 'FAILED',
      error: {
        code: 'INVALID_VALUE',
        retryable: false,
        details: { file: 'dates/x.csv', line: 3, column: 'day', value: '31-02-2020' },
      },
    });
    expect(failed.error?.message).toMatch(/dd-MM-yyyy/);
  });

  it('fails when no row at all is good, and says what is wrong with the first', async () => {
    await put('wrong/x.csv', 'id,day\n1,01-02-2020\n2,03-02-2020\n');
    const run = await importCsv(service, {
      name: names(),
      connection,
      selection: { prefix: 'wrong/' },
      dateColumns: [{ column: 'day', format: 'yyyy-MM-dd' }],
    });
    expect(run).toMatchObject({
      status: 'FAILED',
      error: {
        code: 'INVALID_VALUE',
        details: { file: 'wrong/x.csv', line: 2, column: 'day', value: '01-02-2020' },
      },
    });
    expect(run.error?.message).toMatch(/wrong\/x\.csv line 2.*yyyy-MM-dd/);
  });

  describe('that fail', () => {
    let name: string;
    beforeAll(async () => {
      name = names();
      await put('good/1.csv', 'id,v\n1,one\n2,two\n');
      const run = await importCsv(service, { name, connection, selection: { prefix: 'good/' } });
      expect(run.status).toBe('SUCCEEDED');
    });

    const expectTableStays = async () => {
      const data = await service.data(`{ dataset(name: "${name}") { rowCount } ${name} { id v } }`);
      expect(data).toEqual({
        dataset: { rowCount: '2' },
        [name]: [
          { id: 1, v: 'one' },
          { id: 2, v: 'two' },
        ],
      });
      expect(readdirSync(join(service.dataDir, 'spool'))).toEqual([]);
    };

    it.each([
      [
        'a truncated gzip',
        'good/2.csv.gz',
        gzipSync('id,v\n3,three\n'.repeat(500)).subarray(0, -30),
        'CORRUPT_COMPRESSION',
        /good\/2\.csv\.gz.*truncated or damaged/,
      ],
      [
        'a gzip with a wrong checksum',
        'good/2.csv.gz',
        wrongChecksum(gzipSync('id,v\n3,three\n')),
        'CORRUPT_COMPRESSION',
        /good\/2\.csv\.gz/,
      ],
      [
        'a file that is not CSV',
        'good/2.csv',
        Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'),
        'NOT_DELIMITED_TEXT',
        /good\/2\.csv/,
      ],
      [
        'a quote in the header that is never closed',
        'good/2.csv',
        'id,"v\n3,three\n4,four\n',
        'MALFORMED_ROW',
        /good\/2\.csv.*line 1/,
      ],
      [
        'bytes that are no UTF-8',
        'good/2.csv',
        Buffer.from('id,v\n3,caf\xe9\n', 'latin1'),
        'INVALID_ENCODING',
        /good\/2\.csv/,
      ],
    ])(
      'because of %s name the object and leave the last table as it was',
      async (_, key, body, code, message) => {
        await put(key, body);
        try {
          const run = await importAgain(service, name);
          expect(run).toMatchObject({
            status: 'FAILED',
            error: { code, retryable: false, details: { file: key } },
          });
          expect(run.error?.message).toMatch(message);
          await expectTableStays();
        } finally {
          await service.remove(key);
        }
      },
    );

    it('because nothing matches say so', async () => {
      const empty = names();
      const run = await importCsv(service, {
        name: empty,
        connection,
        selection: { prefix: 'nothing/' },
      });
      expect(run).toMatchObject({
        status: 'FAILED',
        error: { code: 'NO_OBJECTS', retryable: false },
      });
      expect(run.error?.message).toContain('nothing/');
      const none = names();
      const unmatched = await importCsv(service, {
        name: none,
        connection,
        selection: { prefix: 'good/', fileName: 'zzz', fileNameMatch: 'CONTAINS' },
      });
      expect(unmatched.error?.code).toBe('NO_OBJECTS');
    });

    it('because a named column is missing list the columns there are', async () => {
      const missing = names();
      const run = await importCsv(service, {
        name: missing,
        connection,
        selection: { prefix: 'good/' },
        excludeFields: ['nope'],
      });
      expect(run).toMatchObject({
        status: 'FAILED',
        error: { code: 'COLUMN_NOT_FOUND', details: { columns: ['id', 'v'] } },
      });
    });

    it('because a column differs between files, with schemaDrift FAIL, name file and column', async () => {
      const drift = names();
      const run = await importCsv(service, {
        name: drift,
        connection,
        selection: { prefix: 'widen/' },
        schemaDrift: 'FAIL',
      });
      expect(run).toMatchObject({
        status: 'FAILED',
        error: { code: 'SCHEMA_DRIFT', details: { file: 'widen/3.csv', column: 'd' } },
      });
    });
  });

  it('finds a named column that only a later object has, in previews too', async () => {
    await put('later/a.csv', 'id\n1\n');
    await put('later/b.csv', 'id,extra,note\n2,x,y\n');
    const name = names();
    const input = { name, connection, selection: { prefix: 'later/' }, excludeFields: ['extra'] };
    const { previewDataset } = await service.data<{ previewDataset: { rows: unknown[] } }>(
      `query ($input: DatasetInput!) { previewDataset(input: $input) { rows } }`,
      { input: { ...input, format: { type: 'CSV' } } },
    );
    const rows = [
      { id: 1, note: null },
      { id: 2, note: 'y' },
    ];
    expect(previewDataset.rows).toEqual(rows);
    expect(await importCsv(service, input)).toMatchObject({ status: 'SUCCEEDED' });
    expect(await service.data(`{ ${name} { id note } }`)).toEqual({ [name]: rows });
  });

  it('adds and removes fields in the live schema as imports change the columns', async () => {
    await put('live/1.csv', 'a\n1\n');
    const name = names();
    await importCsv(service, { name, connection, selection: { prefix: 'live/' } });
    await put('live/1.csv', 'b\nx\n');
    await importAgain(service, name);
    expect(await service.data(`{ ${name} { b } }`)).toEqual({ [name]: [{ b: 'x' }] });
    const gone = await service.ask(`{ ${name} { a } }`);
    expect(gone.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    await service.data(`mutation { deleteDataset(name: "${name}") }`);
    const deleted = await service.ask(`{ ${name} { b } }`);
    expect(deleted.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  it('moves the fields with a new name, and imports by a new definition only when asked', async () => {
    await put('renamed/1.csv', 'a,b\n1,2\n');
    const name = names();
    const input = { connection, selection: { prefix: 'renamed/' }, format: { type: 'CSV' } };
    await importCsv(service, { name, ...input });
    const next = names();
    await service.data(
      `mutation ($name: String!, $input: DatasetInput!) { updateDataset(name: $name, input: $input) { name } }`,
      { name, input: { ...input, name: next, excludeFields: ['b'] } },
    );
    expect(await service.data(`{ ${next} { a b } }`)).toEqual({ [next]: [{ a: 1, b: 2 }] });
    const gone = await service.ask(`{ ${name} { a } }`);
    expect(gone.errors?.[0]?.extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
    await importAgain(service, next);
    const { dataset } = await service.data<{ dataset: unknown }>(
      `{ dataset(name: "${next}") { columns { name } } }`,
    );
    expect(dataset).toEqual({ columns: [{ name: 'a' }] });
  });

  it('succeeds without fields when every file is empty', async () => {
    await put('empty/1.csv', '');
    const name = names();
    const run = await importCsv(service, { name, connection, selection: { prefix: 'empty/' } });
    expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '0' });
    expect(run.warnings).toEqual([expect.stringContaining('empty/1.csv')]);
    expect(
      await service.data(`{ dataset(name: "${name}") { rowCount columns { name } } }`),
    ).toEqual({
      dataset: { rowCount: '0', columns: [] },
    });
  });

  it('keeps tables, definitions and runs over a restart', async () => {
    await put('stay/1.csv', 'a\n1\n2\n');
    const name = names();
    const run = await importCsv(service, { name, connection, selection: { prefix: 'stay/' } });
    await service.restart();
    const data = await service.data(
      `{ ${name} { a } dataset(name: "${name}") { imports { id status rowsAdded } } connections { name status } }`,
    );
    expect(data).toMatchObject({
      [name]: [{ a: 1 }, { a: 2 }],
      dataset: { imports: [{ id: run.id, status: 'SUCCEEDED', rowsAdded: '2' }] },
    });
  });

  it('reads again what S3 broke off, and gives the exact rows', async () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => `${i},${'x'.repeat(20)}`).join('\n');
    for (const part of [1, 2, 3]) await put(`faults/${part}.csv`, `id,v\n${rows}\n`);
    service.sandbox.fault = ({ operation, attempt }) => {
      if (operation !== 'GetObject') return undefined;
      if (attempt === 1) return { kind: 'cutBody', afterBytes: 100_000 };
      if (attempt === 2) return { kind: 'status', status: 503, code: 'SlowDown' };
      return undefined;
    };
    try {
      const name = names();
      const run = await importCsv(service, { name, connection, selection: { prefix: 'faults/' } });
      expect(run).toMatchObject({ status: 'SUCCEEDED', rowsAdded: '60000', error: null });
    } finally {
      service.sandbox.fault = undefined;
    }
  });

  it('refuses to mix two states of an object that changes between listing and reading', async () => {
    await put('changed/1.csv', 'a\n1\n');
    service.sandbox.fault = ({ operation }) =>
      operation === 'GetObject' ? { kind: 'changedETag' } : undefined;
    try {
      const name = names();
      const run = await importCsv(service, { name, connection, selection: { prefix: 'changed/' } });
      expect(run).toMatchObject({
        status: 'FAILED',
        error: { code: 'OBJECT_CHANGED', retryable: true, details: { file: 'changed/1.csv' } },
      });
    } finally {
      service.sandbox.fault = undefined;
    }
  });

  it('is worth trying again when an object is deleted between listing and reading', async () => {
    await put('deleted/1.csv', 'a\n1\n');
    service.sandbox.fault = ({ operation }) =>
      operation === 'GetObject' ? { kind: 'status', status: 404, code: 'NoSuchKey' } : undefined;
    try {
      const name = names();
      const run = await importCsv(service, { name, connection, selection: { prefix: 'deleted/' } });
      expect(run).toMatchObject({
        status: 'FAILED',
        error: {
          code: 'OBJECT_NOT_FOUND',
          retryable: true,
          message: expect.stringContaining('deleted/1.csv does not exist'),
        },
      });
    } finally {
      service.sandbox.fault = undefined;
    }
  });

  it('can be cancelled while it reads, and leaves nothing behind', async () => {
    await put('slow/1.csv', `a\n${'1\n'.repeat(500_000)}`);
    service.sandbox.fault = ({ operation }) =>
      operation === 'GetObject' ? { kind: 'stall', afterBytes: 1000 } : undefined;
    try {
      const name = names();
      await service.data(
        `mutation ($input: DatasetInput!) { createDataset(input: $input) { id } }`,
        {
          input: { name, connection, selection: { prefix: 'slow/' }, format: { type: 'CSV' } },
        },
      );
      const { importDataset } = await service.data<{ importDataset: { id: string } }>(
        `mutation { importDataset(name: "${name}") { id status } }`,
      );
      expect(await service.data(`mutation { cancelRun(id: "${importDataset.id}") }`)).toEqual({
        cancelRun: true,
      });
      expect(await service.data(`{ importRun(id: "${importDataset.id}") { status } }`)).toEqual({
        importRun: { status: 'CANCELLED' },
      });
      expect(readdirSync(join(service.dataDir, 'spool'))).toEqual([]);
    } finally {
      service.sandbox.fault = undefined;
    }
  });

  it('previews what an import would find without storing anything', async () => {
    await put(
      'preview/1.csv',
      `id;day\n${Array.from({ length: 100_000 }, (_, i) => `${i};28/01/2018`).join('\n')}\n`,
    );
    const { previewDataset } = await service.data(
      `query ($input: DatasetInput!) {
        previewDataset(input: $input, rows: 2) {
          objects { key size } objectCount totalBytes columns { name type } rows detected warnings
        }
      }`,
      {
        input: {
          name: 'anything',
          connection,
          selection: { prefix: 'preview/' },
          format: { type: 'CSV' },
          dateColumnsSpec: 'day:dd/MM/yyyy',
        },
      },
    );
    expect(previewDataset).toMatchObject({
      objects: [{ key: 'preview/1.csv' }],
      objectCount: 1,
      columns: [
        { name: 'id', type: 'INTEGER' },
        { name: 'day', type: 'DATE' },
      ],
      rows: [
        { id: 0, day: '2018-01-28' },
        { id: 1, day: '2018-01-28' },
      ],
      detected: { delimiter: ';' },
      warnings: [],
    });
    expect(await service.data(`{ dataset(name: "anything") { id } }`)).toEqual({ dataset: null });
  });
});

function wrongChecksum(gzip: Buffer): Buffer {
  const changed = Buffer.from(gzip);
  changed.writeUInt32LE((changed.readUInt32LE(changed.length - 8) ^ 1) >>> 0, changed.length - 8);
  return changed;
}
