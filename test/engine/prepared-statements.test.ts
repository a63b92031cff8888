import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine, Row } from '../../src/engine/engine.js';
import { ident, integer, sql, value, type Sql, type SqlValue } from '../../src/sql.js';

let engine: Engine;

beforeAll(async () => {
  engine = await openDuckDB({ maxQueries: 1 });
});
afterAll(() => engine.close());

const ask = (statement: Sql): Promise<Row[]> =>
  engine.read((session) => session.rows(statement, { keepPlan: true }));
const create = (statement: Sql) => engine.transaction((session) => session.run(statement));

describe('a statement whose plan is kept', () => {
  it('answers for the values of each asking, of whatever type', async () => {
    const echo = (given: SqlValue) => ask(sql`select ${value(given)} as given`);
    for (const given of [1, 'one', null, 2n ** 60n, true, 0.5, 'two', 1]) {
      const [row] = await echo(given);
      expect(row?.given).toBe(given);
    }
  });

  it('reads a table that was replaced meanwhile by one of other types', async () => {
    const all = () => ask(sql`select * from ${ident('replaced')} where a = ${value('1')}`);
    await create(sql`create table replaced as select 1 as a, 'x' as b`);
    expect(await all()).toEqual([{ a: 1, b: 'x' }]);
    await create(sql`create or replace table replaced as select '1' as a, 2.5::double as c`);
    expect(await all()).toEqual([{ a: '1', c: 2.5 }]);
    await create(sql`drop table replaced`);
    await expect(all()).rejects.toThrow('replaced');
    await create(sql`create table replaced as select 1 as a`);
    expect(await all()).toEqual([{ a: 1 }]);
  });

  it('answers after it failed', async () => {
    const divide = (by: string) => ask(sql`select 6 // cast(${value(by)} as integer) as result`);
    expect(await divide('2')).toEqual([{ result: 3 }]);
    await expect(divide('two')).rejects.toThrow('two');
    expect(await divide('3')).toEqual([{ result: 2 }]);
  });

  it('may be asked twice at once in one session', async () => {
    await engine.read(async (session) => {
      const answers = await Promise.all(
        [1, 2, 3].map((given) =>
          session.rows(sql`select ${value(given)} as given`, { keepPlan: true }),
        ),
      );
      expect(answers.flat()).toEqual([{ given: 1 }, { given: 2 }, { given: 3 }]);
    });
  });

  it('is one of many that are not all kept', async () => {
    for (let round = 0; round < 2; round++) {
      for (let number = 0; number < 100; number++) {
        expect(await ask(sql`select ${integer(number)} as n`)).toEqual([{ n: number }]);
      }
    }
  });
});

describe('a statement whose plan is not kept', () => {
  it('sees rows of other sizes that came meanwhile', async () => {
    await create(sql`create table growing (id varchar, text varchar)`);
    const grouped = () =>
      engine.read((session) =>
        session.rows(sql`select text, count(*) as rows from growing group by text order by text`),
      );
    expect(await grouped()).toEqual([]);
    const text = 'a text that is too long to stand in a word';
    await create(sql`insert into growing values ('a', ${value(text)})`);
    expect(await grouped()).toEqual([{ text, rows: 1n }]);
    await create(sql`insert into growing values ('b', 'b'), ('c', ${value(text)})`);
    expect(await grouped()).toEqual([
      { text, rows: 2n },
      { text: 'b', rows: 1n },
    ]);
  });
});
