import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join as joinPath } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import { EngineError, type Engine, type Session } from '../../src/engine/engine.js';
import { ident, sql, value } from '../../src/sql.js';

describe('the DuckDB engine', () => {
  let engine: Engine;
  beforeEach(async () => {
    engine = await openDuckDB({ maxQueries: 2 });
  });
  afterEach(() => engine.close());

  it('binds values of every kind and returns plain ones', async () => {
    const blob = new Uint8Array([0, 255, 7]);
    const rows = await engine.read((session) =>
      session.rows(
        sql`select ${value('it\'s "$1"')} as text, ${value(9007199254740993n)} as big, ${value(1.5)} as real,
            ${value(true)} as yes, ${value(null)} as nothing, ${value(blob)} as bytes, 1.10::decimal(5,2) as exact, date '2020-02-29' as day`,
      ),
    );
    expect(rows).toEqual([
      {
        text: 'it\'s "$1"',
        big: 9007199254740993n,
        real: 1.5,
        yes: true,
        nothing: null,
        bytes: expect.anything(),
        exact: '1.10',
        day: '2020-02-29',
      },
    ]);
    expect(Buffer.from(rows[0]?.bytes as Uint8Array)).toEqual(Buffer.from(blob));
  });

  it('commits a transaction whole and rolls a failed one back whole', async () => {
    await engine.session((session) => session.run(sql`create table t (a integer)`));
    await engine.transaction(async (session) => {
      await session.run(sql`insert into t values (1), (2)`);
    });
    const failure = engine.transaction(async (session) => {
      await session.run(sql`insert into t values (3)`);
      throw new Error('half way');
    });
    await expect(failure).rejects.toThrow('half way');
    const rows = await engine.read((session) => session.rows(sql`select a from t order by a`));
    expect(rows).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('lets writers take turns', async () => {
    await engine.session((session) => session.run(sql`create table counter as select 0 as n`));
    const increment = () =>
      engine.transaction(async (session) => {
        const [row] = await session.rows(sql`select n from counter`);
        await session.run(sql`update counter set n = ${value((row?.n as number) + 1)}`);
      });
    await Promise.all(Array.from({ length: 20 }, increment));
    const rows = await engine.read((session) => session.rows(sql`select n from counter`));
    expect(rows).toEqual([{ n: 20 }]);
  });

  it('stops a running statement when its signal is aborted, and one that waits for a session', async () => {
    const abort = new AbortController();
    const long = sql`select count(*) from range(100000000000) a, range(1000) b where a.range % 7 = b.range`;
    const running = [1, 2].map(() =>
      engine.read((session) => session.rows(long, { signal: abort.signal })),
    );
    const waiting = engine.read((session) => session.rows(sql`select 1`), { signal: abort.signal });
    abort.abort();
    for (const statement of [...running, waiting]) {
      await expect(statement).rejects.toMatchObject({ code: 'CANCELLED' });
    }
    // The sessions are free again.
    await expect(engine.read((session) => session.rows(sql`select 1 as one`))).resolves.toEqual([
      { one: 1 },
    ]);
  });

  it('tells its own kind of error and keeps the message', async () => {
    const refused = engine.read((session) => session.rows(sql`select * from ${ident('no such')}`));
    await expect(refused).rejects.toBeInstanceOf(EngineError);
    await expect(refused).rejects.toMatchObject({ category: 'Catalog' });
  });
});

describe('what the engine may use', () => {
  it('is what it was opened with, and more is NO_SPACE', async () => {
    const dir = await mkdtemp(joinPath(tmpdir(), 'bucketql-'));
    const tempDirectory = joinPath(dir, 'tmp');
    const engine = await openDuckDB({
      threads: 3,
      memoryBytes: 64 * 2 ** 20,
      tempDirectory,
      maxTempBytes: 10 * 2 ** 20,
    });
    try {
      const settings = await engine.read((session) =>
        session.rows(
          sql`select current_setting('threads') as threads, current_setting('memory_limit') as memory,
            current_setting('temp_directory') as folder, current_setting('max_temp_directory_size') as temp`,
        ),
      );
      expect(settings).toEqual([
        { threads: 3n, memory: '64.0 MiB', folder: tempDirectory, temp: '10.0 MiB' },
      ]);
      const large = engine.session((session) =>
        session.run(
          sql`create temp table large as select md5(range::varchar) as text from range(3000000)`,
        ),
      );
      await expect(large).rejects.toMatchObject({ code: 'NO_SPACE', retryable: true });
      await expect(engine.read((session) => session.rows(sql`select 1 as one`))).resolves.toEqual([
        { one: 1 },
      ]);
    } finally {
      await engine.close();
      await rm(dir, { recursive: true });
    }
  });
});

describe('opening a database file', () => {
  it('refuses a damaged file with DATABASE_DAMAGED and leaves it as it is', async () => {
    const dir = await mkdtemp(joinPath(tmpdir(), 'bucketql-'));
    try {
      const path = joinPath(dir, 'damaged.duckdb');
      await writeFile(path, 'this is no database'.repeat(1000));
      await expect(openDuckDB({ path })).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
    } finally {
      await rm(dir, { recursive: true });
    }
  });
});

describe('the memory of a DuckDB engine with a file', () => {
  const memoryBytes = 2_000_000_000;
  let directory: string;
  let engine: Engine;
  beforeEach(async () => {
    directory = await mkdtemp(joinPath(tmpdir(), 'bucketql-memory-'));
    engine = await openDuckDB({ path: joinPath(directory, 'a.duckdb'), memoryBytes });
  });
  afterEach(async () => {
    await engine.close();
    await rm(directory, { recursive: true });
  });

  async function limit(session: Session): Promise<number> {
    const [row] = await session.rows(sql`select current_setting('memory_limit') as "limit"`);
    const [, count, unit] = /^([\d.]+) (MiB|GiB)$/.exec(String(row?.limit)) ?? [];
    return Number(count) * 2 ** (unit === 'GiB' ? 30 : 20);
  }

  it('is little while modest work is alone, and all there is for whoever asks', async () => {
    const asking = (options = {}) => engine.read(limit, options);
    await engine.session(
      async (session) => {
        expect(await limit(session)).toBeLessThan(300 * 2 ** 20);
        expect(await asking()).toBeLessThan(300 * 2 ** 20);
        expect(await asking({ answers: true })).toBeGreaterThan(1.8e9);
        expect(await engine.session(limit)).toBeGreaterThan(1.8e9);
        expect(await engine.transaction(limit)).toBeGreaterThan(1.8e9);
      },
      { modest: () => true },
    );
    expect(await asking()).toBeGreaterThan(1.8e9);
  });

  it('is all there is for modest statements that need more', async () => {
    // A list of 160 MB takes 256 MB while it grows.
    const statement = sql`create table t as select list(i) as l from range(20000000) r(i)`;
    await engine.session((session) => session.run(statement), { modest: () => true });
    const rows = await engine.read((session) => session.rows(sql`select len(l) as n from t`));
    expect(rows).toEqual([{ n: 20_000_000n }]);
    await engine.close();
    engine = await openDuckDB({ path: joinPath(directory, 'b.duckdb'), memoryBytes: 300_000_000 });
    const little = engine.session((session) => session.run(statement), { modest: () => true });
    await expect(little).rejects.toMatchObject({ code: 'OUT_OF_MEMORY' });
  });
});
