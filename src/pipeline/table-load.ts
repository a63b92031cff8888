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
import { profile } from '../engine/profile.js';
import { AppError } from '../errors.js';
import { delimitedRelation, type DelimitedLayout } from '../formats/delimited.js';
import { mergeProfiles, typeOfProfile, type TextProfile } from '../inference.js';
import type { LocalFile, Relation } from '../relation.js';
import { ident, sql } from '../sql.js';
import {
  columnKey,
  columnsOf,
  planColumns,
  primaryKeyNames,
  unionOfColumns,
  type FoundColumn,
  type PlannedColumn,
} from './columns.js';

/** A local file and what its beginning showed. */
export interface DescribedFile {
  readonly file: LocalFile;
  /** Undefined: an empty file. */
  readonly layout: DelimitedLayout | undefined;
  readonly columns: readonly FoundColumn[];
}

/** A table that holds all rows of all files taken. */
export interface LoadedTable {
  /** Empty: no file had a column, and there is no table. */
  readonly columns: readonly Column[];
  readonly files: readonly { readonly origin: string; readonly rows: number }[];
  readonly rejected: readonly RejectedRow[];
  readonly warnings: readonly string[];
}

/** Where and how to load. */
export interface TableLoadOptions {
  readonly table: string;
  readonly definition: DatasetDefinition;
  readonly spoolDirectory: string;
  readonly signal: AbortSignal;
}

const sampleRows = 20_000;

/**
 * Loads files as they come with types guessed from the first; when a later one shows another column or a value that the
 * guess does not hold, waits for all, looks at every value, and loads once more with types that hold.
 */
export class TableLoad {
  readonly #session: Session;
  readonly #options: TableLoadOptions;
  readonly #files: DescribedFile[] = [];
  #target: LoadTarget | undefined;
  #plans: readonly PlannedColumn[] = [];
  #known = new Set<string>();
  #guessFailed = false;
  #result = emptyResult();

  constructor(session: Session, options: TableLoadOptions) {
    this.#session = session;
    this.#options = options;
  }

  /** Rows in the table so far. */
  get rows(): number {
    return this.#result.files.reduce((sum, file) => sum + file.rows, 0);
  }

  /** Takes further files, in the order in which their rows are to stand. */
  async take(files: readonly DescribedFile[]): Promise<void> {
    this.#files.push(...files);
    if (this.#options.definition.schemaDrift === 'FAIL') this.#refuseDrift(files);
    const readable = files.filter(({ layout }) => layout !== undefined);
    if (this.#guessFailed || readable.length === 0) return;
    try {
      if (!this.#target) await this.#begin(readable, { sampleRows });
      if (
        readable.some(({ columns }) =>
          columns.some((column) => !this.#known.has(columnKey(column))),
        )
      ) {
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
    const readable = this.#files.filter(({ layout }) => layout !== undefined);
    if (readable.length === 0) return { ...emptyResult(), columns: [], warnings: this.#warnings() };
    if (this.#guessFailed) {
      await this.#session.run(sql`drop table if exists ${ident(this.#options.table)}`);
      this.#result = emptyResult();
      await this.#begin(readable, {});
      await this.#append(readable);
    }
    return { ...this.#result, columns: await this.#columns(), warnings: this.#warnings() };
  }

  async #begin(files: readonly DescribedFile[], sample: { sampleRows?: number }): Promise<void> {
    const { definition, table, spoolDirectory, signal } = this.#options;
    const found = unionOfColumns(files.map(({ columns }) => columns));
    this.#known = new Set(found.map(columnKey));
    this.#plans = planColumns(found, definition);
    const exact = sample.sampleRows === undefined;
    const profiles = new Map<string, TextProfile>();
    const looked = this.#plans.filter((plan) => needsProfile(plan));
    for (const relation of relationsOf(files, definition.format.csv)) {
      const keys = keysOf(relation);
      const wanted = looked
        .map((plan) => keys.indexOf(columnKey(plan)))
        .filter((position) => position >= 0);
      if (wanted.length === 0) continue;
      const found = await profile(this.#session, relation, wanted, {
        ...sample,
        spoolDirectory,
        signal,
      });
      for (const [index, position] of wanted.entries()) {
        const key = keys[position] ?? '';
        const one = found[index];
        const before = profiles.get(key);
        if (one) profiles.set(key, before ? mergeProfiles(before, one) : one);
      }
    }
    this.#target = {
      table,
      columns: this.#plans.map((plan) => loadColumn(plan, profiles.get(columnKey(plan)), exact)),
      fileName: definition.addFileNameColumn,
    };
    await createTable(this.#session, this.#target);
  }

  async #append(files: readonly DescribedFile[]): Promise<void> {
    const { definition, spoolDirectory, signal } = this.#options;
    if (!this.#target) return;
    for (const relation of relationsOf(files, definition.format.csv)) {
      const loaded = await append(this.#session, this.#target, relation, {
        badRows: definition.badRows,
        maxRejectedRows: definition.maxRejectedRows - this.#result.rejected.length,
        spoolDirectory,
        signal,
      });
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
        type: column.type,
        nullable: true,
        ...(column.decimal ? { decimal: column.decimal } : {}),
        ...(description === undefined ? {} : { description }),
      };
    });
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
    const empty = this.#files.filter(({ layout }) => layout === undefined);
    const warnings = this.#files.flatMap(({ layout }) => layout?.warnings ?? []);
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
    const first = this.#files.find(({ layout }) => layout !== undefined);
    if (!first) return;
    const expected = new Set(first.columns.map(columnKey));
    for (const { file, layout, columns } of files) {
      if (!layout) continue;
      const own = new Set(columns.map(columnKey));
      const strange =
        columns.find((column) => !expected.has(columnKey(column))) ??
        first.columns.find((column) => !own.has(columnKey(column)));
      if (strange) {
        throw new AppError(
          'SCHEMA_DRIFT',
          `Column ${JSON.stringify(strange.source)} stands in only one of ${first.file.origin} and ${file.origin}, and schemaDrift is FAIL; set it to WIDEN, or narrow the selection`,
          { details: { file: file.origin, column: strange.source } },
        );
      }
    }
  }
}

function emptyResult() {
  return {
    files: [] as { origin: string; rows: number }[],
    rejected: [] as RejectedRow[],
    shortRows: 0,
  };
}

const needsProfile = (plan: PlannedColumn) =>
  plan.pattern === undefined && (plan.declared === undefined || plan.declared === 'DECIMAL');

function loadColumn(
  plan: PlannedColumn,
  seen: TextProfile | undefined,
  exact: boolean,
): LoadColumn {
  const { name, source, occurrence, pattern, declared } = plan;
  const place = { name, source, occurrence };
  if (pattern) {
    const type = pattern.timezone && pattern.type === 'TIMESTAMP' ? 'TIMESTAMP_TZ' : pattern.type;
    return { ...place, type, inferred: false, pattern };
  }
  const guess = seen ? typeOfProfile(seen) : ({ type: 'STRING' } as const);
  if (declared === undefined) return { ...place, ...guess, inferred: true };
  if (declared !== 'DECIMAL') return { ...place, type: declared, inferred: false };
  // A declared DECIMAL has no size of its own: it gets the one its values need.
  const decimal =
    'decimal' in guess && guess.decimal
      ? guess.decimal
      : { precision: 38, scale: guess.type === 'STRING' ? 9 : 0 };
  return { ...place, type: 'DECIMAL', decimal, inferred: !exact };
}

function patternNote(column: LoadColumn): string | undefined {
  return (
    column.pattern &&
    `${column.pattern.pattern}${column.pattern.timezone ? ` in ${column.pattern.timezone}` : ''}`
  );
}

// Neighbours that are read alike make one relation, which the engine reads in parallel.
function relationsOf(
  files: readonly DescribedFile[],
  options: DatasetDefinition['format']['csv'],
): Relation[] {
  const groups: {
    readonly shape: string;
    readonly layout: DelimitedLayout;
    readonly files: LocalFile[];
  }[] = [];
  for (const { file, layout } of files) {
    if (!layout) continue;
    const { dialect, headers, skipLines } = layout;
    const shape = JSON.stringify([dialect, headers, skipLines]);
    const last = groups.at(-1);
    if (last?.shape === shape) last.files.push(file);
    else groups.push({ shape, layout, files: [file] });
  }
  return groups.map((group) => delimitedRelation(group.layout, group.files, options));
}

const keysOf = (relation: Relation) => columnsOf(relation.headers).map(columnKey);
