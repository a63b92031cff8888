import { openDuckDB } from '../../../src/engine/duckdb.js';
import type { Engine } from '../../../src/engine/engine.js';
import { sql } from '../../../src/sql.js';

/** A database in memory with the tables of the datasets in support.ts. */
export async function exampleTables(): Promise<Engine> {
  const engine = await openDuckDB({});
  await engine.session(async (session) => {
    await session.run(sql`
      create table orders as select * from (values
        (1::bigint, 10.50::decimal(12,2), 'north', date '2024-01-15', timestamptz '2024-01-15 10:00:00+00', 'a.csv'),
        (2, 20.00, 'south', date '2024-01-31', timestamptz '2024-01-31 23:30:00+00', 'a.csv'),
        (3, null, 'north', date '2024-02-01', timestamptz '2024-02-01 00:30:00+00', 'a.csv'),
        (4, 5.25, null, date '2024-04-02', timestamptz '2024-04-02 08:00:00.123456+00', 'b.csv'),
        (5, 99.99, 'south', null, null, 'b.csv'),
        (9007199254740993, 0.01, 'Ost "ü"', date '2024-02-29', timestamptz '2024-02-29 12:00:00+00', 'b.csv')
      ) as t(order_id, amount, region, order_date, created_at, "_BATCH_FILE_NAME_")`);
    await session.run(sql`
      create table every_type as select * from (values
        (true, 1::integer, 9007199254740993::bigint, 1.250::decimal(18,3), 0.1::double, 'one', date '2024-02-29', time '01:02:03.5', timestamp '2024-02-29 01:02:03', timestamptz '2024-02-29 01:02:03+02', '{"a": [1, null]}'::json),
        (false, 2, -1, -0.001, 'nan'::double, '2', date '0001-01-01', time '00:00:00', timestamp '1969-12-31 23:59:59.999999', timestamptz '1969-12-31 23:59:59.999999+00', '"x"'::json),
        (null, 3, null, null, null, '', null, null, null, null, null)
      ) as t(flag, small, big, exact, rough, words, day, clock, local, moment, tree)`);
    await session.run(sql`
      create table select_2 as select * from (values
        ('s1', 'w1', 'c1', 'l1', 'n1', 'o1', 't1'),
        ('s2', 'w2', 'c2', 'l2', 'n2', 'o2', 't2')
      ) as t("select", "_where", "count", "limit", "node", "Order", "x__typename")`);
    await session.run(sql`
      create table odd as
        select 'a' as "constructor", 'b' as "toString", 1::bigint as "hasOwnProperty", date '2024-01-01' as "valueOf"`);
  });
  return engine;
}
