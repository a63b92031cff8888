import type { Column } from '../columns.js';
import type { Session } from '../engine/engine.js';
import { append, createTable, TypeTooNarrow, type RejectedRow } from '../engine/load.js';
import { appendParquet } from '../engine/parquet/append.js';
import { isAppError } from '../errors.js';
import { typeOfProfile } from '../inference.js';
import type { TextRelation } from '../relation.js';
import { ident, join, sql } from '../sql.js';
import { columnKey } from './columns.js';
import {
  isReadable,
  isText,
  relationsOf,
  type DescribedFile,
  type ReadableFile,
} from './described.js';
import { loadWarnings } from './load-warnings.js';
import { misfitNotes } from './misfit-notes.js';
import { DriftGuard } from './schema-drift.js';
import { tableColumns } from './table-columns.js';
import { holds, planTable, type TableOptions, type TablePlan } from './table-plan.js';
import { profileTexts } from './text-profiles.js';

/** A table that holds all rows of all files taken. */
export interface LoadedTable {
  /** Empty: no file had a column, and there is no table. */
  readonly columns: readonly Column[];
  /** Headers of all files, in the order in which they were found. */
  readonly sources: readonly string[];
  /** Keys of the columns that these files have; those of rows that stay may be others. */
  readonly seen: ReadonlySet<string>;
  readonly files: readonly { readonly origin: string; readonly rows: number }[];
  readonly rejected: readonly RejectedRow[];
  readonly warnings: readonly string[];
}

const sampleRows = 20_000;

/**
 * Loads files as they come with types guessed from the first; when a later one shows another column or a value that the
 * guess does not hold, waits for all, looks at every value, and loads once more with types that hold.
 */
export class TableLoad {
  readonly #session: Session;
  readonly #options: TableOptions;
  readonly #drift: DriftGuard | undefined;
  readonly #files: DescribedFile[] = [];
  /** Rows that a format could not read: no load sees them, however often it begins. */
  readonly #unread: RejectedRow[] = [];
  readonly #notes = new Set<string>();
  #plan: TablePlan | undefined;
  #guessFailed = false;
  #result = emptyResult();

  constructor(session: Session, options: TableOptions) {
    this.#session = session;
    this.#options = options;
    if (options.definition.schemaDrift === 'FAIL') {
      this.#drift = new DriftGuard(options.before?.sources);
    }
  }

  /** Rows in the table so far. */
  get rows(): number {
    return this.#result.rows;
  }

  /** Columns of the table; 0 while they are not known. */
  get columns(): number {
    return this.#plan?.found.length ?? 0;
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
    const readable = files.filter(isReadable);
    this.#drift?.take(readable);
    if (this.#guessFailed || readable.length === 0) return;
    const plan = this.#plan ?? (await this.#guess(readable));
    this.#guessFailed =
      !plan || !readable.every(holds(plan)) || !(await this.#fits(plan, readable));
  }

  /** @throws COLUMN_NOT_FOUND, INVALID_VALUE, SCHEMA_DRIFT, TOO_MANY_REJECTED_ROWS and what the load throws */
  async finish(): Promise<LoadedTable> {
    this.#drift?.finish();
    if (this.#guessFailed || (await this.#isDecidedLate())) await this.#loadAgain();
    const plan = this.#plan;
    const { files, shortRows } = this.#result;
    return {
      columns: plan ? await tableColumns(this.#session, plan, this.#options.definition) : [],
      sources: plan?.found.map(({ source }) => source) ?? [],
      seen: new Set(
        this.#files.filter(isReadable).flatMap(({ columns }) => columns.map(columnKey)),
      ),
      files,
      rejected: this.#rejected(),
      warnings: loadWarnings({
        files: this.#files,
        given: [...(plan?.given.values() ?? [])],
        notes: this.#notes,
        shortRows,
      }),
    };
  }

  async #begin(files: readonly ReadableFile[], sampleRows?: number): Promise<TablePlan> {
    const plan = await planTable(this.#session, files, this.#options, sampleRows);
    for (const note of plan.notes) this.#notes.add(note);
    await createTable(this.#session, plan.target);
    this.#plan = plan;
    return plan;
  }

  /** @returns undefined when the files have not all columns that the definition names: a later one may */
  async #guess(files: readonly ReadableFile[]): Promise<TablePlan | undefined> {
    try {
      return await this.#begin(files, sampleRows);
    } catch (error) {
      if (isAppError(error) && error.code === 'COLUMN_NOT_FOUND') return undefined;
      throw error;
    }
  }

  /** Appends files, unless a guessed type does not hold one of their values. */
  async #fits(plan: TablePlan, files: readonly ReadableFile[]): Promise<boolean> {
    try {
      await this.#append(plan, files);
      return true;
    } catch (error) {
      if (error instanceof TypeTooNarrow) return false;
      throw error;
    }
  }

  /** Whether columns without a value where types were guessed have some by now, and are more than texts. */
  async #isDecidedLate(): Promise<boolean> {
    const plan = this.#plan;
    if (!plan || plan.undecided.length === 0) return false;
    const { undecided, target } = plan;
    const counts = undecided.map(({ name }) => sql`count(${ident(name)}) > 0 as ${ident(name)}`);
    const [some] = await this.#session.rows(
      sql`select ${join(counts)} from ${ident(target.table)}`,
      this.#options,
    );
    const filled = undecided.filter(({ name }) => some?.[name] === true);
    if (filled.length === 0) return false;
    const profiles = await profileTexts(this.#session, this.#texts(), filled, this.#options);
    return [...profiles.values()].some(
      (texts) => texts.values > 0 && typeOfProfile(texts).type !== 'STRING',
    );
  }

  #texts(): TextRelation[] {
    const files = this.#files.filter(isReadable);
    return relationsOf(files, this.#options.definition.format, []).filter(isText);
  }

  /** Loads all files with types that hold every value, and says which values the guesses did not hold. */
  async #loadAgain(): Promise<void> {
    const { table, spoolDirectory, limits, signal } = this.#options;
    const files = this.#files.filter(isReadable);
    const guessed = this.#plan?.target.columns ?? [];
    await this.#session.run(sql`drop table if exists ${ident(table)}`);
    this.#result = emptyResult();
    const plan = await this.#begin(files);
    const options = { spoolDirectory, limits, signal };
    const { columns } = plan.target;
    const notes = await misfitNotes(this.#session, this.#texts(), guessed, columns, options);
    for (const note of notes) this.#notes.add(note);
    await this.#append(plan, files);
  }

  async #append({ target, given }: TablePlan, files: readonly ReadableFile[]): Promise<void> {
    const { definition, spoolDirectory, limits, signal } = this.#options;
    for (const relation of relationsOf(files, definition.format, [...given.values()])) {
      const options = {
        badRows: definition.badRows,
        maxRejectedRows: this.room,
        spoolDirectory,
        limits,
        signal,
      };
      const loaded = isText(relation)
        ? await append(this.#session, target, relation, options)
        : await appendParquet(this.#session, target, relation, options);
      this.#result.rows += loaded.rows;
      this.#result.files.push(...loaded.files);
      this.#result.rejected.push(...loaded.rejected);
      this.#result.shortRows += loaded.shortRows;
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
}

function emptyResult() {
  return {
    rows: 0,
    files: [] as { origin: string; rows: number }[],
    rejected: [] as RejectedRow[],
    shortRows: 0,
  };
}
