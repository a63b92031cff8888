import type { Generation } from '../catalog/datasets.js';
import type { DatasetDefinition } from '../catalog/definition.js';
import type { ManifestEntry } from '../catalog/manifest.js';
import { fileNameColumn, type Column } from '../columns.js';
import type { Session } from '../engine/engine.js';
import { sqlType } from '../engine/shapes.js';
import { tableSizes } from '../engine/tables.js';
import type { Segment } from '../query/query.js';
import { empty, ident, integer, join, sql, value, type Sql } from '../sql.js';
import { namesOf, primaryKeyNames } from './columns.js';
import { hasOrigins, versionOf, type ListedObject } from './plan.js';
import { segmentsOf, segmentsToMerge, wastedTables } from './segments.js';
import { sameType } from './widen.js';

/** What was loaded, and what of the table stays. */
export interface Parts {
  readonly definition: DatasetDefinition;
  /** All objects of the selection, in the order of their rows. */
  readonly objects: readonly ListedObject[];
  readonly columns: readonly Column[];
  /** The objects that were read, in the order of their rows. */
  readonly fresh: readonly ManifestEntry[];
  /** The table with the fresh rows; null: they have no columns. */
  readonly table: string | null;
  readonly current: Generation | undefined;
  readonly keep: readonly ManifestEntry[];
  readonly gone: readonly ManifestEntry[];
  /** Names a table that is to be made. */
  readonly newTable: () => string;
  /** The object that a file came from. */
  readonly keyOf: (origin: string) => string;
}

/** The rows of a generation that nobody sees yet. */
export interface Assembled {
  readonly segments: readonly Segment[];
  readonly manifest: readonly ManifestEntry[];
  readonly rows: number;
  readonly added: number;
  readonly removed: number;
}

/** Puts the rows that stay and those that were loaded together. Tables that readers have are never touched. */
export async function assemble(session: Session, parts: Parts): Promise<Assembled> {
  const { definition } = parts;
  const work = new Assembly(session, parts);
  if (parts.table === null && parts.keep.length === 0) return work.nothing();
  const merges = definition.updateMode === 'UPSERT' || definition.sortBy.length > 0;
  return merges ? work.rewritten() : work.beside();
}

class Assembly {
  readonly #session: Session;
  readonly #parts: Parts;

  constructor(session: Session, parts: Parts) {
    this.#session = session;
    this.#parts = parts;
  }

  nothing(): Assembled {
    const { fresh, gone } = this.#parts;
    return { segments: [], manifest: fresh, rows: 0, added: 0, removed: rowsIn(gone) };
  }

  /** The rows of each object stand together: objects come and go as ranges of rows, and nothing else is copied. */
  async beside(): Promise<Assembled> {
    const { fresh, gone } = this.#parts;
    let manifest = this.#inOrder([...(await this.#widened()), ...fresh]);
    let sizes = await this.#sizes();
    const wasted = wastedTables(segmentsOf(manifest, sizes), sizes);
    if (wasted.size > 0) {
      manifest = await this.#copied(manifest, ({ table }) => wasted.has(table ?? ''));
      sizes = await this.#sizes();
    }
    const segments = segmentsOf(manifest, sizes);
    const rowsOf = ({ table, range }: Segment) => range?.rows ?? sizes.get(table) ?? 0;
    const few = segmentsToMerge(segments.map(rowsOf));
    if (few) {
      const before = segments.slice(0, few.from).reduce((sum, one) => sum + rowsOf(one), 0);
      const until = segments
        .slice(few.from, few.to)
        .reduce((sum, one) => sum + rowsOf(one), before);
      let at = 0;
      manifest = await this.#copied(manifest, ({ rows }) => {
        const start = at;
        at += rows;
        return start >= before && start < until;
      });
      sizes = await this.#sizes();
    }
    const rows = rowsIn(manifest);
    return {
      segments: segmentsOf(manifest, sizes),
      manifest,
      rows,
      added: rowsIn(fresh),
      removed: rowsIn(gone),
    };
  }

  /** All rows go into one new table: sorted, or with one row for each key. */
  async rewritten(): Promise<Assembled> {
    const { definition, columns, keep, fresh, table, current, newTable } = this.#parts;
    const physical = this.#physical();
    const names = physical.map(({ name }) => ident(name));
    const before = keep.length > 0 ? (current?.segments ?? []) : [];
    const sources = before.map((segment, index) => this.#rows(segment, index, physical));
    const removed: Sql[] = [];
    if (this.#parts.gone.length > 0) removed.push(await this.#notFrom(before));
    const fromBefore = sources.length > 0 ? sql`(${join(sources, sql` union all `)})` : undefined;
    const kept: Sql[] = fromBefore ? [sql`select * from ${fromBefore} b`] : [];
    let added =
      fresh.length > 0 && table !== null
        ? this.#rows({ table }, before.length, physical)
        : undefined;
    const keys = primaryKeyNames(columns, definition.primaryKey).map((name) => ident(name));
    if (definition.updateMode === 'UPSERT') {
      if (added) {
        added = sql`select * from (${added}) n qualify row_number() over
          (partition by ${join(keys)} order by part desc, place desc) = 1`;
      }
      if (fromBefore && table !== null) {
        const same = join(
          keys.map((key) => sql`f.${key} = b.${key}`),
          sql` and `,
        );
        removed.push(sql`not exists (select 1 from ${ident(table)} f where ${same})`);
      }
    }
    const where = removed.length > 0 ? sql` where ${join(removed, sql` and `)}` : empty;
    const all = [...kept.map((one) => sql`${one}${where}`), ...(added ? [added] : [])];
    const sorting = namesOf(columns, definition.sortBy, 'sort column').map(
      (name) => sql`${ident(name)} asc nulls last`,
    );
    const origins = hasOrigins(definition) ? [ident(fileNameColumn)] : [];
    const made = newTable();
    await this.#session.run(
      sql`create table ${ident(made)} as select ${join(names)} from (${join(all, sql` union all `)}) r
        order by ${join([...sorting, ...(definition.sortBy.length > 0 ? origins : []), sql`part`, sql`place`])}`,
    );
    const rows = await this.#count(ident(made));
    const stayed = fromBefore ? await this.#count(sql`${fromBefore} b${where}`) : 0;
    const rowsBefore = keep.length > 0 ? Number(current?.rowCount ?? 0n) : 0;
    const manifest = this.#inOrder([...keep, ...fresh]).map((entry) => ({
      ...entry,
      table: null,
      first: 0,
    }));
    return {
      segments: [{ table: made }],
      manifest,
      rows,
      added: rows - stayed,
      removed: rowsBefore - stayed,
    };
  }

  /** The entries that stay, in tables that have the columns of the fresh rows. */
  async #widened(): Promise<readonly ManifestEntry[]> {
    const { keep, current, columns } = this.#parts;
    const same =
      current?.columns.length === columns.length &&
      columns.every((column, index) => {
        const before = current.columns[index];
        return before?.name === column.name && sameType(before, column);
      });
    return same || keep.length === 0 ? keep : this.#copied(keep, () => true);
  }

  /** Copies the rows of some entries into a table of their own. */
  async #copied(
    entries: readonly ManifestEntry[],
    which: (entry: ManifestEntry) => boolean,
  ): Promise<ManifestEntry[]> {
    const made = this.#parts.newTable();
    const chosen = entries.map(which);
    const segments = segmentsOf(
      entries.filter((_, index) => chosen[index]),
      new Map(),
    );
    const physical = this.#physical();
    const names = physical.map(({ name }) => ident(name));
    const sources = segments.map((segment, index) => this.#rows(segment, index, physical));
    const none = sql`select ${join([...names, sql`0 as part`, sql`0 as place`])} from ${ident(this.#parts.table ?? '')} where false`;
    await this.#session.run(
      sql`create table ${ident(made)} as select ${join(names)} from (${sources.length > 0 ? join(sources, sql` union all `) : none})`,
    );
    let first = 0;
    return entries.map((entry, index) => {
      if (!chosen[index]) return entry;
      const placed = { ...entry, table: made, first };
      first += entry.rows;
      return placed;
    });
  }

  /** Rows of a segment, with the types of the columns to be. */
  #rows(segment: Segment, part: number, physical: readonly Column[]): Sql {
    const { table } = segment;
    const known = new Set(
      (table === this.#parts.table
        ? this.#parts.columns
        : (this.#parts.current?.columns ?? [])
      ).map(keyOf),
    );
    const before = new Map(this.#parts.current?.columns.map((column) => [keyOf(column), column]));
    const columns = physical.map((column) => {
      const type = sqlType(column.type, column.decimal);
      const own = table === this.#parts.table ? column : before.get(keyOf(column));
      const has = known.has(keyOf(column)) || column.name === fileNameColumn;
      const text = has ? ident(own?.name ?? column.name) : sql`null`;
      return sql`${text}::${type} as ${ident(column.name)}`;
    });
    const places = sql`${integer(part)} as part, rowid as place`;
    return selectFrom(segment, sql`${join(columns)}, ${places}`);
  }

  /** The columns that tables have, one of them perhaps for us only. */
  #physical(): Column[] {
    const { columns, definition } = this.#parts;
    const own = columns.filter(({ name }) => name !== fileNameColumn);
    return hasOrigins(definition) ? [...own, originColumn] : own;
  }

  async #notFrom(segments: readonly Segment[]): Promise<Sql> {
    const gone = new Set(this.#parts.gone.map(({ key }) => key));
    const origins: Sql[] = [];
    for (const { table } of segments) {
      const rows = await this.#session.rows(
        sql`select distinct ${ident(fileNameColumn)} as origin from ${ident(table)}`,
      );
      for (const { origin } of rows) {
        if (gone.has(this.#parts.keyOf(String(origin)))) origins.push(value(String(origin)));
      }
    }
    if (origins.length === 0) return sql`true`;
    return sql`${ident(fileNameColumn)} not in (select unnest([${join(origins)}]))`;
  }

  /** INCREMENTAL has its rows as the objects are listed; what is only ever added stands in the order of its imports. */
  #inOrder(entries: readonly ManifestEntry[]): ManifestEntry[] {
    const { definition, objects } = this.#parts;
    if (definition.updateMode === 'APPEND' || definition.updateMode === 'UPSERT')
      return [...entries];
    const byVersion = new Map(entries.map((entry) => [versionOf(entry), entry]));
    return objects.flatMap((object) => byVersion.get(versionOf(object)) ?? []);
  }

  async #count(from: Sql): Promise<number> {
    const [row] = await this.#session.rows(sql`select count(*) as "rows" from ${from}`);
    return Number(row?.rows ?? 0);
  }

  #sizes(): Promise<Map<string, number>> {
    return tableSizes(this.#session, 't_');
  }
}

/** Something of each row of a segment. */
export function selectFrom({ table, range }: Segment, what: Sql): Sql {
  const within = range
    ? sql` where rowid >= ${integer(range.first)} and rowid < ${integer(range.first + range.rows)}`
    : empty;
  return sql`select ${what} from ${ident(table)}${within}`;
}

const originColumn: Column = {
  name: fileNameColumn,
  source: fileNameColumn,
  type: 'STRING',
  nullable: false,
};

const keyOf = ({ source, occurrence = 0 }: Column) => `${occurrence} ${source}`;
const rowsIn = (entries: readonly ManifestEntry[]) =>
  entries.reduce((sum, { rows }) => sum + rows, 0);
