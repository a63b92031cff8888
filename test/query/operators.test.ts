import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { messageOf } from '../../src/errors.js';
import { compile } from '../../src/query/compile.js';
import type { Filter, OperatorName, Query, Value } from '../../src/query/query.js';
import { toStatement } from '../../src/sql.js';
import { compare, createEverything, everything, openDatabase, type Database } from './database.js';

const select = (where: Filter): Query => ({
  kind: 'rows',
  from: everything,
  columns: ['id'],
  where,
  orderBy: [],
});
const condition = (where: Filter) => {
  const { sql, parameters } = toStatement(compile(select(where), duckdbDialect));
  return { sql: sql.replace(/^.* where /s, ''), parameters };
};
const not = (filter: Filter): Filter => ({ kind: 'not', filter });

let database: Database;
beforeAll(async () => {
  database = await openDatabase();
  await database.execute(createEverything);
});
afterAll(() => database.close());
const ids = async (where: Filter) => (await database.query(select(where))).map(([id]) => id);

describe('the SQL of operators', () => {
  it.each<[string, OperatorName, Value | readonly Value[], string, unknown[]]>([
    ['flag', 'eq', true, 't."flag" = cast($1 as boolean)', [true]],
    ['small', 'ne', 7, 't."small" <> cast($1 as integer)', [7n]],
    ['big', 'lt', '42', 't."big" < cast($1 as bigint)', [42n]],
    ['big', 'lte', 42n, 't."big" <= cast($1 as bigint)', [42n]],
    ['amount', 'gt', '1.5', 't."amount" > cast($1 as decimal(12, 2))', ['1.50']],
    ['score', 'gte', 0.5, 't."score" >= cast($1 as double)', ['0.5']],
    [
      'name',
      'in',
      ['a', 'b'],
      't."name" in (cast($1 as varchar), cast($2 as varchar))',
      ['a', 'b'],
    ],
    ['name', 'notIn', ['a'], 't."name" not in (cast($1 as varchar))', ['a']],
    ['name', 'in', [], 'false', []],
    ['name', 'notIn', [], '(t."name" is not null or null)', []],
    ['extra', 'isNull', true, 't."extra" is null', []],
    ['extra', 'isNull', false, 't."extra" is not null', []],
    ['day', 'eq', '2024-02-29', 't."day" = cast($1 as date)', ['2024-02-29']],
    ['clock', 'eq', '12:00', 't."clock" = cast($1 as time)', ['12:00']],
    [
      'local',
      'eq',
      '2024-02-29t12:00:00',
      't."local" = cast($1 as timestamp)',
      ['2024-02-29T12:00:00'],
    ],
    [
      'instant',
      'eq',
      '2024-02-29T12:00:00z',
      't."instant" = cast($1 as timestamptz)',
      ['2024-02-29T12:00:00Z'],
    ],
    ['name', 'contains', '%', 'contains(t."name", cast($1 as varchar))', ['%']],
    ['name', 'startsWith', '%', 'starts_with(t."name", cast($1 as varchar))', ['%']],
    ['name', 'endsWith', '%', 'ends_with(t."name", cast($1 as varchar))', ['%']],
    ['name', 'icontains', 'A', 'contains(lower(t."name"), lower(cast($1 as varchar)))', ['A']],
    ['name', 'like', 'a%', 't."name" like cast($1 as varchar)', ['a%']],
    ['name', 'like', 'a\\%', `t."name" like cast($1 as varchar) escape '\\'`, ['a\\%']],
    ['name', 'ilike', 'a%', 'lower(t."name") like lower(cast($1 as varchar))', ['a%']],
    ['name', 'regex', '^a', 'regexp_matches(t."name", cast($1 as varchar))', ['^a']],
  ])('%s %s %j', (name, operator, value, sql, parameters) => {
    expect(condition(compare(name, operator, value))).toEqual({ sql, parameters });
  });

  it('compares decimals in the type of the column, whatever the value', () => {
    const amount = (operator: OperatorName, value: Value) =>
      condition(compare('amount', operator, value));
    expect(amount('lt', '1.239')).toEqual({
      sql: 't."amount" <= cast($1 as decimal(12, 2))',
      parameters: ['1.23'],
    });
    expect(amount('gte', '1.239')).toEqual({
      sql: 't."amount" > cast($1 as decimal(12, 2))',
      parameters: ['1.23'],
    });
    expect(amount('eq', '1.239').sql).toBe('(t."amount" is null and null)');
    expect(amount('ne', '1.239').sql).toBe('(t."amount" is not null or null)');
    expect(amount('lt', '1e30').sql).toBe('(t."amount" is not null or null)');
    expect(amount('gt', '1e30').sql).toBe('(t."amount" is null and null)');
    expect(amount('gt', '-1e30').sql).toBe('(t."amount" is not null or null)');
  });

  it('joins conditions, with nothing to join being true for and, false for or', () => {
    const a = compare('small', 'eq', 1);
    const b = compare('flag', 'isNull', false);
    expect(condition({ kind: 'and', filters: [] }).sql).toBe('true');
    expect(condition({ kind: 'or', filters: [] }).sql).toBe('false');
    expect(condition({ kind: 'and', filters: [a] }).sql).toBe('t."small" = cast($1 as integer)');
    expect(condition({ kind: 'or', filters: [a, not({ kind: 'and', filters: [a, b] })] })).toEqual({
      sql: '(t."small" = cast($1 as integer) or not ((t."small" = cast($2 as integer) and t."flag" is not null)))',
      parameters: [1n, 1n],
    });
  });
});

describe('rows that operators keep', () => {
  it.each<[string, OperatorName, Value | readonly Value[], number[]]>([
    ['flag', 'eq', true, [1, 4]],
    ['flag', 'ne', true, [2]],
    ['small', 'in', [0, 2147483647], [1, 3, 4]],
    ['small', 'notIn', [0], [1, 2]],
    ['small', 'in', [], []],
    ['small', 'notIn', [], [1, 2, 3, 4]],
    ['small', 'isNull', true, [5]],
    ['big', 'eq', '9223372036854775807', [1]],
    ['big', 'eq', 9007199254740993n, [4]],
    ['big', 'eq', 9007199254740992n, []],
    ['big', 'lte', '-9223372036854775808', [2]],
    ['amount', 'eq', '1.23', [1, 4]],
    ['amount', 'eq', '1.2300', [1, 4]],
    ['amount', 'eq', '1.2345', []],
    ['amount', 'ne', '1.2345', [1, 2, 3, 4]],
    ['amount', 'in', ['1.2345', '-0.05'], [2]],
    ['amount', 'in', ['1.2345'], []],
    ['amount', 'notIn', ['1.2345'], [1, 2, 3, 4]],
    ['amount', 'lt', '1.2301', [1, 2, 4]],
    ['amount', 'lt', '1.2299', [2]],
    ['amount', 'gt', '1.2299', [1, 3, 4]],
    ['amount', 'gte', '1.2301', [3]],
    ['amount', 'gt', '-0.051', [1, 2, 3, 4]],
    ['amount', 'lt', '1e12', [1, 2, 3, 4]],
    ['amount', 'gte', '1e12', []],
    ['score', 'eq', 0.1, [1]],
    ['score', 'gt', 1e299, [2, 3, 4]],
    ['name', 'eq', '', [3]],
    ['name', 'eq', '\0\t\u001f\u007f\u2028🦆', [2]],
    ['name', 'lt', 'abc', [1, 2, 3]],
    ['name', 'gte', 'Zoë', [1, 4]],
    ['name', 'contains', '%', [1]],
    ['name', 'contains', '_', []],
    ['name', 'contains', '', [1, 2, 3, 4]],
    ['name', 'contains', '🦆', [2]],
    ['name', 'startsWith', 'Zo', [1]],
    ['name', 'startsWith', 'zo', []],
    ['name', 'endsWith', '100%', [1]],
    ['name', 'icontains', 'ZOË', [1]],
    ['name', 'icontains', '%', [1]],
    ['name', 'like', '_bc', [4]],
    ['name', 'like', '%100\\%', [1]],
    ['name', 'like', 'abc\\%', []],
    ['name', 'like', '%\\\\%', [1]],
    ['name', 'ilike', 'ABC', [4]],
    ['name', 'ilike', 'zoË\\ "QUOTED"%', [1]],
    ['name', 'ilike', 'ZOË "q%', [1]],
    ['name', 'regex', 'b', [4]],
    ['name', 'regex', '^(?i)ABC$', [4]],
    ['name', 'regex', '\\p{Lu}', [1]],
    ['day', 'eq', '2024-02-29', [1, 4]],
    ['day', 'lte', '0001-01-01', [2]],
    ['clock', 'gt', '23:59:59.999998', [1]],
    ['clock', 'eq', '12:00', [3, 4]],
    ['local', 'eq', '2024-02-29T12:00:00.500', [1, 4]],
    ['local', 'lt', '1970-01-01T00:00', [2]],
    ['instant', 'eq', '2024-03-31T01:30:00+01:00', [1, 4]],
    ['instant', 'gt', '2024-03-31T00:30:00Z', [2]],
    ['extra', 'isNull', false, [1, 2, 3, 4]],
  ])('%s %s %j', async (name, operator, value, expected) => {
    expect(await ids(compare(name, operator, value))).toEqual(expected);
  });

  it('leaves nulls out of a negated comparison too', async () => {
    expect(await ids(not(compare('small', 'eq', 0)))).toEqual([1, 2]);
    expect(await ids(not(compare('small', 'notIn', [])))).toEqual([]);
    expect(await ids(not(compare('amount', 'eq', '1.2345')))).toEqual([1, 2, 3, 4]);
    expect(await ids(not(compare('small', 'in', [])))).toEqual([1, 2, 3, 4, 5]);
    expect(await ids(not(compare('small', 'isNull', false)))).toEqual([5]);
  });

  it('follows three-valued logic in and and or', async () => {
    const unknown = compare('small', 'eq', 0);
    const isFive = compare('id', 'eq', 5);
    expect(await ids({ kind: 'or', filters: [unknown, isFive] })).toEqual([3, 4, 5]);
    expect(await ids(not({ kind: 'and', filters: [unknown, isFive] }))).toEqual([1, 2, 3, 4]);
    expect(await ids({ kind: 'and', filters: [] })).toEqual([1, 2, 3, 4, 5]);
    expect(await ids({ kind: 'or', filters: [] })).toEqual([]);
  });

  it('reads instants the same in every time zone of the session', async () => {
    await database.execute(`set TimeZone = 'Asia/Tokyo'`);
    try {
      expect(await ids(compare('instant', 'eq', '2024-03-31T00:30:00Z'))).toEqual([1, 4]);
    } finally {
      await database.execute(`set TimeZone = 'UTC'`);
    }
  });

  it('never lets a value become SQL', async () => {
    const naughty = [`' or 1=1 --`, `"; drop table everything; --`, '$1', '${1}', '\\'];
    for (const text of naughty) {
      for (const operator of ['eq', 'contains', 'startsWith', 'icontains'] as const) {
        expect(await ids(compare('name', operator, text))).toEqual(
          text === '\\' && operator.includes('contains') ? [1] : [],
        );
      }
    }
  });
});

describe('values that operators refuse', () => {
  it.each<[string, OperatorName, Value | readonly Value[], RegExp]>([
    [
      'big',
      'eq',
      '9223372036854775808',
      /Column big: "9223372036854775808" is not a 64-bit whole number/,
    ],
    ['big', 'in', ['1', '1.5'], /"1.5" is not a 64-bit whole number/],
    ['small', 'eq', 2147483648, /32-bit/],
    ['small', 'eq', Number.NaN, /not a number/],
    ['amount', 'eq', '1,50', /Column amount: "1,50" is not a number/],
    ['amount', 'eq', true, /true is not a number/],
    ['score', 'eq', Number.POSITIVE_INFINITY, /not a number/],
    ['score', 'eq', '1e999', /not a number/],
    ['flag', 'eq', 'true', /not true or false/],
    ['name', 'eq', 1, /not a string/],
    ['name', 'eq', '\ud800', /"\\ud800" is not well-formed Unicode/],
    ['name', 'contains', 'a\udc00', /not well-formed Unicode/],
    ['name', 'like', 'abc\\', /last backslash/],
    ['name', 'ilike', 'abc\\\\\\', /last backslash/],
    ['day', 'eq', '2023-02-29', /Column day: "2023-02-29" is not a date like/],
    ['day', 'eq', '1900-02-29', /not a date/],
    ['day', 'eq', '2024-13-01', /not a date/],
    ['day', 'eq', '2024-04-31', /not a date/],
    ['day', 'eq', '0000-01-01', /not a date/],
    ['day', 'eq', '24-01-01', /not a date/],
    ['day', 'eq', '2024-01-01\n', /not a date/],
    ['clock', 'eq', '24:00:00', /not a time/],
    ['clock', 'eq', '12:00:00.1234567', /not a time/],
    ['local', 'eq', '2024-01-01T00:00:00Z', /not a local date and time/],
    ['instant', 'eq', '2024-01-01T00:00:00', /with offset/],
    ['instant', 'eq', '2024-01-01T00:00:60Z', /with offset/],
    ['flag', 'lt', true, /Column flag is BOOLEAN, which lt does not take/],
    ['extra', 'eq', '{}', /Column extra is JSON, which eq does not take/],
    ['big', 'contains', '1', /which contains does not take/],
    ['small', 'isNull', 'yes', /not true or false/],
    ['small', 'in', 1, /not a list/],
    ['small', 'eq', [1], /not a single value/],
  ])('%s %s %j', (name, operator, value, message) => {
    expect(() => condition(compare(name, operator, value))).toThrow(
      expect.objectContaining({ code: 'INVALID_INPUT', message: expect.stringMatching(message) }),
    );
  });

  it('names the columns there are when one is missing', () => {
    expect(() => condition(compare('nmae', 'eq', 'x'))).toThrow(
      expect.objectContaining({
        code: 'COLUMN_NOT_FOUND',
        message: expect.stringContaining('"nmae"; the columns are id, flag, small'),
      }),
    );
  });

  it('refuses filters that nest too deep', () => {
    let filter = compare('small', 'eq', 1);
    for (let depth = 0; depth < 5000; depth++) filter = not(filter);
    expect(() => condition(filter)).toThrow(expect.objectContaining({ code: 'INVALID_INPUT' }));
  });

  it('takes filters that are wide', async () => {
    const filters = Array.from({ length: 3000 }, (_, n) => compare('small', 'eq', n));
    expect(await ids({ kind: 'or', filters })).toEqual([3, 4]);
    const list = Array.from({ length: 20_000 }, (_, n) => n);
    expect(await ids(compare('small', 'in', list))).toEqual([3, 4]);
  });

  it.each([
    '(',
    '[',
    'a**',
    '\\',
    '(?<x',
    '[z-a]',
    'a{2,1}',
    '\\y',
    '(?P<n>a',
    ')',
    'a{1001}',
    '*',
  ])('lets the caller tell that the engine refused the pattern %j', async (pattern) => {
    const problem = await ids(compare('name', 'regex', pattern)).then(
      () => undefined,
      (error: unknown) => duckdbDialect.patternProblem(messageOf(error)),
    );
    expect(problem).toEqual(expect.any(String));
  });

  it('does not take other errors for a refused pattern', () => {
    expect(duckdbDialect.patternProblem('Out of Memory Error: failed to allocate')).toBeUndefined();
  });
});
