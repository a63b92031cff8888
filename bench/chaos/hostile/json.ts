import { imported, refused, rejected, type HostileCase, type Outcome } from './hostile-case.js';
import { numbered, repeated, together, write, type Pieces } from './writing.js';

const million = 1_000_000;
const records = 1_000_000;
const deep: readonly Outcome[] = [refused('NESTED_TOO_DEEP')];
const filler = 'some words that fill a record '.repeat(15);

/** Documents that are deep, long, broken or poisoned. */
export const json: readonly HostileCase[] = [
  ...[300_000, 50 * million].flatMap((depth) => [
    document(`json-lists-${depth}-deep`, () => repeated('[', depth), deep),
    document(`json-objects-${depth}-deep`, () => repeated('{"a":', depth / 5), deep),
  ]),
  document(
    'json-lists-closed',
    () => together(repeated('[', 150_000), repeated(']', 150_000)),
    deep,
  ),
  document('json-deep-field', () => together('[{"id":1,"a":', repeated('[', 300_000)), deep),
  document(
    'json-unclosed-string-200-mb',
    () => together('[{"id":1,"a":"', repeated('x', 200 * million)),
    [refused('CELL_TOO_LONG', 'MALFORMED_FILE')],
  ),
  document('json-key-of-100-mb', () => together('[{"', repeated('k', 100 * million), '":1}]'), [
    refused('CELL_TOO_LONG', 'DOCUMENT_TOO_LARGE'),
  ]),
  document(
    'json-million-keys',
    () =>
      together(
        '[{',
        numbered(million, (n) => `"k${n}":${n},`),
        '"z":1}]',
      ),
    [refused('TOO_MANY_COLUMNS')],
  ),
  document(
    'json-million-keys-over-records',
    () =>
      together(
        '[',
        numbered(million, (n) => `{"k${n}":${n}},`),
        '{"z":1}]',
      ),
    [refused('TOO_MANY_COLUMNS')],
  ),
  {
    ...document(
      'json-numbers-of-a-million-digits',
      () =>
        together(
          '[',
          numbered(5, (n) => `{"id":${n},"n":${'9'.repeat(million)}},`),
          '{"id":5,"n":1}]',
        ),
      [imported(6)],
    ),
    truth: {
      query: '{ hostileAggregate { count } }',
      answer: { hostileAggregate: { count: '6' } },
    },
  },
  document('json-number-1e999999999', () => ['[{"a":1e999999999},{"a":-1e999999999}]'], [
    imported(2),
  ]),
  {
    ...document(
      'json-poisoned-keys',
      () => [
        '[{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"__typename":"T","toString":3,"hasOwnProperty":4,"id":5}]',
      ],
      [imported(1)],
    ),
    truth: { query: '{ hostile { id } }', answer: { hostile: [{ id: 5 }] } },
  },
  document(
    'json-invalid-utf-8',
    () => [Buffer.from('[{"a":"good"},{"a":"bad \xff\xfe"},{"a":"good"}]', 'latin1')],
    [rejected(1, 2), refused('INVALID_ENCODING', 'MALFORMED_FILE')],
  ),
  document('json-lone-surrogates', () => ['[{"a":"\\ud800"},{"a":"\\udc00x"},{"a":"x"}]'], [
    imported(3),
    rejected(2, 1),
    refused('MALFORMED_FILE', 'INVALID_ENCODING'),
  ]),
  document('json-nul-escapes', () => ['[{"a":"x\\u0000y"},{"a":"x"},{"\\u0000":1}]'], [
    rejected(1, 2),
    imported(3),
  ]),
  document('json-nul-bytes', () => ['[{"a":1},\0{"a":2}]'], [
    refused('MALFORMED_FILE', 'INVALID_ENCODING'),
  ]),
  {
    ...document(
      'json-array-of-500-mb-in-one-line',
      () =>
        together(
          '[',
          numbered(records, (n) => `{"id":${n},"name":"name ${n % 1000}","text":"${filler}"},`),
          `{"id":${records},"name":"last","text":null}]`,
        ),
      [imported(records + 1)],
    ),
    // Good records, which the engine keeps once they are loaded.
    mostMB: 700,
    truth: {
      query: '{ hostileAggregate { count max { id } } }',
      answer: { hostileAggregate: { count: String(records + 1), max: { id: records } } },
    },
  },
  {
    ...document(
      'json-cross-product',
      () => together('[{"id":1,"a":[', list(10_000), '],"b":[', list(10_000), ']}]'),
      [imported(20_000), refused('DOCUMENT_TOO_LARGE', 'SPOOL_FULL', 'INVALID_OPTIONS')],
    ),
    format: { type: 'JSON', json: { flatten: ['a', 'b'] } },
  },
  document('json-duplicate-keys', () => ['[{"a":1,"a":2,"a":3},{"a":4}]'], [
    imported(2),
    rejected(1, 1),
    refused('MALFORMED_FILE'),
  ]),
  document(
    'json-record-of-200-mb',
    () => together('[{"a":[', repeated('1,', 100 * million), '1]}]'),
    [refused('CELL_TOO_LONG', 'DOCUMENT_TOO_LARGE')],
  ),
  document('json-truncated', () => ['[{"a":1},{"a":2},{"a"'], [
    refused('MALFORMED_FILE'),
    rejected(1, 2),
  ]),
];

function document(name: string, pieces: () => Pieces, outcomes: readonly Outcome[]): HostileCase {
  return {
    name,
    file: 'a.json',
    make: (path) => write(path, pieces()),
    format: { type: 'JSON' },
    outcomes,
  };
}

function list(count: number): Pieces {
  return [Array.from({ length: count }, (_, n) => n).join(',')];
}
