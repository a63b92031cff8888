import type { Dataset, Generation } from '../catalog/datasets.js';
import type { Engine, Session } from '../engine/engine.js';
import { AppError, isAppError } from '../errors.js';
import type { RelatedSources, Source } from '../query/query.js';
import { ident, sql } from '../sql.js';

/** A dataset's current generation, lent to a reader. It stays as it is until `release`. */
export interface Lease {
  readonly dataset: Dataset;
  readonly generation: Generation;
  readonly source: Source;
  /** No other state of a published dataset has it: neither another generation nor another definition. */
  readonly revision: number;
  release(): void;
}

/** Names of datasets, at least one. */
export type Names = readonly [string, ...string[]];

/** At least one lease. */
export type Leases = readonly [Lease, ...Lease[]];

/** What is lent, by the dataset's name: the `related` of a query. */
export function sourcesOf(leases: Leases): RelatedSources {
  return Object.fromEntries(leases.map(({ dataset, source }) => [dataset.name, source]));
}

interface Entry {
  dataset: Dataset;
  readonly tables: readonly string[];
  readonly generation: Generation;
  readonly source: Source;
  revision: number;
  readers: number;
  retired: boolean;
}

/**
 * The datasets that can be queried now, by name. Publishing a new generation never disturbs those who read the old one:
 * a table is dropped when no generation that somebody reads has it.
 */
export class Snapshots {
  readonly #engine: Engine;
  readonly #querySeconds: number;
  readonly #onDropFailed: (table: string, error: unknown) => void;
  readonly #entries = new Map<string, Entry>();
  #revisions = 0;
  /** Generations that stand in a table, current ones and those that are still read. */
  readonly #users = new Map<string, number>();

  constructor(
    engine: Engine,
    options: {
      /** Longest time of one read. */
      readonly querySeconds: number;
      readonly onDropFailed: (table: string, error: unknown) => void;
    },
  ) {
    this.#engine = engine;
    this.#querySeconds = options.querySeconds;
    this.#onDropFailed = options.onDropFailed;
  }

  /** Makes a dataset's current generation the one that new readers get. */
  publish(dataset: Dataset): void {
    const { current } = dataset;
    const tables = [...new Set(current?.segments.map(({ table }) => table))];
    // Before the last generation lets go of those that both have.
    for (const table of tables) this.#users.set(table, (this.#users.get(table) ?? 0) + 1);
    this.#retire(dataset.id);
    if (!current || tables.length === 0) return;
    const source = { segments: current.segments, columns: current.columns };
    this.#entries.set(dataset.name, {
      dataset,
      tables,
      generation: current,
      source,
      revision: ++this.#revisions,
      readers: 0,
      retired: false,
    });
  }

  /** Takes a dataset away from new readers, and drops its table when the last reader is done. */
  remove(datasetId: string): void {
    this.#retire(datasetId);
  }

  /** Replaces what is said about a dataset whose generation did not change. */
  redefine(dataset: Dataset): void {
    const found = [...this.#entries].find(([, entry]) => entry.dataset.id === dataset.id);
    if (!found) return;
    const [name, entry] = found;
    this.#entries.delete(name);
    // The same object: leases count their readers on it.
    this.#entries.set(dataset.name, Object.assign(entry, { dataset, revision: ++this.#revisions }));
  }

  /** The dataset of this name that would be lent now, with its {@link Lease.revision}. */
  find(name: string): Pick<Lease, 'dataset' | 'revision'> | undefined {
    return this.#entries.get(name);
  }

  /** The published datasets by name. */
  published(): Dataset[] {
    return [...this.#entries.values()]
      .map((entry) => entry.dataset)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws NOT_FOUND when the dataset has no table */
  lease(name: string): Lease {
    const entry = this.#entries.get(name);
    if (!entry) {
      throw new AppError('NOT_FOUND', `Dataset ${name} has no rows yet; import it first`, {
        details: { dataset: name },
      });
    }
    entry.readers++;
    let released = false;
    return {
      dataset: entry.dataset,
      generation: entry.generation,
      source: entry.source,
      revision: entry.revision,
      release: () => {
        if (released) return;
        released = true;
        entry.readers--;
        if (entry.retired && entry.readers === 0) this.#drop(entry);
      },
    };
  }

  /**
   * The current generations of several datasets, all of the same moment, in the order of the names.
   * @throws NOT_FOUND when one of them has no table
   */
  leaseAll([first, ...others]: Names): Leases {
    const leases: [Lease, ...Lease[]] = [this.lease(first)];
    try {
      for (const name of others) leases.push(this.lease(name));
      return leases;
    } catch (error) {
      for (const lease of leases) lease.release();
      throw error;
    }
  }

  /**
   * Lends the generations of {@link leaseAll} and a session to `job`.
   * @throws NOT_FOUND, QUERY_TIMEOUT after the configured time, CANCELLED when the signal is aborted
   */
  async read<T>(
    names: Names,
    job: (leases: Leases, session: Session) => Promise<T>,
    signal?: AbortSignal,
  ): Promise<T> {
    const leases = this.leaseAll(names);
    const deadline = AbortSignal.timeout(this.#querySeconds * 1000);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      return await this.#engine.read((session) => job(leases, stoppable(session, either)), {
        signal: either,
        answers: true,
      });
    } catch (error) {
      if (isAppError(error) && error.code === 'CANCELLED' && deadline.aborted) {
        throw new AppError(
          'QUERY_TIMEOUT',
          `The query took longer than ${this.#querySeconds} s; ask for less, or raise BUCKETQL_QUERY_SECONDS`,
          { details: { limit: this.#querySeconds }, cause: error },
        );
      }
      throw error;
    } finally {
      for (const lease of leases) lease.release();
    }
  }

  #retire(datasetId: string): void {
    const found = [...this.#entries].find(([, entry]) => entry.dataset.id === datasetId);
    if (!found) return;
    const [name, entry] = found;
    this.#entries.delete(name);
    entry.retired = true;
    if (entry.readers === 0) this.#drop(entry);
  }

  #drop({ tables }: Entry): void {
    for (const table of tables) {
      const users = (this.#users.get(table) ?? 1) - 1;
      if (users > 0) {
        this.#users.set(table, users);
        continue;
      }
      this.#users.delete(table);
      this.#engine
        .transaction((session) => session.run(sql`drop table if exists ${ident(table)}`))
        // What cannot be dropped now is an orphan, and orphans are dropped at the next start.
        .catch((error: unknown) => this.#onDropFailed(table, error));
    }
  }
}

// The reader's own signal is part of `signal` already; what is passed with a statement cannot lift the deadline.
const stoppable = (session: Session, signal: AbortSignal): Session => ({
  run: (statement) => session.run(statement, { signal }),
  rows: (statement, options) => session.rows(statement, { ...options, signal }),
  texts: (statement, options) => session.texts(statement, { ...options, signal }),
});
