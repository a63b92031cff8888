import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { columnTypes, type ColumnType } from '../../src/columns.js';
import { shared } from '../graphql/tables/support.js';
import { openAnswers, type Answers } from './answers.js';
import { createEvery, every, everySegments } from './every.js';

let answers: Answers;
beforeAll(async () => {
  answers = await openAnswers(createEvery(), [{ ...every, segments: everySegments }]);
});
afterAll(() => answers?.close());

/** A filter and the condition that says the same in SQL. */
type Case = readonly [where: string, condition: string];

/** Each filter keeps the rows of its condition, whether the rows stand in one table or in segments. */
async function agree(cases: readonly Case[]): Promise<void> {
  const lists = cases.map(
    ([, condition], index) => `list(id order by rowid) filter (where ${condition}) as c${index}`,
  );
  const [expected] = await answers.truth(`select ${lists.join(', ')} from every`);
  const fields = cases.map(([where], index) => `c${index}: every(where: ${where}) { id }`);
  const layout = cases.length % 2 === 0 ? 'whole' : 'segments';
  const data = await answers.ask(`{ ${fields.join(' ')} }`, { layout });
  const found = cases.map(([where], index) => [
    where,
    (data[`c${index}`] as { id: number }[]).map(({ id }) => id),
  ]);
  expect(found).toEqual(cases.map(([where], index) => [where, expected?.[index] ?? []]));
}

/** The same cases and what they keep out: what is unknown because of a null is in neither. */
function bothWays(cases: readonly Case[]): readonly Case[] {
  return cases.flatMap(([where, condition]): Case[] => [
    [where, condition],
    [`{ _not: ${where} }`, `not (${condition})`],
  ]);
}

const alike = (...texts: string[]): Case[] => texts.map((text) => [text, text]);
const quoted = (...texts: string[]): Case[] =>
  texts.map((text) => [JSON.stringify(text), `'${text.replaceAll("'", "''")}'`]);

/** What the columns are compared with: as GraphQL writes it, and as SQL does. */
const compared: Readonly<Record<string, readonly Case[]>> = {
  small: alike('-2147483648', '-1', '0', '7', '8', '2147483647'),
  big: [
    ...alike('0', '-9223372036854775808', '9223372036854775807'),
    ['"9007199254740993"', '9007199254740993'],
    ['"9007199254740992"', '9007199254740992'],
    ['"-2"', '-2'],
  ],
  wide: [
    ...alike('0', '1', '-2'),
    ...['99999999999999999999999999999999999999', '-99999999999999999999999999999999999999'].map(
      (text): Case => [`"${text}"`, text],
    ),
    ['12345678901234567890123456789012345678', '12345678901234567890123456789012345678'],
  ],
  exact: [
    ...alike('0', '1.5', '0.1', '-0.000000001', '999999999.999999999'),
    ['"-999999999.999999999"', '-999999999.999999999'],
    ['1.50', '1.5'],
    ['15e-1', '1.5'],
    // Between two neighbours that the column can hold.
    ['0.0000000005', '0.0000000005::decimal(38, 10)'],
    ['-0.0000000005', '-0.0000000005::decimal(38, 10)'],
  ],
  rough: [
    ...alike('0.1', '-2.5', '1', '5e-324', '1e-300'),
    ['0', '0.0::double'],
    ['-0.0', '0.0::double'],
    ['1.7976931348623157e308', '1.7976931348623157e308::double'],
    ['-1.7976931348623157e308', '-1.7976931348623157e308::double'],
  ],
  words: [
    ...quoted('', 'i', 'I', 'İ', 'ı', 'ß', 'SS', 'é', 'É', '🦆', 'עברית', ' ', 'a', 'a ', 'null'),
    ...quoted('\ufffd', '\u202eabc', 'a%b_c\\d', `it's "quoted"`, '👩‍👩‍👧', 'z'),
    ['"e\\u0301"', `'e' || chr(769)`],
    ['"\\u0000"', 'chr(0)'],
    ['"a\\nb"', `'a' || chr(10) || 'b'`],
  ],
  day: [
    ...quoted('2024-02-29', '0001-01-01', '9999-12-31', '1900-02-28', '2024-12-30', '2024-12-31'),
  ].map(([value, condition]): Case => [value, `date ${condition}`]),
  clock: quoted('12:00:00', '00:00:00', '23:59:59.999999', '12:00:00.000001', '12:00:00.50').map(
    ([value, condition]): Case => [value, `time ${condition}`],
  ),
  local: quoted(
    '2024-02-29T12:00:00',
    '0001-01-01T00:00:00',
    '9999-12-31T23:59:59.999999',
    '1969-12-31T23:59:59.999999',
    '2024-03-31T02:30:00',
    '2024-10-27T02:30:00.000001',
  ).map(([value, condition]): Case => [value, `timestamp ${condition}`]),
  moment: [
    ['"2024-02-29T12:00:00Z"', `timestamptz '2024-02-29 12:00:00+00'`],
    // Berlin's clocks show half past two twice on that day: the offset tells which is meant.
    ['"2024-10-27T02:30:00+02:00"', `timestamptz '2024-10-27 00:30:00+00'`],
    ['"2024-10-27T02:30:00+01:00"', `timestamptz '2024-10-27 01:30:00+00'`],
    ['"2024-03-31T02:59:59.999999+02:00"', `timestamptz '2024-03-31 00:59:59.999999+00'`],
    ['"2024-10-06T02:30:00+11:00"', `timestamptz '2024-10-05 15:30:00+00'`],
    ['"1986-01-01t00:00:00+05:30"', `timestamptz '1985-12-31 18:30:00+00'`],
    ['"0001-01-02T00:00:00Z"', `timestamptz '0001-01-02 00:00:00+00'`],
    ['"9999-12-30T23:59:59.999999-00:00"', `timestamptz '9999-12-30 23:59:59.999999+00'`],
  ],
};

const symbols = { eq: '=', ne: '<>', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;

describe.each(Object.entries(compared))('%s', (name, values) => {
  it.each(Object.entries(symbols))('%s at every edge', async (operator, symbol) => {
    const cases = values.map(([value, text]): Case => [
      `{ ${name}: { ${operator}: ${value} } }`,
      `${name} ${symbol} ${text}`,
    ]);
    await agree([...bothWays(cases.slice(0, 2)), ...cases.slice(2)]);
  });

  it('in and notIn with none, one, two and all', async () => {
    const lists = [values.slice(0, 1), values.slice(1, 3), values];
    await agree([
      [`{ ${name}: { in: [] } }`, 'false'],
      // A null is in no list and in no complement of one.
      [`{ ${name}: { notIn: [] } }`, `${name} = ${name}`],
      ...lists.flatMap((list): Case[] => {
        const given = `[${list.map(([value]) => value).join(', ')}]`;
        const texts = list.map(([, text]) => text).join(', ');
        return [
          [`{ ${name}: { in: ${given} } }`, `${name} in (${texts})`],
          [`{ ${name}: { notIn: ${given} } }`, `${name} not in (${texts})`],
        ];
      }),
    ]);
  });
});

describe('operators', () => {
  it('are all asked for here, of a column of every type', () => {
    const ordered = [...Object.keys(symbols), 'in', 'notIn', 'isNull'];
    const ofText = ['contains', 'startsWith', 'endsWith', 'icontains', 'like', 'ilike', 'regex'];
    const asked = (type: ColumnType) => {
      if (type === 'JSON') return ['isNull'];
      if (type === 'BOOLEAN') return ['eq', 'ne', 'isNull'];
      return type === 'STRING' ? [...ordered, ...ofText] : ordered;
    };
    expect(new Set(every.columns.map(({ type }) => type))).toEqual(new Set(columnTypes));
    for (const { name, type } of every.columns.slice(1)) {
      expect(Object.keys(shared.filters[type].getFields()).sort()).toEqual([...asked(type)].sort());
      expect(name in compared).toBe(type !== 'BOOLEAN' && type !== 'JSON');
    }
  });

  it('of Booleans', () =>
    agree(
      bothWays([
        ['{ flag: { eq: true } }', 'flag = true'],
        ['{ flag: { eq: false } }', 'flag = false'],
        ['{ flag: { ne: true } }', 'flag <> true'],
      ]),
    ));

  it('isNull of every type', () =>
    agree(
      bothWays(
        every.columns.flatMap(({ name }): Case[] => [
          [`{ ${name}: { isNull: true } }`, `${name} is null`],
          [`{ ${name}: { isNull: false } }`, `${name} is not null`],
        ]),
      ),
    ));

  it('of decimals take numbers that the column cannot hold', () =>
    agree(
      bothWays([
        ['{ exact: { eq: 1e30 } }', 'exact <> exact'],
        ['{ exact: { ne: 1e30 } }', 'exact = exact'],
        ['{ exact: { lt: 1e30 } }', 'exact = exact'],
        ['{ exact: { gte: 1e30 } }', 'exact <> exact'],
        ['{ exact: { gt: -1e30 } }', 'exact = exact'],
        ['{ exact: { lte: -1e30 } }', 'exact <> exact'],
        ['{ exact: { in: [1e30, 1.5, 0.0000000005] } }', 'exact = 1.5'],
        ['{ exact: { notIn: [1e30, 0.0000000005] } }', 'exact = exact'],
        ['{ wide: { lt: 0.5 } }', 'wide <= 0'],
        ['{ wide: { gt: -0.5 } }', 'wide >= 0'],
      ]),
    ));

  it('of floating-point numbers hold NaN for the greatest, equal to itself, and -0 for 0', () =>
    agree([
      ['{ rough: { gt: 1.7976931348623157e308 } }', `rough in ('infinity', 'nan')`],
      ['{ rough: { lt: -1.7976931348623157e308 } }', `rough = '-infinity'`],
      ['{ rough: { eq: -0.0 } }', 'rough in (0.0::double)'],
      ['{ rough: { lte: 0.1, gt: 0 } }', 'rough in (5e-324, 1e-300, 0.1)'],
    ]));

  it('of text take what is written, but for like and regex', () =>
    agree(
      [
        '',
        'a',
        'A',
        '%',
        '_',
        '\\\\',
        'İ',
        'ı',
        'i',
        'ß',
        '🦆',
        '\u202e',
        '\\n',
        '\\u0000',
      ].flatMap((part): Case[] => {
        const text = (JSON.parse(`"${part}"`) as string).replace('\0', `' || chr(0) || '`);
        return [
          [`{ words: { contains: "${part}" } }`, `position('${text}' in words) > 0`],
          [`{ words: { startsWith: "${part}" } }`, `left(words, length('${text}')) = '${text}'`],
          [
            `{ words: { endsWith: "${part}" } }`,
            `right(words, length('${text}')) = '${text}' or '${text}' = '' and words = words`,
          ],
          [`{ words: { icontains: "${part}" } }`, `position(lower('${text}') in lower(words)) > 0`],
        ];
      }),
    ));

  it('like and ilike: one character is one code point', () =>
    agree([
      ['{ words: { like: "_" } }', 'length(words) = 1'],
      ['{ words: { like: "__" } }', 'length(words) = 2'],
      ['{ words: { like: "%" } }', 'words = words'],
      ['{ words: { like: "" } }', `words = ''`],
      ['{ words: { like: "a%" } }', `left(words, 1) = 'a'`],
      ['{ words: { like: "a_" } }', `left(words, 1) = 'a' and length(words) = 2`],
      ['{ words: { like: "a\\\\%b\\\\_c\\\\\\\\d" } }', `words = 'a%b_c\\d'`],
      ['{ words: { like: "a\\\\%" } }', `words = 'a%'`],
      ['{ words: { ilike: "A%" } }', `left(words, 1) in ('a', 'A')`],
      ['{ words: { ilike: "É" } }', `words in ('é', 'É')`],
      // Letter by letter: İ is i, ẞ is ß, and neither is two letters.
      ['{ words: { ilike: "i" } }', `words in ('i', 'I', 'İ')`],
      ['{ words: { ilike: "ı" } }', `words = 'ı'`],
      ['{ words: { ilike: "ss" } }', `words = 'SS'`],
      ['{ words: { ilike: "ß" } }', `words in ('ß', 'ẞ')`],
    ]));

  it('regex: RE2, anywhere, a point being no end of line', () =>
    agree([
      ['{ words: { regex: "" } }', 'words = words'],
      ['{ words: { regex: "^$" } }', `words = ''`],
      ['{ words: { regex: "^.$" } }', `length(words) = 1 and words <> chr(10)`],
      ['{ words: { regex: "^a.b" } }', `words = 'a%b_c\\d'`],
      ['{ words: { regex: "(?s)^a.b$" } }', `words = 'a' || chr(10) || 'b'`],
      ['{ words: { regex: "\\\\p{Hebrew}" } }', `words = 'עברית'`],
      ['{ words: { regex: "(?i)^é$" } }', `words in ('é', 'É')`],
      ['{ words: { regex: "\\\\x{1F986}" } }', `words = '🦆'`],
      ['{ words: { regex: "%|\\\\\\\\" } }', `words = 'a%b_c\\d'`],
    ]));

  it('that are given together all hold', () =>
    agree([
      ['{ small: { gte: 0, lt: 7 } }', 'small >= 0 and small < 7'],
      ['{ small: { gte: 0 }, flag: { eq: true } }', 'small >= 0 and flag'],
      ['{ small: {} }', 'true'],
      ['{ small: null }', 'true'],
      ['{ day: { isNull: false, ne: "2024-02-29" } }', `day is not null and day <> '2024-02-29'`],
    ]));

  it('combine in three-valued logic', () =>
    agree([
      ['{}', 'true'],
      ['{ _and: [] }', 'true'],
      ['{ _or: [] }', 'false'],
      ['{ _not: {} }', 'false'],
      ['{ _or: [{}] }', 'true'],
      ['{ _and: [{}, { _or: [] }] }', 'false'],
      ['{ _or: [{ small: { eq: 7 } }, { flag: { eq: false } }] }', 'small = 7 or flag = false'],
      ['{ _and: [{ small: { eq: 7 } }, { flag: { eq: false } }] }', 'small = 7 and flag = false'],
      [
        '{ _not: { _or: [{ small: { eq: 7 } }, { _not: { flag: { eq: false } } }] } }',
        'not (small = 7 or not (flag = false))',
      ],
      [
        '{ small: { ne: 7 }, _or: [{ words: { eq: "a" } }, { words: { isNull: true } }], _not: { flag: { eq: true } } }',
        `small <> 7 and (words = 'a' or words is null) and not (flag = true)`,
      ],
      [
        '{ _and: [{ _or: [{ _and: [{ small: { gt: 0 } }, { big: { lt: 0 } }] }, { _not: { _not: { flag: { eq: true } } } }] }] }',
        '(small > 0 and big < 0) or flag',
      ],
    ]));

  it('of lists beyond four values, and of lists in an or, keep the order of the load', () =>
    agree([
      ['{ small: { in: [0, 7, -1, 5, 6, 8] } }', 'small in (0, 7, -1, 5, 6, 8)'],
      [
        '{ _or: [{ small: { in: [0, 7, -1, 5, 6, 8] } }, { flag: { eq: true } }] }',
        'small in (0, 7, -1, 5, 6, 8) or flag',
      ],
      [
        `{ words: { in: [${Array.from({ length: 300 }, (_, i) => `"${i}"`).join(', ')}, "a"] } }`,
        `words = 'a'`,
      ],
    ]));
});

describe('values that are none of the type', () => {
  it.each([
    '{ small: { eq: null } }',
    '{ words: { regex: "(" } }',
    '{ words: { regex: "(?=a)" } }',
    '{ words: { like: "a\\\\" } }',
    '{ rough: { eq: 1e999 } }',
  ])('%s is refused by name', async (where) => {
    expect(await answers.refusal(`{ every(where: ${where}) { id } }`)).toBe('INVALID_INPUT');
  });

  it.each([
    '{ small: { eq: 2147483648 } }',
    '{ big: { eq: "9223372036854775808" } }',
    '{ wide: { eq: "1e39" } }',
    '{ day: { eq: "2023-02-29" } }',
    '{ day: { eq: "0000-01-01" } }',
    '{ clock: { eq: "24:00:00" } }',
    '{ local: { eq: "2024-01-01T00:00:00Z" } }',
    '{ moment: { eq: "2024-01-01T00:00:00" } }',
    '{ moment: { eq: "2024-01-01T00:00:00.1234567Z" } }',
  ])('%s is refused before anything runs', async (where) => {
    await expect(answers.refusal(`{ every(where: ${where}) { id } }`)).rejects.toThrow();
  });
});
