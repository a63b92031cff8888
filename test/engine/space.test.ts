import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { ident, integer, sql } from '../../src/sql.js';

describe('space in the database file', () => {
  let dir: string;
  let path: string;
  let engine: Engine;
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'bucketql-space-'));
    path = join(dir, 'a.duckdb');
    engine = await openDuckDB({ path });
  });
  afterEach(async () => {
    await engine.close();
    await rm(dir, { recursive: true });
  });

  const size = async () => (await stat(path)).size;
  const load = (number: number) =>
    engine.session((session) =>
      session.run(
        sql`create table ${ident(`t_${number}`)} as
          select range as i, md5((range + ${integer(number)})::varchar) as text from range(100000)`,
      ),
    );
  const drop = (number: number) =>
    engine.transaction((session) => session.run(sql`drop table ${ident(`t_${number}`)}`));

  it('is used again: ten replacements of a table take no more than two of it', async () => {
    await load(0);
    await engine.checkpoint();
    const one = await size();
    for (let number = 1; number <= 10; number++) {
      await load(number);
      await engine.checkpoint();
      await drop(number - 1);
      await engine.checkpoint();
      // Both tables, and what a checkpoint writes anew before it gives up the old.
      expect(await size()).toBeLessThan(one * 2.5);
    }
  });

  it('is used again also where the table is dropped behind the last checkpoint', async () => {
    await load(0);
    await engine.checkpoint();
    const one = await size();
    for (let number = 1; number <= 10; number++) {
      await load(number);
      await engine.checkpoint();
      await drop(number - 1);
    }
    expect(await size()).toBeLessThan(one * 4.5);
  });

  it('is used again while an old reader stays where it is', async () => {
    await load(0);
    await engine.checkpoint();
    const one = await size();
    await engine.session(async (reader) => {
      await reader.run(sql`begin transaction`);
      await reader.rows(sql`select count(*) from t_0`);
      for (let number = 1; number <= 4; number++) {
        await load(number);
        await engine.checkpoint();
        if (number > 1) await drop(number - 1);
        await engine.checkpoint();
      }
      const rows = await reader.rows(sql`select count(*) as n from t_0`);
      expect(rows).toEqual([{ n: 100_000n }]);
      await reader.run(sql`commit`);
    });
    await engine.checkpoint();
    expect(await size()).toBeLessThan(one * 6);
  });

  it('goes back to the disk when nothing stands at the end of the file', async () => {
    await load(0);
    await load(1);
    await engine.checkpoint();
    const two = await size();
    await drop(0);
    await drop(1);
    await engine.checkpoint();
    expect(await size()).toBeLessThan(two / 2);
  });
});
