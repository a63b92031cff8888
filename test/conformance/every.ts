import type { Column } from '../../src/columns.js';
import type { TableDataset } from '../../src/graphql/tables/types.js';
import type { Segment } from '../../src/query/query.js';
import { column } from '../graphql/tables/support.js';
import { randomFrom } from '../support/random.js';

/**
 * The table that the conformance suite asks about: a column of every type, each with the edges of its type, nulls and
 * ties. Values are SQL literals; a test that compares with them writes them once more by hand.
 */
const values = {
  flag: ['true', 'false', 'null'],
  small: ['0', '-2147483648', '2147483647', '-1', '7', '7', 'null'],
  big: [
    '0',
    '-9223372036854775808',
    '9223372036854775807',
    // Neighbours that a double cannot tell apart.
    '9007199254740992',
    '9007199254740993',
    '-1',
    'null',
  ],
  wide: [
    '0',
    '99999999999999999999999999999999999999',
    '-99999999999999999999999999999999999999',
    '12345678901234567890123456789012345678',
    '1',
    'null',
  ],
  exact: [
    '0.000000000',
    '999999999.999999999',
    '-999999999.999999999',
    '0.000000001',
    '-0.000000001',
    '1.5',
    '0.1',
    '0.2',
    'null',
  ],
  rough: [
    `'0.0'`,
    `'-0.0'`,
    `'nan'`,
    `'infinity'`,
    `'-infinity'`,
    '5e-324',
    '1.7976931348623157e308',
    '-2.5',
    '0.1',
    '1e-300',
    'null',
  ],
  words: [
    `''`,
    `'i'`,
    `'I'`,
    // Turkish: capital with a dot, small without.
    `'İ'`,
    `'ı'`,
    `'ß'`,
    `'ẞ'`,
    `'SS'`,
    // The same letter as one character and as two.
    `'é'`,
    `'e' || chr(769)`,
    `'É'`,
    // Behind the surrogates in UTF-16 and before the astral planes in UTF-8.
    `chr(65533)`,
    `'🦆'`,
    `'👩‍👩‍👧'`,
    `'עברית'`,
    `chr(8238) || 'abc'`,
    `' '`,
    `'a'`,
    `'a '`,
    `'A'`,
    `'ab'`,
    `'a%b_c\\d'`,
    `'null'`,
    `'it''s "quoted"'`,
    `chr(0)`,
    `'a' || chr(10) || 'b'`,
    'null',
  ],
  day: [
    `'2024-02-29'`,
    `'0001-01-01'`,
    `'9999-12-31'`,
    `'1900-02-28'`,
    `'2000-02-29'`,
    // A Sunday, a Monday, and weeks that lie in two years.
    `'2024-12-29'`,
    `'2024-12-30'`,
    `'2025-01-01'`,
    `'2023-01-01'`,
    'null',
  ],
  clock: [
    `'12:00:00'`,
    `'00:00:00'`,
    `'23:59:59.999999'`,
    `'12:00:00.000001'`,
    `'12:00:00.5'`,
    'null',
  ],
  local: [
    `'2024-02-29 12:00:00'`,
    `'0001-01-01 00:00:00'`,
    `'9999-12-31 23:59:59.999999'`,
    `'1969-12-31 23:59:59.999999'`,
    // Times that Berlin's clocks skip and show twice: here they are plain.
    `'2024-03-31 02:30:00'`,
    `'2024-10-27 02:30:00'`,
    `'2024-10-27 02:30:00.000001'`,
    'null',
  ],
  moment: [
    `'2024-02-29 12:00:00+00'`,
    `'0001-01-02 00:00:00+00'`,
    `'9999-12-30 23:59:59.999999+00'`,
    // Europe/Berlin: into summer and back.
    `'2024-03-31 00:59:59.999999+00'`,
    `'2024-03-31 01:00:00+00'`,
    `'2024-10-27 00:30:00+00'`,
    `'2024-10-27 01:30:00+00'`,
    // America/New_York.
    `'2024-03-10 06:59:59+00'`,
    `'2024-03-10 07:00:00+00'`,
    `'2024-11-03 05:30:00+00'`,
    `'2024-11-03 06:30:00+00'`,
    // Australia/Lord_Howe: by half an hour.
    `'2024-04-06 14:45:00+00'`,
    `'2024-04-06 15:15:00+00'`,
    `'2024-10-05 15:29:59+00'`,
    `'2024-10-05 15:30:00+00'`,
    // Asia/Kathmandu: from +05:30 to +05:45.
    `'1985-12-31 18:29:59+00'`,
    `'1985-12-31 18:30:00+00'`,
    // Pacific/Apia: 30 December 2011 was not.
    `'2011-12-30 09:59:59+00'`,
    `'2011-12-30 10:00:00+00'`,
    'null',
  ],
  tree: [
    `'{"a": [1, null], "b": {"c": "🦆"}}'`,
    `'[]'`,
    `'"text"'`,
    `'null'`,
    `'12345678901234567890.5'`,
    `'false'`,
    'null',
  ],
} as const;

const types = {
  flag: 'boolean',
  small: 'integer',
  big: 'bigint',
  wide: 'decimal(38, 0)',
  exact: 'decimal(18, 9)',
  rough: 'double',
  words: 'varchar',
  day: 'date',
  clock: 'time',
  local: 'timestamp',
  moment: 'timestamptz',
  tree: 'json',
} as const;

/** A column of the table but its `id`. */
export type EveryColumn = keyof typeof values;

/** All columns but `id`, in order. */
export const everyColumns = Object.keys(values) as readonly EveryColumn[];

export const columns: readonly Column[] = [
  column('id', 'INTEGER', { nullable: false }),
  column('flag', 'BOOLEAN'),
  column('small', 'INTEGER'),
  column('big', 'BIGINT'),
  column('wide', 'DECIMAL', { decimal: { precision: 38, scale: 0 } }),
  column('exact', 'DECIMAL', { decimal: { precision: 18, scale: 9 } }),
  column('rough', 'DOUBLE'),
  column('words', 'STRING'),
  column('day', 'DATE'),
  column('clock', 'TIME'),
  column('local', 'TIMESTAMP'),
  column('moment', 'TIMESTAMP_TZ'),
  column('tree', 'JSON'),
];

/** Every type. */
export const every: TableDataset = {
  name: 'every',
  columns,
  primaryKey: ['id'],
  origin: 's3://acme/every/*.parquet',
};

/** The same columns, no rows. */
export const none: TableDataset = { ...every, name: 'none' };

/** Rows of {@link every}: fewer than the 100 that an answer has where nobody says. */
export const rowCount = 84;

/** Rows in the first of the two segments of the other layout. */
export const firstRows = 37;

/**
 * Makes the tables: `every` as one; its rows in two, the second behind rows that are none of it; `none`. Ids fall while
 * the load goes on, so that no order by accident looks like that of the load.
 */
export function createEvery(): string {
  const random = randomFrom(6);
  const rows = Array.from({ length: rowCount }, (_, row) => {
    const cells = everyColumns.map((name) => {
      const list: readonly string[] = values[name];
      // Every value comes once, then any.
      return `(${list[row] ?? random.pick(list)})::${types[name]}`;
    });
    return `(${rowCount - row}, ${cells.join(', ')})`;
  });
  const names = ['id', ...everyColumns].map((name) => `"${name}"`).join(', ');
  const list = ['id integer', ...everyColumns.map((name) => `"${name}" ${types[name]}`)].join(', ');
  return `
    create table every (${list});
    insert into every (${names}) values ${rows.join(',\n')};
    create table every_first as select * from every limit ${firstRows};
    create table every_rest as select * from every limit 10;
    insert into every_rest select * from every offset ${firstRows};
    create table none as select * from every limit 0;`;
}

/** The rows of {@link every} as two imports would have left them. */
export const everySegments: readonly Segment[] = [
  { table: 'every_first' },
  { table: 'every_rest', range: { first: 10, rows: rowCount - firstRows } },
];

/** Directions and what they are in SQL; ASC_NULLS_LAST and DESC_NULLS_LAST are other names of two. */
export const directions = {
  ASC: 'asc nulls last',
  ASC_NULLS_FIRST: 'asc nulls first',
  DESC: 'desc nulls last',
  DESC_NULLS_FIRST: 'desc nulls first',
} as const;
