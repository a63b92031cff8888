import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tableFromIPC } from 'apache-arrow';
import type { ColumnType } from '../../src/columns.js';
import { streamArrow } from '../../src/engine/arrow.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import { EngineError, type Engine } from '../../src/engine/engine.js';
import {
  frameOf,
  streamRows,
  streamText,
  type TextFormat,
  type TextPiece,
} from '../../src/engine/export.js';
import { numberText, type ExportColumn } from '../../src/engine/row-text.js';
import { ident, join as list, literal, sql, type Sql } from '../../src/sql.js';

let engine: Engine;
let dir: string;
beforeAll(async () => {
  engine = await openDuckDB();
  dir = await mkdtemp(join(tmpdir(), 'export-'));
});
afterAll(async () => {
  await engine.close();
  await rm(dir, { recursive: true });
});

async function joined(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

const columns = (types: Record<string, ColumnType>) =>
  Object.entries(types).map(([name, type]) => ({ name, type }));

const commas = {
  kind: 'delimited',
  delimiter: ',',
  header: true,
  escapeFormulas: false,
} as const;

/** Every character up to the Cyrillic ones, alone and in the middle, and a few above. */
const characters = sql`
  select i as n, c as alone, 'a' || c || 'b' as within, case when i % 3 = 0 then null when i % 3 = 1 then '' else c || c end as more
  from (select i, chr(cast(i as integer)) as c from range(1, 1200) as r(i)
    union all select * from (values (1200, '𝄞'), (1201, '漢字'), (1202, chr(8232))))
  order by i`;

describe('rows as text', () => {
  it.each([',', ';', '\t', '|', ' ', 'a', '_', '.', '-', '1', '#', "'", '\\', '\u0001'])(
    'are those of the engine’s own COPY, with the delimiter %j',
    async (delimiter) => {
      const types: Record<string, ColumnType> = {
        n: 'BIGINT',
        alone: 'STRING',
        within: 'STRING',
        more: 'STRING',
        half: 'DECIMAL',
        rough: 'DOUBLE',
        day: 'DATE',
        clock: 'TIME',
        local: 'TIMESTAMP',
        moment: 'TIMESTAMP_TZ',
        early: 'TIMESTAMP',
        tree: 'JSON',
        flag: 'BOOLEAN',
      };
      const select = sql`select *, cast(n - 600 as decimal(10, 2)) / 2 as half,
        case n % 7 when 0 then null when 1 then 'nan'::double when 2 then '-inf'::double else 1e20 / n end as rough,
        date '1970-01-01' + cast(n - 600 as integer) * 1000 as day, time '00:00:01.5' + interval (n) second as clock,
        timestamp '1969-12-31 23:59:59.25' + interval (n) hour as local,
        timestamptz '1969-12-31 23:59:59.25+02' + interval (n) hour as moment,
        timestamp '0001-01-01 00:00:00.5' - interval (n) hour as early,
        json_object('a#', within) as tree, n % 2 = 0 as flag from (${characters})`;
      const format = { ...commas, delimiter };
      await sameAsFile(select, columns(types), format);
    },
  );

  it('are lines of JSON with the same characters', async () => {
    const types = columns({ n: 'BIGINT', alone: 'STRING', more: 'STRING' });
    const [text, rows] = await engine.session(async (session) => [
      await joined(streamText(session, characters, types, { kind: 'ndjson' })),
      await session.rows(sql`select cast(n as integer) as n, alone, more from (${characters})`),
    ]);
    const lines = text.toString().trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(rows);
  });

  it('have a line for a row whose only value is null or empty', async () => {
    const select = sql`select * from (values (null), (''), ('x')) as v(single)`;
    const text = await textOf(select, columns({ single: 'STRING' }), commas);
    expect(text).toBe('single\n""\n""\nx\n');
  });

  it('are those of COPY without rows', async () => {
    const only = columns({ single: 'STRING' });
    const format = commas;
    await sameAsFile(sql`select 'x' as single where false`, only, format);
    await sameAsFile(sql`select 'x' as single where false`, only, { ...format, header: false });
  });

  it('come in pieces of some size, however long their texts are', async () => {
    const select = sql`select repeat(chr(cast(97 + i as integer)), 700000) as long from range(20) as r(i)`;
    const format = commas;
    await sameAsFile(select, columns({ long: 'STRING' }), format);
    const sizes = await engine.session(async (session) => {
      const found: number[] = [];
      const pieces = streamText(session, select, columns({ long: 'STRING' }), format);
      for await (const piece of pieces) found.push(piece.length);
      return found;
    });
    expect(Math.max(...sizes)).toBeLessThan(2 ** 21);
  });

  async function sameAsFile(
    select: Sql,
    types: ReturnType<typeof columns>,
    format: Extract<TextFormat, { kind: 'delimited' }>,
  ): Promise<void> {
    const path = join(dir, 'file');
    const [streamed, copied] = await engine.session(async (session) => {
      const text = await joined(streamText(session, select, types, format));
      const fields = types.map((column) => sql`${numberText(column)} as ${ident(column.name)}`);
      await session.run(
        sql`copy (select ${list(fields)} from (${select}) as q) to ${literal(path)}
          (format csv, delimiter ${literal(format.delimiter)}, header ${format.header ? sql`true` : sql`false`})`,
      );
      return [text.toString(), await readFile(path, 'utf8')];
    });
    expect(streamed).toBe(copied);
  }
});

async function textOf(select: Sql, types: ExportColumn[], format: TextFormat): Promise<string> {
  const bytes = await engine.session((session) =>
    joined(streamText(session, select, types, format)),
  );
  return bytes.toString();
}

describe('rows as an array of JSON', () => {
  const types: ExportColumn[] = [
    ...columns({ n: 'BIGINT', rough: 'DOUBLE', t: 'STRING', tree: 'JSON', moment: 'TIMESTAMP_TZ' }),
    { name: 'small', type: 'DECIMAL', decimal: { precision: 3, scale: 3 } },
    { name: 'long', type: 'DECIMAL', decimal: { precision: 38, scale: 2 } },
  ];

  it('have a line each, and numbers with all their digits', async () => {
    const text = await textOf(
      sql`select 9223372036854775807 as n, 'nan'::double as rough, concat('a"b', chr(10), 'é') as t, json_object('k', null) as tree,
        timestamptz '2024-02-29 23:59:59.5+02' as moment, cast(-0.5 as decimal(3, 3)) as small,
        cast('-123456789012345678901234567890123456.78' as decimal(38, 2)) as long
        union all select null, null, '', null, null, null, null`,
      types,
      { kind: 'json' },
    );
    expect(text).toBe(
      '[\n{"n":9223372036854775807,"rough":null,"t":"a\\"b\\né","tree":{"k":null},"moment":"2024-02-29T21:59:59.5Z",' +
        '"small":-0.500,"long":-123456789012345678901234567890123456.78},\n' +
        '{"n":null,"rough":null,"t":"","tree":null,"moment":null,"small":null,"long":null}\n]\n',
    );
    expect(JSON.parse(text)).toHaveLength(2);
  });

  it('are an empty one where there are none', async () => {
    expect(
      await textOf(sql`select 1 as n where false`, columns({ n: 'INTEGER' }), { kind: 'json' }),
    ).toBe('[]\n');
  });
});

describe('formulas in delimited text', () => {
  const select = sql`select * from (values (1, '=1+1', -1.5), (2, '+49 30', -2), (3, '-x', 3), (4, '@a', 3), (5, concat(chr(9), 'a'), 3),
    (6, concat(chr(13), 'a'), 3), (7, '-12.5e3', 3), (8, '+4930', 3), (9, 'a=b', 3), (10, '', 3), (11, null, 3), (12, '=a"b,c', 3), (13, '-.5', 3),
    (14, concat('-1', chr(10)), 3)) as v(n, t, d) order by n`;
  const types: ExportColumn[] = [
    { name: 't', type: 'STRING' },
    { name: 'd', type: 'DECIMAL', decimal: { precision: 3, scale: 1 } },
  ];

  it('are escaped in texts, but not in numbers nor in what is one', async () => {
    const text = await textOf(select, types, { ...commas, header: false, escapeFormulas: true });
    expect(text).toBe(
      '\'=1+1,-1.5\n\'+49 30,-2.0\n\'-x,3.0\n\'@a,3.0\n\'\ta,3.0\n"\'\ra",3.0\n-12.5e3,3.0\n+4930,3.0\na=b,3.0\n"",3.0\n,3.0\n"\'=a""b,c",3.0\n-.5,3.0\n"\'-1\n",3.0\n',
    );
  });

  it('are put in quotes where the apostrophe is the delimiter', async () => {
    const text = await textOf(
      sql`select '=1' as t, 'x' as d`,
      columns({ t: 'STRING', d: 'STRING' }),
      {
        ...commas,
        delimiter: "'",
        escapeFormulas: true,
      },
    );
    expect(text).toBe("t'd\n\"'=1\"'x\n");
  });

  it('are escaped in headers too', async () => {
    const names = columns({ '=a,b': 'STRING', '-1': 'STRING', '@c': 'STRING' });
    const empty = sql`select '' as "=a,b", '' as "-1", '' as "@c" where false`;
    expect(await textOf(empty, names, { ...commas, escapeFormulas: true })).toBe(
      '"\'=a,b",-1,\'@c\n',
    );
    expect(await textOf(empty, names, commas)).toBe('"=a,b",-1,@c\n');
  });

  it('stay as they are where nobody asks', async () => {
    const text = await textOf(select, types, { ...commas, header: false });
    expect(text.split('\n').slice(0, 3)).toEqual(['=1+1,-1.5', '+49 30,-2.0', '-x,3.0']);
  });
});

describe('pieces of rows', () => {
  const select = sql`select i as n, case when i % 3 = 0 then null else repeat('x', cast(i % 40 as integer)) end as t from range(10000) as r(i)`;
  const types = columns({ n: 'INTEGER', t: 'STRING' });
  const formats: TextFormat[] = [
    commas,
    { kind: 'ndjson' },
    { kind: 'json' },
    { kind: 'xml', root: 'rows', row: 'row' },
    { kind: 'sheet', escapeFormulas: true },
  ];
  // How a row ends, and what it has once.
  const marks: Record<TextFormat['kind'], { end: string; once: RegExp }> = {
    delimited: { end: '\n', once: /\n/g },
    ndjson: { end: '}\n', once: /\n/g },
    json: { end: '}', once: /"n":/g },
    xml: { end: '</row>\n', once: /<row>/g },
    sheet: { end: '</row>', once: /<row>/g },
  };

  it.each(formats)('end between rows and count them: $kind', async (format) => {
    const found = await engine.session(async (session) => {
      const pieces: TextPiece[] = [];
      for await (const piece of streamRows(session, select, types, format, { pieceBytes: 1000 }))
        pieces.push(piece);
      return pieces;
    });
    const { end, once } = marks[format.kind];
    expect(found.length).toBeGreaterThan(100);
    for (const { bytes, rows } of found) {
      const text = bytes.toString();
      expect(text.endsWith(end)).toBe(true);
      expect(text.match(once)).toHaveLength(rows);
      expect(bytes.length).toBeLessThan(1300);
    }
    expect(found.reduce((sum, { rows }) => sum + rows, 0)).toBe(10_000);
    const { head, foot, firstDrops } = frameOf(format, types);
    const pieces = Buffer.concat(found.map(({ bytes }) => bytes)).subarray(firstDrops);
    expect(await textOf(select, types, format)).toBe(
      Buffer.concat([head, pieces, foot]).toString(),
    );
  });

  it('have nothing for an infinite instant, as the API has null', async () => {
    const select = sql`select unnest([timestamptz '-infinity', timestamptz 'infinity', timestamptz '2020-01-01 00:00:00+00']) as at`;
    const types = [{ name: 'at', type: 'TIMESTAMP_TZ' as const }];
    const last = '2020-01-01T00:00:00Z';
    const lines = {
      kind: 'delimited',
      delimiter: ',',
      header: false,
      escapeFormulas: false,
    } as const;
    expect(await textOf(select, types, lines)).toBe(`""\n""\n${last}\n`);
    expect(await textOf(select, types, { kind: 'ndjson' })).toBe(
      `{"at":null}\n{"at":null}\n{"at":"${last}"}\n`,
    );
  });

  it('have every text, short ones and long ones, present or not, in its place', async () => {
    const lengths = sql`select case i % 7 when 0 then null when 1 then '' when 2 then 'short' when 3 then 'exactly12byt' when 4 then 'exactly13byte'
      else repeat(chr(cast(97 + i % 26 as integer)), cast(i * 37 % 5000 as integer)) end as t from range(6000) as r(i)`;
    const [streamed, expected] = await engine.session(async (session) => {
      const rows: string[] = [];
      for await (const batch of session.stream(lengths)) {
        const { joined: take } = batch.texts(0);
        for (let from = 0; from < batch.rows; from += 100)
          rows.push(take(from, Math.min(batch.rows, from + 100)).toString());
      }
      const whole = await session.rows(sql`select t from (${lengths})`);
      return [rows.join(''), whole.map(({ t }) => t ?? '').join('')];
    });
    expect(streamed).toBe(expected);
  });
});

describe('a streamed result', () => {
  it('has all rows in their order, of many threads', async () => {
    const numbers = await engine.session(async (session) => {
      const found: number[] = [];
      const select = sql`select concat('number ', i) as t from range(300000) as r(i) where i % 3 <> 1 order by -i`;
      for await (const batch of session.stream(select)) {
        for (const text of batch.bytes(0))
          found.push(
            Number(
              Buffer.from(text ?? [])
                .toString()
                .slice(7),
            ),
          );
      }
      return found;
    });
    const expected = Array.from({ length: 300_000 }, (_, i) => 299_999 - i).filter(
      (i) => i % 3 !== 1,
    );
    expect(numbers).toEqual(expected);
  });

  it('fails where the engine gives up in the middle', async () => {
    let rows = 0;
    const reading = engine.session(async (session) => {
      const select = sql`select case when i = 2000000 then error('no more') else concat('number ', i) end as t from range(3000000) as r(i)`;
      for await (const batch of session.stream(select)) rows += batch.rows;
    });
    await expect(reading).rejects.toThrow(/gave up before the last row/);
    expect(rows).toBeGreaterThan(0);
    expect(rows).toBeLessThanOrEqual(2_000_000);
  });

  it('fails before its first rows with what the engine says', async () => {
    const reading = engine.session((session) =>
      session.stream(sql`select regexp_matches('a', '(') as t`).next(),
    );
    await expect(reading).rejects.toThrow(/missing \)/);
  });

  it('ends with CANCELLED when its signal is aborted, between two pieces and within one', async () => {
    for (const select of [
      sql`select concat('number ', i) as t from range(100000000) as r(i)`,
      sql`select concat(a.i, b.i) as t from range(3000) as a(i), range(1000000) as b(i) where a.i = -b.i - 7`,
    ]) {
      const stop = new AbortController();
      const reading = engine.session(async (session) => {
        const pieces = session.stream(select, { signal: stop.signal });
        const first = pieces.next();
        setImmediate(() => stop.abort());
        await first;
        for (;;) if ((await pieces.next()).done) break;
      });
      await expect(reading).rejects.toMatchObject({ code: 'CANCELLED' });
    }
  });

  it('leaves its session free for other statements when it is not read to the end', async () => {
    await engine.session(async (session) => {
      for await (const batch of session.stream(
        sql`select i, 'x' as t from range(10000000) as r(i)`,
      )) {
        expect(batch.rows).toBeGreaterThan(0);
        break;
      }
      expect(await session.rows(sql`select 1 as one`)).toEqual([{ one: 1 }]);
    });
  });
});

describe('a streamed result of a database that was invalidated', () => {
  it('lets it be opened again although nobody reads on, and then ends', async () => {
    const other = await openDuckDB();
    const path = literal(join(dir, 'never'));
    try {
      const reading = other.session(async (session) => {
        const batches = session.stream(sql`select i, 'x' as t from range(10000000) as r(i)`);
        await batches.next();
        // The engine counts the bytes of a delimiter as signed ones, and gives itself up.
        const fatal = sql`copy (select 1, 2) to ${path} (format csv, delimiter '§')`;
        await expect(other.session((one) => one.run(fatal))).rejects.toBeInstanceOf(EngineError);
        const answer = await other.read((one) => one.rows(sql`select 1 as one`));
        expect(answer).toEqual([{ one: 1 }]);
        await batches.next();
      });
      await expect(reading).rejects.toMatchObject({ code: 'DATABASE_REOPENED' });
    } finally {
      await other.close();
    }
  });
});

describe('rows as Arrow', () => {
  it('have decimals of every width, nulls and all rows over several record batches', async () => {
    const select = sql`select i as n, cast(i - 30000 as decimal(4, 0)) as d4 from range(27000, 33000) as r(i)`;
    const wide = sql`select n, cast(n as integer) as small, d4, cast(d4 as decimal(9, 4)) as d9, cast(d4 as decimal(18, 13)) as d18,
      cast(-d4 as decimal(38, 30)) as d38, case when n % 5 = 0 then null else 'text ' || n end as t, n % 3 = 0 as b
      from (${select}), range(7)`;
    const decimal = (name: string, precision: number, scale: number) => ({
      name,
      type: 'DECIMAL' as const,
      decimal: { precision, scale },
    });
    const bytes = await engine.session((session) =>
      joined(
        streamArrow(session, wide, [
          { name: 'n', type: 'BIGINT' },
          { name: 'small', type: 'INTEGER' },
          decimal('d4', 4, 0),
          decimal('d9', 9, 4),
          decimal('d18', 18, 13),
          decimal('d38', 38, 30),
          { name: 't', type: 'STRING' },
          { name: 'b', type: 'BOOLEAN' },
        ]),
      ),
    );
    const table = tableFromIPC(bytes);
    expect(table.batches.length).toBeGreaterThan(1);
    expect(table.numRows).toBe(42_000);
    const column = (name: string) => [...(table.getChild(name) ?? [])] as unknown[];
    const numbers = column('n') as bigint[];
    const off = numbers.map((n) => n - 30_000n);
    expect(column('small')).toEqual(numbers.map(Number));
    expect(column('t')).toEqual(numbers.map((n) => (n % 5n === 0n ? null : `text ${n}`)));
    expect(column('b')).toEqual(numbers.map((n) => n % 3n === 0n));
    for (const [name, scale, sign] of [
      ['d4', 0n, 1n],
      ['d9', 4n, 1n],
      ['d18', 13n, 1n],
      ['d38', 30n, -1n],
    ] as const) {
      const digits = column(name).map((words) => signed(words as Uint32Array));
      expect(digits).toEqual(off.map((n) => n * sign * 10n ** scale));
    }
  });

  it('have what the engine keeps once for many rows, and times before 1970 and 0001', async () => {
    const select = sql`select i as n, 'the same long text for all' as t, cast(null as varchar) as nothing, true as b,
      cast(-0.5 as decimal(4, 1)) as d, timestamp '1969-12-31 23:59:59.999999' as before,
      timestamptz '0001-01-01 00:00:00+14:00' as first, case when i < 2500 then 'low' else 'high' end as few
      from range(5000) as r(i)`;
    const bytes = await engine.session((session) =>
      joined(
        streamArrow(session, select, [
          { name: 'n', type: 'BIGINT' },
          ...columns({ t: 'STRING', nothing: 'STRING', b: 'BOOLEAN', few: 'STRING' }),
          { name: 'd', type: 'DECIMAL', decimal: { precision: 4, scale: 1 } },
          ...columns({ before: 'TIMESTAMP', first: 'TIMESTAMP_TZ' }),
        ]),
      ),
    );
    const table = tableFromIPC(bytes);
    expect(table.numRows).toBe(5000);
    const distinct = (name: string) => new Set(table.getChild(name) ?? []);
    expect([distinct('t'), distinct('nothing'), distinct('b')]).toEqual([
      new Set(['the same long text for all']),
      new Set([null]),
      new Set([true]),
    ]);
    expect([...(table.getChild('few') ?? [])].filter((text) => text === 'low')).toHaveLength(2500);
    expect([...distinct('d')].map((words) => signed(words as Uint32Array))[0]).toBe(-5n);
    const micros = (name: string) => (table.getChild(name)?.data[0]?.values as BigInt64Array)[4];
    expect(micros('before')).toBe(-1n);
    expect(micros('first')).toBe(
      (BigInt(Date.parse('0001-01-01T00:00:00Z')) - 14n * 3_600_000n) * 1000n,
    );
  });

  it('are a stream with a schema where there are none', async () => {
    const bytes = await engine.session((session) =>
      joined(
        streamArrow(session, sql`select 1 as n where false`, [{ name: 'n', type: 'INTEGER' }]),
      ),
    );
    const table = tableFromIPC(bytes);
    expect(table.numRows).toBe(0);
    expect(table.schema.fields.map(({ name }) => name)).toEqual(['n']);
  });
});

/** The whole number in four words of 32 bits, the lowest first. */
const signed = (words: Uint32Array) =>
  BigInt.asIntN(
    128,
    words.reduceRight((sum, word) => (sum << 32n) | BigInt(word), 0n),
  );
