import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { tableFromIPC } from 'apache-arrow';
import type { ColumnType } from '../../src/columns.js';
import { streamArrow } from '../../src/engine/arrow.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import { EngineError, type Engine } from '../../src/engine/engine.js';
import { exportRows, streamText, type TextFormat } from '../../src/engine/export.js';
import { literal, sql, type Sql } from '../../src/sql.js';

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
      const format: TextFormat = { kind: 'delimited', delimiter, header: true };
      await sameAsFile(select, columns(types), format);
    },
  );

  it('are those of COPY as lines of JSON too', async () => {
    const types: Record<string, ColumnType> = { n: 'BIGINT', alone: 'STRING', more: 'STRING' };
    await sameAsFile(sql`select n, alone, more from (${characters})`, columns(types), {
      kind: 'ndjson',
    });
  });

  it('are those of COPY with one column that is null or empty, and without rows', async () => {
    const only = columns({ single: 'STRING' });
    const format: TextFormat = { kind: 'delimited', delimiter: ',', header: true };
    await sameAsFile(sql`select * from (values (null), (''), ('x')) as v(single)`, only, format);
    await sameAsFile(sql`select 'x' as single where false`, only, format);
    await sameAsFile(sql`select 'x' as single where false`, only, { ...format, header: false });
  });

  it('come in pieces of some size, however long their texts are', async () => {
    const select = sql`select repeat(chr(cast(97 + i as integer)), 700000) as long from range(20) as r(i)`;
    const format: TextFormat = { kind: 'delimited', delimiter: ',', header: true };
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
    format: TextFormat,
  ): Promise<void> {
    const path = join(dir, 'file');
    const [streamed, copied] = await engine.session(async (session) => {
      const text = await joined(streamText(session, select, types, format));
      await exportRows(session, select, types, { path, ...format });
      return [text.toString(), await readFile(path, 'utf8')];
    });
    expect(streamed).toBe(copied);
  }
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
