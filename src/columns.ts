/** The types a column can have, as the API names them. */
export const columnTypes = [
  'BOOLEAN',
  'INTEGER',
  'BIGINT',
  'DECIMAL',
  'DOUBLE',
  'STRING',
  'DATE',
  'TIME',
  'TIMESTAMP',
  'TIMESTAMP_TZ',
  'JSON',
] as const;

/** One of {@link columnTypes}. */
export type ColumnType = (typeof columnTypes)[number];

/** A column of a dataset's table. */
export interface Column {
  /** A valid GraphQL name, unique in its table when case is ignored. */
  readonly name: string;
  /** The header as it stands in the file, "" if it has none. */
  readonly source: string;
  /** 0-based among columns of the same source. (Default: 0) */
  readonly occurrence?: number;
  readonly type: ColumnType;
  readonly nullable: boolean;
  readonly description?: string;
  /** The pattern that its dates are written in, and their zone, for people. */
  readonly dateFormat?: string;
  /** When the first import ended of those since which no file that was read had it (RFC 3339). (Default: files have it) */
  readonly absentSince?: string;
  /** Digits in all and behind the point; only for DECIMAL. */
  readonly decimal?: { readonly precision: number; readonly scale: number };
}

/** The name of the column that tells which object a row came from. */
export const fileNameColumn = '_BATCH_FILE_NAME_';

const reserved = new Set(['true', 'false', 'null', '_and', '_or', '_not']);

/**
 * Makes each header a GraphQL name by the contract's steps, repeated until the name is valid and unique
 * (case ignored). `taken` holds names that are spoken for.
 */
export function columnNames(sources: readonly string[], taken: readonly string[] = []): string[] {
  const seen = new Set(taken.map((name) => name.toLowerCase()));
  return sources.map((source, position) => {
    const first = validName(source, position);
    let name = first;
    for (let n = 2; seen.has(name.toLowerCase()); n++) name = validName(`${first}_${n}`, position);
    seen.add(name.toLowerCase());
    return name;
  });
}

function validName(source: string, position: number): string {
  let name = source === '' ? `column${position}` : source;
  for (;;) {
    const before = name;
    name = name.replace(/[^A-Za-z0-9_]/gu, '_');
    if (/^[0-9]/.test(name)) name = `_${name}`;
    if (name.startsWith('__')) name = `x${name}`;
    if (reserved.has(name)) name = `${name}_`;
    if (name === before) return name;
  }
}
