import { describe, expect, it } from '@jest/globals';
import type { AppError } from '../../src/errors.js';
import { checkPartitions, encryptionOf, parseDestination } from '../../src/pipeline/destination.js';
import { objectKey } from '../../src/pipeline/object-names.js';
import type { Query } from '../../src/query/query.js';

const facts = {
  prefix: 'acme/',
  dataset: 'orders',
  runId: 'r-1',
  // In Auckland it is already the next day.
  now: new Date('2026-03-01T11:30:00Z'),
};
const keyOf = (more: Record<string, unknown>) =>
  objectKey(parseDestination({ connection: 'c', fileName: 'x', format: 'CSV', ...more }), facts);

describe('the key of a written object', () => {
  it.each([
    [{}, 'acme/x.csv'],
    [{ compression: 'GZIP' }, 'acme/x.csv.gz'],
    [{ format: 'PARQUET' }, 'acme/x.parquet'],
    [{ format: 'NDJSON', fileName: 'x.ndjson' }, 'acme/x.ndjson'],
    [{ extension: 'txt' }, 'acme/x.txt'],
    [{ extension: '' }, 'acme/x'],
    [
      { path: '/out/<dataset>/', fileName: '<current_date>-<run_id>' },
      'acme/out/orders/2026-03-01-r-1.csv',
    ],
    [{ path: '/p//q/' }, 'acme/p/q/x.csv'],
    [{ fileName: '<current_date>', timezone: 'Pacific/Auckland' }, 'acme/2026-03-02.csv'],
    [{ fileName: '<current_date-1>' }, 'acme/2026-02-28.csv'],
    [{ fileName: '<current_date-31>' }, 'acme/2026-01-29.csv'],
  ])('%j is %s', (input, key) => {
    expect(keyOf(input)).toBe(key);
  });

  it.each([
    [{ fileName: '../x' }],
    [{ path: 'a/../b' }],
    [{ fileName: 'a\nb' }],
    [{ fileName: 'x'.repeat(1100) }],
    [{ fileName: '<yesterday>' }],
    [{ fileName: '<run_id-1>' }],
  ])('%j is refused', (input) => {
    expect(() => keyOf(input)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });
});

describe('the delimiter of a written file', () => {
  const delimiterOf = (delimiter: string) =>
    parseDestination({ connection: 'c', fileName: 'x', format: 'CSV', delimiter }).delimiter;

  it.each([',', ';', '\t', '|', ' ', 'a', '\\', "'", '\u0001', '\u007f'])(
    'can be %j',
    (delimiter) => {
      expect(delimiterOf(delimiter)).toBe(delimiter);
    },
  );

  // The engine counts bytes: one above 127 would end the database under everybody.
  it.each(['§', 'é', '\u0080', '€', '\ud83e', '🦆', '', ';;', '"', '\n', '\r', '\0'])(
    'cannot be %j',
    (delimiter) => {
      expect(() => delimiterOf(delimiter)).toThrow(
        expect.objectContaining({
          code: 'INVALID_INPUT',
          message: expect.stringMatching(/delimiter.*must be one ASCII character/) as unknown,
        }),
      );
    },
  );
});

describe('a destination', () => {
  const given = (more: Record<string, unknown>) =>
    parseDestination({ connection: 'c', fileName: 'x', format: 'CSV', ...more });
  const key = Buffer.alloc(32, 7).toString('base64');

  it.each([
    [{ format: 'PARQUET', delimiter: ';' }, 'delimiter'],
    [{ format: 'TSV', delimiter: ';' }, 'delimiter'],
    [{ format: 'JSON', header: false }, 'header'],
    [{ format: 'NDJSON', escapeFormulas: true }, 'escapeFormulas'],
    [{ rootElement: 'orders' }, 'rootElement'],
    [{ format: 'XLSX', rowElement: 'order' }, 'rowElement'],
    [{ sheetName: 'Orders' }, 'sheetName'],
    [{ format: 'PARQUET', compression: 'ZSTD' }, 'compression'],
    [{ format: 'XLSX', compression: 'ZIP' }, 'compression'],
    [{ format: 'XLSX', maxFileBytes: 2_000_000 }, 'maxFileBytes'],
    [{ maxFileBytes: 1_048_575 }, 'maxFileBytes'],
    [{ maxFileBytes: -1n }, 'maxFileBytes'],
    [{ maxFileBytes: '1e9' }, 'maxFileBytes'],
    [{ maxFileBytes: 2n ** 62n }, 'maxFileBytes'],
    [{ encryption: 'SSE_C' }, 'encryptionKey'],
    [{ encryption: 'SSE_C', encryptionKey: 'c2hvcnQ=' }, 'encryptionKey'],
    [{ encryption: 'SSE_C', encryptionKey: `${key} ` }, 'encryptionKey'],
    [{ encryption: 'SSE_S3', encryptionKey: key }, 'encryptionKey'],
    [{ kmsKeyId: 'alias/k' }, 'kmsKeyId'],
    [{ encryption: 'SSE_C', encryptionKey: key, kmsKeyId: 'alias/k' }, 'kmsKeyId'],
    [{ encryption: 'AES256' }, 'encryption'],
    [{ storageClass: 'standard' }, 'storageClass'],
    [{ tags: { team: 7 } }, 'tags.team'],
    [{ tags: ['a'] }, 'tags'],
    [{ tags: { 'aws:x': 'y' } }, 'Tag "aws:x"'],
    [{ partitionBy: ['a', 'a'] }, 'partitionBy'],
    [{ format: 'XML', rootElement: 'a b' }, 'rootElement'],
    [{ format: 'XML', rowElement: 'xmlish' }, 'rowElement'],
    [{ format: 'XLSX', sheetName: 'a/b' }, 'sheetName'],
    [{ format: 'XLSX', sheetName: 'History' }, 'sheetName'],
    [{ format: 'XLSX', sheetName: 'x'.repeat(32) }, 'sheetName'],
    [{ extension: 'a/b' }, 'extension'],
  ])('is refused as %j, naming %s', (more, named) => {
    expect(() => given(more)).toThrow(
      expect.objectContaining({
        code: 'INVALID_INPUT',
        message: expect.stringContaining(named) as unknown,
      }),
    );
  });

  it('never shows the key in what refuses it', () => {
    const secret = Buffer.alloc(31, 'secret').toString('base64');
    for (const more of [{ encryption: 'SSE_C' }, {}, { encryption: 'SSE_KMS' }]) {
      try {
        given({ ...more, encryptionKey: secret });
      } catch (error) {
        const { message, details } = error as AppError;
        expect(message + JSON.stringify(details)).not.toContain(secret);
      }
    }
    expect.assertions(3);
  });

  it('passes again as it was understood', () => {
    for (const more of [
      { format: 'XLSX', sheetName: 'Orders of 2026' },
      { format: 'TSV', delimiter: '\t', escapeFormulas: true },
      { format: 'XML', rootElement: 'Bestellungen', rowElement: 'größe' },
      { encryption: 'SSE_C', encryptionKey: key },
      { encryption: 'SSE_KMS', kmsKeyId: 'alias/k', maxFileBytes: 5_000_000n },
      { tags: { team: 'x y' }, storageClass: 'STANDARD_IA', partitionBy: ['region'] },
    ]) {
      const once = given(more);
      expect(parseDestination(JSON.parse(JSON.stringify(once)))).toEqual(once);
    }
  });

  it('escapes formulas where that changes no value, unless told', () => {
    expect(given({ format: 'XLSX' }).escapeFormulas).toBe(true);
    expect(given({ format: 'XLSX', escapeFormulas: false }).escapeFormulas).toBe(false);
    expect(given({}).escapeFormulas).toBe(false);
    expect(given({ escapeFormulas: true }).escapeFormulas).toBe(true);
  });

  it('gives the bucket its encryption as bytes', () => {
    expect(encryptionOf(given({ encryption: 'SSE_C', encryptionKey: key }))).toEqual({
      kind: 'SSE_C',
      key: Buffer.alloc(32, 7),
    });
    expect(encryptionOf(given({ encryption: 'SSE_KMS' }))).toEqual({ kind: 'SSE_KMS' });
    expect(encryptionOf(given({}))).toBeUndefined();
  });
});

describe('partitionBy', () => {
  const columns = ['region', 'year'].map((name) => ({
    name,
    source: name,
    type: 'STRING' as const,
    nullable: true,
  }));
  const query: Query = {
    kind: 'rows',
    from: { segments: [{ table: 't' }], columns },
    columns: ['region', 'year'],
    orderBy: [],
  };
  const check = (partitionBy: string[]) => () =>
    checkPartitions(
      parseDestination({ connection: 'c', fileName: 'x', format: 'CSV', partitionBy }),
      query,
    );

  it('names columns of the result, and leaves one', () => {
    expect(check(['region'])).not.toThrow();
    expect(check(['Region'])).toThrow(expect.objectContaining({ code: 'COLUMN_NOT_FOUND' }));
    expect(check(['region', 'year'])).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });
});
