import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../../src/engine/duckdb.js';
import type { Engine } from '../../../src/engine/engine.js';
import { createTable, type LoadColumn, type LoadOptions } from '../../../src/engine/load.js';
import { appendParquet } from '../../../src/engine/parquet/append.js';
import { describeParquet, parquetWarnings } from '../../../src/engine/parquet/describe.js';
import { widerColumn } from '../../../src/engine/parquet/widen.js';
import { checkParquet } from '../../../src/formats/parquet/check.js';
import { defaultFormatLimits } from '../../../src/limits.js';
import type { ParquetColumn, ParquetFile } from '../../../src/relation.js';
import { ident, join as joined, literal, sql, type Sql } from '../../../src/sql.js';
import { byteArrays, int32s, plainParquet, struct } from '../../support/parquet.js';

let engine: Engine;
let folder: string;

beforeAll(async () => {
  engine = await openDuckDB({ threads: 2 });
  folder = await mkdtemp(join(tmpdir(), 'parquet-'));
});
afterAll(async () => {
  await engine.close();
  await rm(folder, { recursive: true });
});

let count = 0;
const nextPath = () => join(folder, `${++count}.parquet`);

/** A file that the engine itself writes. */
async function written(query: Sql, options = sql``): Promise<ParquetFile> {
  const path = nextPath();
  await engine.session((session) =>
    session.run(sql`copy (${query}) to ${literal(path)} (format parquet ${options})`),
  );
  return checked(path);
}

async function handmade(bytes: Buffer): Promise<ParquetFile> {
  const path = nextPath();
  await writeFile(path, bytes);
  return checked(path);
}

const checked = (path: string) =>
  checkParquet({ path, origin: `drop/${path.split('/').at(-1)}` }, defaultFormatLimits);

const described = (file: ParquetFile, options = {}) =>
  engine.session((session) => describeParquet(session, file, options));

interface Given {
  readonly declared?: Readonly<Record<string, Partial<LoadColumn>>>;
  readonly fileName?: boolean;
  readonly options?: Partial<LoadOptions>;
  /** Columns as a sample showed them. */
  readonly columns?: readonly ParquetColumn[];
}

/** What an import does: columns of all files together, a table, its rows. */
async function load(files: readonly ParquetFile[], given: Given = {}) {
  return engine.session(async (session) => {
    const columns: ParquetColumn[] = [...(given.columns ?? [])];
    const places: number[] = columns.map(() => 0);
    for (const file of given.columns ? [] : files) {
      const seen = new Map<string, number>();
      for (const column of await describeParquet(session, file)) {
        const occurrence = seen.get(column.source) ?? 0;
        seen.set(column.source, occurrence + 1);
        const at = columns.findIndex(
          ({ source }, index) => source === column.source && places[index] === occurrence,
        );
        const known = columns[at];
        if (known) columns[at] = widerColumn(known, column);
        else {
          columns.push(column);
          places.push(occurrence);
        }
      }
    }
    const table = `t${++count}`;
    const target = {
      table,
      fileName: given.fileName ?? false,
      columns: columns.map(({ source, type, decimal }, index): LoadColumn => ({
        name: `n${index}`,
        source,
        occurrence: places[index] ?? 0,
        ...(decimal ? { type, decimal } : { type }),
        inferred: true,
        ...given.declared?.[source],
      })),
    };
    await createTable(session, target);
    const result = await appendParquet(
      session,
      target,
      { kind: 'parquet', files, columns },
      { badRows: 'REJECT', maxRejectedRows: 10, ...given.options },
    );
    const texts = [
      ...target.columns.map(({ name }) => sql`${ident(name)}::varchar as ${ident(name)}`),
      ...(target.fileName ? [sql`_BATCH_FILE_NAME_`] : []),
    ];
    const rows = await session.rows(
      sql`select ${joined(texts)} from ${ident(table)} order by rowid`,
    );
    return {
      ...result,
      types: columns.map(({ type, decimal }) =>
        decimal ? `${type}(${decimal.precision},${decimal.scale})` : type,
      ),
      table: rows.map((row) => Object.values(row)),
    };
  });
}

/** The type of the only column and the texts of its values. */
async function only(query: Sql) {
  const { types, table } = await load([await written(query)]);
  return [types[0], ...table.map(([text]) => text)];
}

describe('the columns of a file', () => {
  it.each<[value: Sql, type: string, text: string]>([
    [sql`true`, 'BOOLEAN', 'true'],
    [sql`(-128)::tinyint`, 'INTEGER', '-128'],
    [sql`(-32768)::smallint`, 'INTEGER', '-32768'],
    [sql`255::utinyint`, 'INTEGER', '255'],
    [sql`65535::usmallint`, 'INTEGER', '65535'],
    [sql`2147483647::integer`, 'INTEGER', '2147483647'],
    [sql`4294967295::uinteger`, 'BIGINT', '4294967295'],
    [sql`9223372036854775807::bigint`, 'BIGINT', '9223372036854775807'],
    [sql`18446744073709551615::ubigint`, 'DECIMAL(20,0)', '18446744073709551615'],
    [sql`1.10::decimal(4, 2)`, 'DECIMAL(4,2)', '1.10'],
    [
      sql`(-12345678901234567890123456789012.345678)::decimal(38, 6)`,
      'DECIMAL(38,6)',
      '-12345678901234567890123456789012.345678',
    ],
    [sql`0.1::float`, 'DOUBLE', '0.1'],
    [sql`3.4028235e38::float`, 'DOUBLE', '3.4028235e+38'],
    [sql`0.30000000000000004::double`, 'DOUBLE', '0.30000000000000004'],
    [sql`'grün'::varchar`, 'STRING', 'grün'],
    [
      sql`'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid`,
      'STRING',
      'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
    ],
    [sql`'x'::enum('x', 'y')`, 'STRING', 'x'],
    [sql`'{"a": 1.10, "b": "NaN, /"}'::json`, 'JSON', '{"a": 1.10, "b": "NaN, /"}'],
    [sql`date '0001-01-01'`, 'DATE', '0001-01-01'],
    [sql`time '23:59:59.999999'`, 'TIME', '23:59:59.999999'],
    [sql`'23:59:59.999999'::time_ns`, 'TIME', '23:59:59.999999'],
    [sql`'10:00:00+02'::timetz`, 'TIME', '08:00:00'],
    [sql`timestamp '9999-12-31 23:59:59.999999'`, 'TIMESTAMP', '9999-12-31 23:59:59.999999'],
    [sql`'2020-02-29 01:02:03.004'::timestamp_ms`, 'TIMESTAMP', '2020-02-29 01:02:03.004'],
    [sql`'2020-02-29 01:02:03.000004'::timestamp_ns`, 'TIMESTAMP', '2020-02-29 01:02:03.000004'],
    [sql`'2020-02-29 01:02:03+02'::timestamptz`, 'TIMESTAMP_TZ', '2020-02-28 23:02:03+00'],
    [sql`'text'::blob`, 'STRING', 'text'],
    [sql`interval '14 months 3 days 30 hours 0.5 seconds'`, 'STRING', 'P14M3DT108000.5S'],
    [sql`interval '2 days'`, 'STRING', 'P0M2DT0S'],
    [sql`'POINT(1 2)'::geometry`, 'STRING', 'POINT (1 2)'],
  ])('%p is %s', async (value, type, text) => {
    const [found, ...texts] = await only(sql`select unnest([${value}, null]) as v`);
    expect(found).toBe(type);
    expect(texts).toEqual([text, null]);
  });

  it.each<[value: Sql, text: string]>([
    [sql`'nan'::double`, 'NaN'],
    [sql`'-inf'::float`, '-Infinity'],
    [sql`'inf'::double`, 'Infinity'],
    [sql`date '0001-01-01 (BC)'`, '0001-01-01 (BC)'],
    [sql`date '10000-01-01'`, '10000-01-01'],
    [sql`'infinity'::date`, 'infinity'],
    [sql`timestamp '10000-01-01 10:00:00'`, '10000-01-01T10:00:00'],
    [sql`'infinity'::timestamptz`, 'infinity'],
    [sql`'2020-02-29 01:02:03.000000004'::timestamp_ns`, '2020-02-29T01:02:03.000000004'],
    [sql`'01:02:03.000000004'::time_ns`, '01:02:03.000000004'],
    [sql`'[1,]'::json`, '[1,]'],
    [sql`'{"a": NaN}'::json`, '{"a": NaN}'],
    [sql`'\\xFF'::blob`, '/w=='],
  ])('%p makes its column STRING, for the API could not show it', async (value, text) => {
    expect(await only(sql`select unnest([${value}, null]) as v`)).toEqual(['STRING', text, null]);
  });

  it('writes the other values of such a column as the API writes them', async () => {
    expect(await only(sql`select unnest(['nan', 0.1, 1, 1e300]::double[]) as v`)).toEqual([
      'STRING',
      'NaN',
      '0.1',
      '1.0',
      '1e+300',
    ]);
    expect(await only(sql`select unnest(['\\xFF', 'text']::blob[]) as v`)).toEqual([
      'STRING',
      '/w==',
      'dGV4dA==',
    ]);
  });

  it('says which columns are base64', async () => {
    const file = await written(sql`select '\\xFF'::blob as b, 'a'::blob as a`);
    const columns = await described(file);
    expect(columns).toEqual([
      { source: 'b', type: 'STRING', base64: true },
      { source: 'a', type: 'STRING' },
    ]);
    expect(parquetWarnings(columns)).toEqual([
      'Column "b" has bytes that are no text; its values are their base64',
    ]);
  });

  it.each<[value: Sql, text: string]>([
    [sql`[1, null, 3]`, '[1,null,3]'],
    [sql`[]::integer[]`, '[]'],
    [sql`[9007199254740993]`, '[9007199254740993]'],
    [sql`[0.10::decimal(4, 2)]`, '[0.10]'],
    [sql`[0.1::float, 'nan', 'inf', '-inf']`, '[0.1,"NaN","Infinity","-Infinity"]'],
    [sql`[[[1]], null, [[]]]`, '[[[1]],null,[[]]]'],
    [sql`['a"b\\c', E'\\n']`, '["a\\"b\\\\c","\\n"]'],
    [sql`{'a': 1, 'b': {'c': ['x']}, 'd': null::integer}`, '{"a":1,"b":{"c":["x"]},"d":null}'],
    [sql`{'q"''': true}`, '{"q\\"\'":true}'],
    [sql`[{'a': 1}, null]`, '[{"a":1},null]'],
    [sql`map {'k"': 1, 'l': null}`, '{"k\\"":1,"l":null}'],
    [sql`map {1: [2]}`, '{"1":[2]}'],
    [sql`map {[1]: 'a'}`, '[{"key":[1],"value":"a"}]'],
    [sql`[timestamp '2020-01-01 00:00:00', 'infinity']`, '["2020-01-01T00:00:00","infinity"]'],
    [sql`['2020-01-01 00:00:00+02'::timestamptz]`, '["2019-12-31T22:00:00Z"]'],
    [sql`[date '2020-01-01']`, '["2020-01-01"]'],
    [sql`['{"a":1}'::json, '[1,]']`, '[{"a":1},"[1,]"]'],
    [sql`['a'::blob, '\\xFF']`, '["a","/w=="]'],
    [
      sql`['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid]`,
      '["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"]',
    ],
    [sql`{'a': [null, 1.5]}::variant`, '{"a":[null,1.5]}'],
  ])('%p is JSON', async (value, text) => {
    const [type, ...texts] = await only(sql`select unnest([${value}, null]) as v`);
    expect([type, ...texts]).toEqual(['JSON', text, null]);
    expect(() => JSON.parse(text) as unknown).not.toThrow();
  });

  it('takes structs 60 deep and lists 8 deep, and refuses deeper lists', async () => {
    const nested = (depth: number, around: (inner: Sql) => Sql) =>
      Array.from({ length: depth }).reduce<Sql>((inner) => around(inner), sql`1`);
    const lists = (depth: number) => nested(depth, (inner) => sql`[${inner}]`);
    expect(await only(sql`select ${nested(60, (inner) => sql`{'a': ${inner}}`)} as v`)).toEqual([
      'JSON',
      `${'{"a":'.repeat(60)}1${'}'.repeat(60)}`,
    ]);
    expect(await only(sql`select ${lists(8)} as v`)).toEqual(['JSON', '[[[[[[[[1]]]]]]]]']);
    await expect(only(sql`select ${lists(9)} as v`)).rejects.toMatchObject({
      code: 'NESTED_TOO_DEEP',
      details: { column: 'v', limit: 8 },
    });
  });

  it('reads FLOAT16 by its value and INT96 as a TIMESTAMP', async () => {
    const halves = { name: 'h', type: 7, length: 2, logical: struct({ 15: struct({}) }) };
    const half = await handmade(
      plainParquet([{ ...halves, plain: Buffer.from('662e003c', 'hex') }], 2),
    );
    expect(await load([half])).toMatchObject({
      types: ['DOUBLE'],
      table: [['0.0999755859375'], ['1.0']],
    });
    // Nanoseconds of the day, then the Julian day: 2000-01-01 00:00:01.
    const plain = Buffer.alloc(12);
    plain.writeBigInt64LE(1_000_000_000n);
    plain.writeInt32LE(2_451_545, 8);
    const file = await handmade(plainParquet([{ name: 't', type: 3, plain }], 1));
    expect(await load([file])).toMatchObject({
      types: ['TIMESTAMP'],
      table: [['2000-01-01 00:00:01']],
    });
  });

  it('keeps names as they are, also those of the engine and equal ones', async () => {
    const names = [
      'file_row_number',
      'filename',
      'file_index',
      '',
      'a',
      'A',
      'a',
      '__proto__',
      'q"\'',
    ];
    const bytes = plainParquet(
      names.map((name, index) => ({ name, type: 1, plain: int32s(index, index + 100) })),
      2,
    );
    const file = await handmade(bytes);
    expect((await described(file)).map(({ source }) => source)).toEqual(names);
    expect((await load([file, file], { fileName: true })).table).toEqual([
      ...[0, 100, 0, 100].map((first) => [
        ...names.map((_, index) => String(first + index)),
        file.origin,
      ]),
    ]);
  });

  it('looks at no more rows than it is told, and the load finds what they did not show', async () => {
    const file = await written(
      sql`select case when i = 9000 then 'nan'::double else i end as v from range(10000) r(i)`,
    );
    const columns = await described(file, { sampleRows: 100 });
    expect(columns).toEqual([{ source: 'v', type: 'DOUBLE' }]);
    await expect(load([file], { columns })).rejects.toMatchObject({
      name: 'TypeTooNarrow',
      columns: ['n0'],
    });
    expect(await described(file)).toEqual([{ source: 'v', type: 'STRING' }]);
  });
});

describe('the rows of files', () => {
  it('stand in the order of the files, their row groups and rows', async () => {
    const part = (first: number) =>
      written(
        sql`select i + ${literal(String(first))}::bigint as i from range(30000) r(i)`,
        sql`, row_group_size 3000`,
      );
    const files = [await part(0), await part(30_000), await part(60_000)];
    const { table, rows, files: counts } = await load(files, { fileName: true });
    expect(rows).toBe(90_000);
    expect(counts).toEqual(files.map(({ origin }) => ({ origin, rows: 30_000 })));
    expect(table.every(([i], index) => i === String(index))).toBe(true);
    expect(
      table.every(([, name], index) => name === files[Math.floor(index / 30_000)]?.origin),
    ).toBe(true);
  });

  it('find their columns by name; what a file lacks is null', async () => {
    const files = [
      await written(sql`select 1 as a, 'x' as b`),
      await written(sql`select 'y' as b, true as c, 2 as a`),
      await written(sql`select false as c`),
    ];
    expect(await load(files)).toMatchObject({
      types: ['INTEGER', 'STRING', 'BOOLEAN'],
      table: [
        ['1', 'x', null],
        ['2', 'y', 'true'],
        [null, null, 'false'],
      ],
      rows: 3,
    });
  });

  it.each<[a: Sql, b: Sql, type: string, texts: string[]]>([
    [sql`1`, sql`9007199254740993`, 'BIGINT', ['1', '9007199254740993']],
    [sql`1`, sql`0.25::decimal(4, 2)`, 'DECIMAL(12,2)', ['1.00', '0.25']],
    [sql`1::ubigint`, sql`-1::bigint`, 'DECIMAL(20,0)', ['1', '-1']],
    [sql`0.5::decimal(38, 1)`, sql`0.25::decimal(38, 2)`, 'STRING', ['0.5', '0.25']],
    [sql`7`, sql`0.1::double`, 'DOUBLE', ['7.0', '0.1']],
    [sql`0.1::decimal(9, 2)`, sql`0.2::double`, 'DOUBLE', ['0.1', '0.2']],
    [sql`9007199254740993`, sql`0.1::double`, 'STRING', ['9007199254740993', '0.1']],
    [
      sql`date '2020-01-01'`,
      sql`timestamp '2020-01-01 10:00:00'`,
      'TIMESTAMP',
      ['2020-01-01 00:00:00', '2020-01-01 10:00:00'],
    ],
    [
      sql`timestamp '2020-01-01 00:00:00'`,
      sql`'2020-01-01 00:00:00Z'::timestamptz`,
      'STRING',
      ['2020-01-01T00:00:00', '2020-01-01T00:00:00Z'],
    ],
    [sql`true`, sql`1`, 'STRING', ['true', '1']],
    [sql`[1]`, sql`'x'`, 'STRING', ['[1]', 'x']],
    [sql`[1]`, sql`{'a': 1}`, 'JSON', ['[1]', '{"a":1}']],
    [sql`'\\xFF'::blob`, sql`'x'`, 'STRING', ['/w==', 'x']],
    [sql`0.1::float`, sql`0.1::double`, 'DOUBLE', ['0.1', '0.1']],
  ])('of %p beside %p are in one column that changes neither', async (a, b, type, texts) => {
    const files = [await written(sql`select ${a} as v`), await written(sql`select ${b} as v`)];
    const { types, table } = await load(files);
    expect(types).toEqual([type]);
    expect(table.map(([text]) => text)).toEqual(texts);
  });

  it('go through the check of a declared type, and what does not fit is set aside', async () => {
    const a = await written(
      sql`select i as id, case i when 1 then ' 7' when 2 then '7,5' when 4 then null else i::varchar end as v from range(5) r(i)`,
    );
    const b = await written(sql`select 10 as id, '8' as v`);
    const result = await load([a, b], {
      declared: { v: { type: 'INTEGER', inferred: false } },
      fileName: true,
    });
    expect(result.table).toEqual([
      ['0', '0', a.origin],
      ['1', '7', a.origin],
      ['3', '3', a.origin],
      ['4', null, a.origin],
      ['10', '8', b.origin],
    ]);
    expect(result.rows).toBe(5);
    expect(result.files).toEqual([
      { origin: a.origin, rows: 4 },
      { origin: b.origin, rows: 1 },
    ]);
    expect(result.rejected).toEqual([
      {
        file: a.origin,
        line: 3,
        column: 'n1',
        value: '7,5',
        reason: 'Expected a whole number of 32 bits',
        raw: null,
      },
    ]);
  });

  it('take date patterns', async () => {
    const file = await written(sql`select unnest(['31-12-2024', '12/31/2024']) as d`);
    const { table, rejected } = await load([file], {
      declared: {
        d: {
          type: 'DATE',
          inferred: false,
          pattern: {
            pattern: 'dd-MM-yyyy',
            type: 'DATE',
            strptime: '%d-%m-%Y',
            regex: '[0-9]{2}-[0-9]{2}-[0-9]{4}',
            zulu: false,
          },
        },
      },
    });
    expect(table).toEqual([['2024-12-31']]);
    expect(rejected).toMatchObject([{ line: 2, value: '12/31/2024' }]);
  });

  it('of any type can be declared text', async () => {
    const file = await written(sql`select 0.1::float as v, [1] as l, '\\xFF'::blob as b`);
    const text = { type: 'STRING', inferred: false } as const;
    const { table } = await load([file], { declared: { v: text, l: text, b: text } });
    expect(table).toEqual([['0.1', '[1]', '/w==']]);
  });

  it('end the load at the first bad one, or when too many are bad', async () => {
    const file = await written(sql`select 'x' || i as v from range(20) r(i)`);
    const declared = { v: { type: 'INTEGER', inferred: false } } as const;
    await expect(load([file], { declared, options: { badRows: 'FAIL' } })).rejects.toMatchObject({
      code: 'INVALID_VALUE',
      details: { file: file.origin, line: 1, column: 'n0', value: 'x0' },
    });
    await expect(load([file], { declared })).rejects.toMatchObject({
      code: 'TOO_MANY_REJECTED_ROWS',
      details: { limit: 10 },
    });
  });

  it('may be none', async () => {
    const none = await written(sql`select 1 as a where false`);
    expect(await load([none])).toMatchObject({ rows: 0, table: [], types: ['INTEGER'] });
  });

  it.each(['uncompressed', 'snappy', 'gzip', 'zstd', 'lz4_raw', 'brotli'])(
    'are read from pages with compression %s, of both versions',
    async (compression) => {
      const query = sql`select i, 'text ' || (i % 7) as s, i * 0.5::double as d, i % 2 = 0 as b from range(3000) r(i)`;
      const files = [
        await written(query, sql`, compression ${literal(compression)}, parquet_version v1`),
        await written(
          query,
          sql`, compression ${literal(compression)}, parquet_version v2, dictionary_size_limit 1`,
        ),
      ];
      const { table, rows } = await load(files);
      expect(rows).toBe(6000);
      expect(table[3]).toEqual(['3', 'text 3', '1.5', 'false']);
      expect(table.slice(3000)).toEqual(table.slice(0, 3000));
    },
  );
});

describe('a file that cannot be read', () => {
  it('is named, and the others are not blamed', async () => {
    const good = await written(sql`select i from range(1000) r(i)`, sql`, compression gzip`);
    const bytes = await readFile(good.path);
    bytes.fill(0xff, 60, 90);
    const bad = await handmade(bytes);
    await expect(
      load([good, bad, good], { columns: [{ source: 'i', type: 'BIGINT' }] }),
    ).rejects.toMatchObject({
      code: 'MALFORMED_FILE',
      message: expect.stringContaining(`${bad.origin} cannot be read as Parquet: `) as unknown,
      details: { file: bad.origin },
    });
    await expect(load([bad], { columns: [{ source: 'i', type: 'BIGINT' }] })).rejects.toMatchObject(
      {
        code: 'MALFORMED_FILE',
        message: expect.not.stringContaining(folder) as unknown,
      },
    );
  });

  it('has text that is no UTF-8', async () => {
    const text = { name: 'größe', type: 6, converted: 0 };
    const file = await handmade(
      plainParquet([{ ...text, plain: byteArrays('a', Buffer.from([0xff])) }], 2),
    );
    await expect(load([file])).rejects.toMatchObject({
      code: 'INVALID_ENCODING',
      message: expect.stringContaining(file.origin) as unknown,
    });
  });

  it('has fewer rows than its footer says', async () => {
    const plain = int32s(1, 2, 3);
    const file = await handmade(plainParquet([{ name: 'n', type: 1, plain }], 3, { rows: 4 }));
    await expect(load([file])).rejects.toMatchObject({
      code: 'MALFORMED_FILE',
      details: { file: file.origin },
    });
  });

  it('leaves the engine as it was', async () => {
    const rows = await engine.session((session) => session.rows(sql`select 1 as one`));
    expect(rows).toEqual([{ one: 1 }]);
  });

  it('stops when it is told to', async () => {
    const file = await written(sql`select 1 as a`);
    await expect(described(file, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'CANCELLED',
    });
  });
});
