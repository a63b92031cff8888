import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import { EngineError, type Engine, type Session } from '../../src/engine/engine.js';
import { literal, sql } from '../../src/sql.js';
import { int32s, plainParquet } from '../support/parquet.js';

const again = { code: 'DATABASE_REOPENED', retryable: true };
const long = sql`select count(*) from range(100000000000) a, range(1000) b where a.range % 7 = b.range`;

describe('a database that an internal error has invalidated', () => {
  let dir: string;
  let path: string;
  let engine: Engine;
  let invalidated: unknown[];
  let reopened: Promise<unknown>;

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-reopen-'));
    path = join(dir, 'a.duckdb');
    invalidated = [];
    engine = await openDuckDB({
      path,
      maxQueries: 4,
      onInvalidated(cause, outcome) {
        invalidated.push(cause);
        reopened = outcome;
      },
    });
    await engine.session((session) => session.run(sql`create table t as select 1 as a`));
    // The engine takes the digits of this decimal for 247 and gives itself up; checkParquet refuses such files.
    const column = { name: 'n', type: 1, plain: int32s(1), converted: 5, precision: -9, scale: 1 };
    await writeFile(join(dir, 'fatal.parquet'), plainParquet([column], 1));
  });
  afterEach(async () => {
    await engine.close();
    await rm(dir, { recursive: true });
  });

  const poison = (session: Session) =>
    session.rows(sql`select * from parquet_schema(${literal(join(dir, 'fatal.parquet'))})`);
  const rows = () => engine.read((session) => session.rows(sql`select a from t order by a`));

  it('tells who did it, and answers whoever comes after', async () => {
    await expect(engine.read(poison)).rejects.toBeInstanceOf(EngineError);
    expect(await rows()).toEqual([{ a: 1 }]);
    expect(invalidated).toHaveLength(1);
    await reopened;
    await engine.transaction((session) => session.run(sql`insert into t values (2)`));
    expect(await rows()).toEqual([{ a: 1 }, { a: 2 }]);
  });

  it('ends what is under way with an error that says to try again', async () => {
    const query = engine.read((session) => session.rows(long));
    const between = engine.session(async (session) => {
      await session.run(sql`create table half as select 1 as a`);
      await expect(engine.read(poison)).rejects.toBeInstanceOf(EngineError);
      await session.run(sql`insert into half values (2)`);
    });
    await expect(between).rejects.toMatchObject(again);
    await expect(query).rejects.toMatchObject(again);
    expect(await rows()).toEqual([{ a: 1 }]);
  });

  it('keeps what was committed, and nothing of a transaction that was open', async () => {
    await engine.transaction((session) => session.run(sql`insert into t values (2)`));
    const open = engine.transaction(async (session) => {
      await session.run(sql`insert into t values (3)`);
      await engine.read(poison).catch(() => undefined);
      await session.run(sql`insert into t values (4)`);
    });
    // Writers take turns: this one waits for the other, and for the database to be open again.
    const waiting = engine.transaction((session) => session.run(sql`insert into t values (5)`));
    await expect(open).rejects.toMatchObject(again);
    await waiting;
    expect(await rows()).toEqual([{ a: 1 }, { a: 2 }, { a: 5 }]);
  });

  it('is opened again as often as it takes, once each time', async () => {
    for (let time = 1; time <= 3; time++) {
      const outcomes = await Promise.allSettled([
        ...[1, 2, 3, 4].map(() => engine.read(poison)),
        ...[1, 2, 3, 4].map(() => rows()),
      ]);
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') continue;
        if (!(outcome.reason instanceof EngineError)) expect(outcome.reason).toMatchObject(again);
      }
      expect(await rows()).toEqual([{ a: 1 }]);
    }
    await engine.close();
    engine = await openDuckDB({ path });
    expect(await rows()).toEqual([{ a: 1 }]);
  });

  it('that cannot be opened again says why, and is tried again by the next who asks', async () => {
    await engine.session(async (session) => {
      await rm(`${path}.wal`, { force: true });
      await rm(path);
      await writeFile(path, '');
      await poison(session).catch(() => undefined);
    });
    await expect(rows()).rejects.toMatchObject({ code: 'DATABASE_DAMAGED' });
    await rm(path);
    expect(await engine.read((session) => session.rows(sql`select 1 as a`))).toEqual([{ a: 1 }]);
  });

  it('stops waiting for it when the signal says so', async () => {
    const abort = new AbortController();
    await engine.session(async (session) => {
      await poison(session).catch(() => undefined);
      const read = engine.read((other) => other.rows(sql`select 1`), { signal: abort.signal });
      abort.abort();
      await expect(read).rejects.toMatchObject({ code: 'CANCELLED' });
    });
  });

  it('is none after an internal error that leaves it sound', async () => {
    const open = engine.session(async (session) => {
      const bound = sql`select * from read_parquet(${literal(join(dir, 'fatal.parquet'))})`;
      await expect(engine.read((other) => other.rows(bound))).rejects.toBeInstanceOf(EngineError);
      return session.rows(sql`select a from t`);
    });
    expect(await open).toEqual([{ a: 1 }]);
    expect(invalidated).toEqual([]);
  });
});
