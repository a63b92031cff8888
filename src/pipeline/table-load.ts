import { isDeepStrictEqual } from 'node:util';
import type { DatasetDefinition } from '../catalog/definition.js';
import { fileNameColumn, type Column } from '../columns.js';
import type { Session } from '../engine/engine.js';
import {
  append,
  createTable,
  TypeTooNarrow,
  type LoadColumn,
  type LoadTarget,
  type RejectedRow,
} from '../engine/load.js';
import { appendParquet } from '../engine/parquet/append.js';
import { parquetWarnings } from '../engine/parquet/describe.js';
import { widerColumn } from '../engine/parquet/widen.js';
import { firstMisfit } from '../engine/first-misfit.js';
import { profile } from '../engine/profile.js';
import { AppError } from '../errors.js';
import { mergeProfiles, typeOfProfile, type TextProfile, type TypeDecision } from '../inference.js';
import type { FormatLimits } from '../limits.js';
import type { LocalFile, ParquetColumn, TextRelation } from '../relation.js';
import { ident, sql } from '../sql.js';
import {
  columnKey,
  columnsOf,
  namesOf,
  planColumns,
  primaryKeyNames,
  unionOfColumns,
  type FoundColumn,
  type PlannedColumn,
} from './columns.js';
import {
  isReadable,
  isText,
  relationsOf,
  type DescribedFile,
  type ReadableFile,
} from './described.js';
import {
  givenColumns,
  loadColumn,
  needsProfile,
  nestedColumns,
  patternNote,
} from './load-columns.js';
import { hasOrigins } from './plan.js';
import type { RowsBefore } from './rows-before.js';
import { refuseDrift } from './schema-drift.js';
import type { JoinedType } from './widen.js';

/** A table that holds all rows of all files taken. */
export interface LoadedTable {
  /** Empty: no file had a column, and there is no table. */
  readonly columns: readonly Column[];
  /** Headers of all files, in the order in which they were found. */
  readonly sources: readonly string[];
  readonly files: readonly { readonly origin: string; readonly rows: number }[];
  readonly rejected: readonly RejectedRow[];
  readonly warnings: readonly string[];
}

/** Where and how to load. */
export interface TableLoadOptions {
  readonly before?: RowsBefore | undefined;
  readonly table: string;
  readonly definition: DatasetDefinition;
  readonly spoolDirectory: string;
  readonly limits: Pick<FormatLimits, 'maxCellBytes'>;
  readonly signal: AbortSignal;
}

const sampleRows = 20_000;
// Each costs a reading up to the value.
const mostExplained = 20;

/**
 * Loads files as they come with types guessed from the first; when a later one shows another column or a value that the
 * guess does not hold, waits for all, looks at every value, and loads once more with types that hold.
 */
export class TableLoad {
  readonly #session: Session;
  readonly #options: TableLoadOptions;
  readonly #files: DescribedFile[] = [];
  /** Rows that a format could not read: no load sees them, however often it begins. */
  readonly #unread: RejectedRow[] = [];
  readonly #notes = new Set<string>();
  #target: LoadTarget | undefined;
  #plans: readonly PlannedColumn[] = [];
  #found: readonly FoundColumn[] = [];
  #known = new Set<string>();
  /** What files themselves say that columns are, put together. */
  #given = new Map<string, ParquetColumn>();
  #guessFailed = false;
  #result = emptyResult();

  constructor(session: Session, options: TableLoadOptions) {
    this.#session = session;
    this.#options = options;
  }

  /** Rows in the table so far. */
  get rows(): number {
    return this.#result.rows;
  }

  /** How many more rows may be set aside. */
  get room(): number {
    const { rejected } = this.#result;
    return this.#options.definition.maxRejectedRows - rejected.length - this.#unread.length;
  }

  /** Takes what the reader of a format said, beside the rows. */
  note(read: { readonly rejected: readonly RejectedRow[]; readonly warnings: readonly string[] }) {
    this.#unread.push(...read.rejected);
    for (const warning of read.warnings) this.#notes.add(warning);
  }

  /** Takes further files, in the order in which their rows are to stand. */
  async take(files: readonly DescribedFile[]): Promise<void> {
    this.#files.push(...files);
    if (this.#options.definition.schemaDrift === 'FAIL') this.#refuseDrift(files);
    const readable = files.filter(isReadable);
    if (this.#guessFailed || readable.length === 0) return;
    try {
      if (!this.#target) await this.#begin(readable, { sampleRows });
      if (readable.some(({ columns }) => columns.some((column) => !this.#holds(column)))) {
        throw new TypeTooNarrow([]);
      }
      await this.#append(readable);
    } catch (error) {
      if (!(error instanceof TypeTooNarrow)) throw error;
      this.#guessFailed = true;
    }
  }

  /** @throws COLUMN_NOT_FOUND, INVALID_VALUE, TOO_MANY_REJECTED_ROWS and what the load throws */
  async finish(): Promise<LoadedTable> {
    const readable = this.#files.filter(isReadable);
    if (readable.length === 0) {
      return {
        files: [],
        rejected: this.#unread,
        columns: [],
        sources: [],
        warnings: this.#warnings(),
      };
    }
    this.#refuseDriftOfRows();
    if (this.#guessFailed) {
      const guessed = this.#target?.columns ?? [];
      await this.#session.run(sql`drop table if exists ${ident(this.#options.table)}`);
      this.#result = emptyResult();
      await this.#begin(readable, {});
      await this.#explain(guessed, readable);
      await this.#append(readable);
    }
    const columns = await this.#columns();
    const { files } = this.#result;
    const sources = this.#found.map(({ source }) => source);
    return { files, rejected: this.#rejected(), columns, sources, warnings: this.#warnings() };
  }

  /** Says which value made a guessed type give way. */
  async #explain(guessed: readonly LoadColumn[], files: readonly ReadableFile[]): Promise<void> {
    const { definition, spoolDirectory, limits, signal } = this.#options;
    const relations = relationsOf(files, definition.format, []).filter(isText);
    let explained = 0;
    for (const before of guessed) {
      const key = columnKey(before);
      const after = this.#target?.columns.find((column) => columnKey(column) === key);
      if (!before.inferred || !after || after.type === before.type) continue;
      if (++explained > mostExplained) break;
      for (const relation of relations) {
        const options = { spoolDirectory, limits, signal };
        const misfit = await firstMisfit(this.#session, relation, before, options);
        if (!misfit) continue;
        const { file, line, value } = misfit;
        this.#notes.add(
          `${file} line ${line}: ${JSON.stringify(value.slice(0, 100))} in column ${before.name} is no ${before.type}, so the column is ${after.type}`,
        );
        break;
      }
    }
  }

  #rejected(): RejectedRow[] {
    if (this.#unread.length === 0) return this.#result.rejected;
    const order = new Map(this.#files.map(({ file }, index) => [file.origin, index]));
    const place = ({ file }: RejectedRow) => order.get(file) ?? 0;
    return [...this.#unread, ...this.#result.rejected].toSorted(
      (a, b) => place(a) - place(b) || (a.line ?? 0) - (b.line ?? 0),
    );
  }

  /** Whether the table has such a column, of a type that holds what the file says its values are. */
  #holds(column: FoundColumn): boolean {
    const key = columnKey(column);
    if (!this.#known.has(key)) return false;
    const loaded = this.#target?.columns.find((one) => columnKey(one) === key);
    if (!loaded?.inferred) return true;
    if (column.cells === 'text') return loaded.type !== 'JSON';
    const { given } = column;
    const before = this.#given.get(key);
    return (
      !given || (before !== undefined && isDeepStrictEqual(before, widerColumn(before, given)))
    );
  }

  async #begin(files: readonly ReadableFile[], sample: { sampleRows?: number }): Promise<void> {
    const { definition, table, spoolDirectory, limits, signal } = this.#options;
    const { before } = this.#options;
    this.#found = unionOfColumns([
      columnsOf(before?.sources ?? []),
      ...files.map(({ columns }) => columns),
    ]);
    this.#known = new Set(this.#found.map(columnKey));
    this.#plans = planColumns(this.#found, definition);
    const exact = sample.sampleRows === undefined;
    const profiles = new Map<string, TextProfile>();
    const looked = this.#plans.filter(
      (plan) => needsProfile(plan) && (exact || !this.#isGuessed(plan)),
    );
    for (const relation of relationsOf(files, definition.format, []).filter(isText)) {
      const keys = keysOf(relation);
      const wanted = looked
        .map((plan) => keys.indexOf(columnKey(plan)))
        .filter((position) => position >= 0);
      if (wanted.length === 0) continue;
      const found = await profile(this.#session, relation, wanted, {
        ...sample,
        spoolDirectory,
        limits,
        signal,
      });
      for (const [index, position] of wanted.entries()) {
        const key = keys[position] ?? '';
        const one = found[index];
        const before = profiles.get(key);
        if (one) profiles.set(key, before ? mergeProfiles(before, one) : one);
      }
    }
    this.#given = givenColumns(files);
    const nested = nestedColumns(files);
    const foundType = (key: string): JoinedType | undefined => {
      if (nested.has(key)) return { type: 'JSON' };
      const given = this.#given.get(key);
      const seen = profiles.get(key);
      if (given || !seen || seen.values === 0) return given;
      return { ...typeOfProfile(seen), wholeDigits: seen.wholeDigits };
    };
    const columns: LoadColumn[] = [];
    for (const plan of this.#plans) {
      const key = columnKey(plan);
      columns.push(loadColumn(plan, await this.#typeOf(plan, foundType(key)), exact));
    }
    this.#target = { table, columns, fileName: hasOrigins(definition) };
    await createTable(this.#session, this.#target);
  }

  /** What a column has already is the best guess, but for texts: there may be none. */
  #isGuessed(plan: PlannedColumn): boolean {
    const type = this.#options.before?.column(plan)?.type;
    return type !== undefined && type !== 'STRING';
  }

  async #typeOf(
    plan: PlannedColumn,
    found: JoinedType | undefined,
  ): Promise<TypeDecision | undefined> {
    const { before } = this.#options;
    if (!before) return found;
    const { type, cast } = await before.typeBeside(plan, found);
    if (cast) {
      this.#notes.add(
        `Values of column ${plan.name} that were ${cast.type} became what the engine writes for them, because their objects are not read again`,
      );
    }
    return type;
  }

  async #append(files: readonly ReadableFile[]): Promise<void> {
    const { definition, spoolDirectory, limits, signal } = this.#options;
    if (!this.#target) return;
    for (const relation of relationsOf(files, definition.format, [...this.#given.values()])) {
      const options = {
        badRows: definition.badRows,
        maxRejectedRows: this.room,
        spoolDirectory,
        limits,
        signal,
      };
      const loaded = isText(relation)
        ? await append(this.#session, this.#target, relation, options)
        : await appendParquet(this.#session, this.#target, relation, options);
      this.#result.rows += loaded.rows;
      this.#result.files.push(...loaded.files);
      this.#result.rejected.push(...loaded.rejected);
      this.#result.shortRows += loaded.shortRows;
    }
  }

  async #columns(): Promise<Column[]> {
    const { definition, table } = this.#options;
    const columns: Column[] = (this.#target?.columns ?? []).map((column, index) => {
      const description = this.#plans[index]?.description ?? patternNote(column);
      return {
        name: column.name,
        source: column.source,
        ...(column.occurrence === 0 ? {} : { occurrence: column.occurrence }),
        type: column.type,
        nullable: true,
        ...(column.decimal ? { decimal: column.decimal } : {}),
        ...(description === undefined ? {} : { description }),
      };
    });
    namesOf(columns, definition.sortBy, 'sort column');
    const keys = primaryKeyNames(columns, definition.primaryKey);
    for (const key of keys) {
      const [row] = await this.#session.rows(
        sql`select count(*) as nulls from ${ident(table)} where ${ident(key)} is null`,
      );
      if (row?.nulls !== 0n) {
        throw new AppError(
          'INVALID_VALUE',
          `Column ${key} is in the primary key but ${String(row?.nulls)} rows have no value in it; choose another primaryKey`,
          { details: { column: key } },
        );
      }
    }
    const fileName: Column = {
      name: fileNameColumn,
      source: fileNameColumn,
      type: 'STRING',
      nullable: false,
      description: 'Key of the object the row came from; archive!member inside archives',
    };
    return [
      ...columns.map((column) =>
        keys.includes(column.name) ? { ...column, nullable: false } : column,
      ),
      ...(definition.addFileNameColumn ? [fileName] : []),
    ];
  }

  #warnings(): string[] {
    const empty = this.#files.filter(({ kind }) => kind === 'empty');
    const warnings = this.#files.flatMap((file) =>
      file.kind === 'delimited' ? file.layout.warnings : [],
    );
    warnings.push(...this.#notes, ...parquetWarnings([...this.#given.values()]));
    if (empty.length > 0) {
      warnings.push(`${empty.length} files are empty, the first is ${empty[0]?.file.origin}`);
    }
    if (this.#result.shortRows > 0) {
      warnings.push(
        `${this.#result.shortRows} rows have fewer fields than columns; the missing ones are null`,
      );
    }
    return [...new Set(warnings)];
  }

  #refuseDrift(files: readonly DescribedFile[]): void {
    const first = this.#firstFile();
    if (!first) return;
    // The rows of one file may come in several: their columns are known when all are there.
    for (const file of files.filter(isReadable)) if (file.kind !== 'rows') refuseDrift(first, file);
  }

  #refuseDriftOfRows(): void {
    if (this.#options.definition.schemaDrift !== 'FAIL') return;
    const whole = new Map<string, { file: LocalFile; columns: FoundColumn[] }>();
    for (const { kind, file, columns } of this.#files.filter(isReadable)) {
      if (kind !== 'rows') continue;
      const before = whole.get(file.origin)?.columns ?? [];
      whole.set(file.origin, { file, columns: unionOfColumns([before, columns]) });
    }
    const first = this.#firstFile();
    const [own, ...others] = whole.values();
    if (!own) return;
    for (const other of this.#options.before ? [own, ...others] : others) {
      refuseDrift(this.#options.before && first ? first : own, other);
    }
  }

  /** What every file must be like when columns may not change. */
  #firstFile() {
    const { before } = this.#options;
    if (!before) return this.#files.find(isReadable);
    return { file: { origin: 'the files read before' }, columns: columnsOf(before.sources) };
  }
}

function emptyResult() {
  return {
    rows: 0,
    files: [] as { origin: string; rows: number }[],
    rejected: [] as RejectedRow[],
    shortRows: 0,
  };
}

const keysOf = (relation: TextRelation) => columnsOf(relation.headers).map(columnKey);
