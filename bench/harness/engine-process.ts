import { fileURLToPath } from 'node:url';
import { DuckDBInstance, type DuckDBConnection } from '@duckdb/node-api';
import { answerParent, startChild } from './child.js';

/** Plain DuckDB through the same Node binding, in a process of its own: what the service is compared with. */
export interface EngineProcess {
  readonly pid: number;
  /** Runs a statement. @returns milliseconds */
  run(sql: string): Promise<number>;
  /** Runs a select and fetches its rows. @returns milliseconds, and the rows if asked for */
  rows(sql: string, want?: boolean): Promise<{ ms: number; rows: Record<string, unknown>[] }>;
  /** Sets the engine's threads, and runs selects over so many connections. @returns milliseconds until the last row */
  burst(sqls: readonly string[], connections: number, threads: number): Promise<number>;
  /**
   * Serves `rows(customer, limit)` of a table the way GraphQL servers usually do: Apollo, row objects, a resolver a field.
   * @returns its URL
   */
  serve(table: string): Promise<string>;
  stop(): Promise<void>;
}

/** Opens a database file with two threads. */
export async function startEngineProcess(path: string): Promise<EngineProcess> {
  const child = startChild(new URL('./engine-process.js', import.meta.url));
  await child.ask('open', path);
  return {
    pid: child.pid,
    run: (sql) => child.ask('run', sql),
    rows: (sql, want = false) => child.ask('rows', { sql, want }),
    burst: (sqls, connections, threads) => child.ask('burst', { sqls, connections, threads }),
    serve: (table) => child.ask('serve', table),
    stop: () => child.stop(),
  };
}

const typeDefs = `#graphql
  type Row {
    id: Int ordered_at: String day: String customer: Int region: String
    sku: String quantity: Int price: String paid: Boolean note: String
  }
  type Query { rows(customer: Int, limit: Int!): [Row!]! }
`;

const ownThreads = 2;

interface Burst {
  readonly sqls: readonly string[];
  readonly connections: number;
  readonly threads: number;
}

function main(): void {
  let instance: DuckDBInstance;
  let connection: DuckDBConnection;
  answerParent({
    async open(path: string) {
      instance = await DuckDBInstance.create(path, { threads: String(ownThreads) });
      connection = await instance.connect();
    },
    async run(sql: string) {
      const began = performance.now();
      await connection.run(sql);
      return performance.now() - began;
    },
    async rows({ sql, want }: { sql: string; want: boolean }) {
      const began = performance.now();
      const rows = (await connection.runAndReadAll(sql)).getRowObjectsJson();
      const ms = performance.now() - began;
      return { ms, rows: want ? rows : [] };
    },
    async burst({ sqls, connections, threads }: Burst) {
      await connection.run(`set threads = ${threads}`);
      const left = [...sqls];
      const askers = await Promise.all(
        Array.from({ length: connections }, () => instance.connect()),
      );
      const began = performance.now();
      await Promise.all(
        askers.map(async (asker) => {
          for (let sql = left.pop(); sql !== undefined; sql = left.pop()) {
            (await asker.runAndReadAll(sql)).getRowObjectsJson();
          }
        }),
      );
      const ms = performance.now() - began;
      for (const asker of askers) asker.closeSync();
      await connection.run(`set threads = ${ownThreads}`);
      return ms;
    },
    async serve(table: string) {
      // Only here, so that the engine's memory is its own where nothing is served.
      const { ApolloServer } = await import('@apollo/server');
      const { startStandaloneServer } = await import('@apollo/server/standalone');
      const server = new ApolloServer({
        typeDefs,
        resolvers: {
          Query: {
            async rows(_: unknown, { customer, limit }: { customer?: number; limit: number }) {
              const where = customer === undefined ? '' : `where customer = ${customer}`;
              const sql = `select * from ${table} ${where} limit ${limit}`;
              return (await connection.runAndReadAll(sql)).getRowObjectsJson();
            },
          },
        },
      });
      const { url } = await startStandaloneServer(server, {
        listen: { port: 0, host: '127.0.0.1' },
      });
      return url;
    },
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
