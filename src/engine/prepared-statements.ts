import type { DuckDBConnection, DuckDBPreparedStatement } from '@duckdb/node-api';

/** Statements that a connection keeps for the next who asks the same with other values. */
const mostKept = 64;
/** Longer texts are not asked often, and their plans are large. */
const longestKept = 32 * 1024;

/**
 * Prepared statements of one connection by their text, the least recently used ones leave. The engine plans a kept statement
 * again by itself when the catalog has changed since, but not when rows have: DuckDB 1.5.6 shortens texts and numbers while it
 * sorts and groups by what it knew of them at first, and then gives garbage. So only tables that never change may be asked.
 */
export class PreparedStatements {
  readonly #connection: DuckDBConnection;
  readonly #idle = new Map<string, DuckDBPreparedStatement>();

  constructor(connection: DuckDBConnection) {
    this.#connection = connection;
  }

  /** Lends the statement to `job`; nobody else has it meanwhile. One that failed is not kept. */
  async use<T>(text: string, job: (statement: DuckDBPreparedStatement) => Promise<T>): Promise<T> {
    const statement = this.#take(text) ?? (await this.#connection.prepare(text));
    try {
      const result = await job(statement);
      this.#keep(text, statement);
      return result;
    } catch (error) {
      statement.destroySync();
      throw error;
    }
  }

  /** Lets go of all that are not lent. Call it before the connection is closed. */
  clear(): void {
    for (const statement of this.#idle.values()) statement.destroySync();
    this.#idle.clear();
  }

  #take(text: string): DuckDBPreparedStatement | undefined {
    const statement = this.#idle.get(text);
    this.#idle.delete(text);
    return statement;
  }

  #keep(text: string, statement: DuckDBPreparedStatement): void {
    // Its values would be kept as long as it is, and they may be large.
    statement.clearBindings();
    const same = this.#take(text);
    same?.destroySync();
    if (text.length > longestKept) return statement.destroySync();
    this.#idle.set(text, statement);
    for (const [oldest, one] of this.#idle) {
      if (this.#idle.size <= mostKept) break;
      this.#idle.delete(oldest);
      one.destroySync();
    }
  }
}
