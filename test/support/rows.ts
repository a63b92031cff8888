import type { RowSink, UnreadRecord } from '../../src/formats/rows.js';

/** What a row format gave, for tests to look at. */
export interface CollectedRows {
  readonly sink: RowSink;
  readonly columns: { source: string; occurrence: number }[];
  readonly rows: (string | null)[][];
  /** Record number of each row. */
  readonly records: number[];
  readonly rejected: UnreadRecord[];
  readonly warnings: string[];
  readonly detected: Record<string, unknown>;
  /** Positions of columns that got a list or an object. */
  readonly json: Set<number>;
  /** The rows as objects by source; nulls left out. */
  objects(): Record<string, string>[];
}

/** A sink that keeps everything. `enough` rows make it full. */
export function collectRows(enough = Infinity): CollectedRows {
  const columns: { source: string; occurrence: number }[] = [];
  const rows: (string | null)[][] = [];
  const records: number[] = [];
  const rejected: UnreadRecord[] = [];
  const warnings: string[] = [];
  const detected: Record<string, unknown> = {};
  const json = new Set<number>();
  let row: (string | null)[] = [];
  const set = (column: number, value: string) => {
    if (columns[column] === undefined) throw new RangeError(`There is no column ${column}`);
    while (row.length <= column) row.push(null);
    row[column] = value;
  };
  return {
    columns,
    rows,
    records,
    rejected,
    warnings,
    detected,
    json,
    objects: () =>
      rows.map((cells) =>
        Object.fromEntries(
          cells.flatMap((cell, position) =>
            cell === null ? [] : [[columns[position]?.source ?? '', cell]],
          ),
        ),
      ),
    sink: {
      column(source, occurrence = 0) {
        const known = columns.findIndex(
          (column) => column.source === source && column.occurrence === occurrence,
        );
        return known === -1 ? columns.push({ source, occurrence }) - 1 : known;
      },
      text: set,
      bytes: (column, from, start, end) =>
        set(column, Buffer.from(from.subarray(start, end)).toString()),
      json(column, value) {
        json.add(column);
        set(column, value);
      },
      endRow(record) {
        rows.push(row);
        records.push(record);
        row = [];
      },
      reject(record) {
        rejected.push(record);
        row = [];
      },
      note: (record) => void rejected.push(record),
      get full() {
        return rows.length >= enough;
      },
      warn: (message) => void (warnings.includes(message) || warnings.push(message)),
      detected(option, value) {
        detected[option] = value;
      },
    },
  };
}
