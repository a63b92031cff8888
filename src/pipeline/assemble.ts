import type { Generation, StoredSegment } from '../catalog/datasets.js';
import type { DatasetDefinition } from '../catalog/definition.js';
import type { ManifestEntry } from '../catalog/manifest.js';
import { fileNameColumn, type Column } from '../columns.js';
import type { Session } from '../engine/engine.js';
import { sqlType } from '../engine/shapes.js';
import { tableSizes } from '../engine/tables.js';
import { ident, integer, join, sql, value, type Sql } from '../sql.js';
import { columnKey, namesOf, primaryKeyNames } from './columns.js';
import { hasOrigins, onlyAdds, versionOf, type ListedObject } from './plan.js';
import { loadedColumn, segmentsOf, segmentsToMerge, wastedTables } from './segments.js';
import { storedRows } from './stored-rows.js';
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
  /** The sequence of the generation to be. */
  readonly sequence: number;
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
  readonly segments: readonly StoredSegment[];
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
  // The definition merged once, and does not any more: nobody knows which of these rows are whose.
  const merged = parts.keep.some(({ table, rows }) => table === null && rows > 0);
  return merges || merged ? work.rewritten() : work.beside();
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
    const rowsOf = ({ table, range }: StoredSegment) => range?.rows ?? sizes.get(table) ?? 0;
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
    const { definition, columns, keep, fresh, table, sequence, current, newTable } = this.#parts;
    const physical = this.#physical();
    const { part, place } = placesBeside(physical);
    const before = keep.length > 0 ? (current?.segments ?? []) : [];
    const upserts = definition.updateMode === 'UPSERT';
    const keys = primaryKeyNames(columns, definition.primaryKey).map((name) => ident(name));
    const parts: Sql[] = [];
    let stayed = 0;
    if (before.length > 0) {
      const conditions = [await this.#notFrom(before)];
      if (upserts && table !== null) {
        const same = keys.map((key) => sql`f.${key} = b.${key}`);
        conditions.push(
          sql`not exists (select 1 from ${ident(table)} f where ${join(same, sql` and `)})`,
        );
      }
      const kept = sql`(${await this.#rowsOf(before, physical)}) b where ${join(conditions, sql` and `)}`;
      stayed = await this.#count(kept);
      parts.push(sql`select * from ${kept}`);
    }
    if (table !== null) {
      const rows = await this.#rows({ table, loaded: sequence }, before.length, physical);
      parts.push(
        upserts
          ? sql`select * from (${rows}) n qualify row_number() over
              (partition by ${join(keys)} order by ${part} desc, ${place} desc) = 1`
          : rows,
      );
    }
    const order = namesOf(columns, definition.sortBy, 'sort column').map(
      (name) => sql`${ident(name)} asc nulls last`,
    );
    // Rows that are sorted are not in the order of their objects any more, and ties have to be.
    if (order.length > 0 && hasOrigins(definition)) order.push(ident(fileNameColumn));
    const made = newTable();
    const names = before.length > 0 ? namesWithImport(physical) : namesIn(physical);
    await this.#session.run(
      sql`create table ${ident(made)} as select ${names} from (${join(parts, sql` union all `)}) r
        order by ${join([...order, part, place])}`,
    );
    const rows = await this.#count(ident(made));
    const rowsBefore = keep.length > 0 ? Number(current?.rowCount ?? 0n) : 0;
    const manifest = this.#inOrder([...keep, ...fresh]).map((entry) => ({
      ...entry,
      table: null,
      first: 0,
    }));
    return {
      segments: [before.length > 0 ? { table: made } : { table: made, loaded: sequence }],
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
    const chosen = entries.map(which);
    const segments = segmentsOf(
      entries.filter((_, index) => chosen[index]),
      new Map(),
    );
    // No rows, no matter where they stand.
    if (segments.length === 0) return [...entries];
    const made = this.#parts.newTable();
    const physical = this.#physical();
    await this.#session.run(
      sql`create table ${ident(made)} as select ${namesWithImport(physical)} from (${await this.#rowsOf(segments, physical)})`,
    );
    let first = 0;
    return entries.map((entry, index) => {
      if (!chosen[index]) return entry;
      const placed = { ...entry, table: made, first };
      first += entry.rows;
      return placed;
    });
  }

  async #rowsOf(segments: readonly StoredSegment[], physical: readonly Column[]): Promise<Sql> {
    const parts: Sql[] = [];
    for (const [index, segment] of segments.entries()) {
      parts.push(await this.#rows(segment, index, physical));
    }
    return join(parts, sql` union all `);
  }

  /** Rows of a segment, with the types of the columns to be, the import that brought them and their place in the order. */
  async #rows(segment: StoredSegment, index: number, physical: readonly Column[]): Promise<Sql> {
    const { table, columns: fresh, current } = this.#parts;
    const own = segment.table === table ? fresh : (current?.columns ?? []);
    const stored = await storedRows(this.#session, segment);
    // The last one is ours, and a file may have a header like it, as those have that were written from a dataset.
    const names = new Map(own.toReversed().map((one) => [columnKey(one), one.name]));
    const nameOf = (column: Column) =>
      column === originColumn ? column.name : (names.get(columnKey(column)) ?? '');
    const columns = physical.map((column) => {
      const given = stored.column(nameOf(column)) ?? absent(column);
      return sql`${given}::${sqlType(column.type, column.decimal)} as ${ident(column.name)}`;
    });
    const loaded =
      segment.loaded === undefined ? stored.column(loadedColumn) : integer(segment.loaded);
    const { part, place } = placesBeside(physical);
    const places = sql`${integer(index)} as ${part}, ${stored.rowId} as ${place}`;
    return sql`select ${join(columns)}, ${loaded ?? integer(0)}::bigint as ${ident(loadedColumn)}, ${places} from ${stored.from}`;
  }

  /** The columns that tables have, one of them perhaps for us only. */
  #physical(): Column[] {
    const { columns, definition } = this.#parts;
    if (!hasOrigins(definition)) return [...columns];
    return [...columns.filter(({ name }) => name !== fileNameColumn), originColumn];
  }

  /** A condition for rows that came from none of the objects that are gone. */
  async #notFrom(segments: readonly StoredSegment[]): Promise<Sql> {
    if (this.#parts.gone.length === 0) return sql`true`;
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
    if (onlyAdds(definition.updateMode)) return [...entries];
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

const originColumn: Column = {
  name: fileNameColumn,
  source: fileNameColumn,
  type: 'STRING',
  nullable: false,
};

/** Where rows stand, under names that no column has: `part` and `place` may well be columns of a file. */
function placesBeside(columns: readonly Column[]): { readonly part: Sql; readonly place: Sql } {
  const taken = new Set(columns.map(({ name }) => name.toLowerCase()));
  const free = (name: string): Sql => (taken.has(name) ? free(`${name}_`) : ident(name));
  return { part: free('part'), place: free('place') };
}

// Rows that were loaded before anybody asked for the names of files have none, and the column takes no NULL.
const absent = ({ name }: Column) => (name === fileNameColumn ? sql`''` : sql`null`);

const namesIn = (columns: readonly Column[]) => join(columns.map(({ name }) => ident(name)));
const namesWithImport = (columns: readonly Column[]) =>
  sql`${namesIn(columns)}, ${ident(loadedColumn)}`;
const rowsIn = (entries: readonly ManifestEntry[]) =>
  entries.reduce((sum, { rows }) => sum + rows, 0);
