import {
  DuckDBBlobValue,
  DuckDBInstance,
  type DuckDBValue,
  type Json as DuckDBJson,
} from '@duckdb/node-api';
import type { Column, ColumnType } from '../../src/columns.js';
import { duckdbDialect } from '../../src/engine/dialect.js';
import { compile } from '../../src/query/compile.js';
import { compileAnswer, type JsonAnswer } from '../../src/query/answer.js';
import { compileJson, type JsonOptions } from '../../src/query/json.js';
import type { Filter, Json, OperatorName, Query, Source, Value } from '../../src/query/query.js';
import { toStatement, type Sql, type SqlValue } from '../../src/sql.js';

/** One block of an answer, its JSON texts parsed. */
export interface Block {
  readonly json: readonly unknown[][];
  readonly texts: readonly string[];
  readonly rows: number;
  readonly first_cursor?: string;
  readonly last_cursor?: string;
  readonly has_more?: boolean;
  readonly total?: number;
}

/** A DuckDB in memory for one test file. */
export interface Database {
  execute(text: string): Promise<void>;
  /** Rows as arrays; BIGINT and DECIMAL as strings. */
  rows(statement: Sql): Promise<DuckDBJson[][]>;
  /** Runs a query's own statement. */
  query(query: Query): Promise<DuckDBJson[][]>;
  blocks(query: Query, shapes: readonly Json[], options?: JsonOptions): Promise<Block[]>;
  /** Answers a query in the way that suits its size. */
  answer(query: Query, shapes: readonly Json[], options?: JsonOptions): Promise<JsonAnswer>;
  close(): void;
}

export async function openDatabase(): Promise<Database> {
  const instance = await DuckDBInstance.create(':memory:', { threads: '2' });
  const connection = await instance.connect();
  const read = async (statement: Sql) => {
    const { sql, parameters } = toStatement(statement);
    return connection.runAndReadAll(sql, parameters as unknown as DuckDBValue[]);
  };
  return {
    async execute(text) {
      await connection.run(text);
    },
    async rows(statement) {
      return (await read(statement)).getRowsJson();
    },
    async query(query) {
      return (await read(compile(query, duckdbDialect))).getRowsJson();
    },
    async blocks(query, shapes, options) {
      const reader = await read(compileJson(query, shapes, duckdbDialect, options));
      return reader.getRowObjects().map((row) => {
        const texts = shapes.map((_, index) => {
          const blob = row[`json${index}`];
          if (!(blob instanceof DuckDBBlobValue)) throw new Error(`json${index} is no BLOB`);
          return Buffer.from(blob.bytes).toString('utf8');
        });
        return {
          ...row,
          texts,
          json: texts.map((text) => JSON.parse(`[${text}]`) as unknown[]),
          rows: Number(row.rows),
          ...('total' in row ? { total: Number(row.total) } : {}),
        };
      });
    },
    async answer(query, shapes, options) {
      const asked = compileAnswer(query, shapes, duckdbDialect, options);
      const result = await read(asked.statement);
      const rows = result
        .getRowObjects()
        .map((row) =>
          Object.fromEntries(
            Object.entries(row).map(([name, value]) => [
              name,
              value instanceof DuckDBBlobValue ? value.bytes : (value as SqlValue),
            ]),
          ),
        );
      if (asked.gives === 'rows') return asked.read(rows);
      const columns = shapes.map((_, index) =>
        rows.map((row) => Buffer.from(row[`json${index}`] as string)),
      );
      return asked.read({ rows: rows.length, columns });
    },
    close() {
      connection.closeSync();
      instance.closeSync();
    },
  };
}

/** A nullable column. */
export function column(name: string, type: ColumnType, decimal?: [number, number]): Column {
  const plain = { name, source: name, type, nullable: true };
  return decimal ? { ...plain, decimal: { precision: decimal[0], scale: decimal[1] } } : plain;
}

export function compare(
  name: string,
  operator: OperatorName,
  value: Value | readonly Value[],
): Filter {
  return { kind: 'compare', column: name, operator, value };
}

/** A shape with some output columns as members. */
export function objectOf(...names: readonly string[]): Json {
  return {
    kind: 'object',
    members: names.map((name) => ({ key: name, value: { kind: 'column', column: name } })),
  };
}

/** A table with a column of each type. */
export const everything: Source = {
  segments: [{ table: 'everything' }],
  columns: [
    column('id', 'INTEGER'),
    column('flag', 'BOOLEAN'),
    column('small', 'INTEGER'),
    column('big', 'BIGINT'),
    column('amount', 'DECIMAL', [12, 2]),
    column('score', 'DOUBLE'),
    column('name', 'STRING'),
    column('day', 'DATE'),
    column('clock', 'TIME'),
    column('local', 'TIMESTAMP'),
    column('instant', 'TIMESTAMP_TZ'),
    column('extra', 'JSON'),
  ],
};

/** Makes {@link everything}: edges of each type, ties, and a row of nulls. */
export const createEverything = String.raw`
create table everything (
  id integer, flag boolean, small integer, big bigint, amount decimal(12, 2), score double, name varchar, "day" date,
  clock time, local timestamp, instant timestamptz, extra json
);
insert into everything values
  (1, true, 2147483647, 9223372036854775807, 1.23, 0.1, 'Zoë "quoted" \ 100%', '2024-02-29', '23:59:59.999999',
    '2024-02-29 12:00:00.5', '2024-03-31 00:30:00+00', '{"a": [1, null]}'),
  (2, false, -2147483648, -9223372036854775808, -0.05, 'nan', chr(0) || chr(9) || chr(31) || chr(127) || chr(8232) || '🦆',
    '0001-01-01', '00:00:00', '1969-12-31 23:59:59.000001', '2024-03-31 01:30:00.123456+00', '"text"'),
  (3, null, 0, 0, 9999999999.99, 'infinity', '', '9999-12-31', '12:00:00', '9999-12-31 23:59:59.999999',
    '1960-01-01 00:00:00+00', 'null'),
  (4, true, 0, 9007199254740993, 1.23, 1e300, 'abc', '2024-02-29', '12:00:00', '2024-02-29 12:00:00.5',
    '2024-03-31 00:30:00+00', '[]'),
  (5, null, null, null, null, null, null, null, null, null, null, null);
`;
