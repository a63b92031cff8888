import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fileNameColumn } from '../columns.js';
import { AppError } from '../errors.js';
import type { LocalFile, TextRelation } from '../relation.js';
import { empty, ident, integer, join, literal, sql, type Sql } from '../sql.js';
import { checkOf, type Check } from './checks.js';
import { EngineError, isAboutText, type Session } from './engine.js';
import { exactCopy, fromCopy, rawText } from './exact-copy.js';
import {
  positionOf,
  TypeTooNarrow,
  type LoadColumn,
  type LoadOptions,
  type LoadResult,
  type LoadTarget,
  type RejectedRow,
} from './load-target.js';
import { arePlain, engineTakes, from, originOf, textColumn, unreadGuard } from './relation.js';
import { fromRows } from './row-relation.js';
import { Rejects } from './rejects.js';
import { sqlType } from './shapes.js';

export * from './load-target.js';

/** Creates the empty table of a load; it must not exist. */
export async function createTable(session: Session, target: LoadTarget): Promise<void> {
  const columns = target.columns.map((column) => {
    const { type, decimal } = storedType(column);
    return sql`${ident(column.name)} ${sqlType(type, decimal)}`;
  });
  if (target.fileName) columns.push(sql`${ident(fileNameColumn)} varchar`);
  await session.run(sql`create table ${ident(target.table)} (${join(columns)})`);
}

/**
 * Appends the rows of the relation's files in their order. Call it outside of a transaction: a statement that a check
 * stops is tried again in another way, and the engine allows that only outside of one. After an error the table may hold
 * the rows of some files: drop it.
 *
 * @throws TypeTooNarrow when a guessed type does not hold a value
 * @throws INVALID_VALUE, MALFORMED_ROW or INVALID_ENCODING for the first bad row when `badRows` is FAIL
 * @throws TOO_MANY_REJECTED_ROWS, and MALFORMED_ROW when a quote is never closed
 */
export async function append(
  session: Session,
  target: LoadTarget,
  relation: TextRelation,
  options: LoadOptions,
): Promise<LoadResult> {
  const load = new Load(session, target, relation, options);
  if (relation.files.length === 0) return load.result([]);
  if (relation.files.length > 1) {
    const counts = await load.fastList();
    if (counts) return load.result(counts);
  }
  const counts: number[] = [];
  for (const file of relation.files) {
    counts.push((await load.fast(file)) ?? (await load.exact(file)));
  }
  return load.result(counts);
}

// A name that no column of a table can have.
const fileIndexColumn = 'file index';

interface Reading {
  readonly column: LoadColumn;
  readonly text: Sql;
  readonly check: Check;
}

/** One call of append. */
class Load {
  readonly #session: Session;
  readonly #target: LoadTarget;
  readonly #relation: TextRelation;
  readonly #options: LoadOptions;
  readonly #rejects: Rejects;
  /** Columns of the target that the relation has; the others stay NULL. */
  readonly #readings: readonly Reading[];
  /** Positions whose texts nobody wants. */
  readonly #unread: readonly number[];
  #shortRows = 0;

  constructor(session: Session, target: LoadTarget, relation: TextRelation, options: LoadOptions) {
    this.#session = session;
    this.#target = target;
    this.#relation = relation;
    this.#options = options;
    this.#rejects = new Rejects(options);
    const read = new Set<number>();
    let next = 0;
    this.#readings = target.columns.flatMap((column) => {
      const position = positionOf(column, relation.headers);
      if (position === undefined) return [];
      read.add(position);
      const text = textColumn(position);
      return [{ column, text, check: checkOf(column, text, ident('r', `v${next++}`)) }];
    });
    this.#unread = relation.headers.flatMap((_, position) =>
      read.has(position) ? [] : [position],
    );
  }

  result(counts: readonly number[]): LoadResult {
    return {
      rows: counts.reduce((sum, rows) => sum + rows, 0),
      files: this.#relation.files.map(({ origin }, index) => ({
        origin,
        rows: counts[index] ?? 0,
      })),
      rejected: this.#rejects.inOrderOf(this.#relation.files),
      shortRows: this.#shortRows,
    };
  }

  /** Loads all files with one parallel statement. @returns rows of each file; undefined when one needs an exact look */
  async fastList(): Promise<number[] | undefined> {
    const relation = this.#relation;
    if (relation.kind === 'rows') {
      const loaded = await this.#fast(relation);
      return loaded === undefined ? undefined : relation.files.map(({ rows }) => rows);
    }
    const { files } = relation;
    const table = ident(this.#target.table);
    const index = ident(fileIndexColumn);
    await this.#run(sql`alter table ${table} add column ${index} integer`);
    const loaded = await this.#fast(relation, sql`, ${index}`, sql`, r.file_index::integer`);
    const counts = files.map(() => 0);
    if (loaded !== undefined) {
      const rows = await this.#session.rows(
        sql`select ${index} as file, count(*) as rows from ${table} where ${index} is not null group by 1`,
        this.#options,
      );
      for (const row of rows) counts[Number(row.file)] = Number(row.rows);
    }
    await this.#run(sql`alter table ${table} drop column ${index}`);
    return loaded === undefined ? undefined : counts;
  }

  /** Loads one file with the engine's own reader. @returns its rows; undefined when it needs an exact look */
  fast(file: LocalFile): Promise<number | undefined> {
    return this.#fast(only(this.#relation, file));
  }

  async #fast(relation: TextRelation, names = empty, values = empty): Promise<number | undefined> {
    if (!(await readable(relation))) return undefined;
    const typed = this.#readings.map(({ text, check }, index) => {
      const otherwise = sql`error(${literal(check.fits ? unfit : `${narrow}${index}`)})`;
      const condition = check.fits ?? check.holds;
      if (!condition) {
        if (relation.kind === 'rows' || arePlain(relation.files)) return text;
        return sql`case when contains(${text}, chr(0)) then error(${literal(unfit)}) else ${text} end`;
      }
      return checked(text, check, condition, otherwise);
    });
    const source = this.#parsed(sourceOf(relation, this.#unread));
    try {
      return await this.#insert(names, typed, originOf(relation.files), values, source);
    } catch (error) {
      if (!(error instanceof EngineError)) throw error;
      const column = narrowColumn(error, this.#readings);
      if (column) throw new TypeTooNarrow(await this.#narrowColumns(relation, column));
      if (error.message.includes(unfit) || isAboutText(error)) return undefined;
      throw error;
    }
  }

  /** Loads one file by an exact copy of its records; what is no good row is set aside. @returns rows loaded */
  async exact(file: LocalFile): Promise<number> {
    const relation = this.#relation;
    if (relation.kind === 'rows') {
      return this.#loadRecords(file, fromRows(only(relation, file)));
    }
    const directory = this.#options.spoolDirectory ?? dirname(file.path);
    const onReject = this.#rejects.add;
    const copy = await exactCopy(relation, file, directory, onReject, this.#options);
    const records = (parallel: boolean) =>
      this.#loadRecords(file, fromCopy(relation, copy, parallel), copied);
    this.#shortRows += copy.shortRows;
    try {
      try {
        return await records(true);
      } catch (error) {
        if (!(error instanceof EngineError) || !isAboutText(error)) throw error;
        // Records that span lines can lead the parallel reader astray.
        return await records(false);
      }
    } catch (error) {
      if (error instanceof EngineError && isAboutText(error)) {
        const said = error.message.split('\n', 2).join(' ');
        throw new AppError('MALFORMED_ROW', `${file.origin} cannot be read: ${said}`, {
          details: { file: file.origin },
          cause: error,
        });
      }
      throw error;
    } finally {
      await rm(copy.path, { force: true });
    }
  }

  /** Loads what numbers its records itself; rows with a value that no widening mends are set aside first. */
  async #loadRecords(file: LocalFile, records: Sql, place = numbered): Promise<number> {
    const source = this.#parsed(records);
    const good = this.#readings.flatMap(({ text, check }) =>
      check.fits ? [sql`(${text} is null or coalesce(${check.fits}, false))`] : [],
    );
    const fits = good.length === 0 ? sql`true` : join(good, sql` and `);
    if (good.length > 0) await this.#rejectFrom(file, source, fits, place);
    const typed = this.#readings.map(({ text, check }, index) =>
      check.holds
        ? checked(text, check, check.holds, sql`error(${literal(`${narrow}${index}`)})`)
        : check.typed,
    );
    try {
      return await this.#insert(
        empty,
        typed,
        literal(file.origin),
        empty,
        sql`${source} where ${fits}`,
      );
    } catch (error) {
      const column = error instanceof EngineError && narrowColumn(error, this.#readings);
      throw column ? new TypeTooNarrow([column.name]) : error;
    }
  }

  async #rejectFrom(file: LocalFile, source: Sql, fits: Sql, place: Sql): Promise<void> {
    const declared = this.#readings.filter(({ check }) => check.fits);
    const first = (pick: (reading: Reading, index: number) => Sql) =>
      join(
        declared.map((reading, index) => {
          const bad = sql`${reading.text} is not null and not coalesce(${reading.check.fits ?? empty}, false)`;
          return sql`when ${bad} then ${pick(reading, index)}`;
        }),
        sql` `,
      );
    const rows = await this.#session.rows(
      sql`select r.line, ${place}, case ${first((_, index) => integer(index))} end as "column",
        case ${first(({ text }) => text)} end as value
        from ${source} where not (${fits}) order by r.line limit ${integer(this.#rejects.room + 1)}`,
      this.#options,
    );
    for (const row of rows) {
      const reading = declared[Number(row.column)];
      const rejected: RejectedRow = {
        file: file.origin,
        line: Number(row.line),
        column: reading?.column.name ?? null,
        value: String(row.value),
        reason: `Expected ${reading?.check.expected ?? 'another value'}`,
        raw:
          row.length === null
            ? null
            : await rawText(file.path, Number(row.offset), Number(row.length)),
      };
      this.#rejects.add(rejected, 'INVALID_VALUE');
    }
  }

  #insert(
    names: Sql,
    typed: readonly Sql[],
    origin: Sql,
    values: Sql,
    source: Sql,
  ): Promise<number> {
    const columns = this.#readings.map(({ column }) => ident(column.name));
    const selected = [...typed];
    if (this.#target.fileName) {
      columns.push(ident(fileNameColumn));
      selected.push(origin);
    }
    const [first] = this.#target.columns;
    if (columns.length === 0 && first) {
      // None of the wanted columns stands in these files: their rows are rows of nulls.
      columns.push(ident(first.name));
      selected.push(sql`null`);
    }
    return this.#run(
      sql`insert into ${ident(this.#target.table)} (${join(columns)}${names})
        select ${join(selected)}${values} from ${source}`,
    );
  }

  /** All columns whose guessed types are too narrow; only the known one when the text cannot be read as it is. */
  async #narrowColumns(relation: TextRelation, known: LoadColumn): Promise<string[]> {
    const guessed = this.#readings.filter(({ check }) => check.holds);
    const tests = guessed.map(
      ({ text, check }, index) =>
        sql`bool_or(${text} is not null and not coalesce(${check.holds ?? empty}, false)) as ${ident(String(index))}`,
    );
    const every = relation.headers.map((_, position) => position);
    try {
      const [row] = await this.#session.rows(
        sql`select ${join(tests)} from ${this.#parsed(sourceOf(relation, every))}`,
        this.#options,
      );
      const names = guessed.flatMap(({ column }, index) =>
        row?.[index] === true ? [column.name] : [],
      );
      return names.length > 0 ? names : [known.name];
    } catch (error) {
      if (error instanceof EngineError) return [known.name];
      throw error;
    }
  }

  /** The source with each column's parsed value beside its text, so that it is computed once. */
  #parsed(source: Sql): Sql {
    const values = this.#readings.flatMap(({ check }, index) =>
      check.parsed ? [sql`, ${check.parsed} as ${ident(`v${index}`)}`] : [],
    );
    return sql`(select r.*, r.file_index ${join(values, empty)} from ${source}) r`;
  }

  #run(statement: Sql): Promise<number> {
    return this.#session.run(statement, this.#options);
  }
}

// What checks tell us through the engine's error messages.
const narrow = 'bucketql: too narrow: ';
const unfit = 'bucketql: exact reading needed';

/** The value of a text; the cheap and frequent cases stand first, because the engine goes on only with what is left. */
function checked(text: Sql, { usual = [], typed }: Check, condition: Sql, otherwise: Sql): Sql {
  const cheap = usual.map(({ when, then }) => sql` when ${when} then ${then}`);
  return sql`case${join(cheap, empty)} when ${text} is null then null when ${condition} then ${typed} else ${otherwise} end`;
}

function narrowColumn(error: EngineError, readings: readonly Reading[]): LoadColumn | undefined {
  const index = /bucketql: too narrow: (\d+)/.exec(error.message)?.[1];
  return index === undefined ? undefined : readings[Number(index)]?.column;
}

function only<R extends TextRelation>(relation: R, file: LocalFile): R {
  return { ...relation, files: relation.files.filter(({ path }) => path === file.path) };
}

// Where a record stands in its file, when there is such a place.
const copied = sql`r."offset", r.length`;
const numbered = sql`null as "offset", null as length`;

/** Whether the engine's own reader may be tried. */
async function readable(relation: TextRelation): Promise<boolean> {
  return relation.kind === 'rows' || engineTakes(relation);
}

function sourceOf(relation: TextRelation, unread: readonly number[]): Sql {
  if (relation.kind === 'rows') return fromRows(relation);
  return sql`${from(relation)} ${unreadGuard(relation, unread, unfit)}`;
}

function storedType(column: LoadColumn): Pick<LoadColumn, 'type' | 'decimal'> {
  const { pattern } = column;
  if (!pattern) return column;
  const zoned = pattern.timezone !== undefined && pattern.type === 'TIMESTAMP';
  return { type: zoned ? 'TIMESTAMP_TZ' : pattern.type };
}
