import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Dataset } from '../../src/catalog/datasets.js';
import { parseDefinition } from '../../src/catalog/definition.js';
import { openDuckDB } from '../../src/engine/duckdb.js';
import type { Engine } from '../../src/engine/engine.js';
import { Snapshots } from '../../src/pipeline/snapshots.js';
import { ident, sql } from '../../src/sql.js';

const dataset = (generation: string): Dataset => ({
  id: 'd1',
  name: 'things',
  definition: parseDefinition({
    name: 'things',
    connection: 'c',
    selection: {},
    format: { type: 'CSV' },
  }),
  createdAt: new Date(),
  current: {
    id: generation,
    sequence: 1,
    segments: [{ table: `t_${generation}` }],
    recipe: '',
    sources: [],
    columns: [],
    rowCount: 1n,
    fileCount: 1,
    rejectedCount: 0n,
    importedAt: new Date(),
  },
});

describe('snapshots', () => {
  let engine: Engine;
  let snapshots: Snapshots;
  const failures: unknown[] = [];
  beforeEach(async () => {
    engine = await openDuckDB();
    snapshots = new Snapshots(engine, {
      querySeconds: 1,
      onDropFailed: (_, error) => failures.push(error),
    });
  });
  afterEach(async () => {
    await engine.close();
    expect(failures).toEqual([]);
  });

  const publish = async (generation: string) => {
    await engine.session((session) =>
      session.run(sql`create table ${ident(`t_${generation}`)} as select 1 as a`),
    );
    snapshots.publish(dataset(generation));
  };
  // Drops wait for their turn among the writers, so one more turn comes behind them.
  const tables = () =>
    engine.transaction(async (session) =>
      (await session.rows(sql`select table_name from duckdb_tables() order by 1`)).map(
        (row) => row.table_name,
      ),
    );

  it('drop the table of a generation that was replaced and that nobody reads', async () => {
    await publish('one');
    await publish('two');
    expect(await tables()).toEqual(['t_two']);
  });

  it('keep a table for those who read it, until the last of them is done', async () => {
    await publish('one');
    const first = snapshots.lease('things');
    const second = snapshots.lease('things');
    await publish('two');
    expect(first.source.segments).toEqual([{ table: 't_one' }]);
    expect(snapshots.lease('things').source.segments).toEqual([{ table: 't_two' }]);
    first.release();
    first.release();
    expect(await tables()).toEqual(['t_one', 't_two']);
    second.release();
    expect(await tables()).toEqual(['t_two']);
  });

  it('take a deleted dataset away from new readers', async () => {
    await publish('one');
    snapshots.remove('d1');
    expect(() => snapshots.lease('things')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    expect(await tables()).toEqual([]);
  });

  it('lend several at one moment, or none of them', async () => {
    await publish('one');
    expect(() => snapshots.leaseAll(['things', 'missing'])).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND', details: { dataset: 'missing' } }),
    );
    const leases = snapshots.leaseAll(['things', 'things']);
    await publish('two');
    // The lease that came to nothing keeps no table.
    for (const lease of leases) lease.release();
    expect(await tables()).toEqual(['t_two']);
  });

  it('follow a new name and definition while the generation stays', async () => {
    await publish('one');
    const lease = snapshots.lease('things');
    const renamed = { ...dataset('one'), name: 'renamed' };
    snapshots.redefine(renamed);
    snapshots.redefine({ ...renamed, id: 'unknown' });
    expect(snapshots.published()).toEqual([renamed]);
    expect(snapshots.lease('renamed').source.segments).toEqual([{ table: 't_one' }]);
    expect(() => snapshots.lease('things')).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    snapshots.remove('d1');
    expect(await tables()).toEqual(['t_one']);
    lease.release();
  });

  it('stop a read at the deadline whatever signal its statements bring', async () => {
    await publish('one');
    const slow = snapshots.read(['things'], (_, session) =>
      session.rows(sql`select count(*) from range(100000000000) a where a.range % 7 = 3`, {
        signal: new AbortController().signal,
      }),
    );
    await expect(slow).rejects.toMatchObject({ code: 'QUERY_TIMEOUT' });
  });
});
