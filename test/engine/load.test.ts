import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { append, createTable, type LoadColumn, type LoadOptions } from '../../src/engine/load.js';
import type { DelimitedDialect, DelimitedRelation } from '../../src/relation.js';
import { ident, sql } from '../../src/sql.js';

let engine: Engine;
let folder: string;

beforeAll(async () => {
  engine = await openDuckDB({ threads: 2 });
});
afterAll(async () => {
  await engine.close();
});
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'load-'));
  return () => rm(folder, { recursive: true });
});

const comma: DelimitedDialect = { delimiter: ',', quote: '"', escape: '"' };

interface Given {
  readonly dialect?: DelimitedDialect;
  readonly skipLines?: number;
  readonly footerLines?: number;
  readonly nullValues?: readonly string[];
  readonly fileName?: boolean;
  readonly options?: Partial<LoadOptions>;
}

let tables = 0;

async function load(
  headers: readonly string[],
  columns: readonly (Partial<LoadColumn> & Pick<LoadColumn, 'type'>)[],
  files: readonly (string | Buffer)[],
  given: Given = {},
) {
  const relation: DelimitedRelation = {
    kind: 'delimited',
    files: await Promise.all(
      files.map(async (text, index) => {
        const path = join(folder, `${index}.csv`);
        await writeFile(path, text);
        return { path, origin: `drop/${index}.csv` };
      }),
    ),
    dialect: given.dialect ?? comma,
    headers,
    skipLines: given.skipLines ?? 1,
    footerLines: given.footerLines ?? 0,
    nullValues: given.nullValues ?? [''],
  };
  const table = `t${++tables}`;
  const target = {
    table,
    fileName: given.fileName ?? false,
    columns: columns.map((column, index) => ({
      name: headers[index] ?? `column${index}`,
      source: headers[index] ?? '',
      occurrence: 0,
      inferred: true,
      ...column,
    })),
  };
  return engine.session(async (session) => {
    await createTable(session, target);
    const result = await append(session, target, relation, {
      badRows: 'REJECT',
      maxRejectedRows: 10,
      ...given.options,
    });
    const rows = await session.rows(sql`from ${ident(table)} order by rowid`);
    return { ...result, table: rows.map((row) => Object.values(row)) };
  });
}

const text = { type: 'STRING' } as const;
const whole = { type: 'INTEGER' } as const;

describe('append', () => {
  it('loads typed rows in file order and counts each file', async () => {
    const result = await load(
      ['a', 'b'],
      [whole, { type: 'DECIMAL', decimal: { precision: 18, scale: 2 } }],
      ['a,b\n3,1.5\n1,.25\n', 'a,b\r\n', 'a,b\r\n2,-0.0\r\n'],
      { fileName: true },
    );
    expect(result.table).toEqual([
      [3, '1.50', 'drop/0.csv'],
      [1, '0.25', 'drop/0.csv'],
      [2, '0.00', 'drop/2.csv'],
    ]);
    expect(result.rows).toBe(3);
    expect(result.files).toEqual([
      { origin: 'drop/0.csv', rows: 2 },
      { origin: 'drop/1.csv', rows: 0 },
      { origin: 'drop/2.csv', rows: 1 },
    ]);
    expect(result.rejected).toEqual([]);
  });

  it.each([
    ['INTEGER', '00501'],
    ['INTEGER', '+5'],
    ['INTEGER', ' 5'],
    ['INTEGER', '5 '],
    ['INTEGER', '1e2'],
    ['INTEGER', '1.5'],
    ['INTEGER', '1_000'],
    ['INTEGER', '2147483648'],
    ['BIGINT', '9223372036854775808'],
    ['DECIMAL', '1.234'],
    ['DECIMAL', '1.'],
    ['DECIMAL', '01.5'],
    ['DECIMAL', '1e1'],
    ['DECIMAL', '12345678901234567890'],
    ['DOUBLE', '1e400'],
    ['DOUBLE', '1e-400'],
    ['DOUBLE', 'NaN'],
    ['DOUBLE', '9007199254740993'],
    ['BOOLEAN', 'yes'],
    ['BOOLEAN', '1'],
    ['DATE', '2020-1-5'],
    ['DATE', '2020-02-30'],
    ['DATE', '2020-01-05 '],
    ['DATE', 'infinity'],
    ['TIME', '24:00:00'],
    ['TIME', '9:30'],
    ['TIMESTAMP', '2020-01-05'],
    ['TIMESTAMP', '2020-01-05 10:00:00.1234567'],
    ['TIMESTAMP', '2020-01-05T10:00:00Z'],
    ['TIMESTAMP', '2020-01-05T 1:00:00'],
    ['TIMESTAMP', '2020-01-05T10:00:5Z'],
    ['TIMESTAMP_TZ', '2020-01-05T10:00:00'],
    ['TIMESTAMP_TZ', '2020-01-05 10:00:00 Europe/Berlin'],
  ] as const)(
    'does not put a text into a guessed %s that would change it: %s',
    async (type, value) => {
      const column = { type, decimal: { precision: 18, scale: 2 } };
      await expect(
        load(['a', 'b'], [column, text], [`a,b\n,x\n${value},y\n`]),
      ).rejects.toMatchObject({
        name: 'TypeTooNarrow',
        columns: ['a'],
      });
    },
  );

  it.each([
    ['INTEGER', '-0', 0],
    ['INTEGER', '-2147483648', -2147483648],
    ['BIGINT', '9223372036854775807', 9223372036854775807n],
    ['DECIMAL', '-.5', '-0.50'],
    ['DOUBLE', '1e5', 100000],
    ['DOUBLE', '3.0000000000000004e-01', 0.30000000000000004],
    ['DOUBLE', '0.1', 0.1],
    ['BOOLEAN', 'True', true],
    ['DATE', '2020-02-29', '2020-02-29'],
    ['TIME', '23:59:59.000001', '23:59:59.000001'],
    ['TIMESTAMP', '2020-01-05T10:00:00.500', '2020-01-05 10:00:00.5'],
    ['TIMESTAMP', '2020-01-05 10:00:00', '2020-01-05 10:00:00'],
    ['TIMESTAMP_TZ', '2020-01-05T10:00:00+02:00', '2020-01-05 08:00:00+00'],
    ['TIMESTAMP_TZ', '2020-01-05T10:00:00Z', '2020-01-05 10:00:00+00'],
  ] as const)('takes into a guessed %s: %s', async (type, value, expected) => {
    const column = { type, decimal: { precision: 18, scale: 2 } };
    const { table } = await load(['a', 'b'], [column, text], [`a,b\n${value},y\n`]);
    expect(table).toEqual([[expected, 'y']]);
  });

  it.each([
    ['TIME', '24:00:00'],
    ['TIMESTAMP', 'infinity'],
    ['TIMESTAMP', '12024-01-01 00:00:00'],
    ['TIMESTAMP', '0044-03-15 (BC) 00:00:00'],
    ['DATE', 'infinity'],
    ['DATE', '12024-01-01'],
    ['DECIMAL', '-'],
  ] as const)('does not take what the engine alone calls a %s: %s', async (type, value) => {
    const column = { type, decimal: { precision: 18, scale: 2 } };
    await expect(load(['a', 'b'], [column, text], [`a,b\n${value},x\n`])).rejects.toMatchObject({
      name: 'TypeTooNarrow',
    });
  });

  it('names all columns whose guessed types are too narrow', async () => {
    await expect(
      load(['a', 'b', 'c'], [whole, whole, whole], ['a,b,c\n1,2,3\nx,2,3\n1,2,y\n']),
    ).rejects.toMatchObject({ columns: ['a', 'c'] });
  });

  it('fills short rows with nulls and counts them, and forgives empty surplus fields', async () => {
    const result = await load(['a', 'b', 'c'], [whole, text, text], ['a,b,c\n1,x\n2,y,z,,\n3\n']);
    expect(result.table).toEqual([
      [1, 'x', null],
      [2, 'y', 'z'],
      [3, null, null],
    ]);
    expect(result).toMatchObject({ shortRows: 2, rejected: [], rows: 3 });
  });

  it('sets a row with too many fields aside, with its line and text', async () => {
    const result = await load(
      ['a', 'b'],
      [whole, text],
      ['a,b\n1,x\n', 'a,b\r\n2,"two\r\nlines"\r\n3,y,"z"\r\n4,w\r\n'],
      { fileName: true },
    );
    expect(result.table).toEqual([
      [1, 'x', 'drop/0.csv'],
      [2, 'two\r\nlines', 'drop/1.csv'],
      [4, 'w', 'drop/1.csv'],
    ]);
    expect(result.rejected).toEqual([
      {
        file: 'drop/1.csv',
        line: 4,
        column: null,
        value: null,
        reason: 'The row has 3 fields where 2 are expected',
        raw: '3,y,"z"',
      },
    ]);
    expect(result.files.map(({ rows }) => rows)).toEqual([1, 2]);
    expect(await readdir(folder)).toEqual(['0.csv', '1.csv']);
  });

  it('sets rows aside whose value is not of the declared type', async () => {
    const declared = { ...whole, inferred: false };
    const result = await load(
      ['a', 'b'],
      [declared, text],
      ['a,b\n 007 ,x\n1.5,"y\ny"\n,z\nten,w\n'],
    );
    expect(result.table).toEqual([
      [7, 'x'],
      [null, 'z'],
    ]);
    expect(result.rejected).toMatchObject([
      { line: 3, column: 'a', value: '1.5', raw: '1.5,"y\ny"' },
      { line: 6, column: 'a', value: 'ten', raw: 'ten,w' },
    ]);
  });

  it('takes for JSON only what every reader of JSON takes', async () => {
    const result = await load(
      ['a'],
      [{ type: 'JSON', inferred: false }],
      ['a\n{"x": [1, "NaN, ]"]}\n[NaN]\n[1,]\n{"x": Infinity}\ntrue\n'],
      { dialect: { delimiter: ';', quote: "'", escape: "'" } },
    );
    expect(result.table).toEqual([['{"x": [1, "NaN, ]"]}'], ['true']]);
    expect(result.rejected.map(({ line, reason }) => [line, reason])).toEqual([
      [3, 'Expected JSON'],
      [4, 'Expected JSON'],
      [5, 'Expected JSON'],
    ]);
  });

  it('fails at the first bad row when asked to', async () => {
    const declared = { ...whole, inferred: false };
    await expect(
      load(['a', 'b'], [declared, text], ['a,b\n1,x\nten,y\n'], { options: { badRows: 'FAIL' } }),
    ).rejects.toMatchObject({
      code: 'INVALID_VALUE',
      details: { file: 'drop/0.csv', line: 3, column: 'a', value: 'ten' },
    });
    await expect(
      load(['a', 'b'], [text, text], ['a,b\n1,x,y\n'], { options: { badRows: 'FAIL' } }),
    ).rejects.toMatchObject({ code: 'MALFORMED_ROW', details: { file: 'drop/0.csv', line: 2 } });
  });

  it('stops when too many rows are bad', async () => {
    const bad = 'a,b\n' + '1,2,3\n'.repeat(11);
    await expect(load(['a', 'b'], [text, text], [bad])).rejects.toMatchObject({
      code: 'TOO_MANY_REJECTED_ROWS',
      details: { file: 'drop/0.csv', line: 2, limit: 10 },
    });
    const declared = { ...whole, inferred: false };
    await expect(
      load(['a', 'b'], [declared, text], ['a,b\n' + 'x,2\n'.repeat(11)]),
    ).rejects.toMatchObject({ code: 'TOO_MANY_REJECTED_ROWS' });
    expect(await readdir(folder)).toEqual(['0.csv']);
  });

  it('sets the line aside where a quote opens that is never closed, and reads on behind it', async () => {
    const late = 'a,b\n1,x\n2,"y\n' + '3,z\n'.repeat(100_000);
    const { rows, rejected } = await load(['a', 'b'], [whole, text], [late]);
    expect(rows).toBe(100_001);
    expect(rejected).toMatchObject([
      { file: 'drop/0.csv', line: 3, raw: '2,"y', reason: expect.stringContaining('never closed') },
    ]);
  });

  it('takes the last row for bad, and nothing else, when its quote is never closed', async () => {
    const { table, rejected } = await load(['a', 'b'], [whole, text], ['a,b\n1,"x\ny"\n2,"z']);
    expect(table).toEqual([[1, 'x\ny']]);
    expect(rejected).toMatchObject([{ line: 4, raw: '2,"z' }]);
  });

  it('says how far a row reaches whose quote is closed too late', async () => {
    const { rejected } = await load(['a', 'b'], [whole, text], ['a,b\n1,"x\n2,y\n3,"z"\n4,w\n']);
    expect(rejected).toMatchObject([{ line: 2, reason: expect.stringContaining('line 4') }]);
  });

  it('sets rows aside that have NUL bytes or are not UTF-8, and the engine survives it', async () => {
    const bytes = Buffer.from('a,b,c\n1,x,q\n2,y\xff,q\n3,z\0,q\n4,w,q\n', 'latin1');
    const result = await load(['a', 'b', 'c'], [whole, text], [bytes]);
    expect(result.table).toEqual([
      [1, 'x'],
      [4, 'w'],
    ]);
    expect(result.rejected).toMatchObject([
      { line: 3, raw: '2,y\ufffd,q' },
      { line: 4, raw: '3,z\ufffd,q' },
    ]);
    const unread = Buffer.from('a,b,c\n1,x,q\n2,y,\xff\n3,y,\0\n', 'latin1');
    expect((await load(['a', 'b', 'c'], [whole, text], [unread])).rejected).toHaveLength(2);
  });

  it.each([
    ['LF', '\n'],
    ['CRLF', '\r\n'],
    ['CR', '\r'],
  ])('reads lines that end with %s', async (_, end) => {
    const lines = ['a,b', '1,x', '', '2,"q', 'q"', '3,'].join(end);
    for (const last of ['', end]) {
      const { table } = await load(['a', 'b'], [whole, text], [lines + last]);
      expect(table).toEqual([
        [1, 'x'],
        [2, `q${end}q`],
        [3, null],
      ]);
    }
  });

  it('reads mixed line ends, and keeps a CR that ends no line', async () => {
    const result = await load(['a', 'b'], [whole, text], ['a,b\n1,x\r\n2,y\rz"\n3,w\r']);
    expect(result.table).toEqual([
      [1, 'x'],
      [2, 'y\rz"'],
      [3, 'w'],
    ]);
  });

  it('sets a row aside whose CR no quotes could hold', async () => {
    const dialect = { ...comma, quote: '', escape: '' };
    const files = ['a,b\n1,x\n2,y\rz\n3,w\n'];
    const { rejected, rows } = await load(['a', 'b'], [whole, text], files, { dialect });
    expect(rejected).toMatchObject([{ line: 3 }]);
    expect(rows).toBe(2);
  });

  it('makes no row of an empty line and a row of nulls of empty cells, also in one column', async () => {
    expect((await load(['a'], [text], ['a\n\n1\n""\n\n2\n'])).table).toEqual([
      ['1'],
      [null],
      ['2'],
    ]);
    expect((await load(['a', 'b'], [text, text], ['a,b\n\n,\n"",""\n'])).table).toEqual([
      [null, null],
      [null, null],
    ]);
  });

  it('skips physical lines, whatever quotes stand in them', async () => {
    const body = '1,x\n2,y\n';
    for (const head of ['a,b\n', '"a","b"\n']) {
      expect((await load(['a', 'b'], [whole, text], [head + body])).rows).toBe(2);
    }
    const preamble = 'he said: "hello\n\n"a\nb",c\n';
    const { table } = await load(['a', 'b'], [whole, text], [preamble + body], { skipLines: 4 });
    expect(table).toEqual([
      [1, 'x'],
      [2, 'y'],
    ]);
  });

  it('leaves out footer lines', async () => {
    for (const end of ['\n', '\r\n', '\r']) {
      for (const last of ['', end]) {
        const given = { footerLines: 2 };
        const body = ['a,b', '1,x', '2,y', 'rows: 2', 'the end'].join(end) + last;
        const { table } = await load(['a', 'b'], [whole, text], [body], given);
        expect(table).toEqual([
          [1, 'x'],
          [2, 'y'],
        ]);
      }
    }
    expect((await load(['a'], [text], ['a\n'], { footerLines: 5 })).rows).toBe(0);
  });

  it('gives null for the null texts only', async () => {
    const none = await load(['a', 'b'], [text, text], ['a,b\n,""\nNA,x\n'], { nullValues: [] });
    expect(none.table).toEqual([
      ['', ''],
      ['NA', 'x'],
    ]);
    const two = await load(['a', 'b'], [whole, text], ['a,b\nNA,\n1,"NA"\n'], {
      nullValues: ['NA'],
    });
    expect(two.table).toEqual([
      [null, ''],
      [1, null],
    ]);
    const odd = await load(['a', 'b'], [whole, text], ['a,b\n"n,a","say ""x"""\n1,y\n'], {
      nullValues: ['n,a', 'say "x"'],
      fileName: true,
    });
    expect(odd.table).toEqual([
      [null, null, 'drop/0.csv'],
      [1, 'y', 'drop/0.csv'],
    ]);
    const files = ['a,b\n"n,a",x\n', 'a,b\n2,y\n'];
    const list = await load(['a', 'b'], [whole, text], files, {
      nullValues: ['n,a'],
      fileName: true,
    });
    expect(list.table).toEqual([
      [null, 'x', 'drop/0.csv'],
      [2, 'y', 'drop/1.csv'],
    ]);
  });

  it('takes columns by source and occurrence, and null for those that the file lacks', async () => {
    const { table } = await load(
      ['x', 'x', 'y'],
      [
        { name: 'second', source: 'x', occurrence: 1, ...text },
        { name: 'none', source: 'z', ...whole },
        { name: 'first', source: 'x', ...whole },
      ],
      ['x,x,y\n1,2,3\n'],
    );
    expect(table).toEqual([['2', null, 1]]);
  });

  it('makes rows of nulls of a file that has none of the columns', async () => {
    const none = [{ name: 'none', source: 'z', ...whole }];
    expect((await load(['a', 'b'], none, ['a,b\n1,2\n3\n'])).table).toEqual([[null], [null]]);
  });

  it('reports rejected rows in the order of files and lines', async () => {
    const declared = { ...whole, inferred: false };
    const bad = 'a,b\nx,1\n1,2,3\n2,2\ny,1\n';
    const { rejected, table } = await load(['a', 'b'], [declared, text], [bad, bad]);
    expect(rejected.map(({ file, line }) => [file, line])).toEqual([
      ['drop/0.csv', 2],
      ['drop/0.csv', 3],
      ['drop/0.csv', 5],
      ['drop/1.csv', 2],
      ['drop/1.csv', 3],
      ['drop/1.csv', 5],
    ]);
    expect(table).toEqual([
      [2, '2'],
      [2, '2'],
    ]);
  });

  it('reads other dialects: semicolons and apostrophes, a backslash before quotes, no quotes, long delimiters', async () => {
    const apostrophes = { delimiter: ';', quote: "'", escape: "'" };
    const bar = { delimiter: '||', quote: '"', escape: '"' };
    expect(
      (await load(['a', 'b'], [whole, text], ["a;b\n1;'it''s; so'\n"], { dialect: apostrophes }))
        .table,
    ).toEqual([[1, "it's; so"]]);
    expect(
      (
        await load(['a', 'b'], [whole, text], ['a,b\n1,"say \\"x, y\\""\n2\n'], {
          dialect: { ...comma, escape: '\\' },
        })
      ).table,
    ).toEqual([
      [1, 'say "x, y"'],
      [2, null],
    ]);
    expect(
      (
        await load(['a', 'b'], [whole, text], ['a\tb\n1\t"5" tall\n'], {
          dialect: { delimiter: '\t', quote: '', escape: '' },
        })
      ).table,
    ).toEqual([[1, '"5" tall']]);
    expect(
      (await load(['a', 'b'], [whole, text], ['a||b\n1||x|y\n2\n'], { dialect: bar })).table,
    ).toEqual([
      [1, 'x|y'],
      [2, null],
    ]);
  });

  it('reads fields longer than the engine expects', async () => {
    const long = 'x'.repeat(3_000_000);
    const { table } = await load(['a', 'b'], [whole, text], [`a,b\n1,${long}\n2,y\n`]);
    expect(table.map(([a, b]) => [a, String(b).length])).toEqual([
      [1, 3_000_000],
      [2, 1],
    ]);
  });

  it('skips a byte order mark', async () => {
    const mark = '\ufeff';
    for (const body of ['1,x\n', '1,x\n2\n']) {
      const { table } = await load(['a', 'b'], [whole, text], [mark + body], { skipLines: 0 });
      expect(table[0]).toEqual([1, 'x']);
    }
  });

  it('reads texts by their date pattern, in a zone of their own', async () => {
    const pattern = {
      pattern: 'dd-MM-yyyy HH:mm',
      type: 'TIMESTAMP' as const,
      strptime: '%d-%m-%Y %H:%M',
      regex: '[0-9]{2}-[0-9]{2}-[0-9]{4} [0-9]{2}:[0-9]{2}',
      zulu: false,
    };
    const column = { type: 'TIMESTAMP' as const, inferred: false, pattern };
    const files = ['a,b\n28-01-2018 13:05,x\n31-02-2018 00:00,y\n1-2-2018 00:00,z\n'];
    const plain = await load(['a', 'b'], [column, text], files);
    expect(plain.table).toEqual([['2018-01-28 13:05:00', 'x']]);
    expect(plain.rejected.map(({ line, value }) => [line, value])).toEqual([
      [3, '31-02-2018 00:00'],
      [4, '1-2-2018 00:00'],
    ]);
    const zoned = { ...column, pattern: { ...pattern, timezone: 'Europe/Berlin' } };
    expect((await load(['a', 'b'], [zoned, text], files)).table).toEqual([
      ['2018-01-28 12:05:00+00', 'x'],
    ]);
  });

  it('stops when asked to', async () => {
    await expect(
      load(['a', 'b'], [whole, text], ['a,b\n1,x\n'], { options: { signal: AbortSignal.abort() } }),
    ).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});
