import { fileNameColumn } from '../../columns.js';
import type { ParquetFile, ParquetRelation } from '../../relation.js';
import { ident, integer, join, literal, sql, type Sql } from '../../sql.js';
import { EngineError, type Session } from '../engine.js';
import {
  positionOf,
  TypeTooNarrow,
  type LoadColumn,
  type LoadOptions,
  type LoadTarget,
} from '../load-target.js';
import { originOf } from '../relation.js';
import type { Rejects } from '../rejects.js';
import type { NativeColumn } from './columns.js';
import { readingError } from './errors.js';
import { readingOf, type Reading } from './reading.js';
import { columnAt, from } from './source.js';

/** Neighbours with the same columns, which the engine reads in one parallel statement. */
export interface Group {
  readonly files: readonly ParquetFile[];
  readonly natives: readonly NativeColumn[];
}

const narrow = 'bucketql: narrow ';
const unfit = 'bucketql: unfit';

/** Loads files with the same columns. */
export class GroupLoad {
  readonly #session: Session;
  readonly #target: LoadTarget;
  readonly #files: readonly ParquetFile[];
  readonly #rejects: Rejects;
  readonly #options: LoadOptions;
  /** Columns of the target that the files have. */
  readonly #readings: readonly Reading[];

  constructor(
    session: Session,
    target: LoadTarget,
    relation: ParquetRelation,
    group: Group,
    rejects: Rejects,
    options: LoadOptions,
  ) {
    this.#session = session;
    this.#target = target;
    this.#files = group.files;
    this.#rejects = rejects;
    this.#options = options;
    const base64 = new Set(
      relation.columns.flatMap((column) => (column.base64 ? [column.source] : [])),
    );
    const names = group.files[0]?.fields.map(({ name }) => name) ?? [];
    this.#readings = target.columns.flatMap((column, index) => {
      const position = positionOf(column, names);
      const native = position === undefined ? undefined : group.natives[position];
      if (position === undefined || !native) return [];
      return [
        readingOf(column, native, columnAt(position), {
          parsed: ident('r', `v${index}`),
          base64: base64.has(column.source),
        }),
      ];
    });
  }

  async run(): Promise<Map<ParquetFile, number>> {
    const expected = this.#files.reduce((sum, { rows }) => sum + rows, 0);
    try {
      const rows = await this.#insert(this.#files, sql`true`, this.#strict());
      if (rows === expected) return new Map(this.#files.map((file) => [file, file.rows]));
      throw readingError(this.#files, `it has ${rows} rows, and its footer says ${expected}`);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const column = this.#narrowColumn(error);
      if (column) throw new TypeTooNarrow([column.name]);
      // In a list of files the engine does not always say which one it could not read.
      if (!error.message.includes(unfit) && this.#files.length === 1) {
        throw readingError(this.#files, error.message, error);
      }
    }
    const counts = new Map<ParquetFile, number>();
    for (const file of this.#files) counts.set(file, await this.#one(file));
    return counts;
  }

  async #one(file: ParquetFile): Promise<number> {
    const tests = this.#readings.flatMap(({ text, check }) =>
      check?.fits ? [sql`(${text} is null or coalesce(${check.fits}, false))`] : [],
    );
    const fits = tests.length === 0 ? sql`true` : join(tests, sql` and `);
    try {
      if (tests.length > 0) await this.#rejectFrom(file, fits);
      return await this.#insert([file], fits, this.#lenient());
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const column = this.#narrowColumn(error);
      throw column ? new TypeTooNarrow([column.name]) : readingError([file], error.message, error);
    }
  }

  /** The values of all columns, stopping at the first that does not fit. */
  #strict(): Sql[] {
    return this.#readings.map((reading, index) => {
      const fits = reading.check?.fits;
      if (!fits) return this.#held(reading, index);
      return sql`case when ${reading.text} is null then null when ${fits} then ${this.#held(reading, index)} else error(${literal(unfit)}) end`;
    });
  }

  /** The values of all columns of rows that fit. */
  #lenient(): Sql[] {
    return this.#readings.map((reading, index) => this.#held(reading, index));
  }

  #held({ typed, holds, text }: Reading, index: number): Sql {
    return holds
      ? sql`case when ${text} is null then null when ${holds} then ${typed} else error(${literal(`${narrow}${index}`)}) end`
      : typed;
  }

  async #rejectFrom(file: ParquetFile, fits: Sql): Promise<void> {
    const declared = this.#readings.filter(({ check }) => check?.fits);
    const first = (pick: (reading: Reading, index: number) => Sql) =>
      join(
        declared.map((reading, index) => {
          const good = sql`coalesce(${reading.check?.fits ?? sql`true`}, false)`;
          return sql`when ${reading.text} is not null and not ${good} then ${pick(reading, index)}`;
        }),
        sql` `,
      );
    const rows = await this.#session.rows(
      sql`select r.file_row_number + 1 as line, case ${first((_, index) => integer(index))} end as "column",
        case ${first(({ text }) => text)} end as value
        from ${this.#from([file])} where not (${fits}) order by r.file_row_number
        limit ${integer(this.#rejects.room + 1)}`,
      this.#options,
    );
    for (const row of rows) {
      const reading = declared[Number(row.column)];
      this.#rejects.add(
        {
          file: file.origin,
          line: Number(row.line),
          column: reading?.column.name ?? null,
          value: String(row.value),
          reason: `Expected ${reading?.check?.expected ?? 'another value'}`,
          raw: null,
        },
        'INVALID_VALUE',
      );
    }
  }

  #insert(files: readonly ParquetFile[], fits: Sql, values: readonly Sql[]): Promise<number> {
    const columns = this.#readings.map(({ column }) => ident(column.name));
    const selected = [...values];
    if (this.#target.fileName) {
      columns.push(ident(fileNameColumn));
      selected.push(originOf(files));
    }
    const [first] = this.#target.columns;
    if (columns.length === 0 && first) {
      // None of the wanted columns stands in these files: their rows are rows of nulls.
      columns.push(ident(first.name));
      selected.push(sql`null`);
    }
    return this.#session.run(
      sql`insert into ${ident(this.#target.table)} (${join(columns)})
        select ${join(selected)} from ${this.#from(files)} where ${fits}`,
      this.#options,
    );
  }

  /** The files with each declared column's parsed value beside its own, so that it is computed once. */
  #from(files: readonly ParquetFile[]): Sql {
    const parsed = this.#readings.flatMap(({ column, check }) =>
      check?.parsed
        ? [sql`, ${check.parsed} as ${ident(`v${this.#target.columns.indexOf(column)}`)}`]
        : [],
    );
    return sql`(select r.*, r.file_index, r.file_row_number ${join(parsed, sql``)} from ${from(files)}) r`;
  }

  #narrowColumn(error: EngineError): LoadColumn | undefined {
    const index = new RegExp(`${narrow}(\\d+)`).exec(error.message)?.[1];
    return index === undefined ? undefined : this.#readings[Number(index)]?.column;
  }
}
