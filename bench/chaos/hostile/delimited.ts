import { seeded } from '../../harness/measure.js';
import { imported, refused, rejected, type HostileCase, type Outcome } from './hostile-case.js';
import { numbered, repeated, together, write, type Pieces } from './writing.js';

const million = 1_000_000;
const tallRows = 3_000_000;
const tallRow = (n: number) => `${n},${String(n).repeat(12).padEnd(88, 'abcdefgh')}\n`;

/** Texts with quotes that never close, lines that never end, too many columns and bytes that are no text. */
export const delimited: readonly HostileCase[] = [
  text(
    'csv-unclosed-quote-over-400000-lines',
    () =>
      together(
        'id,name\n1,good\n2,"bad\n',
        numbered(400_000, (n) => `${n + 3},name ${n}\n`),
      ),
    [rejected(1, 400_001)],
  ),
  {
    ...text(
      'csv-unclosed-quote-in-the-last-row-of-300-mb',
      () => together('id,name\n', numbered(tallRows, tallRow), `${tallRows},"never closed\n`),
      [rejected(1, tallRows)],
    ),
    // The good rows before it are loaded while the rest arrives: it is what 300 MB of CSV take, 340 to 520 MB as a rule.
    mostMB: 900,
  },
  text('csv-line-of-100-mb', () => together('id,name\n1,', repeated('x', 100 * million)), [
    rejected(1, 0),
    refused('CELL_TOO_LONG', 'NOT_DELIMITED_TEXT'),
  ]),
  text(
    'csv-line-of-100-mb-between-rows',
    () => together('id,name\n0,a\n1,', repeated('x', 100 * million), '\n2,b\n'),
    [rejected(1, 2), refused('CELL_TOO_LONG')],
  ),
  text('csv-header-of-100-mb', () => repeated('x', 100 * million), [
    refused('CELL_TOO_LONG', 'NOT_DELIMITED_TEXT'),
  ]),
  text(
    'csv-quoted-cell-of-100-mb',
    () => together('id,name\n0,good\n1,"', repeated('x\n', 50 * million), '"\n2,good\n'),
    [rejected(1, 2), refused('CELL_TOO_LONG')],
  ),
  text('csv-10000-columns', () => columns(10_000), [refused('TOO_MANY_COLUMNS')]),
  text('csv-1000000-columns', () => columns(million), [
    refused('TOO_MANY_COLUMNS', 'NOT_DELIMITED_TEXT'),
  ]),
  text(
    'csv-row-of-1000000-fields',
    () => together('id,name\n1,a\n', repeated('7,', million), '7\n2,b\n'),
    [rejected(1, 2)],
  ),
  text('csv-nul-bytes', () => ['id,name\n1,a\n2,b\0c\n3,d\n'], [
    rejected(1, 2),
    refused('NOT_DELIMITED_TEXT'),
  ]),
  text(
    'csv-nul-bytes-late',
    () =>
      together(
        'id,name\n',
        numbered(200_000, (n) => `${n},name\n`),
        '2,b\0c\n',
      ),
    [rejected(1, 200_000)],
  ),
  text(
    'csv-mixed-encodings',
    () => [
      'id,name\n1,caf\u00e9\n',
      Buffer.from('2,caf\u00e9\n3,na\u00efve\n', 'latin1'),
      '4,na\u00efve\n',
    ],
    [rejected(2, 2)],
  ),
  text(
    'csv-mixed-encodings-late',
    () =>
      together(
        'id,name\n',
        numbered(200_000, (n) => `${n},caf\u00e9\n`),
        Buffer.from('2,caf\u00e9\n', 'latin1'),
      ),
    [rejected(1, 200_000)],
  ),
  {
    ...text(
      'csv-poisoned-headers',
      () => [
        `__proto__,constructor,__typename,"id; DROP TABLE datasets; --","""a"" or 1=1",toString,true,,\u202e,\ud83d\udca9\n1,2,3,4,5,6,7,8,9,10\n`,
      ],
      [imported(1)],
    ),
    truth: {
      query: '{ hostileAggregate { count } dataset(name: "hostile") { rowCount } }',
      answer: { hostileAggregate: { count: '1' }, dataset: { rowCount: '1' } },
    },
  },
  text('csv-utf-16-without-mark', () => [Buffer.from('id,name\n1,caf\u00e9\n2,b\n', 'utf16le')], [
    imported(2),
    refused('NOT_DELIMITED_TEXT', 'INVALID_ENCODING'),
  ]),
  text(
    'csv-5000000-empty-lines',
    () => together('id,name\n', repeated('\n', 5 * million), '1,a\n'),
    [imported(1)],
  ),
  text('csv-random-bytes', () => randomBytes(4 * million), [refused('NOT_DELIMITED_TEXT')]),
  text(
    'csv-random-bytes-after-rows',
    () =>
      together(
        'id,name\n',
        numbered(200_000, (n) => `${n},name\n`),
        randomBytes(million),
      ),
    [refused('TOO_MANY_REJECTED_ROWS', 'INVALID_VALUE', 'MALFORMED_ROW')],
  ),
  text('csv-only-quotes', () => repeated('"', 10 * million), [
    imported(0),
    refused('NOT_DELIMITED_TEXT', 'CELL_TOO_LONG', 'MALFORMED_ROW'),
    rejected(1, 0),
  ]),
  text('csv-only-delimiters', () => repeated(',', 10 * million), [
    refused('TOO_MANY_COLUMNS', 'NOT_DELIMITED_TEXT'),
  ]),
];

function text(name: string, pieces: () => Pieces, outcomes: readonly Outcome[]): HostileCase {
  return {
    name,
    file: 'a.csv',
    make: (path) => write(path, pieces()),
    format: { type: 'CSV' },
    outcomes,
  };
}

function columns(count: number): Pieces {
  return together(
    numbered(count, (n) => (n === 0 ? 'c0' : `,c${n}`)),
    '\n',
    repeated('1,', count - 1),
    '1\n',
  );
}

function* randomBytes(count: number): Generator<Buffer> {
  const random = seeded(3);
  yield Buffer.from(Uint8Array.from({ length: count }, () => Math.floor(random() * 256)));
}
