import { describe, expect, it } from '@jest/globals';
import { readJson } from '../../support/json.js';
import { randomFrom, type Random } from '../../support/random.js';

const whole = Infinity;

const valid = [
  ...['0', '-0', '10', '-1.5', '1e5', '1E+5', '1.25e-7', '123456789012345678901234567890', '1e400'],
  ...[
    'true',
    'false',
    'null',
    '""',
    '" "',
    '"a"',
    '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    '"\\u00e9\\u20AC"',
  ],
  ...['"\\uD83D\\ude00"', '"é€😀"', '"\u007f\u2028"', '[]', '[ ]', '{}', '{ }', '[[]]', '[1 , 2]'],
  ...['{"a":1}', '{ "a" : [ { "b" : null } ] }', '{"":0}', '{"a":{}}', '[[[["x"]]]]', '"\\u0000"'],
  ...['{"a":"\\\\"}', '["\\\\","]"]', '{"\\u0061\\n":"}"}', '[1,[2,[3]],{"a":[]}]', '"\\uFFFF"'],
];

const invalid = [
  ...[
    '01',
    '-',
    '+1',
    '.5',
    '1.',
    '1.e5',
    '1e',
    '1e+',
    '-01',
    '--1',
    '0x10',
    '1_0',
    '1.2.3',
    '-a',
    '1a',
  ],
  ...[
    'NaN',
    'Infinity',
    '-Infinity',
    'True',
    'nul',
    'truee',
    'undefined',
    "'a'",
    '"a',
    'a"',
    '"\\x41"',
  ],
  ...[
    '"\\u12"',
    '"\\u12g4"',
    '"\\U0041"',
    '"\\"',
    '"a\tb"',
    '"a\0b"',
    '"\\ "',
    '[1,]',
    '[,1]',
    '[1 2]',
  ],
  ...[
    '[1,,2]',
    '[',
    ']',
    '{',
    '}',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{,"a":1}',
    '{"a" 1}',
    '{a:1}',
    '{1:1}',
  ],
  ...[
    '{"a":1 "b":2}',
    '{"a"::1}',
    '{"a":1]',
    '[1}',
    '["a":1]',
    '/* */1',
    '// x',
    '[1]]',
    '{"a":1}}',
    '\u00a01',
  ],
  ...[
    '\v1',
    '[\f1]',
    '{"a":1,"b"}',
    '[1,2',
    '{"a":[1,2}',
    '["a',
    '\\u0061',
    '*',
    '<a/>',
    '{"a":tru}',
  ],
];

describe('strict JSON', () => {
  it('means what JSON.parse means by it', () => {
    for (const text of valid) expect(() => JSON.parse(text) as unknown).not.toThrow();
    for (const text of invalid) expect(() => JSON.parse(text) as unknown).toThrow();
  });

  describe.each([1, 3, whole])('in pieces of %p bytes', (pieceBytes) => {
    it.each(valid)('accepts %s in a list and in a line', (text) => {
      const list = readJson(`[{"x":${text},"y":[${text}]}]`, {}, pieceBytes);
      const line = readJson(`{"x":${text},"y":[${text}]}\n`, { lines: true }, pieceBytes);
      for (const rows of [list, line]) {
        expect(rows.rows).toHaveLength(1);
        expect(rows.rejected).toEqual([]);
        const y = rows.columns.findIndex(({ source }) => source === 'y');
        expect(JSON.parse(rows.rows[0]?.[y] ?? '')).toEqual([JSON.parse(text)]);
      }
      expect(readJson(text, {}, pieceBytes).rejected).toEqual([]);
    });

    it.each(invalid)('refuses %s in a list, in a line and alone', (text) => {
      const list = () => readJson(`[{"x":${text}}]`, {}, pieceBytes);
      expect(list).toThrow(expect.objectContaining({ code: 'MALFORMED_FILE' }));
      expect(() => readJson(text, {}, pieceBytes)).toThrow(
        expect.objectContaining({ code: 'MALFORMED_FILE' }),
      );
      const lines = readJson(`{"x":1}\n{"x":${text}}\n{"x":2}\n`, {}, pieceBytes);
      expect(lines.rows).toEqual([['1'], ['2']]);
      expect(lines.rejected.map(({ record }) => record)).toEqual([2]);
    });
  });

  it('sets records with half a character aside', () => {
    for (const text of [
      '"\\ud800"',
      '"\\udc00"',
      '"\\ud800\\u0061"',
      '"\\ud800\\ud800"',
      '"\\ud800x"',
    ])
      for (const pieceBytes of [1, whole]) {
        const rows = readJson(`[{"a":[${text}]},${text},{"a":1}]`, {}, pieceBytes);
        expect(rows.objects()).toEqual([{ a: '1' }]);
        expect(rows.rejected.map(({ record }) => record)).toEqual([1, 2]);
      }
  });
});

const letters = [...'a"\\/\n\té€😀\u0001{}[],:'];

function anyValue(random: Random, depth: number): unknown {
  const kind = random(depth > 3 ? 5 : 7);
  const size = random(4);
  if (kind === 0) return null;
  if (kind === 1) return random.oneIn(2);
  if (kind === 2) return random(1e6) / (random.oneIn(2) ? 1 : 1000) - 500;
  if (kind < 5) return Array.from({ length: size * 2 }, () => random.pick(letters)).join('');
  if (kind === 5) return Array.from({ length: size }, () => anyValue(random, depth + 1));
  return Object.fromEntries(
    Array.from({ length: size }, () => [`k${random(5)}`, anyValue(random, depth + 1)]),
  );
}

/** What the columns of a record must be. */
function columnsOf(value: unknown, source: string, into: Record<string, string> = {}) {
  if (Array.isArray(value)) into[source] = JSON.stringify(value);
  else if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    if (entries.length === 0 && source !== '') into[source] = '{}';
    for (const [key, inner] of entries)
      columnsOf(inner, source === '' ? key : `${source}.${key}`, into);
  } else if (typeof value === 'string') into[source] = value;
  else if (value !== null) into[source] = JSON.stringify(value);
  return into;
}

describe('any JSON', () => {
  it('has the values that JSON.parse finds, however it is cut', () => {
    const random = randomFrom(42);
    for (let round = 0; round < 150; round++) {
      const records = Array.from({ length: 5 }, () => ({ id: 1, v: anyValue(random, 0) }));
      const indent = round % 3;
      const text = JSON.stringify(records, null, indent);
      const ascii = text.replace(
        /[\u0080-\uffff]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
      const wanted = records.map((record) => columnsOf(record, ''));
      for (const pieceBytes of [1, 1 + random(40), whole])
        expect(readJson(text, {}, pieceBytes).objects()).toEqual(wanted);
      const parsed = readJson(ascii, {}, 5).objects();
      expect(parsed.map((row) => row['v'] && !/^[[{]/.test(row['v']))).toEqual(
        wanted.map((row) => row['v'] && !/^[[{]/.test(row['v'])),
      );
      const lines = records.map((record) => JSON.stringify(record)).join('\n');
      expect(readJson(lines, { lines: true }, 11).objects()).toEqual(wanted);
    }
  });
});
