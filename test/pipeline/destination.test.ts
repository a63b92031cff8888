import { describe, expect, it } from '@jest/globals';
import { objectKey, parseDestination } from '../../src/pipeline/destination.js';

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
