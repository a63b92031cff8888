import type { RunOptions } from '../engine/engine.js';
import { numberText } from '../engine/row-text.js';
import { AppError } from '../errors.js';
import { compile, outputColumns } from '../query/compile.js';
import type { OutputColumn } from '../query/query.js';
import { ident, integer, join, sql, type Sql } from '../sql.js';
import type { PartitionValue } from './object-names.js';
import type { WritebackJob } from './writeback-job.js';

/** Rows of a result that make files of their own. */
export interface Slice {
  readonly partition: readonly PartitionValue[];
  /** What errors call its rows. */
  readonly rowsOf: string;
  /** What stands in its files. */
  readonly columns: readonly OutputColumn[];
  /** All its rows, in the order of the query. */
  readonly select: Sql;
}

/** A slice of which the number of rows is known, and of which some can be read. */
export interface CountedSlice extends Slice {
  readonly rows: number;
  readonly range: (first: number, rows: number) => Sql;
}

/** The most folders that `partitionBy` makes of a result. */
export const mostPartitions = 10_000;

// On the session's own connection, and nobody else's.
const asWritten = ident('temp', 'main', 'result');
const byPartition = ident('temp', 'main', 'partitioned');

/** A query's result as a whole, which is not read before it is written. */
export function wholeResult({ query, dialect }: WritebackJob): Slice {
  const select = compile(query, dialect);
  return { partition: [], rowsOf: rowsOf([]), columns: outputColumns(query), select };
}

/**
 * Puts a query's result aside, once for all its files, and gives what `use` makes of its partitions: those of `partitionBy`
 * in their order, or all rows as one. The engine keeps what does not fit into its memory on its disk.
 * @throws TOO_MANY_PARTITIONS
 */
export async function withStoredResult<T>(
  job: WritebackJob,
  signal: AbortSignal,
  use: (slices: readonly CountedSlice[]) => Promise<T>,
): Promise<T> {
  const options = { signal };
  try {
    const stored = await store(job, options);
    return await use(
      stored.keys.length === 0
        ? [await wholeTable(job, stored, options)]
        : await partitionsOf(job, stored, options),
    );
  } finally {
    for (const table of [asWritten, byPartition]) {
      // They go with the session anyway, and why it failed matters more.
      await job.session.run(sql`drop table if exists ${table}`).catch(() => undefined);
    }
  }
}

interface StoredResult {
  readonly columns: readonly OutputColumn[];
  /** Those of `partitionBy`. */
  readonly keys: readonly OutputColumn[];
}

// A column of the result may be called like the engine's row id, and would hide it.
const place = (index: number) => ident(`c${index}`);
/** Of a key's value as text: values that are written alike are one folder. */
const text = (index: number) => ident(`p${index}`);

async function store(
  { session, query, dialect, destination }: WritebackJob,
  options: RunOptions,
): Promise<StoredResult> {
  const columns = outputColumns(query);
  const keys = destination.partitionBy.flatMap((name) =>
    columns.filter((column) => column.name === name),
  );
  const fields = [
    ...columns.map(({ name }, index) => sql`q.${ident(name)} as ${place(index)}`),
    ...keys.map((column, index) => sql`${numberText(column)} as ${text(index)}`),
  ];
  await session.run(
    sql`create temp table ${asWritten} as select ${join(fields)} from (${compile(query, dialect)}) as q`,
    options,
  );
  return { columns, keys };
}

async function wholeTable(
  job: WritebackJob,
  stored: StoredResult,
  options: RunOptions,
): Promise<CountedSlice> {
  const [counted] = await job.session.rows(sql`select count(*) as n from ${asWritten}`, options);
  return slice(job, asWritten, stored, [], { first: 0, rows: Number(counted?.n ?? 0) });
}

async function partitionsOf(
  job: WritebackJob,
  stored: StoredResult,
  options: RunOptions,
): Promise<CountedSlice[]> {
  const { session, dialect, destination } = job;
  const rowId = sql`t.${ident(dialect.rowId)}`;
  const texts = stored.keys.map((_, index) => sql`t.${text(index)}`);
  const order = texts.map((key) => sql`${key} nulls last`);
  await session.run(
    sql`create temp table ${byPartition} as select * from ${asWritten} as t order by ${join([...order, rowId])}`,
    options,
  );
  await session.run(sql`drop table ${asWritten}`);
  const folders = await session.rows(
    sql`select ${join(texts)}, count(*) as n from ${byPartition} as t
      group by ${join(texts)} order by min(${rowId}) limit ${integer(mostPartitions + 1)}`,
    options,
  );
  if (folders.length > mostPartitions) throw tooMany(destination.partitionBy);
  let first = 0;
  return folders.map((folder) => {
    const rows = Number(folder.n);
    const partition = stored.keys.map(({ name }, index) => {
      const value = folder[`p${index}`];
      return { column: name, value: value == null ? null : String(value) };
    });
    first += rows;
    return slice(job, byPartition, stored, partition, { first: first - rows, rows });
  });
}

function slice(
  { dialect }: WritebackJob,
  table: Sql,
  { columns: all, keys }: StoredResult,
  partition: readonly PartitionValue[],
  { first: start, rows }: { readonly first: number; readonly rows: number },
): CountedSlice {
  const columns = all.filter((column) => !keys.includes(column));
  const fields = columns.map(
    (column) => sql`t.${place(all.indexOf(column))} as ${ident(column.name)}`,
  );
  const rowId = sql`t.${ident(dialect.rowId)}`;
  const range = (first: number, count: number) =>
    sql`select ${join(fields)} from ${table} as t where ${rowId} >= ${integer(start + first)} and ${rowId} < ${integer(start + first + count)}`;
  return {
    partition,
    rowsOf: rowsOf(partition),
    columns,
    rows,
    range,
    select: range(0, rows),
  };
}

function rowsOf(partition: readonly PartitionValue[]): string {
  const values = partition.map(({ column, value }) => `${column} ${JSON.stringify(value)}`);
  return values.length === 0 ? 'the result' : `the folder of ${values.join(', ')}`;
}

function tooMany(partitionBy: readonly string[]): AppError {
  return new AppError(
    'TOO_MANY_PARTITIONS',
    `partitionBy ${partitionBy.join(', ')} makes more than ${mostPartitions} folders of this result; name columns with fewer values, or filter the rows`,
    { details: { partitionBy, limit: mostPartitions } },
  );
}
