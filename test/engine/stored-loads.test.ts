import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine, Session } from '../../src/engine/engine.js';
import { sql, value } from '../../src/sql.js';

const rowsEach = 20_000;
const loads = 8;

describe('what a load stores', () => {
  let directory: string;
  let engine: Engine;
  const path = () => join(directory, 'tables.duckdb');

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bucketql-stored-'));
    engine = await openDuckDB({ path: path(), memoryBytes: 1_000_000_000 });
  });
  afterEach(async () => {
    await engine.close();
    await rm(directory, { recursive: true });
  });

  // Some MiB each, and a sixth of a row group.
  async function load(session: Session) {
    await session.run(sql`create table t (n integer, hash varchar)`);
    for (let at = 0; at < loads * rowsEach; at += rowsEach) {
      await session.run(
        sql`insert into t select range, repeat(md5(range::varchar), 8) from range(${value(at)}, ${value(at + rowsEach)})`,
      );
    }
  }

  /** Rows of each row group. */
  async function groups() {
    const rows = await engine.read((session) =>
      session.rows(
        sql`select max(start + count)::integer as n from pragma_storage_info('t') where column_name = 'n' and segment_type <> 'VALIDITY' group by row_group_id order by row_group_id`,
      ),
    );
    return rows.map(({ n }) => Number(n));
  }

  const logBytes = () =>
    stat(`${path()}.wal`).then(
      ({ size }) => size,
      () => 0,
    );

  it('is in the file as it came, and joined at a checkpoint', async () => {
    await engine.session(load, { modest: () => true });
    // One statement's rows may still wait in the log, and go on in the row group of the next.
    expect(await logBytes()).toBeLessThan(2 * rowsEach * 256);
    expect(Math.max(...(await groups()))).toBeLessThanOrEqual(2 * rowsEach);
    await engine.checkpoint({ loaded: 2 ** 26 - 1 });
    expect(Math.max(...(await groups()))).toBeLessThanOrEqual(2 * rowsEach);
    await engine.session((session) => session.run(sql`create table other (n integer)`));
    await engine.checkpoint({ loaded: 1 });
    expect(await groups()).toEqual([6 * rowsEach, 2 * rowsEach]);
    const sums = await engine.read((session) =>
      session.rows(sql`select count(*) as n, sum(n)::bigint as sum from t`),
    );
    const n = BigInt(loads * rowsEach);
    expect(sums).toEqual([{ n, sum: (n * (n - 1n)) / 2n }]);
  });

  it('stays in the log for longer where it is no load', async () => {
    await engine.session(load);
    expect(await logBytes()).toBeGreaterThan(2 * rowsEach * 256);
  });
});
